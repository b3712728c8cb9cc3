#include "audit/search.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/counts.h"
#include "audit/spans.h"

#define CHUNK_ROWS 4096 /* that are read one by one at a time */

struct search_decision {
	int64_t id;
	bool wanted;
};

struct audit_search {
	struct audit_filter filter;
	bool newest_first;
	struct search_decision *decisions; /* by id; owned */
	size_t decision_count;
	bool all_wanted;                   /* each decision is */
	struct spans spans;
	struct span rows;                  /* a span whose rows are read one by one; first_id > last_id: none */
	sqlite3_stmt *chunk;               /* owned */
	int64_t *found;                    /* ascending ids; owned */
	size_t found_first, found_count, found_cap; /* not given out yet: from found_first on */
};

static int no_memory(struct error *err)
{
	return error_set(err, "no memory to search the audit log");
}

/* --- which decisions */

static int take_decisions(struct audit_search *s, const struct audit_decisions *d, struct error *err)
{
	const struct audit_filter *f = &s->filter;

	s->decisions = calloc(d->count + 1, sizeof(*s->decisions));
	if (s->decisions == NULL)
		return no_memory(err);
	s->decision_count = d->count;
	s->all_wanted = true;
	for (size_t i = 0; i < d->count; i++) {
		const struct audit_decision *from = &d->all[i];
		bool wanted = (f->endpoint == NULL || strcmp(f->endpoint, from->endpoint) == 0) &&
		              (f->verdict == NULL || strcmp(f->verdict, from->deny ? "deny" : "allow") == 0);

		s->decisions[i] = (struct search_decision){ from->id, wanted };
		s->all_wanted = s->all_wanted && wanted;
	}
	return 0;
}

static bool wants(const struct audit_search *s, int64_t decision)
{
	size_t low = 0, high = s->decision_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->decisions[middle].id < decision)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->decision_count && s->decisions[low].id == decision && s->decisions[low].wanted;
}

/* --- what was found */

static int add(struct audit_search *s, int64_t id, struct error *err)
{
	size_t cap = s->found_cap == 0 ? 1024 : s->found_cap * 2;
	int64_t *found;

	if (id <= s->filter.after || id > s->filter.upto)
		return 0;
	if (s->found_count == s->found_cap) {
		found = reallocarray(s->found, cap, sizeof(*found));
		if (found == NULL)
			return no_memory(err);
		s->found = found;
		s->found_cap = cap;
	}
	s->found[s->found_count++] = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort_found(struct audit_search *s)
{
	if (s->found_count > 1)
		qsort(s->found, s->found_count, sizeof(*s->found), compare_ids);
}

/* --- rows one by one */

static bool row_fits(const struct audit_search *s, sqlite3_stmt *row)
{
	const struct audit_filter *f = &s->filter;
	time_us time = sqlite3_column_int64(row, 0) + sqlite3_column_int64(row, 1);
	struct address source;

	if (time < f->since || time >= f->until || (!s->all_wanted && !wants(s, sqlite3_column_int64(row, 3))))
		return false;
	return !f->by_source || (audit_column_address(row, 2, &source) == 0 && prefix_contains(&f->source, &source));
}

/* What of the next rows of s->rows fits, which are then done. */
static int read_chunk(struct audit_search *s, struct error *err)
{
	int64_t last = 0;
	int rows = 0, rc;

	sqlite3_reset(s->chunk);
	sqlite3_bind_int64(s->chunk, 1, s->rows.first_id);
	sqlite3_bind_int64(s->chunk, 2, s->rows.last_id);
	sqlite3_bind_int(s->chunk, 3, CHUNK_ROWS);
	while ((rc = sqlite3_step(s->chunk)) == SQLITE_ROW) {
		last = sqlite3_column_int64(s->chunk, 0);
		rows++;
		if (row_fits(s, s->chunk) && add(s, last, err) == -1)
			return -1;
	}
	if (rc != SQLITE_DONE)
		return spans_error(s->spans.db, err);
	if (rows < CHUNK_ROWS)
		s->rows.first_id = s->rows.last_id + 1;
	else if (s->newest_first)
		s->rows.last_id = last - 1;
	else
		s->rows.first_id = last + 1;
	sort_found(s);
	return 0;
}

/* --- blocks */

static int take_source(struct audit_search *s, const struct block_source *source, struct block_bytes *places,
                       int64_t *place, const struct span *span, struct error *err)
{
	bool fits = !s->filter.by_source || prefix_contains(&s->filter.source, &source->source);

	if (fits && (add(s, source->first_id, err) == -1 || (source->rows > 1 && add(s, source->last_id, err) == -1)))
		return -1;
	*place = span->first_id;
	for (uint64_t i = 2; i < source->rows; i++) {
		if (block_next_place(places, place) == -1)
			return spans_damaged(span, err);
		if (fits && add(s, *place, err) == -1)
			return -1;
	}
	return 0;
}

static int take_decision(struct audit_search *s, const struct span *span, const struct block_decision *d,
                         struct block_bytes *sources, struct block_bytes *places, struct error *err)
{
	struct block_source source;
	struct block_sources list;
	int64_t place;
	int got;

	if (block_take_sources(&list, sources, d, span->min_time) == -1 ||
	    d->place_bytes > (size_t)(places->end - places->at))
		return spans_damaged(span, err);
	if (!wants(s, d->decision)) {
		if (d->place_bytes > 0) /* without places there may be no pointer either */
			places->at += d->place_bytes;
		return 0;
	}
	while ((got = block_next_source(&list, &source)) == 1)
		if (take_source(s, &source, places, &place, span, err) == -1)
			return -1;
	return got == 0 ? 0 : spans_damaged(span, err);
}

static int take_block(struct audit_search *s, const struct span *span, struct error *err)
{
	struct block_bytes decisions = span->decisions, sources, places;
	struct block_decision d = { .decision = 0 };
	int got;

	if (spans_sources(&s->spans, span, &sources, &places, err) == -1)
		return -1;
	while ((got = block_next_decision(&decisions, &d)) == 1)
		if (take_decision(s, span, &d, &sources, &places, err) == -1)
			return -1;
	if (got == -1)
		return spans_damaged(span, err);
	sort_found(s);
	return 0;
}

/* How many of its rows have a decision that is wanted.  0, or -1. */
static int count_wanted(const struct audit_search *s, const struct span *span, uint64_t *rows, struct error *err)
{
	struct block_bytes decisions = span->decisions;
	struct block_decision d = { .decision = 0 };
	int got;

	*rows = 0;
	while ((got = block_next_decision(&decisions, &d)) == 1)
		*rows += wants(s, d.decision) ? d.rows : 0;
	return got == 0 ? 0 : spans_damaged(span, err);
}

static int search_span(struct audit_search *s, const struct span *span, struct error *err)
{
	const struct audit_filter *f = &s->filter;
	uint64_t wanted;

	s->rows = *span;
	if (!span->whole)
		return 0;
	s->rows.last_id = span->first_id - 1;
	if (span->max_time < f->since || span->min_time >= f->until)
		return 0;
	if (count_wanted(s, span, &wanted, err) == -1)
		return -1;
	if (wanted == 0)
		return 0;
	if (span->min_time >= f->since && span->max_time < f->until && (f->by_source || wanted < span->rows))
		return take_block(s, span, err);
	s->rows = *span;
	return 0;
}

/* 1 where something was found or may be in s->rows, 0 at the end, -1. */
static int search_more(struct audit_search *s, struct error *err)
{
	struct span span;
	int got;

	s->found_first = s->found_count = 0;
	if (s->rows.first_id <= s->rows.last_id)
		return read_chunk(s, err) == -1 ? -1 : 1;
	got = spans_next(&s->spans, &span, err);
	if (got != 1)
		return got;
	return search_span(s, &span, err) == -1 ? -1 : 1;
}

int audit_search_next(struct audit_search *s, int64_t *id, struct error *err)
{
	int got;

	while (s->found_first == s->found_count)
		if ((got = search_more(s, err)) != 1)
			return got;
	*id = s->newest_first ? s->found[--s->found_count] : s->found[s->found_first++];
	return 1;
}

/* --- open and close */

static int start(struct audit_search *s, sqlite3 *db, struct error *err)
{
	const char *chunk = s->newest_first ? "SELECT id, skew, source, decision FROM connection"
	                                      " WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3"
	                                    : "SELECT id, skew, source, decision FROM connection"
	                                      " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3";
	struct audit_decisions decisions;
	int result;

	if (audit_decisions_read(db, &decisions, err) == -1)
		return -1;
	result = take_decisions(s, &decisions, err);
	audit_decisions_free(&decisions);
	if (result == -1)
		return -1;
	if (sqlite3_prepare_v2(db, chunk, -1, &s->chunk, NULL) != SQLITE_OK)
		return spans_error(db, err);
	return spans_open(&s->spans, db, s->filter.after, s->filter.upto, s->newest_first, err);
}

int audit_search_open(struct audit_search **out, sqlite3 *db, const struct audit_filter *f, bool newest_first,
                      struct error *err)
{
	struct audit_search *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return no_memory(err);
	s->filter = *f;
	s->newest_first = newest_first;
	s->rows.first_id = 1; /* none */
	/* A row's time is never after its id, so what is older need not be looked at. */
	if (f->since > 0 && f->since - 1 > f->after)
		s->filter.after = f->since - 1;
	if (s->filter.upto == INT64_MAX)
		s->filter.upto--; /* one more must be a number too */
	if (start(s, db, err) == 0) {
		s->filter.endpoint = s->filter.verdict = NULL; /* borrowed until here */
		*out = s;
		return 0;
	}
	audit_search_close(s);
	return -1;
}

void audit_search_close(struct audit_search *s)
{
	if (s == NULL)
		return;
	spans_close(&s->spans);
	sqlite3_finalize(s->chunk);
	free(s->decisions);
	free(s->found);
	free(s);
}
