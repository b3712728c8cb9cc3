#include "daemon/refresh.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/log.h"
#include "daemon/decide.h"
#include "daemon/enforce.h"
#include "daemon/json_text.h"
#include "daemon/operation.h"
#include "daemon/origin_job.h"
#include "daemon/revision.h"
#include "daemon/schedule.h"

#define TRY_AGAIN_MS 60000

/* One list's part. */
struct asking {
	struct refresh *refresh;
	struct list_state *list;
	struct origin_answer *answers; /* one for each origin */
	struct origin_job **jobs;      /* likewise; NULL when it is done */
};

struct refresh {
	struct daemon *d;
	struct asking *asked;
	struct list_result *results;
	size_t count;
	size_t outstanding; /* jobs */
	unsigned timer;
	refresh_judged *done;
	void *ctx;
};

const char *refresh_outcome_text(enum refresh_outcome o)
{
	static const char *const names[] = { "unchanged", "applied", "held", "rejected", "failed" };

	return names[o];
}

static void list_result_free(struct list_result *r)
{
	prefix_set_free(&r->added);
	prefix_set_free(&r->removed);
	texts_free(&r->reasons);
	list_in_force_free(&r->before);
}

void refresh_free(struct refresh *r)
{
	if (r == NULL)
		return;
	loop_cancel(r->d->loop, r->timer);
	for (size_t i = 0; i < r->count; i++) {
		struct asking *a = &r->asked[i];

		for (size_t o = 0; o < a->list->config->origin_count; o++) {
			if (a->jobs != NULL)
				origin_job_cancel(a->jobs[o]);
			if (a->answers != NULL)
				answer_free(&a->answers[o].answer);
		}
		free(a->jobs);
		free(a->answers);
		list_result_free(&r->results[i]);
	}
	free(r->asked);
	free(r->results);
	free(r);
}

struct list_result *refresh_results(struct refresh *r, size_t *count)
{
	*count = r->count;
	return r->results;
}

/* All origins have answered. */
static void judge_all(void *ctx)
{
	struct refresh *r = ctx;
	time_us now = time_now();

	r->timer = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct asking *a = &r->asked[i];

		if (decide(a->list, a->answers, now, &r->results[i]) == -1) {
			r->results[i].outcome = REFRESH_FAILED;
			texts_add(&r->results[i].reasons, "no memory to judge the answers");
		}
	}
	r->done(r->ctx, r);
}

static void origin_answered(void *ctx, const struct origin_config *origin, struct answer *good, const char *error)
{
	struct asking *a = ctx;
	struct refresh *r = a->refresh;
	size_t o = (size_t)(origin - a->list->config->origins);
	struct origin_answer *slot = &a->answers[o];

	a->jobs[o] = NULL;
	slot->arrived = true;
	slot->is_list = good != NULL && answer_copy(&slot->answer, good) == 0;
	if (!slot->is_list)
		snprintf(slot->error, sizeof(slot->error), "%s", good == NULL ? error : "no memory for its answer");
	if (--r->outstanding == 0)
		judge_all(r);
}

static bool wanted(const struct list_state *s, bool wanting_only, char *const *names, size_t count)
{
	if (s->config->origin_count == 0 || (wanting_only && !list_wants_answers(s)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], s->config->name) == 0)
			return true;
	return count == 0;
}

/* Starts a job for each origin of the list. */
static int ask_list(struct refresh *r, struct asking *a, struct list_state *s)
{
	size_t origins = s->config->origin_count;

	a->refresh = r;
	a->list = s;
	a->answers = calloc(origins, sizeof(*a->answers));
	a->jobs = calloc(origins, sizeof(struct origin_job *));
	if (a->answers == NULL || a->jobs == NULL)
		return -1;
	for (size_t o = 0; o < origins; o++) {
		a->jobs[o] = origin_job_start(r->d->loop, r->d->reaper, &s->config->origins[o],
		                              s->origins[o].known ? &s->origins[o].good : NULL, origin_answered, a);
		if (a->jobs[o] == NULL)
			return -1;
		r->outstanding++;
	}
	return 0;
}

struct refresh *refresh_start(struct daemon *d, struct lists *lists, bool wanting_only, char *const *names, size_t count,
                              refresh_judged *done, void *ctx)
{
	struct refresh *r = calloc(1, sizeof(*r));
	size_t total = lists->config->list_count;

	if (r == NULL)
		return NULL;
	r->d = d;
	r->done = done;
	r->ctx = ctx;
	r->asked = calloc(total + 1, sizeof(*r->asked));
	r->results = calloc(total + 1, sizeof(*r->results));
	if (r->asked == NULL || r->results == NULL)
		goto fail;
	for (size_t i = 0; i < total; i++) {
		if (!wanted(&lists->items[i], wanting_only, names, count))
			continue;
		if (ask_list(r, &r->asked[r->count++], &lists->items[i]) == -1)
			goto fail;
	}
	if (r->count == 0 && (r->timer = loop_after(d->loop, 0, judge_all, r)) == 0)
		goto fail;
	return r;
fail:
	refresh_free(r);
	errno = ENOMEM;
	return NULL;
}

/* --- to disk and to the audit log --- */

static void tell_outcome(struct daemon *d, const struct list_result *result, bool was_failing)
{
	const char *name = result->list->config->name;

	recorder_event(d->recorder, "refresh", name,
	               json_pack("{s:s, s:I, s:o, s:o}", "outcome", refresh_outcome_text(result->outcome), "revision",
	                         (json_int_t)result->list->now.revision, "reasons", json_texts(&result->reasons), "origins",
	                         json_origin_evidence(result->list)));
	if (result->newly_held)
		recorder_event(d->recorder, "held", name,
		               json_pack("{s:o, s:o, s:o}", "reasons", json_texts(&result->reasons), "added",
		                         json_prefixes(&result->added), "removed", json_prefixes(&result->removed)));
	else if (result->outcome == REFRESH_REJECTED)
		recorder_event(d->recorder, "rejected", name,
		               json_pack("{s:o, s:s}", "reasons", json_texts(&result->reasons), "decided_by", "guards"));
	if (result->origin_failed && !was_failing)
		recorder_event(d->recorder, "refresh-failed", name, json_pack("{s:o}", "reasons", json_texts(&result->reasons)));
	else if (!result->origin_failed && was_failing)
		recorder_event(d->recorder, "refresh-recovered", name, NULL);
}

void refresh_commit(struct refresh *r, time_us when)
{
	struct error err;

	for (size_t i = 0; i < r->count; i++) {
		struct list_result *result = &r->results[i];
		struct list_state *s = result->list;
		bool was_failing = s->failures > 0;

		s->failures = result->origin_failed ? s->failures + 1 : 0;
		schedule_next(s);
		/* Where the same list came of it, the file still tells of the configuration before. */
		if (s->reconfigured && !result->origin_failed && result->outcome == REFRESH_UNCHANGED)
			s->unsaved = true;
		if (s->unsaved && result->outcome != REFRESH_APPLIED && list_save(s, r->d->state_fd, &err) == -1)
			texts_add(&result->reasons, "what is in force is still not saved: %s", err.text);
		s->reconfigured = s->reconfigured && result->outcome != REFRESH_APPLIED && result->outcome != REFRESH_UNCHANGED;
		if (result->outcome == REFRESH_APPLIED)
			revision_commit(r->d, s, &result->added, &result->removed, "", when, &result->reasons);
		for (size_t o = 0; o < s->config->origin_count; o++)
			if (list_save_origin(s, &s->origins[o], r->d->state_fd, &err) == -1)
				log_error("%s", err.text);
		if (list_save_held(s, r->d->state_fd, &err) == -1)
			log_error("%s", err.text);
		tell_outcome(r->d, result, was_failing);
	}
}

/* --- one operation --- */

struct refresh_request {
	struct daemon *d;
	char **names; /* copies, since the configuration may change while this waits */
	size_t count;
	struct session session;
	refresh_told *told;
	void *ctx;
};

static void request_free(struct refresh_request *q)
{
	for (size_t i = 0; i < q->count; i++)
		free(q->names[i]);
	free(q->names);
	free(q);
}

json_t *refresh_result_json(const struct list_result *r)
{
	const struct list_state *s = r->list;
	json_t *origins = json_array();

	for (size_t o = 0; o < s->config->origin_count; o++)
		json_array_append_new(origins, json_pack("{s:s, s:s, s:o}", "name", s->config->origins[o].name, "state",
		                                         origin_state_text(&s->origins[o]), "error",
		                                         json_text_or_null(s->origins[o].error)));
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "list", s->config->name, "outcome",
	                 refresh_outcome_text(r->outcome), "revision", (json_int_t)s->now.revision, "added",
	                 json_prefixes(&r->added), "removed", json_prefixes(&r->removed), "reasons", json_texts(&r->reasons),
	                 "origins", origins);
}

static int result_exit(const struct daemon *d, const struct list_result *r)
{
	int code = EXIT_DONE;

	if (r->not_enforced || r->outcome == REFRESH_REJECTED || r->list->unsaved)
		code = EXIT_FAILED;
	if (r->outcome == REFRESH_HELD)
		code = EXIT_HELD;
	if (r->origin_failed)
		code = EXIT_ORIGIN;
	if (!d->applied || d->torn_down.is)
		code = EXIT_NOT_ENFORCED;
	return code;
}

/* Where it was the kernel that refused, and not to cut who asked, it is tried again soon. */
static void try_again(struct daemon *d, const struct list_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (results[i].not_enforced && results[i].list->config->refresh > 0)
			schedule_soon(d, results[i].list, TRY_AGAIN_MS);
}

/* Nothing has changed. */
static void undo(struct list_result *results, size_t count, const char *why)
{
	for (size_t i = 0; i < count; i++) {
		struct list_result *r = &results[i];

		if (r->outcome != REFRESH_APPLIED)
			continue;
		list_undo(r->list, &r->before);
		r->outcome = REFRESH_FAILED;
		r->not_enforced = true;
		prefix_set_free(&r->added);
		prefix_set_free(&r->removed);
		texts_add(&r->reasons, "%s", why);
	}
}

static void judged(void *ctx, struct refresh *r)
{
	struct refresh_request *q = ctx;
	struct daemon *d = q->d;
	struct kernel_change change = { 0 };
	struct error err;
	json_t *told = json_array();
	bool apply = !d->applied;
	int code = EXIT_DONE;

	for (size_t i = 0; i < r->count; i++)
		apply = apply || r->results[i].outcome == REFRESH_APPLIED;
	if (apply && enforce(d, &q->session, &change, &err) == -1) {
		log_error("the kernel was not changed: %s", err.text);
		undo(r->results, r->count, err.text);
	}
	refresh_commit(r, change.committed_at != 0 ? change.committed_at : time_now());
	if (d->kernel_trouble[0] != '\0')
		try_again(d, r->results, r->count);
	for (size_t i = 0; i < r->count; i++) {
		int one = result_exit(d, &r->results[i]);

		code = one > code ? one : code;
		json_array_append_new(told, refresh_result_json(&r->results[i]));
	}
	if (!d->applied || d->torn_down.is)
		code = EXIT_NOT_ENFORCED;
	kernel_change_free(&change);
	q->told(q->ctx, told, code);
	refresh_free(r);
	request_free(q);
	/* A long list leaves much behind that is not needed until the next refresh. */
	malloc_trim(0);
	operation_end(d);
}

static void run(struct daemon *d, void *ctx)
{
	struct refresh_request *q = ctx;

	if (refresh_start(d, d->lists, false, q->names, q->count, judged, q) == NULL) {
		q->told(q->ctx, NULL, EXIT_FAILED);
		request_free(q);
		operation_end(d);
	}
}

int refresh_submit(struct daemon *d, char *const *names, size_t count, const struct session *session,
                   refresh_told *told, void *ctx)
{
	struct refresh_request *q = calloc(1, sizeof(*q));

	if (q == NULL || (q->names = calloc(count + 1, sizeof(*q->names))) == NULL) {
		free(q);
		return -1;
	}
	q->d = d;
	if (session != NULL)
		q->session = *session;
	q->told = told;
	q->ctx = ctx;
	while (q->count < count) {
		q->names[q->count] = strdup(names[q->count]);
		if (q->names[q->count++] == NULL) {
			request_free(q);
			return -1;
		}
	}
	if (operation_submit(d, run, q) == -1) {
		request_free(q);
		return -1;
	}
	return 0;
}
