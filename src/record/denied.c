#include "record/denied.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "record/leaves.h"
#include "record/packet.h"

#define HOUR (3600 * US_PER_SECOND)

void elements_free(struct elements *e)
{
	free(e->all);
	*e = (struct elements){ NULL, 0 };
}

/* --- order */

static int compare(const struct address *source_a, const struct address *destination_a, unsigned rest_a,
                   const struct address *source_b, const struct address *destination_b, unsigned rest_b)
{
	int order = address_compare(source_a, source_b);

	if (order == 0)
		order = address_compare(destination_a, destination_b);
	return order != 0 ? order : (rest_a > rest_b) - (rest_a < rest_b);
}

static int compare_denied(const void *a, const void *b)
{
	const struct audit_denied *x = a, *y = b;

	return compare(&x->source, &x->destination, (unsigned)x->protocol << 16 | x->port, &y->source, &y->destination,
	               (unsigned)y->protocol << 16 | y->port);
}

static int compare_element(const struct element *e, const struct audit_denied *d)
{
	return compare(&e->source, &e->destination, (unsigned)e->protocol << 16 | e->port, &d->source, &d->destination,
	               (unsigned)d->protocol << 16 | d->port);
}

static int compare_elements(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	return compare(&x->source, &x->destination, (unsigned)x->protocol << 16 | x->port, &y->source, &y->destination,
	               (unsigned)y->protocol << 16 | y->port);
}

/* --- loading */

static int load_element(struct elements *e, size_t *cap, struct store *s, sqlite3_stmt *stmt)
{
	struct element *all = e->all, *element;

	if (e->count == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		all = realloc(all, *cap * sizeof(*all));
		if (all == NULL)
			return store_no_memory(s);
		e->all = all;
	}
	element = &all[e->count];
	*element = (struct element){
		.row = sqlite3_column_int64(stmt, 0),
		.endpoint = sqlite3_column_int64(stmt, 1),
		.kernel = (uint64_t)sqlite3_column_int64(stmt, 2),
		.grown_at = sqlite3_column_int64(stmt, 3),
		.port = (uint16_t)(sqlite3_column_int(stmt, 6) < 0 ? 0 : sqlite3_column_int(stmt, 6)),
		.protocol = (uint8_t)sqlite3_column_int(stmt, 7),
	};
	if (audit_column_address(stmt, 4, &element->source) == 0 &&
	    audit_column_address(stmt, 5, &element->destination) == 0)
		e->count++;
	return 0;
}

int elements_load(struct elements *e, struct store *s)
{
	sqlite3_stmt *stmt;
	size_t cap = 0;
	int got;

	elements_free(e);
	if (store_prepare(s, "SELECT a.id, a.endpoint, a.kernel, a.to_time, a.source, t.destination, t.port, t.protocol"
	                     " FROM aggregate a CROSS JOIN target t ON t.id = a.target WHERE a.live = 1", &stmt) == -1)
		return -1;
	while ((got = store_step(s, stmt)) == 1)
		if (load_element(e, &cap, s, stmt) == -1) {
			got = -1;
			break;
		}
	sqlite3_finalize(stmt);
	if (e->count > 1)
		qsort(e->all, e->count, sizeof(*e->all), compare_elements);
	return got;
}

/* --- rows */

static int close_row(struct store *s, const struct element *e)
{
	sqlite3_stmt *stmt = store_use(s, ST_AGGREGATE_CLOSE);

	sqlite3_bind_int64(stmt, 1, e->row);
	return store_run(s, stmt) == -1 ? -1 : leaves_append(s, LEAF_AGGREGATE, e->row);
}

int elements_drop(struct elements *e, struct store *s)
{
	for (size_t i = 0; i < e->count; i++)
		if (close_row(s, &e->all[i]) == -1)
			return -1;
	elements_free(e);
	return 0;
}

/* The kernel's element has a port 0 where the protocol has none. */
static int32_t shown_port(const struct element *e)
{
	bool has_ports = e->protocol == IPPROTO_TCP || e->protocol == IPPROTO_UDP || e->protocol == IPPROTO_SCTP;

	return has_ports ? e->port : PORT_UNKNOWN;
}

static int add_row(struct store *s, struct element *e, uint64_t grown, time_us from, time_us to)
{
	sqlite3_stmt *stmt;
	int64_t target;

	if (store_target(s, &e->destination, shown_port(e), e->protocol, &target) == -1)
		return -1;
	stmt = store_use(s, ST_AGGREGATE_ADD);
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	sqlite3_bind_int64(stmt, 3, e->endpoint);
	audit_bind_address(stmt, 4, &e->source);
	sqlite3_bind_int64(stmt, 5, target);
	sqlite3_bind_int64(stmt, 6, (int64_t)grown);
	sqlite3_bind_int64(stmt, 7, (int64_t)e->kernel);
	if (store_run(s, stmt) == -1)
		return -1;
	e->row = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int grow_row(struct store *s, const struct element *e, uint64_t grown, time_us to)
{
	sqlite3_stmt *stmt = store_use(s, ST_AGGREGATE_GROW);

	sqlite3_bind_int64(stmt, 1, e->row);
	sqlite3_bind_int64(stmt, 2, to);
	sqlite3_bind_int64(stmt, 3, (int64_t)grown);
	sqlite3_bind_int64(stmt, 4, (int64_t)e->kernel);
	return store_run(s, stmt);
}

/* Adds `grown` to the element's row, or to a new one where that is of an earlier hour or of another endpoint. */
static int record_growth(struct store *s, struct element *e, int64_t endpoint, uint64_t grown, time_us from, time_us to)
{
	bool same = e->row != 0 && e->endpoint == endpoint && e->grown_at / HOUR == to / HOUR;

	e->grown_at = to;
	e->endpoint = endpoint;
	if (same)
		return grow_row(s, e, grown, to);
	if (e->row != 0 && close_row(s, e) == -1)
		return -1;
	return add_row(s, e, grown, from, to);
}

/* --- settling */

/* The element as this reading has it; `before` is what was known of it, or NULL. */
static int settle_element(struct element *now, const struct element *before, struct store *s, struct pools *pools,
                          const struct audit_denied *d, time_us from, time_us to)
{
	const char *name = d->endpoint;
	uint64_t grown = d->packets;
	struct pool *pool;

	*now = (struct element){
		.source = d->source,
		.destination = d->destination,
		.port = d->port,
		.protocol = d->protocol,
	};
	if (before != NULL)
		*now = *before;
	/* A count that went back is of an element that was made anew. */
	if (d->packets >= now->kernel)
		grown -= now->kernel;
	now->kernel = d->packets;
	if (s->state.baseline)
		grown = 0;
	if (grown == 0 && now->row != 0)
		return 0;
	if (*name == '\0' && before != NULL)
		name = store_endpoint_name(s, before->endpoint);
	if (pools_get(pools, s, name, VERDICT_DENY, &pool) == -1)
		return -1;
	pool->aggregated += grown;
	pool->changed = true;
	return record_growth(s, now, pool->endpoint, grown, from, to);
}

/* An element that the reading lacks is remembered for as long as the kernel may still have it. */
static bool may_live(const struct element *e, time_us now)
{
	return now - e->grown_at < ELEMENT_LIFE;
}

static int settle_missing(struct elements *next, const struct element *e, struct store *s, time_us now)
{
	if (!may_live(e, now))
		return close_row(s, e);
	next->all[next->count++] = *e;
	return 0;
}

/* Merges the reading, sorted and without doubles, into what was known. */
static int merge(const struct elements *e, struct elements *next, struct store *s, struct pools *pools,
                 const struct audit_reading *reading, time_us from)
{
	size_t at = 0;

	for (size_t i = 0; i < reading->denied_count; i++) {
		const struct audit_denied *d = &reading->denied[i];
		const struct element *before = NULL;

		for (; at < e->count && compare_element(&e->all[at], d) < 0; at++)
			if (settle_missing(next, &e->all[at], s, reading->time) == -1)
				return -1;
		if (at < e->count && compare_element(&e->all[at], d) == 0)
			before = &e->all[at++];
		if (settle_element(&next->all[next->count], before, s, pools, d, from, reading->time) == -1)
			return -1;
		next->count++;
	}
	for (; at < e->count; at++)
		if (settle_missing(next, &e->all[at], s, reading->time) == -1)
			return -1;
	return 0;
}

/* Sorts, and leaves one of those that a dump of a growing set told twice: the one that was counted last. */
static void sort_denied(struct audit_reading *reading)
{
	size_t kept = 0;

	if (reading->denied_count > 1)
		qsort(reading->denied, reading->denied_count, sizeof(*reading->denied), compare_denied);
	for (size_t i = 0; i < reading->denied_count; i++) {
		struct audit_denied *d = &reading->denied[i];

		if (kept > 0 && compare_denied(&reading->denied[kept - 1], d) == 0) {
			if (reading->denied[kept - 1].packets < d->packets)
				reading->denied[kept - 1].packets = d->packets;
			free(d->endpoint);
		} else {
			reading->denied[kept++] = *d;
		}
	}
	reading->denied_count = kept;
}

int elements_settle(struct elements *e, struct store *s, struct pools *pools, struct audit_reading *reading,
                    time_us from)
{
	struct elements next = { NULL, 0 };

	sort_denied(reading);
	if (reading->denied_count + e->count == 0)
		return 0;
	next.all = calloc(reading->denied_count + e->count, sizeof(*next.all));
	if (next.all == NULL)
		return store_no_memory(s);
	if (merge(e, &next, s, pools, reading, from) == -1) {
		elements_free(&next);
		return -1;
	}
	elements_free(e);
	*e = next;
	return 0;
}
