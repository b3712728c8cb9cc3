/* What the views say of each endpoint: whether it was protected, what was counted, and who came. */
#include <stdlib.h>
#include <string.h>

#include "report/query.h"
#include "report/read.h"

static int parse_time(time_us *t, const char *text, struct error *err)
{
	if (time_parse(t, text, 0) == 0)
		return 0;
	return error_set(err, "the audit log holds '%s' where a time should be", text);
}

static int set_mode(struct report_endpoint *e, const char *state, struct error *err)
{
	if (strcmp(state, "unprotected") == 0)
		return 0;
	free(e->mode);
	return report_copy(&e->mode, strcmp(state, "observed") == 0 ? "observe" : "enforce", err);
}

/* One span of coverage, clipped to the period. */
static int add_span(struct report_endpoint *e, time_us from, time_us to, const char *state, time_us *covered,
                    struct error *err)
{
	if (from < e->covered_from)
		from = e->covered_from;
	if (to > e->covered_to)
		to = e->covered_to;
	if (strcmp(state, "unprotected") != 0 && to > from)
		*covered += to - from;
	return set_mode(e, state, err);
}

static void set_percent(struct report_endpoint *e, time_us covered)
{
	double share = (double)covered / (double)(e->covered_to - e->covered_from);

	/* Rounded down: what is not whole must not read as 100. */
	e->coverage_percent = share >= 1 ? 100 : (double)(int64_t)(share * 1e6) / 1e4;
}

static int read_spans(sqlite3 *db, struct report_endpoint *e, const struct report_period *p, struct error *err)
{
	const char *texts[] = { e->name, p->from, p->to };
	time_us covered = 0, from, to;
	sqlite3_stmt *s;
	int rc, status = 0;

	if (query_start(db, &s,
	                "SELECT from_time, to_time, state FROM coverage"
	                " WHERE endpoint = ?1 AND to_time > ?2 AND from_time < ?3 ORDER BY from_time",
	                texts, 3, err) == -1)
		return -1;
	while (status == 0 && (rc = query_next(s, err)) != 0) {
		if (rc == -1 || parse_time(&from, query_text(s, 0), err) == -1 ||
		    parse_time(&to, query_text(s, 1), err) == -1 ||
		    add_span(e, from, to, query_text(s, 2), &covered, err) == -1)
			status = -1;
	}
	sqlite3_finalize(s);
	if (status == 0)
		set_percent(e, covered);
	return status;
}

/* Each endpoint's first sight and last heartbeat, clipped to the period. */
static int add_life(struct report *r, sqlite3_stmt *s, struct error *err)
{
	struct report_endpoint *e = report_endpoint(r, query_text(s, 0), err);
	time_us first, last;

	if (e == NULL || parse_time(&first, query_text(s, 1), err) == -1 ||
	    parse_time(&last, query_text(s, 2), err) == -1)
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

/* What the audit log knows of an endpoint comes before what the configuration says now. */
static int set_kind(struct report *r, sqlite3_stmt *s, struct error *err)
{
	size_t i;

	for (i = 0; i < r->endpoint_count; i++) {
		struct report_endpoint *e = &r->endpoints[i];

		if (strcmp(e->name, query_text(s, 0)) != 0)
			continue;
		free(e->kind);
		if (report_copy(&e->kind, query_text(s, 1), err) == -1)
			return -1;
		if (*e->mode != '\0')
			return 0;
		free(e->mode);
		return report_copy(&e->mode, query_text(s, 2), err);
	}
	return 0;
}

int report_read_kinds(sqlite3 *db, struct report *r, struct error *err)
{
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s, "SELECT name, kind, mode FROM endpoints", NULL, 0, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (set_kind(r, s, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	return rc;
}

static void add_count(struct report_count *c, sqlite3_stmt *s, int column)
{
	c->counted += query_count(s, column);
	c->recorded += query_count(s, column + 1);
	c->aggregated += query_count(s, column + 2);
	c->lost += query_count(s, column + 3);
}

static int read_losses(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	const char *texts[] = { p->from, p->to };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT endpoint, verdict, from_time, to_time, lost FROM tallies"
	                " WHERE lost > 0 AND to_time > ?1 AND from_time < ?2 ORDER BY from_time, endpoint, verdict",
	                texts, 2, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		struct report_loss *grown = report_grow(r->losses, &r->loss_count, sizeof(*grown), err), *l;

		rc = -1;
		if (grown == NULL)
			break;
		r->losses = grown;
		l = &grown[r->loss_count - 1];
		l->lost = query_count(s, 4);
		if (report_copy(&l->endpoint, query_text(s, 0), err) == -1 ||
		    report_copy(&l->verdict, query_text(s, 1), err) == -1 ||
		    report_copy(&l->from, query_text(s, 2), err) == -1 ||
		    report_copy(&l->to, query_text(s, 3), err) == -1)
			break;
	}
	sqlite3_finalize(s);
	return rc;
}

/* A tally that crosses the edge of the period counts whole: nothing that happened in the period is left out. */
int report_read_tallies(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	const char *texts[] = { p->from, p->to };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT endpoint, verdict = 'allow', sum(counted), sum(recorded), sum(aggregated), sum(lost)"
	                " FROM tallies WHERE to_time > ?1 AND from_time < ?2 GROUP BY 1, 2 ORDER BY 1, 2",
	                texts, 2, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		struct report_endpoint *e = report_endpoint(r, query_text(s, 0), err);

		if (e == NULL) {
			rc = -1;
			break;
		}
		add_count(sqlite3_column_int(s, 1) ? &e->allow : &e->deny, s, 2);
	}
	sqlite3_finalize(s);
	return rc == 0 ? read_losses(db, r, p, err) : rc;
}

static struct report_source *add_source(struct report_endpoint *e, const char *name, struct error *err)
{
	struct report_source *grown, *source;

	if (e->source_count > 0 && strcmp(e->sources[e->source_count - 1].source, name) == 0)
		return &e->sources[e->source_count - 1];
	grown = report_grow(e->sources, &e->source_count, sizeof(*grown), err);
	if (grown == NULL)
		return NULL;
	e->sources = grown;
	source = &grown[e->source_count - 1];
	if (report_copy(&source->source, name, err) == -1 || report_copy(&source->list, "", err) == -1)
		return NULL;
	if (address_parse(&source->address, name) == -1)
		source->address.family = AF_UNSPEC;
	return source;
}

/* Keeps the earlier of two times, or with `later` the later one. */
static int keep_time(char **time, const char *text, bool later, struct error *err)
{
	if (*time != NULL && (strcmp(text, *time) > 0) != later)
		return 0;
	free(*time);
	return report_copy(time, text, err);
}

/* Columns: endpoint, source, allowed, observed, denied, aggregated, first, last, list; ordered by `last`, so that the
 * list of the last allowed connection is the one that stays. */
static int add_source_row(struct report *r, struct report_endpoint *e, sqlite3_stmt *s, struct error *err)
{
	struct report_source *source = add_source(e, query_text(s, 1), err);
	uint64_t allowed = query_count(s, 2), observed = query_count(s, 3), denied = query_count(s, 4);

	if (source == NULL)
		return -1;
	source->allowed += allowed;
	source->observed += observed;
	source->denied += denied;
	source->aggregated += query_count(s, 5);
	r->rows += allowed + denied;
	if (allowed > observed) {
		free(source->list);
		if (report_copy(&source->list, query_text(s, 8), err) == -1)
			return -1;
	}
	if (keep_time(&source->first, query_text(s, 6), false, err) == -1)
		return -1;
	return keep_time(&source->last, query_text(s, 7), true, err);
}

static int compare_sources(const void *a, const void *b)
{
	const struct report_source *x = a, *y = b;

	if (x->address.family != y->address.family)
		return x->address.family < y->address.family ? -1 : 1;
	if (x->address.family == AF_UNSPEC)
		return strcmp(x->source, y->source);
	return address_compare(&x->address, &y->address);
}

int report_read_sources(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	static const char sql[] =
		"SELECT endpoint, source, sum(verdict = 'allow'), sum(verdict = 'allow' AND reason = 'observed'),"
		" sum(verdict = 'deny'), 0, min(time), max(time), list"
		" FROM connections WHERE id >= CAST(?3 AS INTEGER) AND time >= ?1 AND time < ?2"
		" GROUP BY endpoint, source, list, reason"
		" UNION ALL"
		" SELECT endpoint, source, 0, 0, 0, sum(count), min(from_time), max(to_time), NULL"
		" FROM aggregates WHERE to_time > ?1 AND from_time < ?2 GROUP BY endpoint, source"
		" ORDER BY 1, 2, 8";
	const char *texts[] = { p->from, p->to, p->first_id };
	struct report_endpoint *e = NULL;
	sqlite3_stmt *s;
	size_t i;
	int rc;

	if (query_start(db, &s, sql, texts, 3, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (e == NULL || strcmp(e->name, query_text(s, 0)) != 0)
			e = report_endpoint(r, query_text(s, 0), err);
		if (e == NULL || add_source_row(r, e, s, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	for (i = 0; rc == 0 && i < r->endpoint_count; i++) {
		if (r->endpoints[i].source_count > 0)
			qsort(r->endpoints[i].sources, r->endpoints[i].source_count, sizeof(struct report_source),
			      compare_sources);
	}
	return rc;
}
