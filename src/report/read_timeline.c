/* What happened when: columns of a timeline out of the tallies, and floods out of the aggregates.  Both are read from the
 * tables (audit/schema.c), because numbers are all that is wanted, and the views make text of them. */
#include <stdlib.h>
#include <string.h>

#include "report/query.h"
#include "report/read.h"

#define HOUR_US (3600 * US_PER_SECOND)
#define DAY_US (24 * HOUR_US)
#define SLOTS_MAX 800

/* Hours for up to two days, else days, else as many days as are needed. */
static void choose_slots(struct report *r)
{
	time_us first, last;

	r->slot = r->to - r->from <= 2 * DAY_US ? HOUR_US : DAY_US;
	for (;; r->slot *= 2) {
		first = r->from / r->slot;
		last = (r->to - 1) / r->slot;
		r->slot_count = (size_t)(last - first) + 1;
		if (r->slot_count <= SLOTS_MAX)
			return;
	}
}

static struct report_slot *slots_of(const struct report *r, struct report_endpoint *e, struct error *err)
{
	if (e->slots == NULL && (e->slots = calloc(r->slot_count, sizeof(*e->slots))) == NULL)
		report_no_memory(err);
	return e->slots;
}

static void add_to_slot(struct report_slot *slot, bool allowed, sqlite3_stmt *s)
{
	*(allowed ? &slot->allowed : &slot->denied) += query_count(s, 3);
	slot->aggregated += query_count(s, 4);
	slot->lost += query_count(s, 5);
}

/* A tally that crosses an edge of the period counts whole, as in the sums: it goes to the first slot or the last. */
static size_t slot_of(const struct report *r, sqlite3_stmt *s)
{
	time_us at = sqlite3_column_int64(s, 2) - r->from / r->slot;

	if (at < 0)
		return 0;
	return (size_t)at >= r->slot_count ? r->slot_count - 1 : (size_t)at;
}

int report_read_timeline(sqlite3 *db, struct report *r, struct error *err)
{
	sqlite3_stmt *s;
	int rc;

	choose_slots(r);
	r->slots = calloc(r->slot_count, sizeof(*r->slots));
	if (r->slots == NULL)
		return report_no_memory(err);
	if (query_start(db, &s,
	                "SELECT e.name, t.verdict = 0, (t.to_time - 1) / ?3, sum(t.recorded), sum(t.aggregated), sum(t.lost)"
	                " FROM tally t CROSS JOIN endpoint e ON e.id = t.endpoint"
	                " WHERE t.to_time > ?1 AND t.from_time < ?2 GROUP BY 1, 2, 3 ORDER BY 1",
	                NULL, 0, err) == -1)
		return -1;
	sqlite3_bind_int64(s, 1, r->from);
	sqlite3_bind_int64(s, 2, r->to);
	sqlite3_bind_int64(s, 3, r->slot);
	while ((rc = query_next(s, err)) == 1) {
		struct report_endpoint *e = report_endpoint(r, query_text(s, 0), err);
		struct report_slot *slots = e == NULL ? NULL : slots_of(r, e, err);
		size_t at = slot_of(r, s);

		if (slots == NULL) {
			rc = -1;
			break;
		}
		add_to_slot(&slots[at], sqlite3_column_int(s, 1), s);
		add_to_slot(&r->slots[at], sqlite3_column_int(s, 1), s);
	}
	sqlite3_finalize(s);
	return rc;
}

/* --- floods */

/* One hour of one endpoint; an hour that follows the one before is the same flood. */
static int add_flood(struct report *r, sqlite3_stmt *s, time_us *hour, struct error *err)
{
	struct report_flood *last = r->flood_count > 0 ? &r->floods[r->flood_count - 1] : NULL, *grown;
	time_us now = sqlite3_column_int64(s, 1), to = sqlite3_column_int64(s, 3);
	uint64_t sources = query_count(s, 4);

	if (last == NULL || strcmp(last->endpoint, query_text(s, 0)) != 0 || now > *hour + 1) {
		grown = report_grow(r->floods, &r->flood_count, sizeof(*grown), err);
		if (grown == NULL)
			return -1;
		r->floods = grown;
		last = &grown[r->flood_count - 1];
		last->from = sqlite3_column_int64(s, 2);
		if (report_copy(&last->endpoint, query_text(s, 0), err) == -1)
			return -1;
	}
	*hour = now;
	if (to > last->to)
		last->to = to;
	if (sources > last->sources)
		last->sources = sources;
	last->attempts += query_count(s, 5);
	return 0;
}

int report_read_floods(sqlite3 *db, struct report *r, struct error *err)
{
	time_us hour = 0;
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT e.name, a.from_time / 3600000000, min(a.from_time), max(a.to_time),"
	                " count(DISTINCT a.source), sum(a.count)"
	                " FROM aggregate a CROSS JOIN endpoint e ON e.id = a.endpoint"
	                " WHERE a.count > 0 AND a.to_time > ?1 AND a.from_time < ?2 GROUP BY 1, 2 ORDER BY 1, 2",
	                NULL, 0, err) == -1)
		return -1;
	sqlite3_bind_int64(s, 1, r->from);
	sqlite3_bind_int64(s, 2, r->to);
	while ((rc = query_next(s, err)) == 1) {
		if (add_flood(r, s, &hour, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	return rc;
}

/* --- how far the log reaches, and whether its clock went back */

static int first_number(sqlite3_stmt *s, int64_t *number, struct error *err)
{
	int rc = query_next(s, err);

	*number = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return rc == -1 ? -1 : 0;
}

int report_oldest(sqlite3 *db, time_us *t, struct error *err)
{
	sqlite3_stmt *s;

	if (query_start(db, &s,
	                "SELECT coalesce(min(t), 0) FROM (SELECT min(id) AS t FROM connection"
	                " UNION ALL SELECT min(time) FROM event UNION ALL SELECT min(from_time) FROM segment)",
	                NULL, 0, err) == -1)
		return -1;
	return first_number(s, t, err);
}

/* Rows of a kind are deleted in the order in which they were announced: the first announcement says whether any was. */
#define ANY_DELETED(kind) \
	"coalesce((SELECT coalesce((SELECT l.first + l.count FROM leaves l WHERE l.first <= r.first ORDER BY l.first DESC" \
	" LIMIT 1), 0) <= r.first FROM retirement r WHERE r.kind = " kind " ORDER BY r.id LIMIT 1), 0)"
#define LAST_ANNOUNCED(kind) "(SELECT max(time) FROM retirement WHERE kind = " kind ")"

/* The oldest row that is there may have one beside it that is not, so it is told to the next full second. */
int report_complete_from(sqlite3 *db, time_us *t, struct error *err)
{
	sqlite3_stmt *s;

	if (query_start(db, &s,
	                "SELECT max(iif(" ANY_DELETED("1") ", coalesce((SELECT min(id) FROM connection), "
	                LAST_ANNOUNCED("1") "), 0), iif(" ANY_DELETED("3") ", coalesce((SELECT min(to_time) FROM aggregate), "
	                LAST_ANNOUNCED("3") "), 0))", NULL, 0, err) == -1 || first_number(s, t, err) == -1)
		return -1;
	*t += (US_PER_SECOND - *t % US_PER_SECOND) % US_PER_SECOND;
	return 0;
}

int report_read_reach(sqlite3 *db, struct report *r, struct error *err)
{
	sqlite3_stmt *s;
	int64_t steps;

	if (query_start(db, &s,
	                "SELECT count(*) FROM connection WHERE skew < -1000000 AND id + skew >= ?1 AND id + skew < ?2", NULL, 0,
	                err) == -1)
		return -1;
	sqlite3_bind_int64(s, 1, r->from);
	sqlite3_bind_int64(s, 2, r->to);
	if (first_number(s, &steps, err) == -1)
		return -1;
	r->clock_steps = (uint64_t)steps;
	return report_oldest(db, &r->oldest, err) == -1 ? -1 : report_complete_from(db, &r->complete_from, err);
}
