#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/control.h"
#include "core/file.h"
#include "core/log.h"
#include "daemon/answers.h"
#include "daemon/configure.h"
#include "daemon/confirm.h"
#include "daemon/enforce.h"
#include "daemon/explain.h"
#include "daemon/json_text.h"
#include "daemon/operation.h"
#include "daemon/plan.h"
#include "daemon/refresh.h"
#include "daemon/revision.h"
#include "daemon/request.h"

static void verb_status(struct request *r)
{
	int exit_code;
	json_t *status = answer_status(r->d, &exit_code);

	request_answer(r, exit_code, status);
}

/* The named list; answers with a usage error where there is none. */
static struct list_state *named_list(struct request *r, const char *name)
{
	struct list_state *s = lists_find(r->d->lists, name);

	if (s == NULL)
		request_fail(r, EXIT_USAGE, "there is no list '%s' in %s; 'hallowctl lists' names them", name,
		             r->d->config_path);
	return s;
}

static void verb_lists(struct request *r)
{
	const struct lists *l = r->d->lists;
	struct list_state *s;
	json_t *array;

	if (r->count == 2) {
		s = named_list(r, r->words[1]);
		if (s != NULL)
			request_answer(r, EXIT_DONE, answer_list(s));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < l->config->list_count; i++)
		json_array_append_new(array, answer_list(&l->items[i]));
	request_answer(r, EXIT_DONE, array);
}

static void torn_down_text(const struct torn_down *t, struct error *why)
{
	char text[TIME_TEXT_MAX];

	error_set(why, "nothing is enforced: torn down by %s on %s: %s (a start of hallowd, or 'hallowctl reload' where it runs, "
	               "enforces again)", t->by, time_format(t->time, 0, text), t->reason);
}

/* Whether the kernel does what the policy says; else *why. */
static bool in_force(struct daemon *d, struct error *why)
{
	struct kernel_state state;

	if (d->torn_down.is) {
		torn_down_text(&d->torn_down, why);
		return false;
	}
	if (kernel_state(d->kernel, &state, why) == -1)
		return false;
	if (!state.present)
		error_set(why, "nothing is enforced: table inet " KERNEL_TABLE " is not in the kernel");
	return state.present;
}

/* Without a running hallowd the policy is what the configuration says now, and the kernel may have another. */
static bool kernel_has_another(struct daemon *d, struct error *why)
{
	struct kernel_change change;
	bool differs;

	if (!d->once || kernel_plan(d->kernel, &d->policy, &change, why) == -1)
		return false;
	differs = change.any;
	kernel_change_free(&change);
	error_set(why, "the kernel has another policy than the configuration that this is about; 'hallowctl plan' shows the "
	               "difference");
	return differs;
}

static void verb_explain(struct request *r)
{
	struct error err;
	json_t *answer = explain(r->d, r->words[1], r->words[2], &err);

	if (answer == NULL)
		request_fail(r, EXIT_USAGE, "%s", err.text);
	else if (!in_force(r->d, &err))
		request_answer_and_warn(r, EXIT_NOT_ENFORCED, err.text, answer);
	else if (kernel_has_another(r->d, &err))
		request_answer_and_warn(r, EXIT_DONE, err.text, answer);
	else
		request_answer(r, EXIT_DONE, answer);
}

/* Pairs of source and destination: what hallowctl asks for a whole capture. */
static void verb_explain_all(struct request *r)
{
	json_t *answers = json_array(), *answer;
	struct error err;

	for (size_t i = 1; i + 1 < r->count; i += 2) {
		answer = explain(r->d, r->words[i], r->words[i + 1], &err);
		if (answer == NULL) {
			json_decref(answers);
			request_fail(r, EXIT_USAGE, "%s", err.text);
			return;
		}
		json_array_append_new(answers, answer);
	}
	if (!in_force(r->d, &err))
		request_answer_and_warn(r, EXIT_NOT_ENFORCED, err.text, answers);
	else if (kernel_has_another(r->d, &err))
		request_answer_and_warn(r, EXIT_DONE, err.text, answers);
	else
		request_answer(r, EXIT_DONE, answers);
}

/* Whether each word behind the verb is a list that can be refreshed; answers where one is not. */
static bool lists_with_origins(struct request *r)
{
	for (size_t i = 1; i < r->count; i++) {
		const struct list_state *s = named_list(r, r->words[i]);

		if (s == NULL)
			return false;
		if (s->config->origin_count == 0) {
			request_fail(r, EXIT_USAGE, "list '%s' has no origins: its entries stand in %s, and 'hallowctl reload' takes them up",
			             r->words[i], r->d->config_path);
			return false;
		}
	}
	return true;
}

static void verb_plan(struct request *r)
{
	if (!r->plan_refresh && r->count > 1)
		request_fail(r, EXIT_USAGE, "'plan' takes lists only with --refresh");
	else if (r->plan_refresh && !r->may_change)
		request_fail(r, EXIT_FAILED, "'plan --refresh' asks the publishers, so it is for root and the user that hallowd runs as; "
		                             "you are %s", r->user);
	else if (lists_with_origins(r))
		plan_run(r);
}

/* --- what changes something --- */

/* Why a refreshed list is not in force. */
static void not_enforced(const struct daemon *d, struct error *why)
{
	if (d->torn_down.is)
		torn_down_text(&d->torn_down, why);
	else
		error_set(why, "nothing is enforced: the kernel was not changed: %s", d->kernel_trouble);
}

static void refreshed(void *ctx, json_t *result, int exit_code)
{
	struct request *r = ctx;
	struct error why;

	if (result == NULL) {
		request_fail(r, exit_code, "no memory to ask the lists' origins");
	} else if (exit_code == EXIT_NOT_ENFORCED) {
		not_enforced(r->d, &why);
		request_answer_and_warn(r, exit_code, why.text, result);
	} else {
		request_answer(r, exit_code, result);
	}
}

static void verb_refresh(struct request *r)
{
	if (lists_with_origins(r) &&
	    refresh_submit(r->d, r->words + 1, r->count - 1, &r->session, refreshed, r) == -1)
		request_fail(r, EXIT_FAILED, "no memory to ask the lists' origins");
}

static void reloaded(void *ctx, int exit_code, const char *error)
{
	struct request *r = ctx;
	char until[TIME_TEXT_MAX];

	time_format(confirm_until(&r->d->tried), 0, until);
	if (error != NULL)
		request_fail(r, exit_code, "%s", error);
	else if (r->confirm > 0)
		request_answer(r, exit_code,
		               json_pack("{s:o, s:s}", "text",
		                         json_sprintf("the configuration is in force: %s; it goes back by itself at %s unless "
		                                      "'hallowctl confirm' keeps it", r->d->config_path, until), "goes_back_at",
		                         until));
	else
		request_answer(r, exit_code, json_pack("{s:s+}", "text", "the configuration is in force: ", r->d->config_path));
}

/* Without a running hallowd the configuration has just been read: what is left to do is to enforce it, also after a teardown. */
static void enforce_once(struct request *r)
{
	struct daemon *d = r->d;
	struct torn_down before = d->torn_down;
	struct error err;

	for (size_t i = 0; i < d->lists->config->list_count; i++)
		if (list_unknown(&d->lists->items[i])) {
			request_fail(r, EXIT_FAILED, "nothing is known of list %s, so its endpoints would be cut off; 'hallowctl refresh' "
			                             "first", d->lists->config->lists[i].name);
			return;
		}
	d->torn_down.is = false;
	if (enforce(d, &r->session, NULL, &err) == -1) {
		d->torn_down = before;
		request_fail(r, EXIT_FAILED, "%s", err.text);
		return;
	}
	torn_down_forget(d);
	recorder_event(d->recorder, "reload", d->config_path, json_pack("{s:s, s:b}", "by", r->user, "ok", 1));
	request_answer(r, EXIT_DONE, json_pack("{s:s+}", "text", "the configuration is in force: ", d->config_path));
}

static void verb_reload(struct request *r)
{
	if (r->d->once && r->confirm > 0)
		request_fail(r, EXIT_FAILED, "hallowd is not running; 'reload --confirm' needs it, to go back by itself");
	else if (r->d->once)
		enforce_once(r);
	else
		configure_reload(r->d, r->user, &r->session, r->confirm, reloaded, r);
}

static void run_confirm(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct error err;

	if (confirm_keep(d, r->user, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "text", "the configuration stays in force"));
	operation_end(d);
}

/* Runs `decide` on the named list as one operation. */
typedef int decision(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err);

static void decide_held(struct request *r, decision *decide, const char *what)
{
	struct list_state *s = named_list(r, r->words[1]);
	struct decided by = { r->user, r->words[2], &r->session };
	struct error err;

	if (s == NULL)
		return;
	if (decide(r->d, s, &by, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else
		request_answer(r, EXIT_DONE, json_pack("{s:o}", "text", json_sprintf("list %s: %s, revision %llu is in force",
		                                                                    s->config->name, what,
		                                                                    (unsigned long long)s->now.revision)));
}

static void run_approve(struct daemon *d, void *ctx)
{
	decide_held(ctx, held_approve, "the held change was approved");
	operation_end(d);
}

static void run_reject(struct daemon *d, void *ctx)
{
	decide_held(ctx, held_decline, "the held change was rejected");
	operation_end(d);
}

static void run_teardown(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct error err;

	if (enforce_end(d, r->user, r->words[1], &err) == -1) {
		request_fail(r, EXIT_FAILED, "%s", err.text);
	} else {
		log_warning("torn down by %s: %s", r->user, r->words[1]);
		recorder_event(d->recorder, "teardown", "table inet " KERNEL_TABLE,
		               json_pack("{s:s, s:s}", "by", r->user, "reason", r->words[1]));
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "text", "nothing is enforced any more: table inet " KERNEL_TABLE
		                                                        " was removed; 'hallowctl reload' or a start of hallowd "
		                                                        "enforces again"));
	}
	operation_end(d);
}

/* The revision that the third word names; answers where it names none. */
static bool revision_word(struct request *r, uint64_t *revision)
{
	char *end;

	*revision = strtoull(r->words[2], &end, 10);
	if (*revision > 0 && r->words[2][0] >= '0' && r->words[2][0] <= '9' && *end == '\0')
		return true;
	request_fail(r, EXIT_USAGE, "'%s' is no revision; expected a number from 1, as 'hallowctl history' shows it",
	             r->words[2]);
	return false;
}

static void run_rollback(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct list_state *s = named_list(r, r->words[1]);
	struct decided by = { r->user, r->words[3], &r->session };
	uint64_t revision;
	struct error err;

	if (s != NULL && revision_word(r, &revision)) {
		if (list_roll_back(d, s, revision, &by, &err) == -1)
			request_fail(r, EXIT_FAILED, "%s", err.text);
		else
			request_answer(r, EXIT_DONE,
			               json_pack("{s:o, s:I}", "text",
			                         json_sprintf("list %s: revision %llu is in force again, as revision %llu, and stays until "
			                                      "'hallowctl unpin %s'", s->config->name, (unsigned long long)revision,
			                                      (unsigned long long)s->now.revision, s->config->name), "revision",
			                         (json_int_t)s->now.revision));
	}
	operation_end(d);
}

static void run_unpin(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct list_state *s = named_list(r, r->words[1]);
	struct decided by = { r->user, r->count > 2 ? r->words[2] : "", NULL };
	struct error err;

	if (s != NULL) {
		if (list_unpin(d, s, &by, &err) == -1)
			request_fail(r, EXIT_FAILED, "%s", err.text);
		else
			request_answer(r, EXIT_DONE, json_pack("{s:o}", "text", json_sprintf("list %s: the next refresh decides again",
			                                                                    s->config->name)));
	}
	operation_end(d);
}

static void submit(struct request *r, operation_run *run)
{
	if (operation_submit(r->d, run, r) == -1)
		request_fail(r, EXIT_FAILED, "no memory");
}

static void verb_approve(struct request *r)
{
	submit(r, run_approve);
}

static void verb_reject(struct request *r)
{
	submit(r, run_reject);
}

static void verb_rollback(struct request *r)
{
	submit(r, run_rollback);
}

static void verb_unpin(struct request *r)
{
	submit(r, run_unpin);
}

static void verb_confirm(struct request *r)
{
	submit(r, run_confirm);
}

static void verb_teardown(struct request *r)
{
	submit(r, run_teardown);
}

/* --- grants --- */

/* SOURCE ENDPOINT SECONDS REASON; answers where one of them is not right. */
static bool grant_words(struct request *r, struct grant_request *g)
{
	const char *source = r->words[1];
	enum prefix_parse parsed = prefix_parse(&g->source, source, strlen(source));
	char *end;

	if (parsed != PREFIX_OK) {
		request_fail(r, EXIT_USAGE, "'%s' is no source: %s; expected an address", source, prefix_parse_text(parsed));
		return false;
	}
	g->endpoint = r->words[2];
	if (policy_find_endpoint(&r->d->policy, g->endpoint) == NULL) {
		request_fail(r, EXIT_USAGE, "there is no endpoint '%s' in %s; 'hallowctl status' names them", g->endpoint,
		             r->d->config_path);
		return false;
	}
	g->seconds = strtoll(r->words[3], &end, 10);
	if (r->words[3][0] < '1' || r->words[3][0] > '9' || *end != '\0') {
		request_fail(r, EXIT_USAGE, "'%s' is no time in seconds", r->words[3]);
		return false;
	}
	g->by = r->user;
	g->reason = r->words[4];
	return true;
}

static void run_grant(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	char time[TIME_TEXT_MAX];
	struct grant_request g;
	struct error err;
	uint64_t id;

	if (grant_words(r, &g)) {
		if (grant_make(d, &g, &id, &err) == -1)
			request_fail(r, EXIT_FAILED, "%s", err.text);
		else
			request_answer(r, EXIT_DONE,
			               json_pack("{s:o, s:I}", "text",
			                         json_sprintf("grant %llu: %s reaches %s for %s; 'hallowctl revoke %llu' "
			                                      "ends it before", (unsigned long long)id, r->words[1], r->words[2],
			                                      duration_format(g.seconds, time), (unsigned long long)id), "id", (json_int_t)id));
	}
	operation_end(d);
}

static void run_revoke(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	char *end;
	uint64_t id = strtoull(r->words[1], &end, 10);
	struct error err;

	if (r->words[1][0] < '1' || r->words[1][0] > '9' || *end != '\0')
		request_fail(r, EXIT_USAGE, "'%s' is no number of a grant; 'hallowctl grants' shows them", r->words[1]);
	else if (grant_revoke(d, id, r->user, r->count > 2 ? r->words[2] : "", &r->session, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else
		request_answer(r, EXIT_DONE, json_pack("{s:o}", "text", json_sprintf("grant %llu has ended",
		                                                                    (unsigned long long)id)));
	operation_end(d);
}

static void verb_grant(struct request *r)
{
	submit(r, run_grant);
}

static void verb_revoke(struct request *r)
{
	submit(r, run_revoke);
}

static void verb_grants(struct request *r)
{
	request_answer(r, EXIT_DONE, grants_json(r->d));
}

/* --- sync --- */

static void synced(void *ctx, bool on_disk)
{
	request_answer(ctx, EXIT_DONE, json_pack("{s:b}", "on_disk", on_disk));
}

static void verb_sync(struct request *r)
{
	if (r->d->recorder == NULL) {
		synced(r, false);
		return;
	}
	enforce_tell_counters(r->d);
	recorder_sync(r->d->recorder, synced, r);
}

/* --- checkpoints --- */

/* What is in state_dir/checkpoint now, unless it could not be signed. */
static void checkpoint_done(void *ctx, bool on_disk)
{
	struct request *r = ctx;
	struct buffer note = BUFFER_INIT;
	struct signer_state state;
	struct error err;
	const char *text;

	signer_state(r->d->signer, &state);
	if (!on_disk)
		request_fail(r, EXIT_FAILED, "hallowd-record did not answer: there is no new checkpoint");
	else if (state.trouble[0] != '\0')
		request_fail(r, state.refused ? EXIT_NOT_VERIFIED : EXIT_FAILED, "no checkpoint was signed: %s", state.trouble);
	else if (file_read(r->d->state_fd, CHECKPOINT_FILE, NOTE_MAX, &note, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else if ((text = buffer_str(&note)) == NULL)
		request_fail(r, EXIT_FAILED, "no memory");
	else
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "checkpoint", text));
	buffer_free(&note);
}

static void verb_checkpoint(struct request *r)
{
	enforce_tell_counters(r->d);
	recorder_checkpoint(r->d->recorder, checkpoint_done, r);
}

static void rotated(void *ctx, bool on_disk)
{
	(void)on_disk;
	request_answer(ctx, EXIT_DONE, json_pack("{s:s}", "text", "another key signs checkpoints from now on; "
	                                                          "state_dir/audit.pub has it in its last line"));
}

static void verb_rotate_key(struct request *r)
{
	struct error err;

	if (signer_rotate(r->d->signer, r->words[1], &err) == -1)
		request_fail(r, EXIT_FAILED, "the key was not changed: %s", err.text);
	else
		recorder_checkpoint(r->d->recorder, rotated, r);
}

static const struct verb {
	const char *name;
	size_t min, max; /* words behind it */
	bool changes;
	bool running_only;
	bool options;    /* it has some: all that may cut the connection of who asks take --session and --force */
	void (*run)(struct request *r);
} verbs[] = {
	{ "status", 0, 0, false, false, false, verb_status },
	{ "lists", 0, 1, false, false, false, verb_lists },
	{ "explain", 2, 2, false, false, false, verb_explain },
	{ "explain-all", 2, CONTROL_WORDS_MAX, false, false, false, verb_explain_all },
	{ "plan", 0, CONTROL_WORDS_MAX, false, false, true, verb_plan },
	{ "sync", 0, 0, false, true, false, verb_sync },
	{ "refresh", 0, CONTROL_WORDS_MAX, true, false, true, verb_refresh },
	{ "reload", 0, 0, true, false, true, verb_reload },
	{ "confirm", 0, 0, true, true, false, verb_confirm },
	{ "approve", 2, 2, true, false, true, verb_approve },
	{ "reject", 2, 2, true, false, false, verb_reject },
	{ "rollback", 3, 3, true, false, true, verb_rollback },
	{ "unpin", 1, 2, true, false, false, verb_unpin },
	{ "grant", 4, 4, true, false, false, verb_grant },
	{ "revoke", 1, 2, true, false, true, verb_revoke },
	{ "grants", 0, 0, false, false, false, verb_grants },
	{ "checkpoint", 0, 0, true, true, false, verb_checkpoint },
	{ "rotate-key", 1, 1, true, true, false, verb_rotate_key },
	{ "teardown", 1, 1, true, false, false, verb_teardown },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

bool verb_changes(const char *name)
{
	const struct verb *v = find_verb(name);

	return v != NULL && v->changes;
}

/* Of `plan`. */
static bool take_plan_option(struct request *r, const char *word)
{
	bool *option = strcmp(word, "--refresh") == 0 ? &r->plan_refresh : strcmp(word, "--nft") == 0 ? &r->plan_nft : NULL;

	if (option == NULL || strcmp(r->words[0], "plan") != 0)
		return false;
	*option = true;
	return true;
}

/* Options stand right behind the verb: "--session=A PORT B PORT", "--force", "--confirm=SECONDS" of reload, "--refresh" and
 * "--nft" of plan. */
static int take_option(struct request *r, const char *word, bool *force, struct error *err)
{
	char *end;

	if (take_plan_option(r, word))
		return 0;

	if (strcmp(word, "--force") == 0) {
		*force = true;
		return 0;
	}
	if (strncmp(word, "--session=", 10) == 0)
		return session_parse(&r->session, word + 10, err) == -1 && strcmp(r->words[0], "plan") != 0 ? -1 : 0;
	if (strncmp(word, "--confirm=", 10) != 0 || strcmp(r->words[0], "reload") != 0)
		return error_set(err, "hallowd does not know the option '%s' of '%s'", word, r->words[0]);
	r->confirm = strtoll(word + 10, &end, 10);
	if (*end != '\0' || r->confirm < CONFIRM_MIN || r->confirm > CONFIRM_MAX)
		return error_set(err, "%s seconds are no time to confirm in; expected %ds to %dh", word + 10, CONFIRM_MIN,
		                 CONFIRM_MAX / 3600);
	return 0;
}

static int take_options(struct request *r, struct error *err)
{
	bool force = false;

	while (r->count > 1 && strncmp(r->words[1], "--", 2) == 0) {
		if (take_option(r, r->words[1], &force, err) == -1)
			return -1;
		free(r->words[1]);
		memmove(&r->words[1], &r->words[2], (--r->count - 1) * sizeof(*r->words));
	}
	if (force)
		r->session.known = false;
	return 0;
}

void verb_run(struct request *r)
{
	const struct verb *v = find_verb(r->words[0]);
	struct error err;
	size_t given;

	if (v != NULL && v->options && take_options(r, &err) == -1) {
		request_fail(r, EXIT_USAGE, "%s", err.text);
		return;
	}
	given = r->count - 1;
	if (v == NULL)
		request_fail(r, EXIT_USAGE, "hallowd does not know the verb '%s'", r->words[0]);
	else if (given < v->min || given > v->max)
		request_fail(r, EXIT_USAGE, "'%s' takes %zu to %zu words, and got %zu", v->name, v->min, v->max, given);
	else if (v->changes && !r->may_change)
		request_fail(r, EXIT_FAILED, "'%s' is for root and the user that hallowd runs as; you are %s", v->name, r->user);
	else if (v->running_only && r->d->once)
		request_fail(r, EXIT_FAILED, "hallowd is not running; '%s' needs it", v->name);
	else if (r->d->stopping)
		request_fail(r, EXIT_FAILED, "hallowd is about to stop");
	else
		v->run(r);
}
