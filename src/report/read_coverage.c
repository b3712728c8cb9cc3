/* When each endpoint was protected, and why it was not in between. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/query.h"
#include "report/read.h"

/* A gap at the start or the end of an endpoint's life that is shorter is the time between two heartbeats. */
#define UNNOTICED (60 * US_PER_SECOND)

/* An event explains what begins or ends this near to it. */
#define NEAR (30 * US_PER_SECOND)

static enum report_state parse_state(const char *state)
{
	if (strcmp(state, "unprotected") == 0)
		return REPORT_UNPROTECTED;
	return strcmp(state, "observed") == 0 ? REPORT_OBSERVED : REPORT_ENFORCED;
}

static int set_mode(struct report_endpoint *e, enum report_state state, struct error *err)
{
	if (state == REPORT_UNPROTECTED)
		return 0;
	return report_replace(&e->mode, state == REPORT_OBSERVED ? "observe" : "enforce", err);
}

/* One span of coverage, clipped to the period; what it has in common with the one before is joined to it. */
static int add_span(struct report_endpoint *e, time_us from, time_us to, enum report_state state, struct error *err)
{
	struct report_span *grown, *last = e->span_count > 0 ? &e->spans[e->span_count - 1] : NULL;

	if (from < e->covered_from)
		from = e->covered_from;
	if (to > e->covered_to)
		to = e->covered_to;
	if (set_mode(e, state, err) == -1)
		return -1;
	if (to <= from)
		return 0;
	if (last != NULL && last->state == state && last->to == from) {
		last->to = to;
		return 0;
	}
	grown = report_grow(e->spans, &e->span_count, sizeof(*grown), err);
	if (grown == NULL)
		return -1;
	e->spans = grown;
	grown[e->span_count - 1] = (struct report_span){ from, to, state };
	return 0;
}

static void set_percent(struct report_endpoint *e)
{
	time_us covered = 0;
	double share;

	for (size_t i = 0; i < e->span_count; i++)
		if (e->spans[i].state != REPORT_UNPROTECTED)
			covered += e->spans[i].to - e->spans[i].from;
	share = (double)covered / (double)(e->covered_to - e->covered_from);
	/* Rounded down: what is not whole must not read as 100. */
	e->coverage_percent = share >= 1 ? 100 : (double)(int64_t)(share * 1e6) / 1e4;
}

static int read_spans(sqlite3 *db, struct report_endpoint *e, const struct report_period *p, struct error *err)
{
	const char *texts[] = { e->name, p->from, p->to };
	time_us from, to;
	sqlite3_stmt *s;
	int rc, status = 0;

	if (query_start(db, &s,
	                "SELECT from_time, to_time, state FROM coverage"
	                " WHERE endpoint = ?1 AND to_time > ?2 AND from_time < ?3 ORDER BY from_time",
	                texts, 3, err) == -1)
		return -1;
	while (status == 0 && (rc = query_next(s, err)) != 0) {
		if (rc == -1 || report_time(&from, query_text(s, 0), err) == -1 ||
		    report_time(&to, query_text(s, 1), err) == -1 ||
		    add_span(e, from, to, parse_state(query_text(s, 2)), err) == -1)
			status = -1;
	}
	sqlite3_finalize(s);
	if (status == 0)
		set_percent(e);
	return status;
}

/* Each endpoint's first sight and last heartbeat, clipped to the period. */
static int add_life(struct report *r, sqlite3_stmt *s, struct error *err)
{
	struct report_endpoint *e = report_endpoint(r, query_text(s, 0), err);
	time_us first, last;

	if (e == NULL || report_time(&first, query_text(s, 1), err) == -1 ||
	    report_time(&last, query_text(s, 2), err) == -1)
		return -1;
	e->covered_from = first > r->from ? first : r->from;
	e->covered_to = last < r->to ? last : r->to;
	e->seen = e->covered_to > e->covered_from;
	return 0;
}

int report_read_coverage(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	const char *texts[] = { p->from, p->to };
	sqlite3_stmt *s;
	size_t i;
	int rc;

	if (query_start(db, &s,
	                "SELECT endpoint, min(from_time), max(to_time) FROM coverage GROUP BY endpoint"
	                " HAVING max(to_time) > ?1 AND min(from_time) < ?2 ORDER BY endpoint",
	                texts, 2, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (add_life(r, s, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	for (i = 0; rc == 0 && i < r->endpoint_count; i++) {
		if (r->endpoints[i].seen && read_spans(db, &r->endpoints[i], p, err) == -1)
			rc = -1;
	}
	return rc;
}

/* --- why */

static time_us event_time(const struct report_event *e)
{
	time_us t;

	return time_parse(&t, e->time, 0) == 0 ? t : 0;
}

/* The last event of that kind within the span, or NULL. */
static const struct report_event *find_event(const struct report *r, const char *kind, time_us from, time_us to)
{
	for (size_t i = r->event_count; i-- > 0;) {
		time_us t;

		if (strcmp(r->events[i].kind, kind) != 0)
			continue;
		t = event_time(&r->events[i]);
		if (t >= from && t <= to)
			return &r->events[i];
	}
	return NULL;
}

/* "by anna: INC-1", from the detail of a person's decision. */
static int say_who(struct buffer *b, const struct report_event *e)
{
	json_t *detail = json_loads(e->detail, 0, NULL);
	const char *by = json_string_value(json_object_get(detail, "by"));
	const char *reason = json_string_value(json_object_get(detail, "reason"));
	int status = buffer_printf(b, "%s%s%s%s", by != NULL ? " by " : "", by != NULL ? by : "",
	                           reason != NULL && *reason != '\0' ? ": " : "",
	                           reason != NULL && *reason != '\0' ? reason : "");

	json_decref(detail);
	return status;
}

static int say_start(struct buffer *b, const struct report *r, const struct report_gap *g)
{
	const struct report_event *start = find_event(r, "boot", g->from, g->to + NEAR);
	const struct report_event *stop = find_event(r, "stop", g->from - NEAR, g->to);
	char text[TIME_TEXT_MAX];

	if (start == NULL)
		start = find_event(r, "start", g->from, g->to + NEAR);
	if (start == NULL)
		return 0;
	time_format(event_time(start), 0, text);
	if (stop != NULL)
		return buffer_printf(b, "hallowd was stopped, and its table was no longer in force when it started again at %s",
		                     text);
	return buffer_printf(b,
	                     "hallowd was not running, and its table was not in force when it started at %s: "
	                     "the host booted, or the table was removed",
	                     text);
}

static int explain_unprotected(struct buffer *b, const struct report *r, const struct report_gap *g)
{
	const struct report_event *event = find_event(r, "teardown", g->from - NEAR, g->from + NEAR);

	if (event != NULL)
		return buffer_printf(b, "torn down") == -1 ? -1 : say_who(b, event);
	if (say_start(b, r, g) == -1)
		return -1;
	if (b->len == 0 && (event = find_event(r, "drift", g->from - NEAR, g->to)) != NULL)
		return buffer_printf(b, "another program changed the table");
	return 0;
}

/* The time of a gap's edge; a gap before or after an endpoint's life is no claim about it. */
static int explain(struct report *r, struct report_gap *g, struct error *err)
{
	const struct report_endpoint *e = &r->endpoints[g->endpoint];
	struct buffer b = BUFFER_INIT;
	int status = 0;

	if (g->kind == GAP_BEFORE)
		status = buffer_printf(&b, "not known to hallowd yet: it was first in force at the end of this time");
	else if (g->kind == GAP_AFTER && !e->present)
		status = buffer_printf(&b, "no longer in the configuration");
	else if (g->kind == GAP_AFTER)
		status = buffer_printf(&b, find_event(r, "stop", g->from - NEAR, g->from + NEAR) != NULL ?
		                               "hallowd was stopped; what it left in force was not watched" :
		                               "no sign of life of hallowd since");
	else
		status = explain_unprotected(&b, r, g);
	g->explained = g->kind != GAP_UNPROTECTED || b.len > 0;
	if (status == 0 && b.len == 0)
		status = buffer_printf(&b, "no event of the log explains it");
	status = status == -1 || buffer_str(&b) == NULL ? report_no_memory(err) : report_copy(&g->why, buffer_str(&b), err);
	buffer_free(&b);
	return status;
}

static int add_gap(struct report *r, size_t endpoint, time_us from, time_us to, enum report_gap_kind kind, struct error *err)
{
	struct report_gap *grown = report_grow(r->gaps, &r->gap_count, sizeof(*grown), err), *g;

	if (grown == NULL)
		return -1;
	r->gaps = grown;
	g = &grown[r->gap_count - 1];
	g->endpoint = endpoint;
	g->from = from;
	g->to = to;
	g->kind = kind;
	return explain(r, g, err);
}

static int find_gaps_of(struct report *r, size_t endpoint, struct error *err)
{
	const struct report_endpoint *e = &r->endpoints[endpoint];
	time_us end = r->to < r->made_at ? r->to : r->made_at;

	if (!e->seen)
		return 0;
	if (e->covered_from - r->from > UNNOTICED && add_gap(r, endpoint, r->from, e->covered_from, GAP_BEFORE, err) == -1)
		return -1;
	for (size_t i = 0; i < e->span_count; i++) {
		if (e->spans[i].state == REPORT_UNPROTECTED &&
		    add_gap(r, endpoint, e->spans[i].from, e->spans[i].to, GAP_UNPROTECTED, err) == -1)
			return -1;
	}
	if (end - e->covered_to > UNNOTICED)
		return add_gap(r, endpoint, e->covered_to, end, GAP_AFTER, err);
	return 0;
}

static int compare_gaps(const void *a, const void *b)
{
	const struct report_gap *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

int report_find_gaps(struct report *r, struct error *err)
{
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (find_gaps_of(r, i, err) == -1)
			return -1;
	if (r->gap_count > 0)
		qsort(r->gaps, r->gap_count, sizeof(*r->gaps), compare_gaps);
	return 0;
}
