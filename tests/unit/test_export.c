/* src/export against the views of the audit log: whatever is in the tables, both say the same. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "audit/audit.h"
#include "audit_fixture.h"
#include "core/file.h"
#include "export/export.h"

#define ALL ((struct export_request){ .from = INT64_MIN, .to = INT64_MAX, .since_id = -1 })
#define MOST (64u << 20)

/* What an export of that request is; the caller frees it.  *cursor, where not NULL, is where the next begins. */
static char *exported(sqlite3 *db, const struct export_format *format, struct export_request q, int64_t *cursor)
{
	static struct sink out;
	int fd = memfd_create("export", MFD_CLOEXEC);
	struct buffer text = BUFFER_INIT;
	struct export_reader *reader;
	struct export_row row;
	struct error err = { "" };
	int got;

	out = (struct sink){ .fd = fd };
	if (export_reader_open(&reader, db, &q, &err) == -1)
		fail_msg("%s", err.text);
	if (format->begin != NULL)
		format->begin(&out, q.stream);
	while ((got = export_reader_next(reader, &row, &err)) == 1)
		assert_int_equal(format->row(&out, &row), 0);
	if (got == -1)
		fail_msg("%s", err.text);
	if (format->end != NULL)
		format->end(&out, q.stream);
	assert_int_equal(sink_finish(&out), 0);
	if (cursor != NULL)
		*cursor = export_reader_cursor(reader);
	export_reader_close(reader);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "export", MOST, &text, &err), 0);
	assert_non_null(buffer_str(&text));
	close(fd);
	return (char *)text.data;
}

/* The rows of `sql` as CSV, made here in the plainest way. */
static char *expected(sqlite3 *db, const char *sql)
{
	struct buffer b = BUFFER_INIT;
	sqlite3_stmt *s;
	int columns, i;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	columns = sqlite3_column_count(s);
	for (i = 0; i < columns; i++)
		buffer_printf(&b, "%s%s", i > 0 ? "," : "", sqlite3_column_name(s, i));
	buffer_printf(&b, "\r\n");
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (i = 0; i < columns; i++) {
			const char *text = (const char *)sqlite3_column_text(s, i);
			const char *quote = text != NULL && strpbrk(text, ",\"\r\n") != NULL ? "\"" : "";

			buffer_printf(&b, "%s%s", i > 0 ? "," : "", quote);
			for (; text != NULL && *text != '\0'; text++)
				buffer_printf(&b, *text == '"' ? "\"\"" : "%c", *text);
			buffer_printf(&b, "%s", quote);
		}
		buffer_printf(&b, "\r\n");
	}
	sqlite3_finalize(s);
	assert_non_null(buffer_str(&b));
	return (char *)b.data;
}

/* The same from both; the first line that differs is shown. */
static void same(char *got, char *wanted)
{
	char *a = got, *b = wanted;
	unsigned line = 1;

	while (*a != '\0' && *a == *b) {
		line += *a == '\n';
		a++;
		b++;
	}
	if (*a != *b)
		fail_msg("line %u: got '%.60s', expected '%.60s'", line, a, b);
	free(got);
	free(wanted);
}

static const char *const odd_sources[] = {
	"0.0.0.0", "255.255.255.255", "127.255.255.255", "128.0.0.0", "192.0.2.1", "::", "::1", "::ffff:192.0.2.1",
	"::192.0.2.1", "::2:3", "1::", "1:0:0:2::", "1:0:2:0:3:0:4:0", "1:0:0:2:0:0:3:4", "2001:db8::1", "fe80::a:0:0:1",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0:1::", "1:2:3:4:5:6:0:8", "1:2:3:4:5:6:7::", "::ffff:0:0", "::1:0:0:0",
};
#define ODD (sizeof(odd_sources) / sizeof(*odd_sources))

/* Decisions and targets of every kind beside those of fixture_names. */
static void odd_names(const struct fixture *f)
{
	fixture_sql(f, "INSERT INTO decision VALUES (10, 1, 1, 'not-listed', '', '', 0),"
	               " (11, 1, 0, 'listed', '@bastion', 1, 0), (12, 2, 0, 'granted', 'grant:3', '', 1),"
	               " (13, 1, 1, 'not-listed', 'a,\"b\",c', '1,2,30', 1)");
	fixture_sql(f, "INSERT INTO target VALUES (10, -2147483648, -1, 1), (11, x'00000000000000000000000000000001', 65535, 17),"
	               " (12, 2147483647, 0, 132), (13, -1, 22, 255)");
}

/* Ids as the recorder gives them: growing, never before the time.  The clock is set back once by two hours. */
static void many_rows(const struct fixture *f, int count)
{
	static const int decisions[] = { LISTED, NOT_LISTED, OBSERVED, BY_OFFICE, 10, 11, 12, 13 };
	static const int targets[] = { 1, 2, 10, 11, 12, 13 };
	time_us time = NOON;
	int64_t id = 0;

	fixture_sql(f, "BEGIN");
	for (int i = 0; i < count; i++) {
		time += i == count / 2 ? -2 * HOUR : (time_us)i % 7 * 3 * SECOND / 2 + 1;
		id = time > id ? time : id + 1;
		fixture_connection(f, time, id - time, odd_sources[(size_t)i % ODD], decisions[i % 8], targets[i % 6]);
	}
	fixture_sql(f, "INSERT INTO ending (connection, time, packets, bytes_in, bytes_out, duration_ms)"
	               " SELECT id, id + 7000000, 12, 1000 + id % 7, 2000000000000, id % 90000 FROM connection WHERE id % 3 = 0");
	fixture_sql(f, "INSERT INTO ending (connection, time, duration_ms) SELECT id, id + 8000000, 5 FROM connection"
	               " WHERE id % 12 = 1");
	fixture_sql(f, "INSERT INTO ending (connection, time) SELECT id, id + 9000000 FROM connection WHERE id % 12 = 2");
	fixture_sql(f, "INSERT INTO open_connection SELECT id FROM connection WHERE id % 12 IN (4, 5)");
	fixture_sql(f, "UPDATE connection SET source_port = NULL WHERE id % 5 = 0");
	fixture_sql(f, "UPDATE connection SET source_port = id % 65536 - 32768 WHERE id % 5 = 1");
	fixture_sql(f, "COMMIT");
}

static void csv_equals_the_view(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);

	same(exported(db, &export_csv, ALL, NULL), expected(db, "SELECT * FROM connections ORDER BY id"));
	fixture_names(f);
	odd_names(f);
	many_rows(f, 3000);
	same(exported(db, &export_csv, ALL, NULL), expected(db, "SELECT * FROM connections ORDER BY id"));
	sqlite3_close(db);
}

static void years_of_all_lengths(void **state)
{
	static const time_us times[] = { 0, 1, 999999, 951782400 * SECOND, INT64_C(4107542400) * SECOND - 1 };
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);

	fixture_names(f);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		fixture_connection(f, times[i], 0, "192.0.2.1", LISTED, 1);
	same(exported(db, &export_csv, ALL, NULL), expected(db, "SELECT * FROM connections ORDER BY id"));
	sqlite3_close(db);
}

/* Bounds of all kinds, over a clock that was set back, against the view's text of times. */
static void periods_equal_the_view(void **state)
{
	static const time_us bounds[] = {
		NOON - 3 * HOUR, NOON - HOUR, NOON, NOON + 1, NOON + 10 * MINUTE, NOON + 50 * MINUTE, NOON + HOUR,
		NOON + 4 * HOUR, NOON + 40 * DAY,
	};
	const size_t count = sizeof(bounds) / sizeof(*bounds);
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX], sql[256];

	fixture_names(f);
	odd_names(f);
	many_rows(f, 2000);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			struct export_request q = { .from = bounds[i], .to = bounds[j], .since_id = -1 };

			snprintf(sql, sizeof(sql), "SELECT * FROM connections WHERE time >= '%s' AND time < '%s' ORDER BY id",
			         time_format(bounds[i], 1, from), time_format(bounds[j], 1, to));
			same(exported(db, &export_csv, q, NULL), expected(db, sql));
		}
	}
	sqlite3_close(db);
}

/* More rows than one transaction reads: they are read to the end, and what is written meanwhile is for the next run. */
static void rows_that_come_meanwhile_are_the_next_run_s(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	struct export_reader *reader;
	struct export_row row;
	struct error err;
	int64_t last = -1, cursor, rows = 0;

	fixture_names(f);
	fixture_sql(f, "INSERT INTO connection WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)"
	               " SELECT 1793534400000000 + i, 0, 5, 7, 1, 1 FROM n");
	assert_int_equal(export_reader_open(&reader, db, &q, &err), 0);
	while (export_reader_next(reader, &row, &err) == 1) {
		assert_true(row.id > last);
		last = row.id;
		rows++;
		if (rows % 1000 == 0)
			fixture_connection(f, NOON + 200000 + rows, 0, "192.0.2.9", NOT_LISTED, 1);
	}
	cursor = export_reader_cursor(reader);
	export_reader_close(reader);
	assert_int_equal(rows, 120000);
	assert_int_equal(cursor, last);
	q.since_id = cursor;
	assert_int_equal(export_reader_open(&reader, db, &q, &err), 0);
	for (rows = 0; export_reader_next(reader, &row, &err) == 1; rows++)
		assert_true(row.id > cursor);
	export_reader_close(reader);
	assert_int_equal(rows, 120);
	sqlite3_close(db);
}

/* Runs with a cursor, put together, are the whole: with rows in between, without, and after all were deleted. */
static void a_cursor_leaves_nothing_out(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	struct buffer all = BUFFER_INIT;
	int64_t cursor = 0;

	fixture_names(f);
	for (int run = 0; run < 40; run++) {
		char *part;

		for (int i = 0; i < run % 4; i++)
			fixture_connection(f, NOON + run * SECOND + i, 0, odd_sources[(size_t)(run + i) % ODD], LISTED, 1);
		fixture_sql(f, "UPDATE state SET last_id = max(last_id, (SELECT coalesce(max(id), 0) FROM connection))");
		if (run == 20)
			fixture_sql(f, "DELETE FROM connection");
		q.since_id = cursor;
		part = exported(db, &export_csv, q, &cursor);
		buffer_printf(&all, "%s", strchr(part, '\n') + 1);
		free(part);
		if (run == 19) {
			char *so_far = expected(db, "SELECT * FROM connections ORDER BY id");

			assert_string_equal(buffer_str(&all), strchr(so_far, '\n') + 1);
			all.len = 0;
			free(so_far);
		}
	}
	{
		char *rest = expected(db, "SELECT * FROM connections ORDER BY id");

		assert_string_equal(buffer_str(&all), strchr(rest, '\n') + 1);
		free(rest);
	}
	buffer_free(&all);
	sqlite3_close(db);
}

/* Every end, in the order in which they came, with the connection's row as the view has it now that it has ended. */
static void ends_equal_the_view(void **state)
{
	static const char sql[] =
		"SELECT x.id, strftime('%Y-%m-%dT%H:%M:%S', x.time / 1000000, 'unixepoch') ||"
		" printf('.%06dZ', x.time % 1000000) AS end_time, x.connection, v.time, v.endpoint, v.verdict, v.reason, v.source,"
		" v.source_port, v.destination, v.destination_port, v.protocol, v.list, v.revision, v.packets, v.bytes_in,"
		" v.bytes_out, v.duration_ms, v.state, v.via FROM ending x JOIN connections v ON v.id = x.connection"
		" WHERE x.time >= ";
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	char *some, query[2048];
	int64_t cursor = 0;

	fixture_names(f);
	odd_names(f);
	many_rows(f, 1000);
	q.stream = EXPORT_ENDS;
	snprintf(query, sizeof(query), "%s0 ORDER BY x.id", sql);
	same(exported(db, &export_csv, q, &cursor), expected(db, query));
	q.from = NOON + 20 * MINUTE;
	snprintf(query, sizeof(query), "%s%lld ORDER BY x.id", sql, (long long)q.from);
	same(exported(db, &export_csv, q, NULL), expected(db, query));
	/* Another, and that all are deleted for their age. */
	q.from = INT64_MIN;
	q.since_id = cursor;
	fixture_sql(f, "DELETE FROM ending");
	free(exported(db, &export_csv, q, &cursor));
	assert_int_equal(cursor, q.since_id);
	fixture_sql(f, "INSERT INTO ending (connection, time) SELECT min(id), 1793534400000000 FROM connection");
	some = exported(db, &export_csv, q, &cursor);
	assert_non_null(strstr(some, "\n1,2026-11-01T12:00:00.000000Z,"));
	assert_int_equal(cursor, 1);
	free(some);
	sqlite3_close(db);
}

static void a_cursor_of_another_log_is_told(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	struct export_reader *reader;
	struct error err = { "" };

	fixture_names(f);
	fixture_connection(f, NOON, 0, "192.0.2.1", LISTED, 1);
	q.since_id = NOON;
	assert_int_equal(export_reader_open(&reader, db, &q, &err), 0);
	export_reader_close(reader);
	q.since_id = NOON + 1;
	assert_int_equal(export_reader_open(&reader, db, &q, &err), -1);
	assert_non_null(strstr(err.text, "of another log"));
	sqlite3_close(db);
}

static void aggregates_equal_the_view(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;

	q.stream = EXPORT_AGGREGATES;
	fixture_names(f);
	for (size_t i = 0; i < ODD; i++)
		fixture_aggregate(f, NOON + (time_us)i * MINUTE, NOON + (time_us)i * MINUTE + 30 * SECOND, 1 + (int)i % 3,
		                  odd_sources[i], 1 + (int)i % 2, 1 + i % 5 * 1000);
	fixture_aggregate(f, NOON, NOON + DAY, 1, "192.0.2.1", 1, 0);
	same(exported(db, &export_csv, q, NULL),
	     expected(db, "SELECT row_number() OVER () AS id, * FROM aggregates"));
	q.from = NOON + 3 * MINUTE;
	q.to = NOON + 5 * MINUTE;
	{
		char *some = exported(db, &export_csv, q, NULL);
		int lines = 0;

		for (const char *at = some; (at = strchr(at, '\n')) != NULL; at++)
			lines++;
		assert_int_equal(lines, 3);
		free(some);
	}
	sqlite3_close(db);
}

/* With a cursor, a row that may still grow waits, and all behind it, so that each comes once and whole. */
static void an_aggregate_that_grows_waits_for_its_end(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	int64_t cursor = 0;
	char *part;

	fixture_names(f);
	for (int i = 0; i < 4; i++)
		fixture_aggregate(f, NOON, NOON + SECOND, 1, "192.0.2.1", 1, 10);
	fixture_sql(f, "UPDATE aggregate SET live = CASE id WHEN 3 THEN 1 END");
	q.stream = EXPORT_AGGREGATES;
	q.since_id = 0;
	free(exported(db, &export_csv, q, &cursor));
	assert_int_equal(cursor, 2);
	fixture_sql(f, "UPDATE aggregate SET count = 99, live = NULL WHERE id = 3");
	q.since_id = cursor;
	part = exported(db, &export_csv, q, &cursor);
	assert_non_null(strstr(part, "\n3,"));
	assert_non_null(strstr(part, ",99\r\n4,"));
	assert_int_equal(cursor, 4);
	free(part);
	/* All are deleted for their age, and numbers begin anew. */
	fixture_sql(f, "DELETE FROM aggregate");
	q.since_id = cursor;
	free(exported(db, &export_csv, q, &cursor));
	assert_int_equal(cursor, 4);
	fixture_aggregate(f, NOON, NOON + SECOND, 1, "192.0.2.7", 1, 7);
	fixture_sql(f, "UPDATE aggregate SET live = NULL");
	q.since_id = cursor;
	part = exported(db, &export_csv, q, &cursor);
	assert_non_null(strstr(part, "\n1,"));
	assert_int_equal(cursor, 1);
	free(part);
	sqlite3_close(db);
}

/* Each column of the view under its name, with its value: null, number or text as SQLite has it. */
static void check_object(json_t *o, sqlite3_stmt *s)
{
	int columns = sqlite3_column_count(s);

	assert_int_equal(json_object_size(o), columns);
	for (int i = 0; i < columns; i++) {
		json_t *value = json_object_get(o, sqlite3_column_name(s, i));

		assert_non_null(value);
		if (sqlite3_column_type(s, i) == SQLITE_NULL)
			assert_true(json_is_null(value));
		else if (sqlite3_column_type(s, i) == SQLITE_INTEGER)
			assert_true(json_is_integer(value) && json_integer_value(value) == sqlite3_column_int64(s, i));
		else
			assert_string_equal(json_string_value(value), (const char *)sqlite3_column_text(s, i));
	}
}

static void json_equals_the_view(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	sqlite3_stmt *s;
	char *lines, *array, *at;
	json_t *all;
	size_t row = 0;

	array = exported(db, &export_json, ALL, NULL);
	assert_string_equal(array, "[]\n");
	free(array);
	fixture_names(f);
	odd_names(f);
	many_rows(f, 500);
	at = lines = exported(db, &export_jsonl, ALL, NULL);
	array = exported(db, &export_json, ALL, NULL);
	all = json_loads(array, 0, NULL);
	assert_int_equal(json_array_size(all), 500);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM connections ORDER BY id", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		char *end = strchr(at, '\n');
		json_t *o = json_loadb(at, (size_t)(end - at), 0, NULL);

		check_object(o, s);
		assert_true(json_equal(o, json_array_get(all, row++)));
		json_decref(o);
		at = end + 1;
	}
	assert_int_equal(*at, '\0');
	sqlite3_finalize(s);
	json_decref(all);
	free(lines);
	free(array);
	sqlite3_close(db);
}

static void a_full_disk_is_told(void **state)
{
	static struct sink out;

	(void)state;
	out = (struct sink){ .fd = open("/dev/full", O_WRONLY | O_CLOEXEC) };
	for (int i = 0; i < 100000; i++)
		sink_text(&out, "0123456789");
	assert_int_equal(sink_finish(&out), -1);
	assert_int_equal(errno, ENOSPC);
	close(out.fd);
}

static void damage_is_told(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = fixture_reader(f);
	struct export_request q = ALL;
	struct export_reader *reader;
	struct export_row row;
	struct error err;

	fixture_names(f);
	fixture_connection(f, NOON, 0, "192.0.2.1", LISTED, 1);
	fixture_sql(f, "UPDATE connection SET target = 77");
	assert_int_equal(export_reader_open(&reader, db, &q, &err), 0);
	assert_int_equal(export_reader_next(reader, &row, &err), -1);
	assert_non_null(strstr(err.text, "target 77"));
	export_reader_close(reader);
	sqlite3_close(db);
}

#define ON_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOG(csv_equals_the_view), ON_A_LOG(years_of_all_lengths), ON_A_LOG(periods_equal_the_view),
		ON_A_LOG(rows_that_come_meanwhile_are_the_next_run_s), ON_A_LOG(a_cursor_leaves_nothing_out),
		ON_A_LOG(ends_equal_the_view),
		ON_A_LOG(a_cursor_of_another_log_is_told), ON_A_LOG(aggregates_equal_the_view),
		ON_A_LOG(an_aggregate_that_grows_waits_for_its_end), ON_A_LOG(json_equals_the_view),
		cmocka_unit_test(a_full_disk_is_told), ON_A_LOG(damage_is_told),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
