/* Logs that earlier versions wrote, tests/data/audit-N.sql: the recorder brings each to the current version, nothing in it is
 * lost or different, and it goes on from where that version stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/schema.h"
#include "audit/verify.h"
#include "test_record.h"

/* What a person may ask of a log of any version. */
static const char *const questions[] = {
	"SELECT id, time, endpoint, verdict, reason, source, source_port, destination, destination_port, protocol, list,"
	" revision, packets, bytes_in, bytes_out, duration_ms FROM connections ORDER BY id",
	"SELECT * FROM aggregates ORDER BY from_time, source, destination, destination_port",
	"SELECT * FROM list_revisions ORDER BY list, revision",
	"SELECT time, kind, subject, detail FROM events WHERE kind <> 'migrated' ORDER BY time, kind",
	"SELECT * FROM coverage ORDER BY endpoint, from_time",
	"SELECT endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost FROM tallies"
	" ORDER BY endpoint, verdict, from_time",
	"SELECT * FROM endpoints ORDER BY name",
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* A line for each row. */
static char *answer(sqlite3 *db, const char *question, int *rows)
{
	sqlite3_str *text = sqlite3_str_new(db);
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, question, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", question, sqlite3_errmsg(db));
	for (*rows = 0; sqlite3_step(stmt) == SQLITE_ROW; (*rows)++) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			sqlite3_str_appendf(text, "%s|", sqlite3_column_text(stmt, i));
		sqlite3_str_appendall(text, "\n");
	}
	sqlite3_finalize(stmt);
	return sqlite3_str_finish(text);
}

/* then: what happened to it before it is met; SQL. */
static void make_log(int version, const char *then)
{
	char path[4096], *why = NULL;
	char *text;
	size_t len;
	sqlite3 *db;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/audit-%d.sql", SOURCE_DIR, version);
	f = fopen(path, "r");
	assert_non_null(f);
	text = calloc(1, 1 << 20);
	len = fread(text, 1, (1 << 20) - 1, f);
	assert_true(len > 0 && feof(f));
	fclose(f);
	assert_int_equal(sqlite3_open(AUDIT_FILE, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", path, why);
	assert_int_equal(sqlite3_exec(db, then, NULL, NULL, NULL), SQLITE_OK);
	free(text);
	sqlite3_close(db);
}

static void remove_log(struct rig *g)
{
	recorder_free(&g->r);
	memset(&g->r, 0, sizeof(g->r));
	unlink(AUDIT_FILE);
	unlink(AUDIT_FILE "-wal");
	unlink(AUDIT_FILE "-shm");
}

/* A reader meets it before the recorder does. */
static void assert_told_what_to_do(int version)
{
	struct error err = { "" };
	char expected[32];
	sqlite3 *db;

	snprintf(expected, sizeof(expected), "has version %d", version);
	assert_int_equal(audit_open_reader(&db, ".", &err), -1);
	assert_non_null(strstr(err.text, expected));
	assert_non_null(strstr(err.text, "when hallowd starts"));
}

static void assert_migrated(struct rig *g, int version)
{
	char *before[QUESTIONS], *after;
	int rows;
	sqlite3 *db;

	remove_log(g);
	make_log(version, "");
	assert_told_what_to_do(version);
	assert_int_equal(sqlite3_open(AUDIT_FILE, &db), SQLITE_OK);
	for (size_t i = 0; i < QUESTIONS; i++) {
		before[i] = answer(db, questions[i], &rows);
		assert_true(rows > 0); /* else it shows nothing */
	}
	sqlite3_close(db);
	rig_restart(g);
	for (size_t i = 0; i < QUESTIONS; i++) {
		after = answer(g->r.store.db, questions[i], &rows);
		assert_string_equal(after, before[i]);
		sqlite3_free(after);
		sqlite3_free(before[i]);
	}
	rig_expect(g, "PRAGMA integrity_check", "ok");
}

static void every_earlier_version_is_brought_up_to_date(void **state)
{
	char version[16];

	snprintf(version, sizeof(version), "%d", schema_current());
	for (int i = 1; i < schema_current(); i++) {
		assert_migrated(*state, i);
		rig_expect(*state, "PRAGMA user_version", version);
	}
}

/* hallowd's messages and the kernel's counters go on from where they were: nothing is recorded or counted twice. */
static void it_goes_on_where_version_1_stopped(void **state)
{
	struct rig *g = *state;
	bool more = true;
	int64_t seq;

	assert_migrated(g, 1);
	seq = (int64_t)g->r.store.state.seq;
	assert_int_equal(seq, 9);
	rig_event(g, (uint64_t)seq, "told-again");
	rig_event(g, (uint64_t)seq + 1, "told-now");
	rig_commit(g);
	rig_expect(g, "SELECT count(*), max(kind) FROM events WHERE kind LIKE 'told-%'", "1|told-now");
	while (more)
		assert_int_equal(recorder_retain(&g->r, &more), 0);
	rig_expect(g, "SELECT count(*), max(detail) FROM events WHERE kind = 'migrated'",
	           "1|{\"from\":1,\"to\":2,\"gone\":[]}");
	assert_false(blocks_behind(&g->r.store.blocks, g->r.store.state.last_id));
	assert_int_equal(g->r.store.blocks.count, 33);
	rig_expect(g, "SELECT count(*), count(DISTINCT id) FROM connections", "33|33");
}

static const char *verified(struct rig *g)
{
	static struct verify_result result;
	struct verify_request q = { .keys = NULL };
	struct error err;

	if (audit_verify(g->r.store.db, &q, &result, &err) == -1)
		fail_msg("%s", err.text);
	return result.what;
}

/* Version 1 deleted old rows without a word; tallies, by the hour, stayed.  What is missing then is told once, is no finding,
 * and is no excuse for more. */
static void what_version_1_deleted_is_told(void **state)
{
	struct rig *g = *state;

	remove_log(g);
	make_log(1, "DELETE FROM aggregate WHERE id = 1;"
	            "DELETE FROM connection WHERE id IN (SELECT id FROM connection ORDER BY id LIMIT 7)");
	rig_restart(g);
	rig_expect(g, "SELECT count(*), max(detail) FROM events WHERE kind = 'migrated'",
	           "1|{\"from\":1,\"to\":2,\"gone\":["
	           "{\"endpoint\":\"api\",\"verdict\":\"allow\",\"recorded\":5,\"aggregated\":0},"
	           "{\"endpoint\":\"api\",\"verdict\":\"deny\",\"recorded\":2,\"aggregated\":30}]}");
	assert_string_equal(verified(g), "");
	/* By somebody who knows how the hash of what may still change is kept. */
	rig_run(g, "UPDATE aggregate SET count = count - 1");
	assert_int_equal(open_rows_save(&g->r.store.tree.open, OPEN_BIT(OPEN_AGGREGATE)), SQLITE_OK);
	assert_string_equal(verified(g), "endpoint api: the tallies say that 1 denied packet more were aggregated than there are"
	                                 " rows for");
}

int run_migration_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(every_earlier_version_is_brought_up_to_date),
		IN_RIG(it_goes_on_where_version_1_stopped),
		IN_RIG(what_version_1_deleted_is_told),
	};

	return cmocka_run_group_tests_name("migration", tests, NULL, NULL);
}
