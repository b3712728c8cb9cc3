/* What was counted against the rows. */
#include <stdio.h>
#include <string.h>

#include "audit/sums_sql.h"
#include "audit/verify_state.h"

static int judge_tallies(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, "SELECT hour * 65536 + part FROM tally WHERE counted <> recorded + aggregated + lost"
	                                   " OR min(counted, recorded, aggregated, lost) < 0 LIMIT 1", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = verify_bad(v, LEAF_TALLY, sqlite3_column_int64(stmt, 0), "it does not add up: counted is not recorded +"
			" aggregated + lost");
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whether rows of the kind were deleted as old.  The first that was announced goes first. */
static bool were_deleted(const struct verify *v, unsigned kind)
{
	for (size_t i = 0; i < v->retirement_count; i++) {
		const struct verify_retirement *r = &v->retirements[i];

		for (size_t gap = 0; r->kind == kind && gap < v->gap_count; gap++)
			if (r->first >= v->gaps[gap].first && r->first < v->gaps[gap].end)
				return true;
	}
	return false;
}

/* [[decision, rows], …]: each row came past when its leaf was read. */
static int put_rows(const struct verify *v, struct buffer *out)
{
	int result = buffer_add(out, "[", 1);

	for (size_t id = 0; id < v->decisions.count && result == 0; id++)
		if (v->decisions.rows[id] > 0)
			result = buffer_printf(out, "%s[%zu,%llu]", out->len == 1 ? "" : ",", id,
			                       (unsigned long long)v->decisions.rows[id]);
	return result == 0 ? buffer_add(out, "]", 1) : result;
}

/* One endpoint and verdict, whose tallies say so many packets more than there are rows for; fewer where it is negative.
 * Where rows were deleted and tallies not yet, there may be more. */
static int judge_difference(struct verify *v, sqlite3_stmt *stmt, int column, unsigned kind, const char *what)
{
	long long more = sqlite3_column_int64(stmt, column);

	if (were_deleted(v, LEAF_TALLY) || more == 0 || (more > 0 && were_deleted(v, kind)))
		return SQLITE_OK;
	return verify_bad(v, 0, 0, "endpoint %s: the tallies say that %lld %s packet%s %s %s than there are rows for",
		(const char *)sqlite3_column_text(stmt, 0), more < 0 ? -more : more,
		sqlite3_column_int(stmt, 1) == 0 ? "allowed" : "denied", more == 1 || more == -1 ? "" : "s",
		more < 0 ? "fewer were" : "more were", what);
}

static int judge_each(struct verify *v, sqlite3_stmt *stmt)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = judge_difference(v, stmt, 2, LEAF_CONNECTION, "recorded");
		if (rc == SQLITE_OK)
			rc = judge_difference(v, stmt, 3, LEAF_AGGREGATE, "aggregated");
		if (rc != SQLITE_OK)
			return rc;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int judge_rows(struct verify *v)
{
	struct buffer rows = BUFFER_INIT;
	sqlite3_stmt *stmt = NULL;
	int rc = put_rows(v, &rows) == -1 ? SQLITE_NOMEM : SQLITE_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(v->db, SUMS("SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)")
		                               " SELECT e.name, s.verdict, s.recorded, s.aggregated FROM sums s JOIN endpoint e"
		                               " ON e.id = s.endpoint ORDER BY e.id, s.verdict", -1, &stmt, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, (const char *)rows.data, (int)rows.len, SQLITE_STATIC);
		rc = judge_each(v, stmt);
	}
	sqlite3_finalize(stmt);
	buffer_free(&rows);
	return rc;
}

int verify_sums(struct verify *v)
{
	int rc = judge_tallies(v);

	return rc == SQLITE_OK ? judge_rows(v) : rc;
}
