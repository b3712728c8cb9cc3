/* audit.db: the schema's views against what was stored, and how the file is opened, also when it is damaged or not
 * ours. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "core/time_text.h"

#define NOBODY 65534

static char folder[64];
static int home;

static int enter_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_audit.XXXXXX");
	home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home == -1 || mkdtemp(folder) == NULL || chdir(folder) == -1 ? -1 : 0;
}

static int leave_folder(void **state)
{
	char command[128];

	(void)state;
	if (fchdir(home) == -1)
		return -1;
	close(home);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static sqlite3 *writer(void)
{
	struct error err = { "" };
	sqlite3 *db;

	if (audit_open_writer(&db, &err) == -1)
		fail_msg("%s", err.text);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* The first row of `sql`, its columns joined by '|', as the sqlite3 shell prints it.  The caller frees it. */
static char *row(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	char *text = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		text = sqlite3_mprintf("%s", "");
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const unsigned char *column = sqlite3_column_text(stmt, i);

			text = sqlite3_mprintf("%z%s%s", text, i == 0 ? "" : "|", column == NULL ? "" : (const char *)column);
		}
	}
	sqlite3_finalize(stmt);
	return text;
}

static void assert_row(sqlite3 *db, const char *sql, const char *expected)
{
	char *text = row(db, sql);

	assert_non_null(text);
	assert_string_equal(text, expected);
	sqlite3_free(text);
}

static void store_names(sqlite3 *db)
{
	run(db, "INSERT INTO endpoint VALUES (1, 'prod-api', 'kubernetes-api', 'enforce', '', '', '', 'humanitec,office',"
	        " 1);"
	        "INSERT INTO decision (id, endpoint, verdict, reason, list, revision) VALUES (1, 1, 0, 'listed', 'humanitec', 3), (2, 1, 1, 'not-listed',"
	        " 'humanitec,office', '3,1'),"
	        " (3, 1, 1, 'not-listed', '', '');"
	        "INSERT INTO target VALUES (1, ((203 << 24) + (113 << 8) + 10) - 2147483648, 6443, 6),"
	        " (2, x'20010db8000000000000000000000010', -1, 132), (3, 0, 53, 17)");
}

static void connections_are_shown_as_text(void **state)
{
	sqlite3 *db = writer();

	(void)state;
	store_names(db);
	run(db, "INSERT INTO connection VALUES"
	        " (1795487541123456, 0, ((34 << 24) + (159 << 16) + (97 << 8) + 57) - 2147483648, 40000 - 32768, 1, 1),"
	        " (1795487541123457, -1000, x'20010db800000000000000000bad0066', NULL, 2, 2),"
	        " (1795487542000000, 0, 4294967295 - 2147483648, -32768, 3, 3)");
	assert_row(db, "SELECT * FROM connections WHERE id = 1795487541123456",
	           "1795487541123456|2026-11-24T02:32:21.123456Z|prod-api|allow|listed|34.159.97.57|40000|"
	           "203.0.113.10|6443|tcp|humanitec|3|||||unknown|kernel");
	assert_row(db, "SELECT * FROM connections WHERE id = 1795487541123457",
	           "1795487541123457|2026-11-24T02:32:21.122457Z|prod-api|deny|not-listed|2001:db8::bad:66||"
	           "2001:db8::10||sctp|humanitec,office|3,1||||||kernel");
	assert_row(db, "SELECT * FROM connections WHERE id = 1795487542000000",
	           "1795487542000000|2026-11-24T02:32:22.000000Z|prod-api|deny|not-listed|255.255.255.255|0|"
	           "128.0.0.0|53|udp||||||||kernel");
	assert_row(db, "SELECT typeof(revision) FROM connections WHERE verdict = 'allow' AND revision = 3", "integer");
	sqlite3_close(db);
}

static void other_views_are_shown_as_text(void **state)
{
	sqlite3 *db = writer();

	(void)state;
	store_names(db);
	run(db, "INSERT INTO aggregate VALUES (1, 0, 1500000, 1, 1 - 2147483648, 1, 7, 7, 1);"
	        "INSERT INTO revision VALUES (1, 'humanitec', 3, 1000000, 12, '[\"a\"]', '[]', '[{}]', 'guards', '');"
	        "INSERT INTO event VALUES (1, 60000001, 'start', '', '{}');"
	        "INSERT INTO segment VALUES (1, 1, 0, 1, 0), (2, 1, 1, 2, 1), (3, 1, 2, 3, 2);"
	        "INSERT INTO tally VALUES (0, 0, 1, 1, 5, 6, 10, 7, 2, 1)");
	assert_row(db, "SELECT * FROM aggregates",
	           "1970-01-01T00:00:00.000000Z|1970-01-01T00:00:01.500000Z|prod-api|0.0.0.1|203.0.113.10|6443|tcp|7");
	assert_row(db, "SELECT list, revision, time, added, removed, origins, decided_by, reason FROM list_revisions",
	           "humanitec|3|1970-01-01T00:00:01.000000Z|[\"a\"]|[]|[{}]|guards|");
	assert_row(db, "SELECT * FROM events", "1970-01-01T00:01:00.000001Z|start||{}");
	assert_row(db, "SELECT group_concat(state) FROM coverage", "enforced,observed,unprotected");
	assert_row(db, "SELECT * FROM tallies",
	           "prod-api|deny|1970-01-01T00:00:00.000005Z|1970-01-01T00:00:00.000006Z|10|7|2|1");
	assert_row(db, "SELECT name, kind, mode, lists, present FROM"
	               " endpoints", "prod-api|kubernetes-api|enforce|humanitec,office|1");
	sqlite3_close(db);
}

static void a_tally_that_does_not_add_up_is_refused(void **state)
{
	sqlite3 *db = writer();

	(void)state;
	assert_int_equal(sqlite3_exec(db, "INSERT INTO tally VALUES (0, 0, 1, 1, 5, 6, 10, 7, 2, 0)", NULL, NULL, NULL),
	                 SQLITE_CONSTRAINT_CHECK);
	sqlite3_close(db);
}

/* A bit pattern with many runs of zero groups of every length and place. */
static void odd_address(struct address *a, unsigned n)
{
	*a = (struct address){ .family = AF_INET6 };
	for (unsigned group = 0; group < 8; group++)
		if ((n >> group & 1) != 0) {
			a->bytes[2 * group] = n % 3 == 0 ? 0 : (uint8_t)(n + group);
			a->bytes[2 * group + 1] = (uint8_t)(n * 7 + group + 1) | 1;
		}
	if (n >= 512 && n < 768) { /* mapped and nearly so */
		memset(a->bytes, 0, 10);
		a->bytes[10] = a->bytes[11] = n % 5 == 0 ? 0xfe : 0xff;
	}
	if (n >= 768)
		for (unsigned i = 0; i < 16; i++)
			a->bytes[i] = n % 2 == 0 || rand() % 3 == 0 ? (uint8_t)rand() : 0;
}

static void addresses_are_canonical_in_plain_sql(void **state)
{
	char expected[ADDRESS_TEXT_MAX];
	sqlite3_stmt *insert, *shown;
	sqlite3 *db = writer(), *plain;
	struct address a, back;

	(void)state;
	store_names(db);
	run(db, "BEGIN");
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO connection VALUES (?1, 0, ?2, 0, 1,"
	                                        " 1)", -1, &insert, NULL), SQLITE_OK);
	for (unsigned n = 0; n < 3000; n++) {
		odd_address(&a, n);
		if (n >= 2000)
			a.family = AF_INET;
		sqlite3_bind_int(insert, 1, (int)n);
		assert_int_equal(audit_bind_address(insert, 2, &a), SQLITE_OK);
		assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	run(db, "COMMIT");
	assert_row(db, "SELECT group_concat(ip(c.source) || ' is not ' || v.source) FROM connection c JOIN connections v"
	               " USING (id)"
	               " WHERE ip(c.source) <> v.source", "");
	assert_int_equal(sqlite3_open(AUDIT_FILE, &plain), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(plain, "SELECT v.source, c.source FROM connection c JOIN connections v USING"
	                                           " (id)"
	                                           " ORDER BY c.id", -1, &shown, NULL), SQLITE_OK);
	srand(1);
	sqlite3_close(db);
	unsigned n = 0;
	while (sqlite3_step(shown) == SQLITE_ROW) {
		assert_int_equal(audit_column_address(shown, 1, &back), 0);
		assert_string_equal((const char *)sqlite3_column_text(shown, 0), address_format(&back, expected));
		n++;
	}
	assert_int_equal(n, 3000);
	sqlite3_finalize(shown);
	sqlite3_close(plain);
}

/* The order of the stored form is that of addresses, so that a prefix is a range. */
static void addresses_keep_their_order(void **state)
{
	static const char *const sorted[] = { "0.0.0.0", "0.0.0.1", "127.255.255.255", "128.0.0.0", "255.255.255.255",
		                                  "::", "::1", "7fff::", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	sqlite3_stmt *stmt;
	sqlite3 *db = writer();
	struct address a, b;

	(void)state;
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT ?1 < ?2, ?1, ip(?1)", -1, &stmt, NULL), SQLITE_OK);
	for (size_t i = 0; i + 1 < sizeof(sorted) / sizeof(sorted[0]); i++) {
		assert_int_equal(address_parse(&a, sorted[i]), 0);
		assert_int_equal(address_parse(&b, sorted[i + 1]), 0);
		audit_bind_address(stmt, 1, &a);
		audit_bind_address(stmt, 2, &b);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(stmt, 0), 1);
		assert_int_equal(audit_column_address(stmt, 1, &b), 0);
		assert_int_equal(address_compare(&a, &b), 0);
		assert_string_equal((const char *)sqlite3_column_text(stmt, 2), sorted[i]);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT 'text'", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(audit_column_address(stmt, 0, &a), -1);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* By key, not by reading all rows; and rows whose clock had stepped back are not missed. */
static void a_period_is_found_by_key(void **state)
{
	sqlite3 *db = writer();
	sqlite3_stmt *stmt;
	char plan[1024] = "";

	(void)state;
	run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
	        " INSERT INTO connection SELECT i * 1000000, 0, 0, 0, 1, 1 FROM n;"
	        "INSERT INTO connection VALUES (1000000001, 50500000 - 1000000001, 0, 0, 1, 1)");
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM connection c"
	                                        " WHERE " AUDIT_IN_PERIOD, -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, 50000000);
	sqlite3_bind_int64(stmt, 2, 60000000);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stmt, 0), 11);
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_prepare_v2(db, "EXPLAIN QUERY PLAN SELECT count(*) FROM connection c"
	                                        " WHERE " AUDIT_IN_PERIOD, -1,
	                                    &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		strncat(plan, (const char *)sqlite3_column_text(stmt, 3), sizeof(plan) - strlen(plan) - 1);
	sqlite3_finalize(stmt);
	assert_non_null(strstr(plan, "USING INTEGER PRIMARY KEY"));
	assert_non_null(strstr(plan, "connection_skewed"));
	assert_null(strstr(plan, "SCAN"));
	sqlite3_close(db);
}

static void the_file_is_for_its_owner_and_group(void **state)
{
	sqlite3 *db = writer();
	struct stat st;

	(void)state;
	umask(0);
	run(db, "INSERT INTO event VALUES (1, 1, 'start', '', '{}')");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "audit.db", "audit.db-wal", "audit.db-shm" };

		assert_int_equal(stat(names[i], &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_row(db, "PRAGMA journal_mode", "wal");
	assert_row(db, "PRAGMA user_version", "2");
	assert_row(db, "PRAGMA auto_vacuum", "2");
	sqlite3_close(db);
	db = writer();
	assert_row(db, "SELECT count(*) FROM event", "1");
	sqlite3_close(db);
}

/* As hallowd-record runs: nobody, in a folder below one that only root can walk. */
static void a_folder_with_a_closed_path_is_enough(void **state)
{
	struct error err = { "" };
	sqlite3 *db;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("closed", 0700), 0);
	assert_int_equal(mkdir("closed/state", 0700), 0);
	assert_int_equal(chown("closed/state", NOBODY, NOBODY), 0);
	pid = fork();
	if (pid == 0) {
		if (chdir("closed/state") == -1 || setgid(NOBODY) == -1 || setuid(NOBODY) == -1 || access(folder, X_OK) == 0)
			_exit(2);
		for (int i = 0; i < 2; i++) { /* the second time there is a file, and a journal */
			if (audit_open_writer(&db, &err) == -1 ||
			    sqlite3_exec(db, "INSERT INTO event (time, kind, subject, detail) VALUES (1, 'start', '',"
			                     " '{}')", NULL, NULL,
			                 NULL) != SQLITE_OK) {
				fprintf(stderr, "%s\n", err.text);
				_exit(1);
			}
			sqlite3_close(db);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(audit_open_reader(&db, "closed/state", &err), 0);
	assert_row(db, "SELECT count(*) FROM events", "2");
	sqlite3_close(db);
}

static void overwrite(const char *name, off_t at, const char *with, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	assert_true(fd != -1);
	assert_int_equal(pwrite(fd, with, len, at), (ssize_t)len);
	close(fd);
}

static void assert_set_aside(const char *content_at_0)
{
	char *name, *detail, begin[17] = "";
	sqlite3 *db = writer();
	int fd;

	assert_row(db, "SELECT count(*), kind, subject FROM events", "1|damaged|audit.db");
	assert_row(db, "SELECT baseline FROM state", "1");
	detail = row(db, "SELECT detail ->> 'reason' FROM events");
	assert_true(detail != NULL && *detail != '\0');
	sqlite3_free(detail);
	name = row(db, "SELECT detail ->> 'kept_as' FROM events");
	fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(read(fd, begin, 16), 16);
	assert_string_equal(begin, content_at_0);
	close(fd);
	sqlite3_free(name);
	sqlite3_close(db);
	db = writer(); /* and only once */
	assert_row(db, "SELECT count(*) FROM events", "1");
	sqlite3_close(db);
}

static void a_file_that_is_no_database_is_set_aside(void **state)
{
	(void)state;
	overwrite(AUDIT_FILE, 0, "certainly not SQLite at all, and longer than its header of 100 bytes: "
	                         "certainly not SQLite at all, and longer than its header", 125);
	assert_set_aside("certainly not SQ");
}

static void a_broken_page_is_set_aside(void **state)
{
	char junk[4096];
	sqlite3 *db = writer();

	(void)state;
	run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
	        " INSERT INTO connection SELECT i, 0, 0, 0, 1, 1 FROM n; PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(db);
	memset(junk, 0x5a, sizeof(junk));
	overwrite(AUDIT_FILE, 4096 * 30, junk, sizeof(junk));
	assert_set_aside("SQLite format 3");
}

static void assert_refused(const char *name, const char *what)
{
	struct error err = { "" };
	sqlite3 *db;

	assert_int_equal(audit_open_writer(&db, &err), -1);
	assert_null(db);
	assert_non_null(strstr(err.text, what));
	assert_int_equal(audit_open_reader(&db, ".", &err), -1);
	assert_null(db);
	assert_int_equal(sqlite3_open(name, &db), SQLITE_OK);
	assert_row(db, "SELECT x FROM mine", "1");
	sqlite3_close(db);
}

static void another_database_is_left_alone(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(AUDIT_FILE, &db), SQLITE_OK);
	run(db, "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
	sqlite3_close(db);
	assert_refused(AUDIT_FILE, "no audit log");
}

static void a_later_version_is_left_alone(void **state)
{
	sqlite3 *db = writer();

	(void)state;
	run(db, "CREATE TABLE mine (x); INSERT INTO mine VALUES (1); PRAGMA user_version = 1000");
	sqlite3_close(db);
	assert_refused(AUDIT_FILE, "version 1000");
}

static void a_reader_neither_makes_nor_changes(void **state)
{
	struct error err = { "" };
	sqlite3 *db, *w;

	(void)state;
	assert_int_equal(audit_open_reader(&db, folder, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(access(AUDIT_FILE, F_OK), -1);
	overwrite(AUDIT_FILE, 0, "", 0);
	assert_int_equal(audit_open_reader(&db, folder, &err), -1);
	assert_int_equal(errno, ENOENT);
	w = writer();
	assert_int_equal(audit_open_reader(&db, folder, &err), 0);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO event VALUES (1, 1, '', '',"
	                                  " '')", NULL, NULL, NULL), SQLITE_READONLY);
	run(w, "BEGIN IMMEDIATE; INSERT INTO event VALUES (1, 1, 'start', '', '{}')");
	assert_row(db, "SELECT count(*) FROM events", "0"); /* not held up by a writer, and sees only what is committed */
	run(w, "COMMIT");
	assert_row(db, "SELECT count(*) FROM events", "1");
	sqlite3_close(db);
	sqlite3_close(w);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(connections_are_shown_as_text),
		IN_FOLDER(other_views_are_shown_as_text),
		IN_FOLDER(a_tally_that_does_not_add_up_is_refused),
		IN_FOLDER(addresses_are_canonical_in_plain_sql),
		IN_FOLDER(addresses_keep_their_order),
		IN_FOLDER(a_period_is_found_by_key),
		IN_FOLDER(the_file_is_for_its_owner_and_group),
		IN_FOLDER(a_folder_with_a_closed_path_is_enough),
		IN_FOLDER(a_file_that_is_no_database_is_set_aside),
		IN_FOLDER(a_broken_page_is_set_aside),
		IN_FOLDER(another_database_is_left_alone),
		IN_FOLDER(a_later_version_is_left_alone),
		IN_FOLDER(a_reader_neither_makes_nor_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
