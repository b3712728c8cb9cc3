#include "daemon/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/number.h"
#include "daemon/confirm.h"

void verb_submit(struct request *r, operation_run *run)
{
	if (operation_submit(r->d, run, r) == -1)
		request_fail(r, EXIT_FAILED, "no memory");
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
	if (number_parse_i64(&r->confirm, word + 10) == -1 || r->confirm < CONFIRM_MIN || r->confirm > CONFIRM_MAX)
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
