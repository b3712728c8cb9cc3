#include "audit/counts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/spans.h"

#define FIRST_SLOTS 1024

/* Counting: the sources so far with their places by hash, and the days. */
struct counting {
	sqlite3 *db;
	time_us from, to;
	bool by_source;
	struct audit_counts *counts;
	size_t source_cap, day_cap;
	uint32_t *slots; /* open addressing: index + 1, or 0; a power of two of them; owned */
	size_t slot_count;
	sqlite3_stmt *rows; /* owned */
};

static int no_memory(struct error *err)
{
	return error_set(err, "no memory to count the audit log");
}

static bool grow(void **array, size_t *cap, size_t count, size_t size)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *grown;

	if (count < *cap)
		return true;
	grown = reallocarray(*array, more, size);
	if (grown == NULL)
		return false;
	*array = grown;
	*cap = more;
	return true;
}

/* --- sources */

static uint64_t hash(int64_t decision, const struct address *a)
{
	uint64_t high, low, h;

	memcpy(&high, a->bytes, 8);
	memcpy(&low, a->bytes + 8, 8);
	h = (high ^ (uint64_t)decision * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 32 ^ low) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 29;
}

static uint32_t *find_slot(const struct counting *c, int64_t decision, const struct address *a)
{
	size_t at = hash(decision, a) & (c->slot_count - 1);

	for (;; at = (at + 1) & (c->slot_count - 1)) {
		const struct audit_source_count *s;

		if (c->slots[at] == 0)
			return &c->slots[at];
		s = &c->counts->sources[c->slots[at] - 1];
		if (s->decision == decision && s->source.family == a->family && memcmp(s->source.bytes, a->bytes, 16) == 0)
			return &c->slots[at];
	}
}

static int grow_slots(struct counting *c)
{
	size_t count = c->slot_count == 0 ? FIRST_SLOTS : c->slot_count * 2;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (slots == NULL)
		return -1;
	free(c->slots);
	c->slots = slots;
	c->slot_count = count;
	for (size_t i = 0; i < c->counts->source_count; i++)
		*find_slot(c, c->counts->sources[i].decision, &c->counts->sources[i].source) = (uint32_t)i + 1;
	return 0;
}

/* Adds rows of one source; `a` has zeros behind an IPv4 address. */
static int add_source(struct counting *c, int64_t decision, const struct block_source *add, struct error *err)
{
	struct audit_counts *counts = c->counts;
	struct audit_source_count *s;
	uint32_t *slot;

	if (counts->source_count * 2 >= c->slot_count && grow_slots(c) == -1)
		return no_memory(err);
	slot = find_slot(c, decision, &add->source);
	if (*slot == 0) {
		if (!grow((void **)&counts->sources, &c->source_cap, counts->source_count, sizeof(*s)))
			return no_memory(err);
		counts->sources[counts->source_count++] =
			(struct audit_source_count){ add->source, decision, add->rows, add->first, add->last };
		*slot = (uint32_t)counts->source_count;
		return 0;
	}
	s = &counts->sources[*slot - 1];
	s->rows += add->rows;
	s->first = add->first < s->first ? add->first : s->first;
	s->last = add->last > s->last ? add->last : s->last;
	return 0;
}

/* --- days */

/* Rows come nearly in order of time: what is not found among the last few is added, and found again by merge_days. */
static int add_day(struct counting *c, time_us time, int64_t decision, uint64_t rows, struct error *err)
{
	struct audit_counts *counts = c->counts;
	time_us day = time - time % BLOCK_DAY;

	for (size_t i = counts->day_count, back = 0; i > 0 && back < 64; i--, back++)
		if (counts->days[i - 1].day == day && counts->days[i - 1].decision == decision) {
			counts->days[i - 1].rows += rows;
			return 0;
		}
	if (!grow((void **)&counts->days, &c->day_cap, counts->day_count, sizeof(*counts->days)))
		return no_memory(err);
	counts->days[counts->day_count++] = (struct audit_day_count){ day, decision, rows };
	return 0;
}

static int compare_days(const void *a, const void *b)
{
	const struct audit_day_count *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->decision > y->decision) - (x->decision < y->decision);
}

static void merge_days(struct audit_counts *c)
{
	size_t kept = 0;

	if (c->day_count > 1)
		qsort(c->days, c->day_count, sizeof(*c->days), compare_days);
	for (size_t i = 0; i < c->day_count; i++) {
		if (kept > 0 && compare_days(&c->days[kept - 1], &c->days[i]) == 0)
			c->days[kept - 1].rows += c->days[i].rows;
		else
			c->days[kept++] = c->days[i];
	}
	c->day_count = kept;
}

/* --- spans */

static int count_row(struct counting *c, struct error *err)
{
	struct block_source row = { .rows = 1 };
	int64_t decision = sqlite3_column_int64(c->rows, 2);

	row.first = row.last = sqlite3_column_int64(c->rows, 0);
	if (audit_column_address(c->rows, 1, &row.source) == -1)
		return error_set(err, "the audit log is damaged: a row of table connection has no address");
	if (add_day(c, row.first, decision, 1, err) == -1)
		return -1;
	return c->by_source ? add_source(c, decision, &row, err) : 0;
}

/* The rows of a span that are in the period. */
static int count_rows(struct counting *c, const struct span *span, struct error *err)
{
	int rc;

	sqlite3_reset(c->rows);
	sqlite3_bind_int64(c->rows, 1, span->first_id);
	sqlite3_bind_int64(c->rows, 2, span->last_id);
	sqlite3_bind_int64(c->rows, 3, c->from);
	sqlite3_bind_int64(c->rows, 4, c->to);
	while ((rc = sqlite3_step(c->rows)) == SQLITE_ROW)
		if (count_row(c, err) == -1)
			return -1;
	return rc == SQLITE_DONE ? 0 : spans_error(c->db, err);
}

static int count_sources(struct counting *c, const struct span *span, const struct block_decision *d,
                         struct block_bytes *sources, struct error *err)
{
	struct block_source source;
	struct block_sources list;
	int got;

	if (block_take_sources(&list, sources, d, span->min_time) == -1)
		return spans_damaged(span, err);
	while ((got = block_next_source(&list, &source)) == 1)
		if (add_source(c, d->decision, &source, err) == -1)
			return -1;
	return got == 0 ? 0 : spans_damaged(span, err);
}

static int count_block(struct counting *c, struct spans *s, const struct span *span, struct error *err)
{
	struct block_bytes decisions = span->decisions, sources = { NULL, NULL };
	struct block_decision d = { .decision = 0 };
	int got;

	if (c->by_source && spans_sources(s, span, &sources, NULL, err) == -1)
		return -1;
	while ((got = block_next_decision(&decisions, &d)) == 1)
		if (add_day(c, span->min_time, d.decision, d.rows, err) == -1 ||
		    (c->by_source && count_sources(c, span, &d, &sources, err) == -1))
			return -1;
	return got == 0 ? 0 : spans_damaged(span, err);
}

static int count_span(struct counting *c, struct spans *s, const struct span *span, struct error *err)
{
	if (!span->whole)
		return count_rows(c, span, err);
	if (span->max_time < c->from || span->min_time >= c->to)
		return 0;
	if (span->min_time < c->from || span->max_time >= c->to)
		return count_rows(c, span, err);
	return count_block(c, s, span, err);
}

static int count_spans(struct counting *c, struct error *err)
{
	struct spans s;
	struct span span;
	int got;

	/* A row's time is never after its id, so none before `from` matters. */
	if (spans_open(&s, c->db, c->from > 0 ? c->from - 1 : 0, INT64_MAX - 1, false, err) == -1)
		return -1;
	while ((got = spans_next(&s, &span, err)) == 1)
		if (count_span(c, &s, &span, err) == -1) {
			got = -1;
			break;
		}
	spans_close(&s);
	return got;
}

static int read_counts(sqlite3 *db, time_us from, time_us to, bool by_source, struct audit_counts *counts,
                       struct error *err)
{
	struct counting c = { .db = db, .from = from, .to = to, .by_source = by_source, .counts = counts };
	int result;

	*counts = (struct audit_counts){ NULL, 0, NULL, 0 };
	if (sqlite3_prepare_v2(db, "SELECT id + skew, source, decision FROM connection WHERE id BETWEEN ?1 AND ?2"
	                           " AND id + skew >= ?3 AND id + skew < ?4", -1, &c.rows, NULL) != SQLITE_OK)
		return spans_error(db, err);
	result = count_spans(&c, err);
	sqlite3_finalize(c.rows);
	free(c.slots);
	merge_days(counts);
	if (result == -1)
		audit_counts_free(counts);
	return result;
}

int audit_counts_read(sqlite3 *db, time_us from, time_us to, struct audit_counts *c, struct error *err)
{
	return read_counts(db, from, to, true, c, err);
}

int audit_days_read(sqlite3 *db, time_us from, time_us to, struct audit_counts *c, struct error *err)
{
	return read_counts(db, from, to, false, c, err);
}

void audit_counts_free(struct audit_counts *c)
{
	free(c->sources);
	free(c->days);
	*c = (struct audit_counts){ NULL, 0, NULL, 0 };
}
