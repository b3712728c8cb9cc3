#include "audit_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"

int fixture_open(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = { "" };
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*state = f;
	strcpy(f->folder, "/tmp/test_fixture.XXXXXX");
	if (home == -1 || mkdtemp(f->folder) == NULL || chdir(f->folder) == -1)
		return -1;
	if (audit_open_writer(&f->db, &err) == -1)
		fail_msg("%s", err.text);
	if (fchdir(home) == -1)
		return -1;
	close(home);
	return 0;
}

int fixture_close(void **state)
{
	struct fixture *f = *state;
	char command[128];

	sqlite3_close(f->db);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	free(f);
	return system(command);
}

sqlite3 *fixture_reader(const struct fixture *f)
{
	struct error err = { "" };
	sqlite3 *db;

	if (audit_open_reader(&db, f->folder, &err) == -1)
		fail_msg("%s", err.text);
	return db;
}

void fixture_sql(const struct fixture *f, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(f->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* `kinds` has one letter for each argument: i a 64-bit number, t a text, a an address. */
static void insert(const struct fixture *f, const char *sql, const char *kinds, ...)
{
	sqlite3_stmt *s;
	struct address a;
	va_list ap;
	int i;

	if (sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(f->db));
	va_start(ap, kinds);
	for (i = 1; kinds[i - 1] != '\0'; i++) {
		if (kinds[i - 1] == 'i') {
			sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
		} else if (kinds[i - 1] == 't') {
			sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else {
			assert_int_equal(address_parse(&a, va_arg(ap, const char *)), 0);
			assert_int_equal(audit_bind_address(s, i, &a), SQLITE_OK);
		}
	}
	va_end(ap);
	if (sqlite3_step(s) != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(f->db));
	sqlite3_finalize(s);
}

void fixture_names(const struct fixture *f)
{
	fixture_sql(f, "INSERT INTO endpoint VALUES (1, 'api', 'kubernetes-api', 'enforce', '', '', '', '', 1),"
	               " (2, 'orders', 'database', 'observe', '', '', '', '', 1),"
	               " (3, 'old', 'https', 'enforce', '', '', '', '', 0)");
	fixture_sql(f, "INSERT INTO decision (id, endpoint, verdict, reason, list, revision) VALUES (1, 1, 0, 'listed', 'humanitec', 3),"
	               " (2, 1, 1, 'not-listed', 'humanitec,office', '3,1'), (3, 2, 0, 'observed', 'humanitec', 3),"
	               " (4, 3, 0, 'listed', 'humanitec', 2), (5, 1, 0, 'listed', 'office', 1)");
	insert(f, "INSERT INTO target VALUES (1, ?, 6443, 6)", "a", "203.0.113.10");
	insert(f, "INSERT INTO target VALUES (2, ?, 6443, 6)", "a", "2001:db8::10");
}

void fixture_connection(const struct fixture *f, time_us time, time_us late, const char *source, int decision,
                        int target)
{
	insert(f, "INSERT INTO connection VALUES (?, ?, ?, 50000 - 32768, ?, ?)", "iiaii", time + late, -late, source,
	       (int64_t)decision, (int64_t)target);
}

void fixture_aggregate(const struct fixture *f, time_us from, time_us to, int endpoint, const char *source, int target,
                       uint64_t count)
{
	insert(f, "INSERT INTO aggregate VALUES (NULL, ?, ?, ?, ?, ?, ?, 0, NULL)", "iiiaii", from, to,
	       (int64_t)endpoint, source, (int64_t)target, (int64_t)count);
}

void fixture_tally(const struct fixture *f, time_us from, time_us to, int endpoint, int verdict, uint64_t recorded,
                   uint64_t aggregated, uint64_t lost)
{
	insert(f, "INSERT INTO tally VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?)", "iiiiiiiii", from / HOUR, (int64_t)endpoint,
	       (int64_t)verdict, from, to, (int64_t)(recorded + aggregated + lost), (int64_t)recorded,
	       (int64_t)aggregated, (int64_t)lost);
}

void fixture_segment(const struct fixture *f, int endpoint, time_us from, time_us to, int state)
{
	insert(f, "INSERT INTO segment VALUES (NULL, ?, ?, ?, ?)", "iiii", (int64_t)endpoint, from, to, (int64_t)state);
}

void fixture_revision(const struct fixture *f, const char *list, int revision, time_us time, const char *added,
                      const char *removed, const char *decided_by, const char *reason)
{
	insert(f,
	       "INSERT INTO revision VALUES (NULL, ?, ?, ?, 6, ?, ?,"
	       " '[{\"name\":\"docs\",\"state\":\"ok\",\"entries\":6}]', ?, ?)",
	       "tiitttt", list, (int64_t)revision, time, added, removed, decided_by, reason);
}

void fixture_event(const struct fixture *f, time_us time, const char *kind, const char *subject, const char *detail)
{
	insert(f, "INSERT INTO event VALUES (NULL, ?, ?, ?, ?)", "ittt", time, kind, subject, detail);
}
