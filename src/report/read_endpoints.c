/* What the views say of each endpoint: whether it was protected, what was counted, and who came. */
#include <stdlib.h>
#include <string.h>

#include "audit/counts.h"
#include "report/query.h"
#include "report/read.h"

/* What the audit log knows of an endpoint comes before what the configuration says now. */
static int describe(struct report_endpoint *e, sqlite3_stmt *s, struct error *err)
{
	e->present = query_count(s, 7) != 0;
	if (report_replace(&e->kind, query_text(s, 1), err) == -1 ||
	    report_replace(&e->place, query_text(s, 3), err) == -1 ||
	    report_replace(&e->owner, query_text(s, 4), err) == -1 ||
	    report_replace(&e->reason, query_text(s, 5), err) == -1 ||
	    report_replace(&e->lists, query_text(s, 6), err) == -1)
		return -1;
	return *e->mode != '\0' ? 0 : report_replace(&e->mode, query_text(s, 2), err);
}

int report_read_kinds(sqlite3 *db, struct report *r, struct error *err)
{
	sqlite3_stmt *s;
	size_t i;
	int rc;

	if (query_start(db, &s, "SELECT name, kind, mode, place, owner, reason, lists, present FROM endpoints", NULL, 0,
	                err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		for (i = 0; i < r->endpoint_count && strcmp(r->endpoints[i].name, query_text(s, 0)) != 0; i++)
			;
		if (i < r->endpoint_count && describe(&r->endpoints[i], s, err) == -1) {
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

/* --- who came */

/* Rows of one source, at one endpoint, by one decision; or what was counted of it in the kernel. */
struct seen {
	const char *endpoint, *list; /* borrowed */
	struct address source;
	uint64_t allowed, observed, denied, aggregated;
	time_us first, last;
};

struct sightings {
	struct seen *all; /* owned */
	size_t count;
};

static int add_seen(struct sightings *s, const struct seen *seen, struct error *err)
{
	struct seen *grown = report_grow(s->all, &s->count, sizeof(*grown), err);

	if (grown == NULL)
		return -1;
	s->all = grown;
	grown[s->count - 1] = *seen;
	return 0;
}

static int add_use(struct report *r, const struct audit_decision *d, uint64_t rows, struct error *err)
{
	struct report_endpoint *e = report_endpoint(r, d->endpoint, err);
	struct report_use *grown;

	for (size_t i = 0; e != NULL && i < e->use_count; i++) {
		if (strcmp(e->uses[i].list, d->list) == 0) {
			e->uses[i].allowed += rows;
			return 0;
		}
	}
	grown = e == NULL ? NULL : report_grow(e->uses, &e->use_count, sizeof(*grown), err);
	if (grown == NULL)
		return -1;
	e->uses = grown;
	grown[e->use_count - 1].allowed = rows;
	return report_copy(&grown[e->use_count - 1].list, d->list, err);
}

/* Each list's use, from how often each decision was made. */
static int add_uses(struct report *r, const struct audit_counts *c, const struct audit_decisions *decisions,
                    struct error *err)
{
	for (size_t i = 0; i < c->day_count; i++) {
		const struct audit_decision *d = audit_decision(decisions, c->days[i].decision);

		if (d != NULL && !d->deny && !d->mirrored && strcmp(d->reason, "observed") != 0 && add_use(r, d, c->days[i].rows, err) == -1)
			return -1;
	}
	return 0;
}

/* What was only seen was let in by nobody here: it is counted apart. */
static int add_recorded(struct report *r, struct sightings *s, const struct audit_counts *c,
                        const struct audit_decisions *decisions, struct error *err)
{
	for (size_t i = 0; i < c->source_count; i++) {
		const struct audit_source_count *count = &c->sources[i];
		const struct audit_decision *d = audit_decision(decisions, count->decision);
		struct seen seen = { .source = count->source, .first = count->first, .last = count->last };

		if (d == NULL)
			return error_set(err, "the audit log is damaged: a connection has no decision");
		if (d->mirrored) {
			r->mirrored += count->rows;
			continue;
		}
		seen.endpoint = d->endpoint;
		seen.list = d->list;
		seen.allowed = d->deny ? 0 : count->rows;
		seen.observed = strcmp(d->reason, "observed") == 0 ? seen.allowed : 0;
		seen.denied = d->deny ? count->rows : 0;
		if (add_seen(s, &seen, err) == -1)
			return -1;
	}
	return 0;
}

static int add_aggregated(struct sightings *s, const struct audit_aggregates *a, struct error *err)
{
	for (size_t i = 0; i < a->count; i++) {
		struct seen seen = { .endpoint = a->all[i].endpoint,
			                 .list = "",
			                 .source = a->all[i].source,
			                 .aggregated = a->all[i].packets,
			                 .first = a->all[i].first,
			                 .last = a->all[i].last };

		if (add_seen(s, &seen, err) == -1)
			return -1;
	}
	return 0;
}

/* The last of a source's comes last, so that the list of its last allowed connection is the one that stays. */
static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = strcmp(x->endpoint, y->endpoint);

	if (order == 0)
		order = address_compare(&x->source, &y->source);
	return order != 0 ? order : (x->last > y->last) - (x->last < y->last);
}

static int set_time(char **to, time_us time, struct error *err)
{
	char text[TIME_TEXT_MAX];

	free(*to);
	return report_copy(to, time_format(time, 1, text), err);
}

/* All of one source at one endpoint. */
static int add_source(struct report_endpoint *e, const struct seen *seen, size_t count, struct error *err)
{
	struct report_source *grown = report_grow(e->sources, &e->source_count, sizeof(*grown), err), *source;
	char text[ADDRESS_TEXT_MAX];
	time_us first = seen->first, last = seen->last;
	const char *list = "";

	if (grown == NULL)
		return -1;
	e->sources = grown;
	source = &grown[e->source_count - 1];
	source->address = seen->source;
	for (; count > 0; count--, seen++) {
		source->allowed += seen->allowed;
		source->observed += seen->observed;
		source->denied += seen->denied;
		source->aggregated += seen->aggregated;
		first = seen->first < first ? seen->first : first;
		last = seen->last > last ? seen->last : last;
		list = seen->allowed > seen->observed ? seen->list : list;
	}
	e->rows.allowed += source->allowed;
	e->rows.denied += source->denied;
	e->rows.aggregated += source->aggregated;
	if (report_copy(&source->source, address_format(&source->address, text), err) == -1 ||
	    report_copy(&source->list, list, err) == -1 || set_time(&source->first, first, err) == -1)
		return -1;
	return set_time(&source->last, last, err);
}

static int add_sources(struct report *r, struct sightings *s, struct error *err)
{
	struct report_endpoint *e = NULL;

	if (s->count > 1)
		qsort(s->all, s->count, sizeof(*s->all), compare_seen);
	for (size_t i = 0, n; i < s->count; i += n) {
		const struct seen *seen = &s->all[i];

		for (n = 0; i + n < s->count && strcmp(seen[n].endpoint, seen->endpoint) == 0 &&
		            address_compare(&seen[n].source, &seen->source) == 0; n++)
			r->rows += seen[n].allowed + seen[n].denied;
		if (e == NULL || strcmp(e->name, seen->endpoint) != 0)
			e = report_endpoint(r, seen->endpoint, err);
		if (e == NULL || add_source(e, seen, n, err) == -1)
			return -1;
	}
	return 0;
}

int report_read_sources(sqlite3 *db, struct report *r, struct error *err)
{
	struct audit_counts counts = { NULL, 0, NULL, 0 };
	struct audit_decisions decisions = { NULL, 0 };
	struct audit_aggregates aggregates = { NULL, 0 };
	struct sightings sightings = { NULL, 0 };
	int status = -1;

	if (audit_decisions_read(db, &decisions, err) == 0 && audit_counts_read(db, r->from, r->to, &counts, err) == 0 &&
	    audit_aggregates_read(db, r->from, r->to, &aggregates, err) == 0 &&
	    add_uses(r, &counts, &decisions, err) == 0 && add_recorded(r, &sightings, &counts, &decisions, err) == 0 &&
	    add_aggregated(&sightings, &aggregates, err) == 0)
		status = add_sources(r, &sightings, err);
	free(sightings.all);
	audit_aggregates_free(&aggregates);
	audit_counts_free(&counts);
	audit_decisions_free(&decisions);
	return status;
}
