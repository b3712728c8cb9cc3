#include "ctl/log_query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/search.h"
#include "core/buffer.h"
#include "report/query.h"

#define TEXTS_MAX 8

/* A statement under construction: its text, and what its parameters are. */
struct draft {
	struct buffer sql;
	const char *texts[TEXTS_MAX];
	int count;
	char since[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
	bool failed;
};

static void draft_add(struct draft *d, const char *sql)
{
	d->failed |= buffer_add(&d->sql, sql, strlen(sql)) == -1;
}

/* Appends the condition, whose one '?' is `text`; nothing where there is no text. */
static void draft_where(struct draft *d, const char *condition, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	draft_add(d, condition);
	d->texts[d->count++] = text;
}

/* The conditions that rows and aggregates share, but for time. */
static void draft_filter(struct draft *d, const struct log_filter *f)
{
	draft_where(d, " AND endpoint = ?", f->endpoint);
	if (f->by_source)
		draft_add(d, " AND within_source(source)");
}

/* The bounds of the filter as the views write times. */
static void draft_times(struct draft *d, const struct log_filter *f, const char *since, const char *until)
{
	if (f->since != INT64_MIN)
		draft_where(d, since, time_format(f->since, 1, d->since));
	if (f->until != INT64_MAX)
		draft_where(d, until, time_format(f->until, 1, d->until));
}

static void within(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct prefix *p = sqlite3_user_data(context);
	const char *text = (const char *)sqlite3_value_text(values[0]);
	struct address a;

	(void)count;
	sqlite3_result_int(context, text != NULL && address_parse(&a, text) == 0 && prefix_contains(p, &a));
}

/* SQL function within_source(text), of the filter at hand. */
static int define_within(sqlite3 *db, const struct log_filter *f, struct error *err)
{
	if (sqlite3_create_function(db, "within_source", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, (void *)&f->source,
	                            within, NULL, NULL) != SQLITE_OK)
		return error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
	return 0;
}

static int draft_start(struct draft *d, sqlite3 *db, const struct log_filter *f, sqlite3_stmt **stmt, struct error *err)
{
	const char *sql = buffer_str(&d->sql);
	int status = -1;

	if (d->failed || sql == NULL)
		error_errno(err, ENOMEM, "the audit log cannot be read");
	else if (!f->by_source || define_within(db, f, err) == 0)
		status = query_start(db, stmt, sql, d->texts, d->count, err);
	buffer_free(&d->sql);
	return status;
}

/* The newest so many, in order. */
static int find_newest(struct log_query *q, struct audit_search *search, int64_t limit, struct error *err)
{
	size_t cap = 0;
	int64_t id;
	int got = 0;

	while (q->newest_count < (uint64_t)limit && (got = audit_search_next(search, &id, err)) == 1) {
		if (q->newest_count == cap) {
			int64_t *grown = reallocarray(q->newest, cap = cap == 0 ? 64 : cap * 2, sizeof(*grown));

			if (grown == NULL)
				return error_errno(err, ENOMEM, "the audit log cannot be read");
			q->newest = grown;
		}
		q->newest[q->newest_count++] = id;
	}
	return got == -1 ? -1 : 0;
}

static int start_query(struct log_query *q, const struct log_filter *f, int64_t after, int64_t upto, int64_t limit,
                       struct error *err)
{
	const struct audit_filter filter = { .endpoint = f->endpoint,
		                                 .verdict = f->verdict,
		                                 .by_source = f->by_source,
		                                 .source = f->source,
		                                 .since = f->since,
		                                 .until = f->until,
		                                 .after = after,
		                                 .upto = upto };

	if (query_start(q->db, &q->row, "SELECT id, time, endpoint, verdict, reason, source, source_port, destination,"
	                                " destination_port, protocol, list, revision, packets, bytes_in, bytes_out,"
	                                " duration_ms, state, via FROM connections WHERE id = ?1", NULL, 0, err) == -1 ||
	    audit_search_open(&q->search, q->db, &filter, limit > 0, err) == -1)
		return -1;
	return limit > 0 ? find_newest(q, q->search, limit, err) : 0;
}

int log_query_open(struct log_query *q, sqlite3 *db, const struct log_filter *f, int64_t after, int64_t upto,
                   int64_t limit, struct error *err)
{
	*q = (struct log_query){ .db = db, .limited = limit > 0 };
	/* What the search says of a row must fit the row. */
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
	if (start_query(q, f, after, upto, limit, err) == 0)
		return 0;
	log_query_close(q);
	return -1;
}

void log_query_close(struct log_query *q)
{
	audit_search_close(q->search);
	sqlite3_finalize(q->row);
	free(q->newest);
	sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
}

int log_query_next(struct log_query *q, sqlite3_stmt **row, struct error *err)
{
	int64_t id;
	int got = 1;

	if (!q->limited)
		got = audit_search_next(q->search, &id, err);
	else if (q->newest_count == 0)
		got = 0;
	else
		id = q->newest[--q->newest_count];
	if (got != 1)
		return got;
	sqlite3_reset(q->row);
	sqlite3_bind_int64(q->row, 1, id);
	got = query_next(q->row, err);
	if (got == 0)
		return error_set(err, "the audit log is damaged: connection %" PRId64 " is counted, and not there", id);
	*row = q->row;
	return got;
}

int log_newest(sqlite3 *db, int64_t *id, struct error *err)
{
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s, "SELECT id FROM connections ORDER BY id DESC LIMIT 1", NULL, 0, err) == -1)
		return -1;
	rc = query_next(s, err);
	*id = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return rc == -1 ? -1 : 0;
}

int log_aggregated(sqlite3 *db, const struct log_filter *f, uint64_t *count, struct error *err)
{
	struct draft d = { .sql = BUFFER_INIT };
	sqlite3_stmt *s;
	int rc;

	*count = 0;
	if (f->verdict != NULL && strcmp(f->verdict, "deny") != 0)
		return 0;
	draft_add(&d, "SELECT sum(count) FROM aggregates WHERE 1");
	draft_times(&d, f, " AND to_time >= ?", " AND from_time < ?");
	draft_filter(&d, f);
	if (draft_start(&d, db, f, &s, err) == -1)
		return -1;
	rc = query_next(s, err);
	if (rc == 1)
		*count = query_count(s, 0);
	sqlite3_finalize(s);
	return rc == -1 ? -1 : 0;
}

int log_knows_endpoint(sqlite3 *db, const char *name, struct error *err)
{
	const char *texts[] = { name };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT 1 WHERE EXISTS (SELECT 1 FROM coverage WHERE endpoint = ?1)"
	                " OR EXISTS (SELECT 1 FROM endpoints WHERE name = ?1)", texts, 1, err) == -1)
		return -1;
	rc = query_next(s, err);
	sqlite3_finalize(s);
	return rc;
}
