#include "record/retention.h"

#include "record/leaves.h"

#define VACUUM_PAGES "256"
#define FREE_PAGES_KEPT 256
#define MOST_BYTES_A_ROW 48 /* of a connection, with what is kept of it elsewhere */

struct step {
	time_us cutoff; /* what is older goes */
	int rows;       /* at most, of each kind */
};

static int delete_by(struct store *s, enum store_statement which, int64_t limit, int rows, int *deleted)
{
	sqlite3_stmt *stmt = store_use(s, which);

	sqlite3_bind_int64(stmt, 1, limit);
	if (which == ST_OPEN_DELETE)
		sqlite3_bind_int(stmt, 2, rows);
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
		if (delete_by(s, ST_BLOCK_DELETE, id, 1, &deleted) == -1 ||
		    delete_by(s, ST_BLOCK_SOURCES_DELETE, id, 1, &deleted) == -1)
			return -1;
	}
	if (got == -1)
		return -1;
	return s->blocks.count > 0 && s->blocks.rows[0].id <= upto ? blocks_load(&s->blocks, s) : 0;
}

/* The id of the last of the `count` oldest rows.  1, 0 where there is none, or -1. */
static int find_oldest(struct store *s, int64_t count, int64_t *upto)
{
	sqlite3_stmt *stmt = store_use(s, ST_CONNECTIONS_OLDEST);
	int got;

	sqlite3_bind_int64(stmt, 1, count);
	got = store_step(s, stmt);
	if (got == 1) {
		got = sqlite3_column_type(stmt, 0) != SQLITE_NULL;
		*upto = sqlite3_column_int64(stmt, 0);
		store_reset(stmt);
	}
	return got;
}


/* --- by size */

/* `sql` gives one number. */
static int number(struct store *s, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt;
	int got;

	if (store_prepare(s, sql, &stmt) == -1)
		return -1;
	got = store_step(s, stmt);
	*value = got == 1 ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return got == -1 ? -1 : 0;
}

static int used_bytes(struct store *s, uint64_t *bytes)
{
	int64_t size, pages, free_pages;

	if (number(s, "PRAGMA page_size", &size) == -1 || number(s, "PRAGMA page_count", &pages) == -1 ||
	    number(s, "PRAGMA freelist_count", &free_pages) == -1)
		return -1;
	*bytes = (uint64_t)(size * (pages - free_pages));
	return 0;
}

/* How many of the oldest rows are to go so that `over` bytes become free; not all of a long way at once, since what is
 * announced goes, and rows may be shorter. */
static int64_t rows_of(uint64_t over)
{
	uint64_t rows = over / MOST_BYTES_A_ROW;

	return rows < RETENTION_STEP_ROWS ? RETENTION_STEP_ROWS : rows > LEAVES_ANNOUNCED ? LEAVES_ANNOUNCED : (int64_t)rows;
}

/* Where the file holds too much, the oldest rows go, whatever their age. */
static int cut_by_size(struct store *s, uint64_t max_bytes, struct step *step)
{
	uint64_t used;
	int64_t oldest;
	int got;

	if (max_bytes == 0)
		return 0;
	if (used_bytes(s, &used) == -1)
		return -1;
	if (used <= max_bytes)
		return 0;
	if (used > max_bytes + max_bytes / 8)
		step->rows = RETENTION_LONG_STEP_ROWS;
	got = find_oldest(s, rows_of(used - max_bytes), &oldest);
	if (got == 0)
		got = number(s, "SELECT ifnull(max(to_time), 0) FROM (SELECT to_time FROM aggregate WHERE live IS NULL"
		                " ORDER BY id LIMIT 5000)", &oldest);
	if (got == -1)
		return -1;
	if (oldest + 1 > step->cutoff)
		step->cutoff = oldest + 1;
	return 0;
}

/* Gives free pages back to the file system, but for those that new rows will take.  *gave: there were some.  Where it
 * fails, the space is used again by new rows. */
static void give_back(struct store *s, bool *gave)
{
	int64_t free_pages;

	*gave = false;
	if (number(s, "PRAGMA freelist_count", &free_pages) == -1 || free_pages <= FREE_PAGES_KEPT)
		return;
	*gave = sqlite3_exec(s->db, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL, NULL) == SQLITE_OK;
}

/* Looks only, so that a second in which nothing is due writes nothing. */
static int is_due(struct store *s, time_us cutoff, bool *due)
{
	sqlite3_stmt *stmt = store_use(s, ST_RETENTION_DUE);
	int got;

	sqlite3_bind_int64(stmt, 1, cutoff);
	got = store_step(s, stmt);
	*due = got == 1 && sqlite3_column_int(stmt, 0) != 0;
	if (got == 1)
		store_reset(stmt);
	return got == -1 ? -1 : 0;
}

/* Blocks of which rows are gone go too. */
static int delete_connections(struct store *s, const struct step *step, int *deleted)
{
	int64_t oldest;
	int before = *deleted;

	/* A connection's key is never less than its time. */
	if (leaves_retire(s, LEAF_CONNECTION, step->cutoff, (unsigned)step->rows, deleted) == -1)
		return -1;
	if (*deleted == before)
		return 0;
	if (number(s, "SELECT coalesce(min(id), 9223372036854775807) FROM connection", &oldest) == -1)
		return -1;
	/* Of these the end is not waited for any more, whatever `cutoff` was when they were announced. */
	if (delete_by(s, ST_OPEN_DELETE, oldest, step->rows, deleted) == -1)
		return -1;
	return delete_blocks(s, oldest - 1);
}

static int delete_old(struct store *s, const struct step *step, int *deleted)
{
	unsigned rows = (unsigned)step->rows;

	if (store_begin(s) == -1)
		return -1;
	if (delete_connections(s, step, deleted) == -1 ||
	    leaves_retire(s, LEAF_ENDING, step->cutoff, rows, deleted) == -1 ||
	    delete_by(s, ST_OPEN_DELETE, step->cutoff, step->rows, deleted) == -1 ||
	    leaves_retire(s, LEAF_AGGREGATE, step->cutoff, rows, deleted) == -1 ||
	    leaves_retire(s, LEAF_TALLY, step->cutoff, rows, deleted) == -1)
		return -1;
	return store_commit(s);
}

int retention_step(struct store *s, time_us cutoff, uint64_t max_bytes, bool *more)
{
	struct step step = { cutoff, RETENTION_STEP_ROWS };
	int deleted = 0;
	bool due;

	*more = false;
	if (cut_by_size(s, max_bytes, &step) == -1 || is_due(s, step.cutoff, &due) == -1 ||
	    (due && delete_old(s, &step, &deleted) == -1))
		return -1;
	give_back(s, more);
	*more = *more || deleted > 0;
	return 0;
}

/* Where a reader is in the way, a later checkpoint does it. */
void retention_end(struct store *s)
{
	sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
