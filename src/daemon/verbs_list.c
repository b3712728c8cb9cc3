/* What people do with lists: refresh them, and decide about what is held, or what was in force before. */
#include "core/control.h"
#include "core/number.h"
#include "daemon/enforce.h"
#include "daemon/operation.h"
#include "daemon/refresh.h"
#include "daemon/revision.h"
#include "daemon/verbs.h"

struct list_state *verb_named_list(struct request *r, const char *name)
{
	struct list_state *s = lists_find(r->d->lists, name);

	if (s == NULL)
		request_fail(r, EXIT_USAGE, "there is no list '%s' in %s; 'hallowctl lists' names them", name,
		             r->d->config_path);
	return s;
}

bool verb_lists_have_origins(struct request *r)
{
	for (size_t i = 1; i < r->count; i++) {
		const struct list_state *s = verb_named_list(r, r->words[i]);

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

/* --- refresh */

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

void verb_refresh(struct request *r)
{
	if (verb_lists_have_origins(r) &&
	    refresh_submit(r->d, r->words + 1, r->count - 1, &r->session, refreshed, r) == -1)
		request_fail(r, EXIT_FAILED, "no memory to ask the lists' origins");
}

/* --- decisions */

/* Runs `decide` on the named list as one operation. */
typedef int decision(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err);

static void decide_held(struct request *r, decision *decide, const char *what)
{
	struct list_state *s = verb_named_list(r, r->words[1]);
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

void verb_approve(struct request *r)
{
	verb_submit(r, run_approve);
}

void verb_reject(struct request *r)
{
	verb_submit(r, run_reject);
}

/* The revision that the third word names; answers where it names none. */
static bool revision_word(struct request *r, uint64_t *revision)
{
	if (number_parse(revision, r->words[2], UINT64_MAX) == 0 && *revision > 0)
		return true;
	request_fail(r, EXIT_USAGE, "'%s' is no revision; expected a number from 1, as 'hallowctl history' shows it",
	             r->words[2]);
	return false;
}

static void run_rollback(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct list_state *s = verb_named_list(r, r->words[1]);
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
	struct list_state *s = verb_named_list(r, r->words[1]);
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

void verb_rollback(struct request *r)
{
	verb_submit(r, run_rollback);
}

void verb_unpin(struct request *r)
{
	verb_submit(r, run_unpin);
}
