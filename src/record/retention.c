#include "record/retention.h"

#define HOUR (3600 * US_PER_SECOND)
#define VACUUM_PAGES "512"

static int delete_rows(struct store *s, enum store_statement which, int64_t before, int *deleted)
{
	sqlite3_stmt *stmt = store_use(s, which);

	sqlite3_bind_int64(stmt, 1, before);
	if (which != ST_TALLIES_DELETE)
		sqlite3_bind_int(stmt, 2, RETENTION_STEP_ROWS);
	if (store_run(s, stmt) == -1)
		return -1;
	*deleted += sqlite3_changes(s->db);
	return 0;
}

int retention_step(struct store *s, time_us cutoff, bool *more)
{
	int deleted = 0;

	*more = false;
	if (store_begin(s) == -1)
		return -1;
	/* A connection's key is never less than its time. */
	if (delete_rows(s, ST_CONNECTIONS_DELETE, cutoff, &deleted) == -1 ||
	    delete_rows(s, ST_AGGREGATES_DELETE, cutoff, &deleted) == -1 ||
	    delete_rows(s, ST_TALLIES_DELETE, cutoff / HOUR, &deleted) == -1 || store_commit(s) == -1)
		return -1;
	if (deleted > 0 && sqlite3_exec(s->db, "PRAGMA"
	                                       " incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL, NULL) != SQLITE_OK)
		return 0; /* the space is used again by new rows */
	*more = deleted > 0;
	return 0;
}
