#include "audit/spans.h"

#include <inttypes.h>
#include <string.h>

#include "audit/audit.h"

int spans_error(sqlite3 *db, struct error *err)
{
	return error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
}

int spans_damaged(const struct span *span, struct error *err)
{
	return error_set(err, "the audit log is damaged: the counts of rows %" PRId64 " to %" PRId64 " are none",
	                 span->first_id, span->last_id);
}

int spans_open(struct spans *s, sqlite3 *db, int64_t after, int64_t upto, bool newest_first, struct error *err)
{
	const char *blocks = newest_first ? "SELECT id, first_id, rows, min_time, max_time, decisions FROM block"
	                                    " WHERE id > ?1 AND first_id <= ?2 ORDER BY id DESC"
	                                  : "SELECT id, first_id, rows, min_time, max_time, decisions FROM block"
	                                    " WHERE id > ?1 AND first_id <= ?2 ORDER BY id";

	*s = (struct spans){ .db = db, .newest_first = newest_first, .after = after, .upto = upto };
	if (sqlite3_prepare_v2(db, blocks, -1, &s->blocks, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT sources, places FROM block_sources WHERE id = ?1", -1, &s->sources, NULL) !=
	        SQLITE_OK) {
		spans_error(db, err);
		spans_close(s);
		return -1;
	}
	sqlite3_bind_int64(s->blocks, 1, after);
	sqlite3_bind_int64(s->blocks, 2, upto);
	return 0;
}

void spans_close(struct spans *s)
{
	sqlite3_finalize(s->blocks);
	sqlite3_finalize(s->sources);
	s->blocks = s->sources = NULL;
}

static struct block_bytes bytes_of(sqlite3_stmt *stmt, int column)
{
	const unsigned char *at = sqlite3_column_blob(stmt, column);

	return (struct block_bytes){ at, at == NULL ? NULL : at + sqlite3_column_bytes(stmt, column) };
}

/* Steps to the next block, which is then held; or there is none. */
static int hold_block(struct spans *s, struct error *err)
{
	int rc = sqlite3_step(s->blocks);

	if (rc == SQLITE_DONE) {
		s->at_end = true;
		return 0;
	}
	if (rc != SQLITE_ROW)
		return spans_error(s->db, err);
	s->held = true;
	s->block = (struct span){ .first_id = sqlite3_column_int64(s->blocks, 1),
		                      .last_id = sqlite3_column_int64(s->blocks, 0),
		                      .whole = true,
		                      .rows = (uint64_t)sqlite3_column_int64(s->blocks, 2),
		                      .min_time = sqlite3_column_int64(s->blocks, 3),
		                      .max_time = sqlite3_column_int64(s->blocks, 4),
		                      .decisions = bytes_of(s->blocks, 5) };
	return 0;
}

static void take_block(struct spans *s, struct span *span)
{
	*span = s->block;
	s->held = false;
	if (s->newest_first)
		s->upto = span->first_id - 1;
	else
		s->after = span->last_id;
}

/* What is left up to the block that is held, or to the end. */
static void take_rest(struct spans *s, struct span *span)
{
	*span = (struct span){ .first_id = s->after + 1, .last_id = s->upto };
	if (s->held && s->newest_first)
		span->first_id = s->block.last_id + 1;
	else if (s->held)
		span->last_id = s->block.first_id - 1;
	if (s->newest_first)
		s->upto = span->first_id - 1;
	else
		s->after = span->last_id;
}

static bool touches(const struct spans *s)
{
	return s->newest_first ? s->block.last_id >= s->upto : s->block.first_id <= s->after + 1;
}

int spans_next(struct spans *s, struct span *span, struct error *err)
{
	if (s->after >= s->upto)
		return 0;
	if (!s->held && !s->at_end && hold_block(s, err) == -1)
		return -1;
	if (s->held && touches(s))
		take_block(s, span);
	else
		take_rest(s, span);
	return 1;
}

int spans_sources(struct spans *s, const struct span *span, struct block_bytes *sources, struct block_bytes *places,
                  struct error *err)
{
	int rc;

	sqlite3_reset(s->sources);
	sqlite3_bind_int64(s->sources, 1, span->last_id);
	rc = sqlite3_step(s->sources);
	if (rc == SQLITE_DONE)
		return spans_damaged(span, err);
	if (rc != SQLITE_ROW)
		return spans_error(s->db, err);
	*sources = bytes_of(s->sources, 0);
	if (places != NULL)
		*places = bytes_of(s->sources, 1);
	return 0;
}
