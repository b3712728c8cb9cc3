/* Single changes of a log that verified, in any table that the tree is to cover: each is found.  HALLOWD_CHANGES=1000 in the
 * environment makes so many of them. */
#include "record_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify.h"
#include "record/retention.h"
#include "test_record.h"

#define CHANGES 200

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

/* Rows of every kind, some closed and some that may still change, over more than a block of leaves and three days. */
static void fill(struct rig *g)
{
	rig_policy(g, "E", DAY, false, 1, 2);
	for (uint64_t n = 1; n <= 30; n++) {
		time_us now = DAY + HOURS(n) * 2;

		rig_event(g, ++g->message, "start");
		rig_revision(g, n % 2 == 0 ? "a" : "b", n, now);
		rig_log(g, n % 3 == 0 ? LOG_PREFIX_ALLOW "web:a" : LOG_PREFIX_DENY "web", now, 20);
		for (unsigned i = 0; n % 3 == 0 && i < 15; i++)
			rig_tell(g, &(struct tracked){ .which = i, .start = now + i * 1000, .stop = now + SECONDS(1), .packets_in = n,
			                               .bytes_in = 700, .packets_out = 4, .bytes_out = 90 });
		rig_reading(g, n < 20 ? "E" : "F", now + SECONDS(60), (struct counters){ n * 7, n * 50, 0 }, n * 10);
		rig_settle(g);
		if (n % 10 == 0)
			rig_policy(g, n < 20 ? "E" : "F", now + SECONDS(90), n % 20 != 0, n, n);
	}
	rig_commit(g);
}

static void sign(struct rig *g, const struct note_signer *signer, struct buffer *note)
{
	struct store *s = &g->r.store;
	sqlite3_stmt *stmt;

	rig_sign(g, signer, note);
	assert_int_equal(sqlite3_prepare_v2(s->db, "INSERT INTO checkpoint VALUES (?1, ?2, ?3)", -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, (int64_t)s->tree.edge.size);
	sqlite3_bind_int64(stmt, 2, DAY);
	sqlite3_bind_text(stmt, 3, (const char *)note->data, (int)note->len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static sqlite3 *copy_of(sqlite3 *db)
{
	sqlite3_backup *backup;
	sqlite3 *copy;

	assert_int_equal(sqlite3_open(":memory:", &copy), SQLITE_OK);
	backup = sqlite3_backup_init(copy, "main", db, "main");
	assert_non_null(backup);
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	sqlite3_backup_finish(backup);
	return copy;
}

static const char *const tables[] = { "connection", "connection", "connection", "event", "revision", "aggregate", "segment",
	                                  "tally", "endpoint", "decision", "target", "pool", "state", "leaves", "tile",
	                                  "tree", "open_rows", "checkpoint", "block", "block_sources" };

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	n = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return n;
}

/* A condition that just this row meets. */
static char *where(sqlite3_stmt *row)
{
	char *all = sqlite3_mprintf("1");

	for (int i = 0; i < sqlite3_column_count(row); i++) {
		sqlite3_str *value = sqlite3_str_new(NULL);

		if (sqlite3_column_type(row, i) == SQLITE_INTEGER)
			sqlite3_str_appendf(value, "%lld", (long long)sqlite3_column_int64(row, i));
		else if (sqlite3_column_type(row, i) == SQLITE_NULL)
			sqlite3_str_appendf(value, "NULL");
		else if (sqlite3_column_type(row, i) == SQLITE_TEXT)
			sqlite3_str_appendf(value, "%Q", sqlite3_column_text(row, i));
		else {
			const unsigned char *bytes = sqlite3_column_blob(row, i);

			sqlite3_str_appendf(value, "x'");
			for (int b = 0; b < sqlite3_column_bytes(row, i); b++)
				sqlite3_str_appendf(value, "%02x", bytes[b]);
			sqlite3_str_appendf(value, "'");
		}
		char *text = sqlite3_str_finish(value);
		char *more = sqlite3_mprintf("%s AND %s IS %s", all, sqlite3_column_name(row, i), text);

		sqlite3_free(text);
		sqlite3_free(all);
		all = more;
	}
	return all;
}

/* One bit of the value. */
static void bind_changed(sqlite3_stmt *update, sqlite3_stmt *row, int column)
{
	int len = sqlite3_column_bytes(row, column);
	unsigned char bytes[16384];

	if (sqlite3_column_type(row, column) == SQLITE_NULL) {
		sqlite3_bind_int(update, 1, 1);
	} else if (sqlite3_column_type(row, column) == SQLITE_INTEGER) {
		sqlite3_bind_int64(update, 1, sqlite3_column_int64(row, column) ^ (sqlite3_int64)1 << random_below(40));
	} else if (len == 0 || len > (int)sizeof(bytes)) {
		sqlite3_bind_text(update, 1, "x", -1, SQLITE_STATIC);
	} else if (sqlite3_column_type(row, column) == SQLITE_TEXT) {
		memcpy(bytes, sqlite3_column_text(row, column), (size_t)len);
		bytes[random_below((uint32_t)len)] ^= (unsigned char)(1u << random_below(3));
		sqlite3_bind_text(update, 1, (const char *)bytes, len, SQLITE_TRANSIENT);
	} else {
		memcpy(bytes, sqlite3_column_blob(row, column), (size_t)len);
		bytes[random_below((uint32_t)len)] ^= (unsigned char)(1u << random_below(8));
		sqlite3_bind_blob(update, 1, bytes, len, SQLITE_TRANSIENT);
	}
}

static int change_column(sqlite3 *db, const char *table, sqlite3_stmt *row, int column, const char *condition)
{
	char *sql = sqlite3_mprintf("UPDATE %s SET %s = ?1 WHERE %s", table, sqlite3_column_name(row, column), condition);
	sqlite3_stmt *update;
	int rc;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &update, NULL), SQLITE_OK);
	bind_changed(update, row, column);
	rc = sqlite3_step(update);
	sqlite3_finalize(update);
	sqlite3_free(sql);
	return rc == SQLITE_DONE ? sqlite3_changes(db) : 0;
}

static int change_value(sqlite3 *db, const char *table, sqlite3_stmt *row, const char *condition)
{
	int column = (int)random_below((uint32_t)sqlite3_column_count(row));

	/* What the recorder noted for itself while the row could grow; nobody is shown it. */
	return strcmp(sqlite3_column_name(row, column), "kernel") == 0 && strcmp(table, "aggregate") == 0
	       ? 0 : change_column(db, table, row, column, condition);
}

static int run(sqlite3 *db, const char *format, const char *table, const char *text)
{
	char *sql = sqlite3_mprintf(format, table, text);
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	sqlite3_free(sql);
	return rc == SQLITE_OK ? sqlite3_changes(db) : 0;
}

/* How many rows it changed: none where a constraint did not let it. */
static int change(sqlite3 *db, const char **table, const char **what)
{
	static const char *const with_ids[] = { "connection", "event", "revision", "aggregate", "segment" };
	char sql[128], *condition;
	sqlite3_stmt *row;
	int changed = 0;
	uint32_t rows;

	*table = tables[random_below(TABLES)];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", *table);
	rows = (uint32_t)number(db, sql);
	if (rows == 0)
		fail_msg("table %s is empty", *table);
	snprintf(sql, sizeof(sql), "SELECT * FROM %s LIMIT 1 OFFSET %u", *table, random_below(rows));
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	condition = where(row);
	switch (random_below(10)) {
	case 0:
		*what = "deleted";
		/* One checkpoint less than there were says nothing wrong. */
		changed = strcmp(*table, "checkpoint") == 0 ? 0 : run(db, "DELETE FROM %s WHERE %s", *table, condition);
		break;
	case 1:
		*what = "inserted";
		*table = with_ids[random_below(5)];
		if (strcmp(*table, "connection") == 0)
			changed = run(db, "INSERT INTO %s SELECT id + 1, skew, source, source_port, decision, target FROM connection"
			                  " ORDER BY random() LIMIT 1", *table, "");
		else
			changed = run(db, "CREATE TEMP TABLE t AS SELECT * FROM %s ORDER BY random() LIMIT 1; UPDATE t SET id = 100000;"
			                  " INSERT INTO main.event SELECT id, 1, 'x', 'x', 'x' FROM t", *table, "");
		break;
	case 2:
		*what = "cut off";
		*table = with_ids[random_below(3)];
		changed = run(db, "DELETE FROM %s WHERE id IN (SELECT id FROM %s ORDER BY id DESC LIMIT 3)", *table, *table);
		break;
	case 3:
		*what = "swapped";
		*table = with_ids[random_below(2) * 2]; /* events of this log are alike */
		changed = run(db, "CREATE TEMP TABLE s AS SELECT id FROM %s ORDER BY id LIMIT 2 OFFSET abs(random()) %% 28;", *table, "") >= 0 &&
		          run(db, "UPDATE %s SET id = -1 WHERE id = (SELECT min(id) FROM temp.s);", *table, "") +
		          run(db, "UPDATE %s SET id = (SELECT min(id) FROM temp.s) WHERE id = (SELECT max(id) FROM temp.s);", *table,
		              "") + run(db, "UPDATE %s SET id = (SELECT max(id) FROM temp.s) WHERE id = -1", *table, "") == 3;
		break;
	default:
		*what = "changed";
		changed = change_value(db, *table, row, condition);
	}
	sqlite3_finalize(row);
	sqlite3_free(condition);
	return changed;
}

static void each_change_is_found(void **state)
{
	struct rig *g = *state;
	struct buffer note = BUFFER_INIT;
	struct verify_result result;
	struct note_signer signer;
	struct error err;
	const char *wanted = getenv("HALLOWD_CHANGES");
	uint32_t changes = wanted == NULL ? CHANGES : (uint32_t)atoi(wanted);
	struct verify_request q = { .keys = &signer.key, .key_count = 1, .note_count = 1 };

	fill(g);
	assert_int_equal(note_signer_make(&signer, "host/hallowd", &err), 0);
	sign(g, &signer, &note);
	q.notes[0] = (struct verify_note){ (const char *)note.data, note.len, "kept" };
	g->tampered = true; /* signed by a key that the rig does not know */
	assert_int_equal(audit_verify(g->r.store.db, &q, &result, &err), 0);
	assert_string_equal(result.what, "");
	assert_true(result.ok && result.checkpoints == 1 && result.leaves > 512);
	for (uint32_t n = 0, found = 0; found < changes; n++) {
		sqlite3 *copy = copy_of(g->r.store.db);
		const char *table, *what;

		assert_in_range(n, 0, 3 * changes);
		seed = n * 2654435761u;
		random_below(2);
		if (change(copy, &table, &what) > 0) {
			found++;
			assert_int_equal(audit_verify(copy, &q, &result, &err), 0);
			if (result.ok)
				fail_msg("change %u is not found: a row of %s was %s", n, table, what);
		}
		sqlite3_close(copy);
	}
	buffer_free(&note);
	note_signer_wipe(&signer);
}

/* --- every column of every table */

/* Changes the column in one row of the table and says whether verify finds it; true also where nothing let it be changed. */
static bool change_is_found(struct rig *g, const struct verify_request *q, const char *table, const char *column,
                            uint32_t row)
{
	sqlite3 *copy = copy_of(g->r.store.db);
	char *sql = sqlite3_mprintf("SELECT * FROM %s LIMIT 1 OFFSET %u", table, row), *condition;
	struct verify_result result = { .ok = false };
	struct error err;
	sqlite3_stmt *stmt;
	int at = 0;

	assert_int_equal(sqlite3_prepare_v2(copy, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	while (strcmp(sqlite3_column_name(stmt, at), column) != 0)
		at++;
	condition = where(stmt);
	seed = row * 2654435761u;
	if (change_column(copy, table, stmt, at, condition) > 0)
		assert_int_equal(audit_verify(copy, q, &result, &err), 0);
	sqlite3_finalize(stmt);
	sqlite3_free(condition);
	sqlite3_free(sql);
	sqlite3_close(copy);
	return !result.ok;
}

#define ROWS_TRIED 2 /* the first and the last; for a developer, eight */

/* The columns of which a change was not found in at least one of the rows that were tried, each with its table. */
static void changes_not_found(struct rig *g, const struct verify_request *q, struct buffer *list)
{
	sqlite3_stmt *columns;
	uint32_t tables_with_rows = 0, tried = getenv("HALLOWD_CHANGES") == NULL ? ROWS_TRIED : 8;

	assert_int_equal(sqlite3_prepare_v2(g->r.store.db, "SELECT t.name, c.name, c.cid FROM sqlite_schema t JOIN"
	                 " pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY 1, 3", -1, &columns, NULL), SQLITE_OK);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(columns, 0);
		const char *column = (const char *)sqlite3_column_text(columns, 1);
		char *sql = sqlite3_mprintf("SELECT count(*) FROM %s", table);
		uint32_t rows = (uint32_t)number(g->r.store.db, sql);
		bool found = true;

		sqlite3_free(sql);
		tables_with_rows += rows > 0 && sqlite3_column_int(columns, 2) == 0;
		for (uint32_t i = 0; i < tried && rows > 0; i++)
			found = found && change_is_found(g, q, table, column, (rows - 1) * i / (tried - 1));
		if (!found)
			buffer_printf(list, "%s%s.%s", list->len > 0 ? " " : "", table, column);
	}
	sqlite3_finalize(columns);
	buffer_printf(list, " of %u", tables_with_rows);
}

/* Tries each column of each table, in a log whose rows before `cutoff` were deleted as old (0: none).  `but`: those that are
 * not covered, and how many tables had rows. */
static void expect_covered(struct rig *g, time_us cutoff, const char *but)
{
	struct buffer note = BUFFER_INIT, list = BUFFER_INIT;
	struct note_signer signer;
	struct error err;
	struct verify_request q = { .keys = &signer.key, .key_count = 1, .note_count = 1 };

	fill(g);
	for (bool more = cutoff != 0; more;)
		assert_int_equal(retention_step(&g->r.store, cutoff, 0, &more), 0);
	assert_int_equal(note_signer_make(&signer, "host/hallowd", &err), 0);
	sign(g, &signer, &note);
	q.notes[0] = (struct verify_note){ (const char *)note.data, note.len, "kept" };
	g->tampered = true; /* signed by a key that the rig does not know */
	changes_not_found(g, &q, &list);
	assert_string_equal(buffer_str(&list), but);
	buffer_free(&list);
	buffer_free(&note);
	note_signer_wipe(&signer);
}

/* What the recorder noted for itself while the row could grow; nobody is shown it. */
#define NOT_COVERED "aggregate.kernel"

static void each_column_is_covered_but_one(void **state)
{
	expect_covered(*state, 0, NOT_COVERED " of 20");
}

static void each_column_is_covered_when_old_rows_are_gone(void **state)
{
	expect_covered(*state, DAY + HOURS(9), NOT_COVERED " tile.hashes of 22");
}

int run_change_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_change_is_found, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(each_column_is_covered_but_one, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(each_column_is_covered_when_old_rows_are_gone, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
