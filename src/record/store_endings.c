/* Rows of what became of connections. */
#include "record/leaves.h"
#include "record/store.h"

static int run_with(struct store *s, enum store_statement which, int64_t connection)
{
	sqlite3_stmt *stmt = store_use(s, which);

	sqlite3_bind_int64(stmt, 1, connection);
	return store_run(s, stmt);
}

int store_open_add(struct store *s, int64_t connection)
{
	return run_with(s, ST_OPEN_ADD, connection);
}

int store_open_remove(struct store *s, int64_t connection)
{
	return run_with(s, ST_OPEN_REMOVE, connection);
}

int store_ending(struct store *s, const struct ending *e)
{
	sqlite3_stmt *stmt = store_use(s, ST_ENDING_ADD);

	if (store_write_fresh(s) == -1)
		return -1;
	sqlite3_bind_int64(stmt, 1, e->connection);
	sqlite3_bind_int64(stmt, 2, e->time);
	if (e->watched && e->counted) {
		sqlite3_bind_int64(stmt, 3, (int64_t)e->packets);
		sqlite3_bind_int64(stmt, 4, (int64_t)e->bytes_in);
		sqlite3_bind_int64(stmt, 5, (int64_t)e->bytes_out);
	}
	if (e->watched)
		sqlite3_bind_int64(stmt, 6, (e->duration + 500) / 1000);
	if (store_run(s, stmt) == -1)
		return -1;
	return sqlite3_changes(s->db) == 0 ? 0 : leaves_append(s, LEAF_ENDING, sqlite3_last_insert_rowid(s->db));
}
