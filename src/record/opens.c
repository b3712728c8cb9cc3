#include "record/opens.h"

#include <stdlib.h>

#include "core/seeded_hash.h"

#define FIRST_CAP 256

void opens_free(struct opens *o)
{
	free(o->all);
	free(o->buckets);
	*o = (struct opens){ .seed = o->seed, .waiting = o->waiting };
}

/* --- the table */

/* Seeded, so that nobody who may connect can choose ports that all fall into one bucket. */
static uint32_t *bucket(const struct opens *o, const struct flow *f)
{
	uint64_t h = seeded_hash_address(o->seed, &f->source);

	h = seeded_hash_address(h, &f->destination);
	h = seeded_hash_add(h, (uint64_t)f->source_port << 32 | (uint64_t)f->destination_port << 8 | f->protocol);
	return &o->buckets[h & (o->cap - 1)];
}

static bool same_flow(const struct flow *a, const struct flow *b)
{
	return a->source_port == b->source_port && a->destination_port == b->destination_port &&
	       a->protocol == b->protocol && address_compare(&a->source, &b->source) == 0 &&
	       address_compare(&a->destination, &b->destination) == 0;
}

static void link_in(struct opens *o, uint32_t index)
{
	uint32_t *head = bucket(o, &o->all[index].flow);

	o->all[index].next = *head;
	*head = index + 1;
}

/* What points at the open one: a bucket, or the one before it. */
static uint32_t *link_to(struct opens *o, uint32_t index)
{
	uint32_t *at = bucket(o, &o->all[index].flow);

	while (*at != index + 1)
		at = &o->all[*at - 1].next;
	return at;
}

static int grow(struct opens *o)
{
	uint32_t cap = o->cap == 0 ? FIRST_CAP : o->cap * 2;
	struct open *all = realloc(o->all, cap * sizeof(*all));
	uint32_t *buckets;

	if (all == NULL)
		return -1;
	o->all = all;
	buckets = calloc(cap, sizeof(*buckets));
	if (buckets == NULL)
		return -1;
	if (o->seed == 0)
		o->seed = seeded_hash_seed();
	free(o->buckets);
	o->buckets = buckets;
	o->cap = cap;
	for (uint32_t i = 0; i < o->count; i++)
		link_in(o, i);
	return 0;
}

static int insert(struct opens *o, const struct flow *flow, int64_t id, time_us time)
{
	if (o->count == o->cap && grow(o) == -1)
		return -1;
	o->all[o->count] = (struct open){ .flow = *flow, .id = id, .time = time };
	link_in(o, o->count++);
	return 0;
}

/* A start that is not known is as near to each; of equals the oldest counts. */
static time_us distance(const struct open *one, time_us start)
{
	if (start == TIME_UNKNOWN)
		return 0;
	return start > one->time ? start - one->time : one->time - start;
}

struct open *opens_find(struct opens *o, const struct flow *flow, time_us start)
{
	struct open *found = NULL;

	for (uint32_t at = o->cap == 0 ? 0 : *bucket(o, flow); at != 0; at = o->all[at - 1].next) {
		struct open *one = &o->all[at - 1];
		time_us far = distance(one, start), nearest = found == NULL ? OPENS_TOLERANCE + 1 : distance(found, start);

		if (!same_flow(&one->flow, flow))
			continue;
		if (far < nearest || (far == nearest && found != NULL && one->time < found->time))
			found = one;
	}
	return found;
}

static void take_out(struct opens *o, uint32_t index)
{
	uint32_t last = o->count - 1;

	*link_to(o, index) = o->all[index].next;
	if (index != last) {
		*link_to(o, last) = index + 1;
		o->all[index] = o->all[last];
	}
	o->count = last;
}

/* --- in the database too */

static int load_one(struct opens *o, struct store *s, sqlite3_stmt *stmt)
{
	struct flow f = {
		.source_port = (uint16_t)sqlite3_column_int(stmt, 3),
		.destination_port = (uint16_t)sqlite3_column_int(stmt, 5),
		.protocol = (uint8_t)sqlite3_column_int(stmt, 6),
	};

	if (audit_column_address(stmt, 2, &f.source) == -1 || audit_column_address(stmt, 4, &f.destination) == -1)
		return 0;
	if (insert(o, &f, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)) == -1)
		return store_no_memory(s);
	return 0;
}

int opens_load(struct opens *o, struct store *s)
{
	sqlite3_stmt *stmt;
	int got;

	opens_free(o);
	if (store_prepare(s, "SELECT c.id, c.id + c.skew, c.source, c.source_port + 32768, t.destination, t.port, t.protocol"
	                     " FROM open_connection o CROSS JOIN connection c ON c.id = o.id"
	                     " CROSS JOIN target t ON t.id = c.target", &stmt) == -1)
		return -1;
	while ((got = store_step(s, stmt)) == 1)
		if (load_one(o, s, stmt) == -1) {
			got = -1;
			break;
		}
	sqlite3_finalize(stmt);
	return got;
}

int opens_add(struct opens *o, struct store *s, const struct flow *flow, int64_t id, time_us time)
{
	if (!o->waiting || o->count >= OPENS_MOST)
		return 0;
	if (insert(o, flow, id, time) == -1)
		return store_no_memory(s);
	return store_open_add(s, id);
}

int opens_remove(struct opens *o, struct store *s, struct open *open)
{
	int64_t id = open->id;

	take_out(o, (uint32_t)(open - o->all));
	return store_open_remove(s, id);
}
