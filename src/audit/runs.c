#include "audit/runs.h"

#include <string.h>

#include "audit/varint.h"

int runs_begin(struct runs *r, sqlite3 *db, uint64_t from)
{
	int rc = sqlite3_prepare_v2(db, "SELECT first, kind, id, count, ids FROM leaves WHERE first >="
	                                " coalesce((SELECT max(first) FROM leaves WHERE first <= ?1), 0) ORDER BY first",
	                            -1, &r->stmt, NULL);

	if (rc == SQLITE_OK)
		sqlite3_bind_int64(r->stmt, 1, (int64_t)from);
	return rc;
}

static bool makes_sense(sqlite3_stmt *stmt)
{
	int64_t first = sqlite3_column_int64(stmt, 0), kind = sqlite3_column_int64(stmt, 1),
		count = sqlite3_column_int64(stmt, 3);

	return first >= 0 && count > 0 && count <= INT64_MAX - first && kind > 0 && kind < LEAF_KINDS &&
	       leaf_shape((unsigned)kind) != NULL;
}

int runs_next(struct runs *r, struct run *run)
{
	int rc = sqlite3_step(r->stmt), len;

	if (rc != SQLITE_ROW)
		return rc;
	if (!makes_sense(r->stmt))
		return SQLITE_CORRUPT;
	run->first = (uint64_t)sqlite3_column_int64(r->stmt, 0);
	run->kind = (unsigned)sqlite3_column_int(r->stmt, 1);
	run->id = sqlite3_column_int64(r->stmt, 2);
	run->count = (uint64_t)sqlite3_column_int64(r->stmt, 3);
	run->used = 0;
	run->at = 0;
	run->last = 0;
	run->ids.len = 0;
	len = sqlite3_column_bytes(r->stmt, 4);
	return len > 0 && buffer_add(&run->ids, sqlite3_column_blob(r->stmt, 4), (size_t)len) == -1 ? SQLITE_NOMEM
	                                                                                            : SQLITE_ROW;
}

void runs_end(struct runs *r)
{
	sqlite3_finalize(r->stmt);
	r->stmt = NULL;
}

void run_free(struct run *run)
{
	buffer_free(&run->ids);
}

bool run_next_id(struct run *run, int64_t *id)
{
	return varint_get(run->ids.data, run->ids.len, &run->at, id, &run->last);
}
