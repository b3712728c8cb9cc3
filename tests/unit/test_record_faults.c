/* Every read, write, sync and truncation of the database's files fails in turn, once or until somebody helps: the recorder goes
 * on by itself, and nothing is lost or doubled, nor is a log taken for damaged that only could not be read just then. */
#include "test_record.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify.h"
#include "core/checkpoint_message.h"
#include "fault_vfs.h"

#define CHECKPOINT_PAGES 12 /* small, so that the journal is written back under way as well */
#define MOST_CALLS 400      /* in one second's work there are fewer */
#define MOST_READS 4000

#define TALLIES \
	"SELECT group_concat(verdict || ':' || counted || '=' || recorded || '+' || aggregated || '+' || lost, ' ')" \
	" FROM (SELECT verdict, sum(counted) AS counted, sum(recorded) AS recorded, sum(aggregated) AS aggregated," \
	" sum(lost) AS lost FROM tallies GROUP BY verdict ORDER BY verdict)"

static int setup(void **state)
{
	struct rig *g;

	fault_lift();
	if (fault_vfs_install() != SQLITE_OK || rig_setup(state) != 0)
		return -1;
	g = *state;
	sqlite3_wal_autocheckpoint(g->r.store.db, CHECKPOINT_PAGES);
	return 0;
}

static int teardown(void **state)
{
	int result;

	fault_lift();
	result = rig_teardown(state);
	return fault_vfs_remove() == SQLITE_OK ? result : -1;
}

static void verify(struct rig *g, const struct note_key *key, uint64_t checkpoints, unsigned n)
{
	struct verify_request request = { .keys = key, .key_count = key == NULL ? 0 : 1 };
	struct verify_result result;
	struct error err;

	if (audit_verify(g->r.store.db, &request, &result, &err) == -1)
		fail_msg("verify after fault %u: %s", n, err.text);
	if (!result.ok || result.checkpoints != checkpoints)
		fail_msg("verify after fault %u: %s: %s; %llu checkpoints", n, result.row, result.what,
		         (unsigned long long)result.checkpoints);
}

static void expect_number(struct rig *g, const char *sql, unsigned n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	rig_expect(g, sql, text);
}

/* Nothing was taken for damage, and no message is there twice. */
static void expect_messages(struct rig *g, unsigned n)
{
	expect_number(g, "SELECT count(DISTINCT revision) * (count(*) = max(revision)) FROM list_revisions", n);
	expect_number(g, "SELECT count(*) FROM events WHERE kind = 'start'", n);
	expect_number(g, "SELECT count(*) FROM events WHERE kind NOT IN ('start', 'lost')", 0);
}

/* --- a second's work, into every table */

static void tell(struct rig *g, unsigned n)
{
	time_us t = DAY + SECONDS(100 * n);

	rig_event(g, ++g->message, "start");
	rig_revision(g, "a", n, t);
	rig_policy(g, "E", t, true, n, n);
}

static void read_counters(struct rig *g, unsigned n)
{
	rig_reading(g, "E", DAY + SECONDS(100 * n + 2), (struct counters){ n, 10 * n, 0 }, 5 * n);
}

static void bring_everything(struct rig *g, unsigned n)
{
	time_us t = DAY + SECONDS(100 * n);

	tell(g, n);
	rig_log(g, LOG_PREFIX_ALLOW "web:a", t, 1);
	rig_tell(g, &(struct tracked){ .start = t, .stop = t + SECONDS(1), .packets_in = 6, .bytes_in = 700, .packets_out = 4,
	                               .bytes_out = 90 });
	rig_log(g, LOG_PREFIX_DENY "web", t + SECONDS(1), 3);
	read_counters(g, n);
	g->now_ms += 10 * SETTLE_MS;
}

/* How often the commit failed before all of it was there: once for a fault that comes once; one that lasts is lifted after
 * three times. */
static unsigned commit_at_last(struct rig *g)
{
	unsigned failures = 0;

	while (rig_try(g) == -1) {
		assert_true(fault_hits() > 0);
		assert_in_range(++failures, 1, 3);
		if (failures == 3)
			fault_lift();
	}
	assert_int_equal(g->r.reading_count, 0);
	return failures;
}

static void store_signed(struct rig *g, const struct note_signer *signer)
{
	struct buffer note = BUFFER_INIT, b = BUFFER_INIT;
	unsigned tries = 0;

	rig_sign(g, signer, &note);
	assert_int_equal(signed_encode(&b, note.data, note.len), 0);
	buffer_free(&note);
	rig_take(g, &b);
	while (g->r.signing.note.len > 0) {
		signing_store(&g->r.signing, &g->r.store, g->now_ms);
		assert_in_range(++tries, 1, 5);
		if (tries == 4)
			fault_lift();
	}
}

/* The n-th call of those kinds fails, for every n until a second's work has no more. */
static void fail_each(struct rig *g, struct fault fault, unsigned at_least)
{
	struct note_signer signer;
	unsigned n, failures = 0;
	bool hit = true;
	struct error err;
	char tallies[128];

	assert_int_equal(note_signer_make(&signer, "host/hallowd", &err), 0);
	g->tampered = true; /* signed by a key that the rig does not know */
	for (n = 1; hit; n++) {
		assert_in_range(n, 1, MOST_CALLS);
		bring_everything(g, n);
		fault.at = n;
		fault_plan(fault);
		failures += commit_at_last(g) > 0;
		store_signed(g, &signer);
		hit = fault_hits() > 0;
		fault_lift();
		expect_messages(g, n);
		snprintf(tallies, sizeof(tallies), "allow:%u=%u+0+0 deny:%u=%u+%u+%u", n, n, 10 * n, 3 * n, 5 * n, 2 * n);
		rig_expect(g, TALLIES, tallies);
		expect_number(g, "SELECT count(*) FROM connections", 4 * n);
		expect_number(g, "SELECT count(*) FROM connections WHERE state = 'closed' AND packets = 10", n);
		verify(g, &signer.key, n, n);
	}
	assert_true(n > at_least);
	assert_true(failures > 0 || fault.kinds == FAULT_SYNC); /* the journal is not synced with each commit */
	note_signer_wipe(&signer);
}

static void every_write_fails_once(void **state)
{
	fail_each(*state, (struct fault){ .kinds = FAULT_WRITE, .code = SQLITE_IOERR_WRITE }, 15);
}

static void the_disk_is_full_from_every_write_on(void **state)
{
	fail_each(*state, (struct fault){ .kinds = FAULT_WRITE, .code = SQLITE_FULL, .lasts = true }, 15);
}

static void every_sync_fails_once(void **state)
{
	fail_each(*state, (struct fault){ .kinds = FAULT_SYNC, .code = SQLITE_IOERR_FSYNC }, 1);
}

/* Nothing stays in memory: what is needed is read. */
static void keep_no_pages(struct rig *g)
{
	rig_run(g, "PRAGMA cache_size = 1");
	g->tampered = false;
}

static void assert_none_set_aside(void)
{
	glob_t found;

	assert_int_equal(glob(AUDIT_FILE ".damaged-*", 0, NULL, &found), GLOB_NOMATCH);
	globfree(&found);
}

static void every_read_fails_once(void **state)
{
	keep_no_pages(*state);
	fail_each(*state, (struct fault){ .kinds = FAULT_READ, .code = SQLITE_IOERR_READ }, 15);
	assert_none_set_aside();
}

/* --- killed when it failed: hallowd tells its messages again, and packets that were read are counted as lost */

static void killed_after_every_fault(void **state)
{
	struct rig *g = *state;
	unsigned n, deaths = 0;
	bool hit = true;
	char tallies[128];

	for (n = 1; hit; n++) {
		assert_in_range(n, 1, MOST_CALLS);
		bring_everything(g, n);
		fault_plan((struct fault){ FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, SQLITE_IOERR, n, true });
		if (rig_try(g) == -1) {
			deaths++;
			fault_lift();
			rig_restart(g);
			sqlite3_wal_autocheckpoint(g->r.store.db, CHECKPOINT_PAGES);
			g->message -= 2;
			tell(g, n);
			read_counters(g, n);
		}
		hit = fault_hits() > 0;
		fault_lift();
		rig_settle(g);
		expect_messages(g, n);
		snprintf(tallies, sizeof(tallies), "allow:%u=%u+0+%u deny:%u=%u+%u+%u", n, n - deaths, deaths, 10 * n,
		         3 * (n - deaths), 5 * n, 2 * n + 3 * deaths);
		rig_expect(g, TALLIES, tallies);
		expect_number(g, "SELECT count(*) FROM connections", 4 * (n - deaths));
		verify(g, NULL, 0, n);
	}
	assert_true(deaths >= 15);
}

/* --- retention */

#define OLD_ROWS 40000u
#define NEW_ROWS 10u

static void fill_old(struct rig *g)
{
	time_us old = time_now() - HOURS(48);
	struct audit_policy p = { .time = old, .epoch = (char[]){ "E" }, .retention_seconds = 86400 };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_policy_encode(&b, &p), 0);
	rig_take(g, &b);
	for (unsigned i = 0; i < OLD_ROWS; i += 4000) {
		rig_log(g, LOG_PREFIX_DENY "web", old + SECONDS(i), 4000);
		rig_commit(g);
	}
	rig_log(g, LOG_PREFIX_DENY "web", time_now() - HOURS(1), NEW_ROWS);
	rig_commit(g);
}

/* Each step is tried again with a later fault until it has none. */
static void old_rows_go_whatever_fails(void **state)
{
	struct rig *g = *state;
	bool more = true;
	unsigned refused = 0, steps = 0;

	fill_old(g);
	while (more) {
		unsigned at = 0;

		assert_in_range(++steps, 1, 100);
		do {
			at += 1 + at / 4;
			fault_plan((struct fault){ FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, SQLITE_IOERR, at, true });
			if (recorder_retain(&g->r, &more) == -1) {
				refused++;
				fault_lift();
				rig_commit(g); /* which loads what was rolled back */
				more = true;
			}
		} while (fault_hits() > 0);
	}
	fault_lift();
	assert_true(refused >= 20);
	expect_number(g, "SELECT count(*) FROM connections", NEW_ROWS);
	expect_number(g, "SELECT freelist_count <= 256 FROM pragma_freelist_count", 1);
	expect_number(g, "SELECT count(*) FROM events", 0);
	verify(g, NULL, 0, refused);
}

/* --- when it begins */

static int open_again(struct rig *g, struct error *err)
{
	return recorder_init(&g->r, &(struct sources){ .nflog = g->socket, .conntrack = g->ends }, err);
}

/* How often it could not be opened, whatever failed; then it could. */
static unsigned open_whatever_fails(struct rig *g, bool fresh)
{
	unsigned refused = 0;
	struct error err;
	bool hit = true;

	for (unsigned n = 1; hit; n += 1 + n / 8) {
		assert_in_range(n, 1, MOST_CALLS);
		store_rollback(&g->r.store);
		recorder_free(&g->r);
		if (fresh)
			assert_int_equal(system("rm -f " AUDIT_FILE "*"), 0);
		fault_plan((struct fault){ FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, SQLITE_FULL, n, true });
		if (open_again(g, &err) == -1) {
			refused++;
			assert_true(fault_hits() > 0);
			fault_lift();
			if (open_again(g, &err) == -1)
				fail_msg("after fault %u: %s", n, err.text);
		}
		hit = fault_hits() > 0;
		fault_lift();
		verify(g, NULL, 0, n);
	}
	return refused;
}

static void a_log_is_opened_whatever_failed(void **state)
{
	struct rig *g = *state;

	assert_true(open_whatever_fails(g, true) >= 10);
	bring_everything(g, 1);
	rig_settle(g);
	open_whatever_fails(g, false);
	expect_messages(g, 1);
	expect_number(g, "SELECT count(*) FROM connections", 4);
}

/* Rows that fill more than a page, so that the check meets pages of each kind. */
static void fill_pages(struct rig *g)
{
	char *many = sqlite3_mprintf("[\"%*s\"]", 20000, "192.0.2.1/32");
	struct audit_revision r = { .list = (char[]){ "a" }, .revision = 2, .time = DAY, .entries = 1, .added = many,
		                        .removed = (char[]){ "[]" }, .origins = (char[]){ "[]" },
		                        .decided_by = (char[]){ "guards" }, .reason = (char[]){ "" } };
	struct buffer b = BUFFER_INIT;

	bring_everything(g, 1);
	assert_int_equal(audit_revision_encode(&b, ++g->message, &r), 0);
	rig_take(g, &b);
	rig_log(g, LOG_PREFIX_DENY "web", DAY + SECONDS(50), 2000);
	rig_settle(g);
	sqlite3_free(many);
}

static void open_while_reads_fail(struct rig *g, bool lasts)
{
	unsigned n, refused = 0;
	struct error err;
	bool hit = true;

	for (n = 1; hit; n += 1 + n / 16) {
		assert_in_range(n, 1, MOST_READS);
		recorder_free(&g->r);
		fault_plan((struct fault){ FAULT_READ, SQLITE_IOERR_READ, n, lasts });
		if (open_again(g, &err) == -1) {
			refused++;
			assert_true(fault_hits() > 0);
			assert_non_null(strstr(err.text, "I/O error"));
			fault_lift();
			if (open_again(g, &err) == -1)
				fail_msg("after fault %u: %s", n, err.text);
		}
		hit = fault_hits() > 0;
		fault_lift();
		expect_number(g, "SELECT count(*) FROM connections", 2004);
		expect_number(g, "SELECT count(*) FROM events", 1);
	}
	assert_true(refused > 5 && n > 20);
	assert_none_set_aside();
	verify(g, NULL, 0, n);
}

static void a_log_that_cannot_be_read_is_not_damaged(void **state)
{
	fill_pages(*state);
	open_while_reads_fail(*state, false);
	open_while_reads_fail(*state, true);
}

/* Nor does verify say so: it cannot tell. */
static void verify_does_not_judge_what_cannot_be_read(void **state)
{
	struct verify_request request = { .keys = NULL };
	struct verify_result result;
	unsigned refused = 0, judged = 0;
	struct rig *g = *state;
	struct error err;

	fill_pages(g);
	keep_no_pages(g);
	for (unsigned n = 1, hit = 1; hit; n += 1 + n / 64) {
		assert_in_range(n, 1, MOST_READS);
		fault_plan((struct fault){ FAULT_READ, SQLITE_IOERR_READ, n, n % 2 == 0 });
		if (audit_verify(g->r.store.db, &request, &result, &err) == -1) {
			refused++;
			assert_non_null(strstr(err.text, "cannot be read"));
		} else if (++judged > 0 && !result.ok) {
			fail_msg("fault %u is taken for a change: %s: %s", n, result.row, result.what);
		}
		hit = fault_hits() > 0;
		fault_lift();
	}
	assert_true(refused > 50);
	assert_int_equal(judged, 1); /* when no read failed any more */
}

int run_fault_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_write_fails_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_disk_is_full_from_every_write_on, setup, teardown),
		cmocka_unit_test_setup_teardown(every_sync_fails_once, setup, teardown),
		cmocka_unit_test_setup_teardown(every_read_fails_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_that_cannot_be_read_is_not_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(verify_does_not_judge_what_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_after_every_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(old_rows_go_whatever_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_is_opened_whatever_failed, setup, teardown),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
