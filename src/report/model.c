#include "report/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "core/buffer.h"
#include "report/checks.h"
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

int report_replace(char **to, const char *text, struct error *err)
{
	free(*to);
	return report_copy(to, text, err);
}

int report_time(time_us *t, const char *text, struct error *err)
{
	if (time_parse(t, text, 0) == 0)
		return 0;
	return error_set(err, "the audit log holds '%s' where a time should be", text);
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
	for (i = 0; i < e->use_count; i++)
		free(e->uses[i].list);
	free(e->uses);
	free(e->sources);
	free(e->spans);
	free(e->slots);
	free(e->name);
	free(e->kind);
	free(e->mode);
	free(e->place);
	free(e->owner);
	free(e->reason);
	free(e->lists);
	free(e->way);
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

static void grant_free(struct report_grant *g)
{
	free(g->endpoint);
	free(g->source);
	free(g->by);
	free(g->reason);
	free(g->from);
	free(g->until);
	free(g->ended);
	free(g->how);
}

static void disagreement_free(struct report_disagreement *d)
{
	free(d->list);
	free(d->first);
	free(d->last);
	free(d->what);
}

static void control_free(struct report_control *c)
{
	free(c->framework);
	free(c->id);
	free(c->title);
	free(c->evidence);
	free(c->checks);
}

static void free_derived(struct report *r)
{
	size_t i;

	for (i = 0; i < r->gap_count; i++)
		free(r->gaps[i].why);
	for (i = 0; i < r->flood_count; i++)
		free(r->floods[i].endpoint);
	for (i = 0; i < r->grant_count; i++)
		grant_free(&r->grants[i]);
	for (i = 0; i < r->disagreement_count; i++)
		disagreement_free(&r->disagreements[i]);
	for (i = 0; r->findings != NULL && i < CHECK_COUNT; i++)
		free(r->findings[i].evidence);
	for (i = 0; i < r->control_count; i++)
		control_free(&r->controls[i]);
	free(r->slots);
	free(r->gaps);
	free(r->floods);
	free(r->grants);
	free(r->disagreements);
	free(r->findings);
	free(r->controls);
	free(r->integrity.checkpoint);
	free(r->integrity.problem);
}

void report_free(struct report *r)
{
	size_t i;

	if (r == NULL)
		return;
	free_derived(r);
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
	    report_copy(&e->mode, "", err) == -1 || report_copy(&e->place, "", err) == -1 ||
	    report_copy(&e->owner, "", err) == -1 || report_copy(&e->reason, "", err) == -1 ||
	    report_copy(&e->lists, "", err) == -1 || report_copy(&e->way, "", err) == -1)
		return NULL;
	return e;
}

static int add_lists(struct report_endpoint *e, const struct report_request *q, const struct policy_endpoint *known,
                     struct error *err)
{
	struct buffer b = BUFFER_INIT;
	int status = 0;
	size_t i;

	for (i = 0; q->list_names != NULL && i < known->list_count && status == 0; i++)
		status = buffer_printf(&b, "%s%s", i == 0 ? "" : ",", q->list_names[known->lists[i]]);
	status = status == -1 || buffer_str(&b) == NULL ? report_no_memory(err) :
	                                                  report_replace(&e->lists, buffer_str(&b), err);
	buffer_free(&b);
	return status;
}

/* Endpoints of the configuration come first, in its order, also where nothing is known of them: that is worth a line.
 */
static int add_configured(struct report *r, const struct report_request *q, struct error *err)
{
	size_t i;

	for (i = 0; i < q->endpoint_count; i++) {
		const struct policy_endpoint *known = &q->endpoints[i];
		struct report_endpoint *e = report_endpoint(r, known->name, err);

		if (e == NULL || report_replace(&e->kind, known->kind, err) == -1 ||
		    report_replace(&e->mode, known->mode == MODE_OBSERVE ? "observe" : "enforce", err) == -1 ||
		    report_replace(&e->owner, known->owner != NULL ? known->owner : "", err) == -1 ||
		    report_replace(&e->reason, known->reason != NULL ? known->reason : "", err) == -1 || add_lists(e, q, known, err) == -1)
			return -1;
		e->present = true;
	}
	return 0;
}

static int read_views(sqlite3 *db, struct report *r, const struct report_request *q, struct error *err)
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

/* What stands on the views: in the order in which one needs the other. */
static int read_derived(sqlite3 *db, struct report *r, const struct report_request *q, struct error *err)
{
	if (report_read_timeline(db, r, err) == -1 || report_read_floods(db, r, err) == -1 ||
	    report_read_reach(db, r, err) == -1 || report_read_grants(db, r, err) == -1 ||
	    report_find_gaps(r, err) == -1 || report_find_disagreements(r, err) == -1 || report_find_ways(r, err) == -1 ||
	    report_check_all(r, err) == -1)
		return -1;
	return q->frameworks == NULL ? 0 : report_map_controls(r, q->frameworks, err);
}

static void read_clock(struct report *r)
{
	struct timex clock = { .modes = 0 };
	int state = adjtimex(&clock);

	r->clock_known = state != -1;
	r->clock_synchronised = state != -1 && state != TIME_ERROR;
}

static int copy_integrity(struct report *r, const struct report_integrity *from, struct error *err)
{
	const char *checkpoint = from == NULL || from->checkpoint == NULL ? "" : from->checkpoint;

	r->integrity.ok = from == NULL ? -1 : from->ok;
	if (report_copy(&r->integrity.checkpoint, checkpoint, err) == -1)
		return -1;
	return report_copy(&r->integrity.problem, from == NULL || from->problem == NULL ? "" : from->problem, err);
}

static struct report *report_new(const struct report_request *request, struct error *err)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r == NULL || report_copy(&r->host, request->host, err) == -1 ||
	    copy_integrity(r, request->integrity, err) == -1) {
		report_free(r);
		report_no_memory(err);
		return NULL;
	}
	r->from = request->from;
	r->to = request->to;
	r->made_at = time_now();
	r->retention = request->retention;
	r->secrets_own = request->secrets_own;
	read_clock(r);
	return r;
}

int report_read(sqlite3 *db, const struct report_request *request, struct report **report, struct error *err)
{
	struct report *r = report_new(request, err);
	int status = -1;

	if (r == NULL)
		return -1;
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
		error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
		goto out;
	}
	if (read_views(db, r, request, err) == 0)
		status = read_derived(db, r, request, err);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
out:
	if (status == 0)
		*report = r;
	else
		report_free(r);
	return status;
}

uint64_t report_attempts(const struct report_source *s)
{
	return s->denied + s->aggregated;
}

uint64_t report_deleted(const struct report *r, const struct report_endpoint *e)
{
	return r->complete_from <= r->from || e->allow.recorded <= e->rows.allowed ? 0 : e->allow.recorded - e->rows.allowed;
}

uint64_t report_use(const struct report_endpoint *e, const char *list, size_t len)
{
	for (size_t i = 0; i < e->use_count; i++)
		if (strlen(e->uses[i].list) == len && strncmp(e->uses[i].list, list, len) == 0)
			return e->uses[i].allowed;
	return 0;
}

const char *report_last_use(const struct report_endpoint *e)
{
	const char *last = "";

	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i].allowed > 0 && strcmp(e->sources[i].last, last) > 0)
			last = e->sources[i].last;
	return last;
}

time_us report_slot_start(const struct report *r, size_t i)
{
	time_us start = (r->from / r->slot + (time_us)i) * r->slot;

	return start < r->from ? r->from : start > r->to ? r->to : start;
}

bool report_is_silent(const struct report *r)
{
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (r->endpoints[i].seen || r->endpoints[i].allow.counted + r->endpoints[i].deny.counted > 0)
			return false;
	return r->rows + r->mirrored == 0 && r->event_count + r->change_count == 0;
}

bool report_same_gap(const struct report_gap *a, const struct report_gap *b)
{
	return a->from == b->from && a->to == b->to && a->kind == b->kind && strcmp(a->why, b->why) == 0;
}

size_t report_count_gaps(const struct report *r, int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->gap_count; i++)
		n += (kind == -1 || (int)r->gaps[i].kind == kind) && (i == 0 || !report_same_gap(&r->gaps[i - 1], &r->gaps[i]));
	return n;
}

bool report_lost_sight(const struct report *r, const struct report_endpoint *e)
{
	for (size_t i = 0; i < r->gap_count; i++)
		if (r->gaps[i].kind == GAP_AFTER && &r->endpoints[r->gaps[i].endpoint] == e)
			return e->present;
	return false;
}

uint64_t report_would_deny(const struct report_endpoint *e, uint64_t *sources)
{
	uint64_t connections = 0;

	*sources = 0;
	for (size_t i = 0; i < e->source_count; i++) {
		connections += e->sources[i].observed;
		*sources += e->sources[i].observed > 0;
	}
	return connections;
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

void report_add(struct report_count *to, const struct report_count *c)
{
	to->counted += c->counted;
	to->recorded += c->recorded;
	to->aggregated += c->aggregated;
	to->lost += c->lost;
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
