/* The report in each format, made from a real audit.db. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "audit_fixture.h"
#include "core/file.h"
#include "report/report.h"
#include "test_report.h"

/* Two days with something of everything; texts from outside are hostile. */
static struct report *make(struct fixture *f)
{
	const struct report_request request = { .from = NOON - DAY, .to = NOON + DAY, .host = "gate\033[2J" };
	struct error err = { "" };
	struct report *r = NULL;
	sqlite3 *db;

	fixture_names(f);
	fixture_connection(f, NOON, 0, "34.159.97.57", LISTED, 1);
	fixture_connection(f, NOON + 1, 0, "34.159.97.57", LISTED, 1);
	fixture_connection(f, NOON + 2, 0, "192.0.2.66", NOT_LISTED, 1);
	fixture_connection(f, NOON + 3, 0, "2001:db8::66", NOT_LISTED, 2);
	fixture_aggregate(f, NOON, NOON + MINUTE, 1, "2001:db8::66", 2, 97);
	fixture_tally(f, NOON, NOON + MINUTE, 1, 0, 2, 0, 0);
	fixture_tally(f, NOON, NOON + MINUTE, 1, 1, 2, 97, 1);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	fixture_revision(f, "humanitec", 1, NOON, "[\"34.159.97.57/32\", \"35.198.74.96/32\"]", "[]", "user anna",
	                 "=HYPERLINK(\"http://x\")\033[31m");
	fixture_event(f, NOON, "start", "hallowd", "{\"version\": \"0.1.0\"}");
	fixture_event(f, NOON + 1, "approved", "humanitec", "{\"reason\": \"a, \\\"b\\\"\"}");
	db = fixture_reader(f);
	if (report_read(db, &request, &r, &err) == -1)
		fail_msg("%s", err.text);
	sqlite3_close(db);
	return r;
}

static char *rendered(const struct report *r, report_render *render)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(render(r, out), 0);
	fclose(out);
	return text;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void text_says_it_all_and_is_plain(void **state)
{
	struct report *r = make(*state);
	char *text = rendered(r, report_text), *at;

	has(text, "Period: 2026-10-31T12:00:00Z to 2026-11-02T12:00:00Z");
	has(text, "host gate\\x1b[2J");
	has(text, "  api       kubernetes-api  enforce        2       2          97     1     100%");
	has(text, "  api       deny         100  =         2          + 97     + 1");
	has(text, "  34.159.97.57    api                 2  humanitec  2026-11-01T12:00:00Z  2026-11-01T12:00:00Z\n");
	has(text, "  2001:db8::66   api              1          97  ");
	has(text, "  humanitec         1  user anna: =HYPERLINK(\"http://x\")\\x1b[31m");
	has(text, "      + 34.159.97.57/32 35.198.74.96/32\n");
	has(text, "approved  humanitec");
	has(text, "  api       deny        1\n");
	for (at = text; *at != '\0'; at++)
		assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
	free(text);
	report_free(r);
}

/* The most active first, and no more than people read. */
static void text_shows_the_busiest_denied_sources(void **state)
{
	const struct report_request request = { .from = NOON, .to = NOON + HOUR, .host = "gate" };
	struct fixture *f = *state;
	struct error err = { "" };
	struct report *r = NULL;
	char source[32], *text;
	sqlite3 *db;
	int i;

	fixture_names(f);
	for (i = 1; i <= 103; i++) {
		snprintf(source, sizeof(source), "192.0.2.%d", i);
		fixture_aggregate(f, NOON, NOON + 1, 1, source, 1, (uint64_t)i);
	}
	db = fixture_reader(f);
	assert_int_equal(report_read(db, &request, &r, &err), 0);
	sqlite3_close(db);
	text = rendered(r, report_text);
	has(text, "192.0.2.103 ");
	has(text, "192.0.2.4 ");
	assert_null(strstr(text, "192.0.2.3 "));
	has(text, "and 3 more sources with 6 denied attempts");
	assert_true(strstr(text, "192.0.2.103 ") < strstr(text, "192.0.2.4 "));
	free(text);
	report_free(r);
}

/* Rows before the ones that are there were announced as old and are gone. */
#define RETIRED \
	"INSERT INTO retirement (time, kind, first, count, leaf) VALUES (1793534400000000, 1, 0, 30, 40);" \
	"INSERT INTO leaves VALUES (30, 1, 1793534400000000, 1, NULL)"
#define NOT_DELETED_YET "UPDATE leaves SET first = 0, count = 31"
#define ROW "INSERT INTO connection VALUES (1793536200000001, 0, 0, 1, 2, 1)"

/* One space wherever there is any. */
static void unwrap(char *text)
{
	char *to = text;

	for (const char *at = text; *at != '\0'; at++)
		if ((*at != ' ' && *at != '\n') || (to > text && to[-1] != ' '))
			*to++ = *at == '\n' ? ' ' : *at;
	*to = '\0';
}

/* Tallies are of whole hours and stay longer than rows: what they count more is said, and who came is not denied. */
static void tallies_and_rows_never_contradict_each_other(void **state)
{
	static const struct {
		const char *setup, *denied, *why;
	} cases[] = {
		{ "", "No source was denied.", "" },
		{ "INSERT INTO tally VALUES (498204, 0, 1, 1, 1793534400000000, 1793536200000000, 30, 30, 0, 0)",
		  "No row of the period says who was denied.",
		  "30 attempts more, before or after the period: an hour of which it has a part is counted whole." },
		{ RETIRED ";" NOT_DELETED_YET, "No row of the period says who was denied.",
		  "30 attempts more, before or after the period" },
		{ "UPDATE leaves SET first = 30", "No row of the period says who was denied.",
		  "30 attempts more, whose rows were deleted as old: the log is complete from 2026-11-01T12:00:00Z on." },
		{ ROW, "128.0.0.0", "29 attempts more, whose rows were deleted as old: the log is complete from 2026-11-01T12:30:01Z" },
		{ "UPDATE tally SET counted = 33, recorded = 0, lost = 33", "128.0.0.0",
		  "do not count 1 attempt of these yet" },
		{ "DELETE FROM connection", "No row of the period says who was denied.",
		  "Of 33 attempts more, which the kernel counted, no row says where they came from." },
	};
	const struct report_request request = { .from = NOON - 10 * MINUTE, .to = NOON + HOUR, .host = "gate" };
	struct fixture *f = *state;

	fixture_names(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { "" };
		struct report *r = NULL;
		sqlite3 *db;
		char *text;

		fixture_sql(f, cases[i].setup);
		db = fixture_reader(f);
		if (report_read(db, &request, &r, &err) == -1)
			fail_msg("%s", err.text);
		sqlite3_close(db);
		text = rendered(r, report_text);
		unwrap(text);
		has(text, cases[i].denied);
		has(text, cases[i].why);
		free(text);
		report_free(r);
	}
}

static void json_has_the_fields_of_the_contract(void **state)
{
	struct report *r = make(*state);
	char *text = rendered(r, report_json);
	json_t *all = json_loads(text, 0, NULL), *e, *source;
	const char *from, *to, *host, *name, *kind, *mode, *list;
	json_int_t allowed, denied, aggregated, lost, rows;
	double coverage;

	assert_non_null(all);
	assert_int_equal(json_unpack(all, "{s:{s:s, s:s}, s:s, s:{s:n, s:I, s:n}}", "period", "from", &from, "to", &to,
	                             "host", &host, "integrity", "ok", "rows", &rows, "checkpoint"),
	                 0);
	assert_string_equal(from, "2026-10-31T12:00:00Z");
	assert_string_equal(to, "2026-11-02T12:00:00Z");
	assert_int_equal(rows, 4);
	e = json_array_get(json_object_get(all, "endpoints"), 0);
	assert_int_equal(json_unpack(e, "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:F}", "name", &name, "kind", &kind,
	                             "mode", &mode, "allowed", &allowed, "denied", &denied, "aggregated", &aggregated,
	                             "lost", &lost, "coverage_percent", &coverage),
	                 0);
	assert_string_equal(name, "api");
	assert_string_equal(kind, "kubernetes-api");
	assert_string_equal(mode, "enforce");
	assert_int_equal(allowed, 2);
	assert_int_equal(denied, 2);
	assert_int_equal(aggregated, 97);
	assert_int_equal(lost, 1);
	assert_true(coverage == 100);
	source = json_array_get(json_object_get(e, "sources"), 0);
	assert_int_equal(json_unpack(source, "{s:s, s:I, s:I, s:s, s:s, s:s}", "source", &name, "allowed", &allowed,
	                             "denied", &denied, "list", &list, "first", &from, "last", &to),
	                 0);
	assert_string_equal(name, "34.159.97.57");
	assert_string_equal(list, "humanitec");
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(e, "sources"), 1), "list")));
	assert_int_equal(json_array_size(json_object_get(all, "list_changes")), 1);
	assert_int_equal(
	    json_array_size(json_object_get(json_array_get(json_object_get(all, "list_changes"), 0), "added")), 2);
	assert_int_equal(json_array_size(json_object_get(all, "decisions")), 1);
	assert_int_equal(json_array_size(json_object_get(all, "events")), 2);
	assert_true(json_is_array(json_object_get(all, "controls")));
	json_decref(all);
	free(text);
	report_free(r);
}

static void csv_has_a_row_for_each_source(void **state)
{
	struct report *r = make(*state);
	char *text = rendered(r, report_csv);

	assert_string_equal(
	    text, "endpoint,source,allowed,observed,denied,aggregated,list,first,last\r\n"
		  "api,34.159.97.57,2,0,0,0,humanitec,2026-11-01T12:00:00.000000Z,2026-11-01T12:00:00.000001Z\r\n"
		  "api,192.0.2.66,0,0,1,0,,2026-11-01T12:00:00.000002Z,2026-11-01T12:00:00.000002Z\r\n"
		  "api,2001:db8::66,0,0,1,97,,2026-11-01T12:00:00.000000Z,2026-11-01T12:01:00.000000Z\r\n");
	free(text);
	report_free(r);
}

static void has_file(const char *folder, const char *name, const char *expected)
{
	struct buffer b = BUFFER_INIT;
	struct error err = { "" };
	struct stat st;
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY);

	if (file_read(dirfd, name, 1 << 20, &b, &err) == -1)
		fail_msg("%s", err.text);
	assert_string_equal(buffer_str(&b), expected);
	assert_int_equal(fstatat(dirfd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, REPORT_FILE_MODE);
	buffer_free(&b);
	close(dirfd);
}

static void csv_folder_holds_every_table(void **state)
{
	struct fixture *f = *state;
	struct report *r = make(f);
	struct error err = { "" };

	if (report_csv_folder(r, f->folder, &err) == -1)
		fail_msg("%s", err.text);
	has_file(f->folder, "endpoints.csv",
	         "endpoint,kind,mode,allowed,denied,aggregated,lost,counted,coverage_percent,orchestrator_allowed,would_deny,place,"
	         "lists,way,owner,reason,rows_allowed,rows_denied,rows_aggregated\r\n"
	         "api,kubernetes-api,enforce,2,2,97,1,102,100.0000,,0,,,direct,,,2,2,97\r\n");
	/* A formula is text: an apostrophe in front. */
	has_file(f->folder, "list_changes.csv",
	         "list,revision,time,added,removed,origins,decided_by,reason\r\n"
	         "humanitec,1,2026-11-01T12:00:00.000000Z,\"[\"\"34.159.97.57/32\"\", \"\"35.198.74.96/32\"\"]\",[],"
	         "\"[{\"\"name\"\":\"\"docs\"\",\"\"state\"\":\"\"ok\"\",\"\"entries\"\":6}]\",user anna,"
	         "\"'=HYPERLINK(\"\"http://x\"\")\\x1b[31m\"\r\n");
	has_file(
	    f->folder, "events.csv",
	    "time,kind,subject,decision,detail\r\n"
	    "2026-11-01T12:00:00.000000Z,start,hallowd,no,\"{\"\"version\"\": \"\"0.1.0\"\"}\"\r\n"
	    "2026-11-01T12:00:00.000001Z,approved,humanitec,yes,\"{\"\"reason\"\": \"\"a, \\\"\"b\\\"\"\"\"}\"\r\n");
	has_file(f->folder, "losses.csv",
	         "endpoint,verdict,from,to,lost\r\n"
	         "api,deny,2026-11-01T12:00:00.000000Z,2026-11-01T12:01:00.000000Z,1\r\n");
	assert_int_equal(report_csv_folder(r, "/nonexistent/folder", &err), -1);
	has(err.text, "/nonexistent/folder");
	report_free(r);
}

static void formulas_are_escaped(void **state)
{
	static const char *const reasons[] = { "=1", "+1", "-1", "@x", "\t1", "\r1" };
	const struct report_request request = { .from = NOON, .to = NOON + HOUR, .host = "gate" };
	struct fixture *f = *state;
	struct error err = { "" };
	struct report *r = NULL;
	struct buffer b = BUFFER_INIT;
	sqlite3 *db;
	int i, dirfd;

	for (i = 0; i < 6; i++)
		fixture_revision(f, "l", i + 1, NOON + i, "[]", "[]", "guards", reasons[i]);
	fixture_revision(f, "l", 7, NOON + 7, "[]", "[]", "guards", "a=1");
	db = fixture_reader(f);
	assert_int_equal(report_read(db, &request, &r, &err), 0);
	sqlite3_close(db);
	assert_int_equal(report_csv_folder(r, f->folder, &err), 0);
	dirfd = open(f->folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_read(dirfd, "list_changes.csv", 1 << 20, &b, &err), 0);
	close(dirfd);
	has(buffer_str(&b), ",'=1\r\n");
	has(buffer_str(&b), ",'+1\r\n");
	has(buffer_str(&b), ",'-1\r\n");
	has(buffer_str(&b), ",'@x\r\n");
	has(buffer_str(&b), ",\\x091\r\n");
	has(buffer_str(&b), ",\\x0d1\r\n");
	has(buffer_str(&b), ",a=1\r\n");
	buffer_free(&b);
	report_free(r);
}

int test_render(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_says_it_all_and_is_plain, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(text_shows_the_busiest_denied_sources, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(tallies_and_rows_never_contradict_each_other, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(json_has_the_fields_of_the_contract, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(csv_has_a_row_for_each_source, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(csv_folder_holds_every_table, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(formulas_are_escaped, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
