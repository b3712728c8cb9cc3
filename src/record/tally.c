#include "record/tally.h"

#include <stdlib.h>
#include <string.h>

#include "record/denied.h"
#include "record/leaves.h"

#define HOUR (3600 * US_PER_SECOND)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- arithmetic */

uint64_t counted_grow(struct counted *c, uint64_t handle, uint64_t packets)
{
	bool anew = packets < c->packets || (c->handle != 0 && handle != 0 && c->handle != handle);
	uint64_t grown = anew ? packets : packets - c->packets;

	*c = (struct counted){ handle, packets };
	return grown;
}

/* Rows whose counter will never be read. */
static void take_late(struct pool *p, struct tally *t)
{
	t->counted += p->late;
	t->recorded += p->late;
	p->late = 0;
}

void pool_settle(struct pool *p, uint64_t grown, bool after_drain, struct tally *t)
{
	uint64_t kept, overdue, rows;

	*t = (struct tally){ .counted = grown };
	t->aggregated = least(p->aggregated, grown);
	t->recorded = least(p->recorded, grown - t->aggregated);
	kept = t->aggregated + t->recorded;
	t->lost = grown - kept;
	p->aggregated -= t->aggregated;
	p->recorded -= t->recorded;

	overdue = after_drain && p->carried > kept ? least(p->carried - kept, p->recorded + p->aggregated) : 0;
	rows = least(overdue, p->recorded);
	t->counted += overdue;
	t->recorded += rows;
	t->aggregated += overdue - rows;
	p->recorded -= rows;
	p->aggregated -= overdue - rows;
	p->carried = p->recorded + p->aggregated;
	take_late(p, t);
}

void pool_close(struct pool *p, struct tally *t)
{
	*t = (struct tally){ p->recorded + p->aggregated, p->recorded, p->aggregated, 0 };
	p->recorded = p->aggregated = p->carried = 0;
	take_late(p, t);
}

void pool_new_epoch(struct pool *p)
{
	p->counter = (struct counted){ 0, 0 };
	p->carried = 0;
	p->recorded += p->next;
	p->next = 0;
}

/* --- the pools */

void pools_free(struct pools *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->all[i]->name);
		free(p->all[i]);
	}
	free(p->all);
	*p = (struct pools){ NULL, 0, 0 };
}

static int order(const struct pool *p, const char *name, enum verdict verdict)
{
	int by_name = strcmp(p->name, name);

	return by_name != 0 ? by_name : (int)p->verdict - (int)verdict;
}

static size_t place(const struct pools *p, const char *name, enum verdict verdict, bool *found)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order(p->all[middle], name, verdict) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < p->count && order(p->all[low], name, verdict) == 0;
	return low;
}

static int reserve(struct pools *p)
{
	size_t cap = p->cap == 0 ? 16 : p->cap * 2;
	struct pool **all;

	if (p->count < p->cap)
		return 0;
	all = realloc(p->all, cap * sizeof(struct pool *));
	if (all == NULL)
		return -1;
	p->all = all;
	p->cap = cap;
	return 0;
}

/* Puts in a pool of zeros.  NULL with no memory. */
static struct pool *insert(struct pools *p, const char *name, enum verdict verdict)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	bool found;
	size_t at;

	if (pool == NULL)
		return NULL;
	pool->name = strdup(name);
	pool->verdict = verdict;
	if (pool->name == NULL || reserve(p) == -1) {
		free(pool->name);
		free(pool);
		return NULL;
	}
	at = place(p, name, verdict, &found);
	memmove(&p->all[at + 1], &p->all[at], (p->count - at) * sizeof(struct pool *));
	p->all[at] = pool;
	p->count++;
	return pool;
}

int pools_get(struct pools *p, struct store *s, const char *name, enum verdict verdict, struct pool **pool)
{
	int64_t endpoint;
	bool found;
	size_t at = place(p, name, verdict, &found);

	if (found) {
		*pool = p->all[at];
		return 0;
	}
	if (store_endpoint(s, name, &endpoint) == -1)
		return -1;
	*pool = insert(p, name, verdict);
	if (*pool == NULL)
		return store_no_memory(s);
	(*pool)->endpoint = endpoint;
	(*pool)->changed = true;
	return 0;
}

static uint64_t column(sqlite3_stmt *stmt, int i)
{
	return (uint64_t)sqlite3_column_int64(stmt, i);
}

static int load_pool(struct pools *p, struct store *s, sqlite3_stmt *stmt)
{
	struct pool *pool =
		insert(p, (const char *)sqlite3_column_text(stmt, 0), (enum verdict)sqlite3_column_int(stmt, 2));

	if (pool == NULL)
		return store_no_memory(s);
	pool->endpoint = sqlite3_column_int64(stmt, 1);
	pool->counter = (struct counted){ column(stmt, 3), column(stmt, 4) };
	pool->recorded = column(stmt, 5);
	pool->aggregated = column(stmt, 6);
	pool->next = column(stmt, 7);
	pool->late = column(stmt, 8);
	pool->carried = column(stmt, 9);
	return 0;
}

int pools_load(struct pools *p, struct store *s)
{
	sqlite3_stmt *stmt;
	int got;

	pools_free(p);
	if (store_prepare(s, "SELECT e.name, p.endpoint, p.verdict, p.handle, p.kernel, p.recorded, p.aggregated,"
	                     " p.next, p.late, p.carried FROM pool p JOIN endpoint e ON e.id = p.endpoint",
	                  &stmt) == -1)
		return -1;
	while ((got = store_step(s, stmt)) == 1)
		if (load_pool(p, s, stmt) == -1) {
			got = -1;
			break;
		}
	sqlite3_finalize(stmt);
	return got;
}

static int save_pool(struct store *s, const struct pool *pool)
{
	sqlite3_stmt *stmt = store_use(s, ST_POOL_SAVE);
	const uint64_t values[] = { pool->counter.handle, pool->counter.packets, pool->recorded, pool->aggregated,
		                        pool->next,           pool->late,            pool->carried };

	sqlite3_bind_int64(stmt, 1, pool->endpoint);
	sqlite3_bind_int(stmt, 2, (int)pool->verdict);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		sqlite3_bind_int64(stmt, (int)i + 3, (int64_t)values[i]);
	return store_run(s, stmt);
}

int pools_save(struct pools *p, struct store *s)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!p->all[i]->changed)
			continue;
		if (save_pool(s, p->all[i]) == -1)
			return -1;
		p->all[i]->changed = false;
	}
	return 0;
}

static int delete_pool(struct pools *p, struct store *s, size_t at)
{
	sqlite3_stmt *stmt = store_use(s, ST_POOL_DELETE);

	sqlite3_bind_int64(stmt, 1, p->all[at]->endpoint);
	sqlite3_bind_int(stmt, 2, (int)p->all[at]->verdict);
	if (store_run(s, stmt) == -1)
		return -1;
	free(p->all[at]->name);
	free(p->all[at]);
	p->count--;
	memmove(&p->all[at], &p->all[at + 1], (p->count - at) * sizeof(struct pool *));
	return 0;
}

/* --- settling a reading */

/* Adds to the tally of the hour in which the interval ends. */
static int write_tally(struct store *s, const struct pool *pool, const struct tally *t, time_us from, time_us to)
{
	sqlite3_stmt *stmt;

	if (t->counted == 0)
		return 0;
	stmt = store_use(s, ST_TALLY_ADD);
	sqlite3_bind_int64(stmt, 1, to / HOUR);
	sqlite3_bind_int64(stmt, 2, pool->endpoint);
	sqlite3_bind_int(stmt, 3, (int)pool->verdict);
	sqlite3_bind_int64(stmt, 4, from);
	sqlite3_bind_int64(stmt, 5, to);
	sqlite3_bind_int64(stmt, 6, (int64_t)t->counted);
	sqlite3_bind_int64(stmt, 7, (int64_t)t->recorded);
	sqlite3_bind_int64(stmt, 8, (int64_t)t->aggregated);
	sqlite3_bind_int64(stmt, 9, (int64_t)t->lost);
	sqlite3_bind_int64(stmt, 10, s->tree.part);
	return store_run(s, stmt);
}

static int begin_epoch(struct pools *p, struct store *s, struct elements *elements, const char *epoch, time_us from,
                       time_us to)
{
	char *copy = strdup(epoch);
	bool first = s->state.epoch[0] == '\0';
	struct tally t;

	if (copy == NULL)
		return store_no_memory(s);
	free(s->state.epoch);
	s->state.epoch = copy;
	for (size_t i = 0; i < p->count; i++) {
		/* The very first reading ends no epoch: rows that came before it, also those that an earlier recorder took, are
		 * in its counters. */
		if (!first) {
			pool_close(p->all[i], &t);
			if (write_tally(s, p->all[i], &t, from, to) == -1)
				return -1;
		}
		pool_new_epoch(p->all[i]);
		p->all[i]->changed = true;
	}
	return elements_drop(elements, s);
}

static int read_counters(struct pools *p, struct store *s, const struct audit_reading *reading)
{
	for (size_t i = 0; i < p->count; i++)
		p->all[i]->seen = false;
	for (size_t i = 0; i < reading->counter_count; i++) {
		const struct audit_counter *c = &reading->counters[i];
		struct pool *pool;

		if (c->kind == COUNTER_OVER)
			continue;
		if (pools_get(p, s, c->endpoint, c->kind == COUNTER_ALLOW ? VERDICT_ALLOW : VERDICT_DENY, &pool) == -1)
			return -1;
		if (pool->counter.handle != c->handle || pool->counter.packets != c->packets)
			pool->changed = true;
		pool->grown = counted_grow(&pool->counter, c->handle, c->packets);
		pool->seen = true;
		if (s->state.baseline)
			pool->grown = 0;
	}
	return 0;
}

static bool pool_empty(const struct pool *p)
{
	return p->recorded == 0 && p->aggregated == 0 && p->next == 0 && p->late == 0;
}

/* gone: the reading has no counter for it, and nor will a later one. */
static int settle_pool(struct store *s, struct pool *pool, bool gone, bool after_drain, time_us from, time_us to)
{
	struct tally t = { 0, 0, 0, 0 };
	uint64_t carried = pool->carried;

	if (pool->seen)
		pool_settle(pool, pool->grown, after_drain, &t);
	else if (gone)
		pool_close(pool, &t);
	if (t.counted > 0 || pool->carried != carried)
		pool->changed = true;
	return write_tally(s, pool, &t, from, to);
}

int pools_settle(struct pools *p, struct store *s, struct elements *elements, const struct policies *policies,
                 struct audit_reading *reading, time_us drained)
{
	time_us to = reading->time, from = s->state.reading_time;
	bool after_drain = reading->time > s->state.drained_time;

	if (from == 0 && policies->latest != NULL)
		from = policies->latest->time;
	if (from == 0 || from > to)
		from = to;
	if (leaves_hour(s, to / HOUR) == -1)
		return -1;
	if (strcmp(reading->epoch, s->state.epoch) != 0 && begin_epoch(p, s, elements, reading->epoch, from, to) == -1)
		return -1;
	if (read_counters(p, s, reading) == -1 || elements_settle(elements, s, p, reading, from) == -1)
		return -1;
	for (size_t i = p->count; i > 0; i--) {
		struct pool *pool = p->all[i - 1];
		bool gone = !pool->seen && policy_endpoint(policies->latest, pool->name) == NULL;

		if (settle_pool(s, pool, gone, after_drain, from, to) == -1 ||
		    (gone && pool_empty(pool) && delete_pool(p, s, i - 1) == -1))
			return -1;
	}
	s->state.reading_time = to;
	s->state.drained_time = drained;
	s->state.baseline = false;
	return 0;
}
