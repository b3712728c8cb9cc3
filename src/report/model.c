#include "report/model.h"

#include <stdlib.h>
#include <string.h>

#include "report/query.h"
#include "report/read.h"

int report_no_memory(struct error *err)
{
	return error_set(err, "out of memory while reading the audit log");
}

int report_copy(char **to, const char *text, struct error *err)
{
	*to = strdup(text);
	return *to == NULL ? report_no_memory(err) : 0;
}

void *report_grow(void *array, size_t *count, size_t size, struct error *err)
{
	char *grown = array;

	/* Doubles at each power of two, so that no capacity need be kept. */
	if ((*count & (*count - 1)) == 0) {
		grown = reallocarray(array, *count == 0 ? 1 : *count * 2, size);
		if (grown == NULL) {
			report_no_memory(err);
			return NULL;
		}
	}
	memset(grown + *count * size, 0, size);
	(*count)++;
	return grown;
}

static void endpoint_free(struct report_endpoint *e)
{
	size_t i;

	for (i = 0; i < e->source_count; i++) {
		free(e->sources[i].source);
		free(e->sources[i].list);
		free(e->sources[i].first);
		free(e->sources[i].last);
	}
	free(e->sources);
	free(e->name);
	free(e->kind);
	free(e->mode);
}

static void change_free(struct report_change *c)
{
	free(c->list);
	free(c->time);
	free(c->added);
	free(c->removed);
	free(c->origins);
	free(c->decided_by);
	free(c->reason);
}

static void event_free(struct report_event *e)
{
	free(e->time);
	free(e->kind);
	free(e->subject);
	free(e->detail);
}

static void loss_free(struct report_loss *l)
{
	free(l->endpoint);
	free(l->verdict);
	free(l->from);
	free(l->to);
}

void report_free(struct report *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->endpoint_count; i++)
		endpoint_free(&r->endpoints[i]);
	for (i = 0; i < r->change_count; i++)
		change_free(&r->changes[i]);
	for (i = 0; i < r->event_count; i++)
		event_free(&r->events[i]);
	for (i = 0; i < r->loss_count; i++)
		loss_free(&r->losses[i]);
	free(r->endpoints);
	free(r->changes);
	free(r->events);
	free(r->losses);
	free(r->host);
	free(r);
}

struct report_endpoint *report_endpoint(struct report *r, const char *name, struct error *err)
{
	struct report_endpoint *grown, *e;
	size_t i;

	for (i = r->endpoint_count; i-- > 0;)
		if (strcmp(r->endpoints[i].name, name) == 0)
			return &r->endpoints[i];
	grown = report_grow(r->endpoints, &r->endpoint_count, sizeof(*grown), err);
	if (grown == NULL)
		return NULL;
	r->endpoints = grown;
	e = &grown[r->endpoint_count - 1];
	if (report_copy(&e->name, name, err) == -1 || report_copy(&e->kind, "", err) == -1 ||
	    report_copy(&e->mode, "", err) == -1)
		return NULL;
	return e;
}

static int set_text(char **to, const char *text, struct error *err)
{
	free(*to);
	return report_copy(to, text, err);
}

/* Endpoints of the configuration come first, in its order, also where nothing is known of them: that is worth a line.
 */
static int add_configured(struct report *r, const struct report_request *q, struct error *err)
{
	size_t i;

	for (i = 0; i < q->endpoint_count; i++) {
		const struct policy_endpoint *known = &q->endpoints[i];
		struct report_endpoint *e = report_endpoint(r, known->name, err);

		if (e == NULL || set_text(&e->kind, known->kind, err) == -1 ||
		    set_text(&e->mode, known->mode == MODE_OBSERVE ? "observe" : "enforce", err) == -1)
			return -1;
	}
	return 0;
}

static int read_all(sqlite3 *db, struct report *r, const struct report_request *q, struct error *err)
{
	struct report_period p;

	time_format(q->from, 1, p.from);
	time_format(q->to, 1, p.to);
	if (add_configured(r, q, err) == -1 || report_read_coverage(db, r, &p, err) == -1 ||
	    report_read_tallies(db, r, &p, err) == -1 || report_read_sources(db, r, err) == -1 ||
	    report_read_kinds(db, r, err) == -1 || report_read_orchestrator(db, r, &p, err) == -1 ||
	    report_read_changes(db, r, &p, err) == -1)
		return -1;
	return report_read_events(db, r, &p, err);
}

int report_read(sqlite3 *db, const struct report_request *request, struct report **report, struct error *err)
{
	struct report *r = calloc(1, sizeof(*r));
	int status = -1;

	if (r == NULL)
		return report_no_memory(err);
	r->from = request->from;
	r->to = request->to;
	if (report_copy(&r->host, request->host, err) == -1)
		goto out;
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
		error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
		goto out;
	}
	status = read_all(db, r, request, err);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
out:
	if (status == 0)
		*report = r;
	else
		report_free(r);
	return status;
}

struct report_count report_total(const struct report_endpoint *e)
{
	struct report_count total = {
		.counted = e->allow.counted + e->deny.counted,
		.recorded = e->allow.recorded + e->deny.recorded,
		.aggregated = e->allow.aggregated + e->deny.aggregated,
		.lost = e->allow.lost + e->deny.lost,
	};

	return total;
}

bool report_balanced(const struct report_count *c)
{
	return c->counted == c->recorded + c->aggregated + c->lost;
}

int report_totals(sqlite3 *db, struct report_count *total, struct error *err)
{
	sqlite3_stmt *s;
	int rc;

	memset(total, 0, sizeof(*total));
	if (query_start(db, &s, "SELECT sum(counted), sum(recorded), sum(aggregated), sum(lost) FROM tallies", NULL, 0,
	                err) == -1)
		return -1;
	rc = query_next(s, err);
	if (rc == 1) {
		total->counted = query_count(s, 0);
		total->recorded = query_count(s, 1);
		total->aggregated = query_count(s, 2);
		total->lost = query_count(s, 3);
	}
	sqlite3_finalize(s);
	return rc == -1 ? -1 : 0;
}
