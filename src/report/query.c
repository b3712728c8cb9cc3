#include "report/query.h"

static int query_error(sqlite3 *db, struct error *err)
{
	return error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
}

int query_start(sqlite3 *db, sqlite3_stmt **stmt, const char *sql, const char *const *texts, int count,
                struct error *err)
{
	int i;

	if (sqlite3_prepare_v2(db, sql, -1, stmt, NULL) != SQLITE_OK)
		return query_error(db, err);
	for (i = 0; i < count; i++) {
		if (sqlite3_bind_text(*stmt, i + 1, texts[i], -1, SQLITE_TRANSIENT) != SQLITE_OK) {
			query_error(db, err);
			sqlite3_finalize(*stmt);
			*stmt = NULL;
			return -1;
		}
	}
	return 0;
}

int query_next(sqlite3_stmt *stmt, struct error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return query_error(sqlite3_db_handle(stmt), err);
}

const char *query_text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text == NULL ? "" : (const char *)text;
}

uint64_t query_count(sqlite3_stmt *stmt, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(stmt, column);

	return n < 0 ? 0 : (uint64_t)n;
}
