#include "record/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "record/leaves.h"
#include "record/policies.h"

void coverage_free(struct coverage *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->all[i].name);
	free(c->all);
	*c = (struct coverage){ NULL, 0, 0 };
}

/* Where `name` is, or belongs. */
static size_t place(const struct coverage *c, const char *name, bool *found)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(c->all[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < c->count && strcmp(c->all[low].name, name) == 0;
	return low;
}

static int insert(struct coverage *c, struct store *s, const struct segment *segment)
{
	size_t cap = c->cap == 0 ? 16 : c->cap * 2, at;
	struct segment *all = c->all;
	bool found;

	if (segment->name == NULL)
		return store_no_memory(s);
	if (c->count == c->cap) {
		all = realloc(all, cap * sizeof(*all));
		if (all == NULL) {
			free(segment->name);
			return store_no_memory(s);
		}
		c->all = all;
		c->cap = cap;
	}
	at = place(c, segment->name, &found);
	memmove(&all[at + 1], &all[at], (c->count - at) * sizeof(*all));
	all[at] = *segment;
	c->count++;
	return 0;
}

static int load_segment(struct coverage *c, struct store *s, sqlite3_stmt *stmt)
{
	const struct segment segment = {
		.name = strdup((const char *)sqlite3_column_text(stmt, 0)),
		.endpoint = sqlite3_column_int64(stmt, 1),
		.id = sqlite3_column_int64(stmt, 2),
		.from = sqlite3_column_int64(stmt, 3),
		.to = sqlite3_column_int64(stmt, 4),
		.state = (enum coverage_state)sqlite3_column_int(stmt, 5),
		.open = sqlite3_column_int(stmt, 6) != 0,
	};

	return insert(c, s, &segment);
}

int coverage_load(struct coverage *c, struct store *s)
{
	sqlite3_stmt *stmt;
	int got;

	coverage_free(c);
	if (store_prepare(s, "SELECT e.name, s.endpoint, s.id, s.from_time, s.to_time, s.state, e.present FROM endpoint e"
	                     " CROSS JOIN"
	                     " segment s ON s.id = (SELECT max(id) FROM segment WHERE endpoint = e.id)", &stmt) == -1)
		return -1;
	while ((got = store_step(s, stmt)) == 1)
		if (load_segment(c, s, stmt) == -1) {
			got = -1;
			break;
		}
	sqlite3_finalize(stmt);
	return got;
}

/* --- rows */

static int extend(struct segment *g, struct store *s, time_us to)
{
	sqlite3_stmt *stmt;

	if (to <= g->to)
		return 0;
	g->to = to;
	stmt = store_use(s, ST_SEGMENT_EXTEND);
	sqlite3_bind_int64(stmt, 1, g->id);
	sqlite3_bind_int64(stmt, 2, to);
	return store_run(s, stmt);
}

/* The segment that follows: from its end to `to`. */
static int follow(struct segment *g, struct store *s, time_us to, enum coverage_state state)
{
	sqlite3_stmt *stmt = store_use(s, ST_SEGMENT_ADD);
	int64_t added;

	sqlite3_bind_int64(stmt, 1, g->endpoint);
	sqlite3_bind_int64(stmt, 2, g->to);
	sqlite3_bind_int64(stmt, 3, to);
	sqlite3_bind_int(stmt, 4, (int)state);
	if (store_run(s, stmt) == -1)
		return -1;
	added = sqlite3_last_insert_rowid(s->db);
	if (g->id != 0 && leaves_append(s, LEAF_SEGMENT, g->id) == -1)
		return -1;
	g->id = added;
	g->from = g->to;
	g->to = to;
	g->state = state;
	return 0;
}

/* `state` from the segment's end to `to`: the same segment where it says the same, or says nothing yet. */
static int go_on(struct segment *g, struct store *s, time_us to, enum coverage_state state)
{
	sqlite3_stmt *stmt;

	if (g->state == state)
		return extend(g, s, to);
	if (g->from < g->to)
		return follow(g, s, to, state);
	g->state = state;
	stmt = store_use(s, ST_SEGMENT_STATE);
	sqlite3_bind_int64(stmt, 1, g->id);
	sqlite3_bind_int(stmt, 2, (int)state);
	return store_run(s, stmt) == -1 ? -1 : extend(g, s, to);
}

/* --- policies */

static int list_names(const struct audit_policy_endpoint *e, struct buffer *names)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (buffer_printf(names, "%s%s", i == 0 ? "" : ",", e->lists[i].name) == -1)
			return -1;
	return 0;
}

static int describe(struct store *s, int64_t endpoint, const struct audit_policy_endpoint *e)
{
	sqlite3_stmt *stmt = store_use(s, ST_ENDPOINT_DESCRIBE);
	const char *const texts[] = { e->kind, e->mode, e->where, e->owner, e->reason };
	struct buffer names = BUFFER_INIT;
	const char *lists = list_names(e, &names) == -1 ? NULL : buffer_str(&names);
	int result;

	sqlite3_bind_int64(stmt, 1, endpoint);
	for (int i = 0; i < 5; i++)
		sqlite3_bind_text(stmt, i + 2, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 7, lists, -1, SQLITE_STATIC);
	result = lists == NULL ? store_no_memory(s) : store_run(s, stmt);
	sqlite3_clear_bindings(stmt);
	buffer_free(&names);
	return result;
}

static int begin_segment(struct coverage *c, struct store *s, int64_t endpoint, const struct audit_policy_endpoint *e,
                         time_us time)
{
	struct segment segment = { .endpoint = endpoint, .from = time, .to = time, .open = true };

	if (follow(&segment, s, time, (enum coverage_state)e->state) == -1)
		return -1;
	segment.name = strdup(e->name);
	return insert(c, s, &segment);
}

static int endpoint_policy(struct coverage *c, struct store *s, const struct audit_policy *p,
                           const struct audit_policy_endpoint *e)
{
	struct segment *g;
	int64_t endpoint;
	bool found;
	size_t at;

	if (store_endpoint(s, e->name, &endpoint) == -1 || describe(s, endpoint, e) == -1)
		return -1;
	at = place(c, e->name, &found);
	if (!found)
		return begin_segment(c, s, endpoint, e, p->time);
	g = &c->all[at];
	if (p->time > g->to && go_on(g, s, p->time, g->open && p->continued ? g->state : COVERAGE_UNPROTECTED) == -1)
		return -1;
	g->open = true;
	return go_on(g, s, g->to, (enum coverage_state)e->state);
}

int coverage_policy(struct coverage *c, struct store *s, const struct audit_policy *p)
{
	for (size_t i = 0; i < c->count; i++) {
		struct segment *g = &c->all[i];

		if (!g->open || policy_endpoint(p, g->name) != NULL)
			continue;
		if (p->continued && extend(g, s, p->time) == -1)
			return -1;
		g->open = false;
	}
	if (store_run(s, store_use(s, ST_ENDPOINTS_ABSENT)) == -1)
		return -1;
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (endpoint_policy(c, s, p, &p->endpoints[i]) == -1)
			return -1;
	return 0;
}

int coverage_heartbeat(struct coverage *c, struct store *s, time_us time)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->all[i].open && extend(&c->all[i], s, time) == -1)
			return -1;
	return 0;
}
