#include "audit/leaf_find.h"

#include "audit/runs.h"

/* The last run of the kind that begins at that row or before it. */
static int find_run(sqlite3 *db, unsigned kind, int64_t id, struct run *run)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "SELECT first, id, count FROM leaves WHERE kind = ?1 AND id <= ?2"
	                                " ORDER BY id DESC LIMIT 1", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int(stmt, 1, (int)kind);
	sqlite3_bind_int64(stmt, 2, id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		run->first = (uint64_t)sqlite3_column_int64(stmt, 0);
		run->id = sqlite3_column_int64(stmt, 1);
		run->count = (uint64_t)sqlite3_column_int64(stmt, 2);
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* How many rows stand between the run's first and this one. */
static int find_offset(sqlite3 *db, unsigned kind, int64_t from, int64_t id, uint64_t *offset)
{
	char sql[128];
	sqlite3_stmt *stmt;
	int rc;

	sqlite3_snprintf(sizeof(sql), sql, "SELECT count(*), max(id) FROM %s WHERE id BETWEEN ?1 AND ?2",
	                 leaf_shape(kind)->name);
	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, id);
	rc = sqlite3_step(stmt);
	*offset = (uint64_t)sqlite3_column_int64(stmt, 0) - 1;
	if (rc == SQLITE_ROW && (sqlite3_column_int64(stmt, 0) == 0 || sqlite3_column_int64(stmt, 1) != id))
		rc = SQLITE_DONE;
	sqlite3_finalize(stmt);
	return rc;
}

static int find_ordered(sqlite3 *db, unsigned kind, int64_t id, uint64_t *leaf)
{
	struct run run = { .first = 0 };
	uint64_t offset = 0;
	int rc = find_run(db, kind, id, &run);

	if (rc == SQLITE_ROW)
		rc = find_offset(db, kind, run.id, id, &offset);
	if (rc == SQLITE_ROW && offset >= run.count)
		rc = SQLITE_DONE;
	*leaf = run.first + offset;
	return rc;
}

static bool lists(struct run *run, int64_t id, uint64_t *leaf)
{
	int64_t listed;

	for (*leaf = run->first; run_next_id(run, &listed); (*leaf)++)
		if (listed == id)
			return true;
	return false;
}

static int find_listed(sqlite3 *db, unsigned kind, int64_t id, uint64_t *leaf)
{
	struct run run = { .ids = BUFFER_INIT };
	struct runs runs;
	int rc = runs_begin(&runs, db, 0);

	while (rc == SQLITE_OK && (rc = runs_next(&runs, &run)) == SQLITE_ROW) {
		if (run.kind == kind && lists(&run, id, leaf))
			break;
		rc = SQLITE_OK;
	}
	runs_end(&runs);
	run_free(&run);
	return rc;
}

int leaf_find(sqlite3 *db, unsigned kind, int64_t id, uint64_t *leaf)
{
	return leaf_order(kind) == ORDER_LISTED ? find_listed(db, kind, id, leaf) : find_ordered(db, kind, id, leaf);
}
