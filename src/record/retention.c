#include "record/retention.h"

#define HOUR (3600 * US_PER_SECOND)
#define VACUUM_PAGES "512"

static int delete_by(struct store *s, enum store_statement which, int64_t limit, int *deleted)
{
	sqlite3_stmt *stmt = store_use(s, which);

	sqlite3_bind_int64(stmt, 1, limit);
	if (which == ST_AGGREGATES_DELETE)
		sqlite3_bind_int(stmt, 2, RETENTION_STEP_ROWS);
	if (store_run(s, stmt) == -1)
		return -1;
	*deleted += sqlite3_changes(s->db);
	return 0;
}

/* The blocks that have rows up to this id: what is left of their rows is read one by one from now on. */
static int delete_blocks(struct store *s, int64_t upto)
{
	int got, deleted = 0;
	int64_t id, first_id;

	for (;;) {
		sqlite3_stmt *stmt = store_use(s, ST_BLOCK_OLDEST);

		got = store_step(s, stmt);
		id = got == 1 ? sqlite3_column_int64(stmt, 0) : 0;
		first_id = got == 1 ? sqlite3_column_int64(stmt, 1) : 0;
		if (got == 1)
			store_reset(stmt);
		if (got != 1 || first_id > upto)
			break;
		if (delete_by(s, ST_BLOCK_DELETE, id, &deleted) == -1 ||
		    delete_by(s, ST_BLOCK_SOURCES_DELETE, id, &deleted) == -1)
			return -1;
	}
	if (got == -1)
		return -1;
	return s->blocks.count > 0 && s->blocks.rows[0].id <= upto ? blocks_load(&s->blocks, s) : 0;
}

/* The id of the last of the oldest rows before `before`, as many as a step takes.  1, 0 where there is none, or -1. */
static int find_oldest(struct store *s, int64_t before, int64_t *upto)
{
	sqlite3_stmt *stmt = store_use(s, ST_CONNECTIONS_OLDEST);
	int got;

	sqlite3_bind_int64(stmt, 1, before);
	sqlite3_bind_int(stmt, 2, RETENTION_STEP_ROWS);
	got = store_step(s, stmt);
	if (got == 1) {
		got = sqlite3_column_type(stmt, 0) != SQLITE_NULL;
		*upto = sqlite3_column_int64(stmt, 0);
		store_reset(stmt);
	}
	return got;
}

static int delete_connections(struct store *s, time_us cutoff, int *deleted)
{
	int64_t upto;
	/* A connection's key is never less than its time. */
	int got = find_oldest(s, cutoff, &upto);

	if (got != 1)
		return got;
	return delete_blocks(s, upto) == -1 ? -1 : delete_by(s, ST_CONNECTIONS_DELETE, upto, deleted);
}

int retention_step(struct store *s, time_us cutoff, bool *more)
{
	int deleted = 0;

	*more = false;
	if (store_begin(s) == -1)
		return -1;
	if (delete_connections(s, cutoff, &deleted) == -1 ||
	    delete_by(s, ST_AGGREGATES_DELETE, cutoff, &deleted) == -1 ||
	    delete_by(s, ST_TALLIES_DELETE, cutoff / HOUR, &deleted) == -1 || store_commit(s) == -1)
		return -1;
	if (deleted > 0 && sqlite3_exec(s->db, "PRAGMA"
	                                       " incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL, NULL) != SQLITE_OK)
		return 0; /* the space is used again by new rows */
	*more = deleted > 0;
	return 0;
}
