/* What was counted against the rows: for a log whose rows are all there. */
#include <string.h>

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

/* For each endpoint: what tallies and pools say was aggregated, and the rows of aggregates. */
static int judge_aggregates(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db,
		"SELECT e.name, (SELECT coalesce(sum(aggregated), 0) FROM tally WHERE endpoint = e.id)"
		" + (SELECT coalesce(sum(aggregated), 0) FROM pool WHERE endpoint = e.id) AS said,"
		" (SELECT coalesce(sum(count), 0) FROM aggregate WHERE endpoint = e.id) AS found"
		" FROM endpoint e WHERE said <> found", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = verify_bad(v, 0, 0, "endpoint %s: the tallies say that %lld packets were aggregated, and the aggregates sum"
			" up to %lld", (const char *)sqlite3_column_text(stmt, 0), (long long)sqlite3_column_int64(stmt, 1),
			(long long)sqlite3_column_int64(stmt, 2));
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int verify_sums(struct verify *v)
{
	int rc = judge_tallies(v);

	if (rc != SQLITE_OK || v->result->retired > 0)
		return rc;
	return judge_aggregates(v);
}
