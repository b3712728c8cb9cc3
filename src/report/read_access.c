/* What people and publishers did: break-glass grants, publishers that disagree, and the way that each endpoint is reached. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/query.h"
#include "report/read.h"

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* --- grants: the events granted, revoked and expired hold the same detail */

static struct report_grant *find_grant(struct report *r, uint64_t id)
{
	for (size_t i = r->grant_count; i-- > 0;)
		if (r->grants[i].id == id)
			return &r->grants[i];
	return NULL;
}

static struct report_grant *add_grant(struct report *r, uint64_t id, const struct report_event *e, const json_t *detail,
                                      struct error *err)
{
	struct report_grant *grown = report_grow(r->grants, &r->grant_count, sizeof(*grown), err), *g;
	bool made = strcmp(e->kind, "granted") == 0;

	if (grown == NULL)
		return NULL;
	r->grants = grown;
	g = &grown[r->grant_count - 1];
	g->id = id;
	if (report_copy(&g->endpoint, e->subject, err) == -1 || report_copy(&g->source, member(detail, "source"), err) == -1 ||
	    report_copy(&g->by, made ? member(detail, "by") : "", err) == -1 ||
	    report_copy(&g->reason, made ? member(detail, "reason") : "", err) == -1 ||
	    report_copy(&g->from, made ? e->time : "", err) == -1 ||
	    report_copy(&g->until, member(detail, "until"), err) == -1 || report_copy(&g->ended, "", err) == -1 ||
	    report_copy(&g->how, "in force", err) == -1)
		return NULL;
	return g;
}

static int end_grant(struct report_grant *g, const struct report_event *e, const json_t *detail, struct error *err)
{
	struct buffer b = BUFFER_INIT;
	int status;

	if (report_replace(&g->ended, e->time, err) == -1)
		return -1;
	if (strcmp(e->kind, "expired") == 0)
		return report_replace(&g->how, "expired", err);
	status = buffer_printf(&b, "revoked by %s: %s", member(detail, "by"), member(detail, "reason"));
	status = status == -1 || buffer_str(&b) == NULL ? report_no_memory(err) :
	                                                  report_replace(&g->how, buffer_str(&b), err);
	buffer_free(&b);
	return status;
}

static int take_grant(struct report *r, const struct report_event *e, struct error *err)
{
	json_t *detail = json_loads(e->detail, 0, NULL);
	json_int_t id = json_integer_value(json_object_get(detail, "id"));
	struct report_grant *g = find_grant(r, (uint64_t)id);
	int status = 0;

	if (g == NULL)
		g = add_grant(r, (uint64_t)id, e, detail, err);
	if (g == NULL)
		status = -1;
	else if (strcmp(e->kind, "granted") != 0)
		status = end_grant(g, e, detail, err);
	json_decref(detail);
	return status;
}

/* The rows of a grant lie within its life, so few are looked at. */
static int count_connections(sqlite3 *db, const struct report *r, struct report_grant *g, struct error *err)
{
	time_us from, until;
	char list[32];
	sqlite3_stmt *s;
	int rc;

	if (time_parse(&from, g->from, 0) == -1)
		from = r->from;
	if (time_parse(&until, *g->ended != '\0' ? g->ended : g->until, 0) == -1)
		until = r->to;
	if (query_start(db, &s,
	                "SELECT count(*) FROM connections WHERE id BETWEEN ?1 AND ?2 AND reason = 'granted' AND list = ?3"
	                " AND via = 'kernel'", NULL, 0, err) == -1)
		return -1;
	snprintf(list, sizeof(list), "grant:%" PRIu64, g->id);
	sqlite3_bind_int64(s, 1, from > r->from ? from : r->from);
	sqlite3_bind_int64(s, 2, (until < r->to ? until : r->to) + US_PER_SECOND);
	sqlite3_bind_text(s, 3, list, -1, SQLITE_STATIC);
	rc = query_next(s, err);
	g->connections = rc == 1 ? query_count(s, 0) : 0;
	sqlite3_finalize(s);
	return rc == -1 ? -1 : 0;
}

int report_read_grants(sqlite3 *db, struct report *r, struct error *err)
{
	for (size_t i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];

		if ((strcmp(e->kind, "granted") == 0 || strcmp(e->kind, "revoked") == 0 || strcmp(e->kind, "expired") == 0) &&
		    take_grant(r, e, err) == -1)
			return -1;
	}
	for (size_t i = 0; i < r->grant_count; i++)
		if (count_connections(db, r, &r->grants[i], err) == -1)
			return -1;
	return 0;
}

/* --- disagreements: each refresh holds what every origin answered */

/* "docs names 6 addresses, provider 12" where two that answered name different numbers; else nothing. */
static int say_difference(struct buffer *b, const json_t *origins)
{
	json_int_t first = -1;
	bool differ = false;
	json_t *origin;
	size_t i;

	json_array_foreach(origins, i, origin) {
		json_int_t entries = json_integer_value(json_object_get(origin, "entries"));

		if (strcmp(member(origin, "state"), "ok") != 0)
			continue;
		if (buffer_printf(b, first == -1 ? "%s names %" JSON_INTEGER_FORMAT " prefixes" :
		                                   ", %s %" JSON_INTEGER_FORMAT,
		                  member(origin, "name"), entries) == -1)
			return -1;
		differ = differ || (first != -1 && entries != first);
		first = entries;
	}
	if (!differ)
		b->len = 0;
	return 0;
}

static struct report_disagreement *last_of(struct report *r, const char *list)
{
	for (size_t i = r->disagreement_count; i-- > 0;)
		if (strcmp(r->disagreements[i].list, list) == 0)
			return &r->disagreements[i];
	return NULL;
}

static int add_disagreement(struct report *r, const struct report_event *e, const char *what, struct error *err)
{
	struct report_disagreement *d = last_of(r, e->subject);

	if (d == NULL || strcmp(d->what, what) != 0) {
		d = report_grow(r->disagreements, &r->disagreement_count, sizeof(*d), err);
		if (d == NULL)
			return -1;
		r->disagreements = d;
		d = &d[r->disagreement_count - 1];
		if (report_copy(&d->list, e->subject, err) == -1 || report_copy(&d->first, e->time, err) == -1 ||
		    report_copy(&d->what, what, err) == -1)
			return -1;
	}
	d->refreshes++;
	return report_replace(&d->last, e->time, err);
}

int report_find_disagreements(struct report *r, struct error *err)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < r->event_count; i++) {
		struct buffer b = BUFFER_INIT;
		json_t *detail;

		if (strcmp(r->events[i].kind, "refresh") != 0)
			continue;
		detail = json_loads(r->events[i].detail, 0, NULL);
		if (say_difference(&b, json_object_get(detail, "origins")) == -1)
			status = report_no_memory(err);
		else if (b.len > 0)
			status = buffer_str(&b) == NULL ? report_no_memory(err) :
			                                  add_disagreement(r, &r->events[i], buffer_str(&b), err);
		buffer_free(&b);
		json_decref(detail);
	}
	return status;
}

/* --- ways */

/* Whether it allows "@NAME" of an agent. */
static bool allows_agent(const struct report *r, const struct report_endpoint *e)
{
	for (const char *at = strchr(e->lists, ADDRESS_LIST_MARK); at != NULL; at = strchr(at + 1, ADDRESS_LIST_MARK)) {
		size_t len = strcspn(at + 1, ",");

		for (size_t i = 0; i < r->endpoint_count; i++)
			if (strlen(r->endpoints[i].name) == len && strncmp(r->endpoints[i].name, at + 1, len) == 0 &&
			    strcmp(r->endpoints[i].kind, AGENT_KIND) == 0)
				return true;
	}
	return false;
}

static const char *way_of(const struct report *r, const struct report_endpoint *e)
{
	if (strcmp(e->kind, AGENT_KIND) == 0)
		return "egress";
	if (e->is_secret_store && r->secrets_own)
		return "operator";
	if (allows_agent(r, e))
		return "agent";
	return strchr(e->lists, ADDRESS_LIST_MARK) != NULL ? "bastion" : "direct";
}

int report_find_ways(struct report *r, struct error *err)
{
	for (size_t i = 0; i < r->endpoint_count; i++) {
		struct report_endpoint *e = &r->endpoints[i];

		if (*e->kind != '\0' && report_replace(&e->way, way_of(r, e), err) == -1)
			return -1;
	}
	return 0;
}
