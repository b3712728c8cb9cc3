/* The recorder: decisions, tallies and aggregates in the database, each message once, and faults. */
#include "test_record.h"

#include "record/leaves.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TALLIES \
	"SELECT group_concat(verdict || ':' || counted || '=' || recorded || '+' || aggregated || '+' || lost, ' ')" \
	" FROM (SELECT verdict, sum(counted) AS counted, sum(recorded) AS recorded, sum(aggregated) AS aggregated," \
	" sum(lost) AS lost FROM tallies GROUP BY verdict ORDER BY verdict)"
#define DECISIONS \
	"SELECT group_concat(verdict || ' ' || reason || ' ' || coalesce(list, '-') || ' ' || coalesce(revision, '-') ||" \
	" ' ' || n, '; ') FROM (SELECT verdict, reason, list, revision, count(*) AS n FROM connections" \
	" GROUP BY 1, 2, 3, 4 ORDER BY min(id))"

/* --- decisions */

static void each_row_names_what_decided_it(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, false, 3, 1);
	rig_log(g, "h:a:web:a", DAY + 1000, 2);
	rig_log(g, "h:d:web", DAY + 500000, 1);
	rig_log(g, "h:o:web", DAY + 600000, 1);
	rig_commit(g);
	rig_expect(g, DECISIONS, "allow listed a 3 2; deny not-listed a,b 3,1 1; allow observed a,b 3,1 1");
	rig_expect(g, "SELECT * FROM connections LIMIT 1",
	           "1795478400001000|2026-11-24T00:00:00.001000Z|web|allow|listed|192.0.2.1|50000|203.0.113.10|443|tcp|"
	           "a|3|||||open|kernel");
	rig_policy(g, "E", DAY + SECONDS(1), true, 0, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(2), 1);
	rig_commit(g);
	rig_expect(g, "SELECT list, revision FROM connections ORDER BY id DESC", "|");
}

static void a_packet_is_judged_by_the_policy_of_its_time(void **state)
{
	struct rig *g = *state;

	for (uint64_t i = 0; i < 20; i++)
		rig_policy(g, "E", DAY + SECONDS(i), true, i + 1, 7);
	rig_log(g, "h:a:web:a", DAY + SECONDS(10), 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(10) - 1, 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(400), 1);
	rig_log(g, "h:d:web", DAY + SECONDS(18), 1);
	rig_commit(g);
	rig_expect(g, DECISIONS, "allow listed a 11 1; allow listed a 10 1; allow listed a 20 1; deny not-listed a,b 19,7"
	                         " 1");
	/* a list that the endpoint has no more, or that no policy of that time has */
	rig_log(g, "h:a:web:c", DAY + SECONDS(401), 1);
	rig_commit(g);
	rig_expect(g, "SELECT list, revision FROM connections ORDER BY id DESC", "c|0");
}

/* Packets that waited in the socket while no recorder ran are older than the policy that the new one is told. */
static void what_waited_is_judged_by_the_log_of_revisions(void **state)
{
	struct rig *g = *state;

	rig_revision(g, "a", 1, DAY);
	rig_revision(g, "b", 4, DAY);
	rig_policy(g, "E", DAY, false, 1, 4);
	rig_revision(g, "a", 2, DAY + SECONDS(10));
	rig_commit(g);
	rig_restart(g);
	rig_revision(g, "a", 3, DAY + SECONDS(20));
	rig_policy(g, "E", DAY + SECONDS(20), false, 3, 4);
	rig_log(g, "h:a:web:a", DAY + SECONDS(5), 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(15), 1);
	rig_log(g, "h:d:web", DAY + SECONDS(15), 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(25), 1);
	rig_commit(g);
	rig_expect(g, DECISIONS, "allow listed a 1 1; allow listed a 2 1; deny not-listed a,b 2,4 1; allow listed a 3 1");
	/* revisions that were deleted or never told: as known since */
	rig_run(g, "DELETE FROM revision");
	rig_log(g, "h:a:web:a", DAY + SECONDS(6), 1);
	rig_commit(g);
	rig_expect(g, "SELECT revision FROM connections WHERE time LIKE '%:06.%'", "3");
}

static void ids_grow_whatever_the_clock_does(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, false, 1, 0);
	rig_log(g, "h:a:web:a", DAY + HOURS(1), 3);
	rig_log(g, "h:a:web:a", DAY + SECONDS(5), 3); /* an hour back */
	rig_log(g, "h:a:web:a", DAY + SECONDS(5), 1); /* the same microsecond */
	rig_commit(g);
	rig_expect(g, "SELECT count(DISTINCT id), group_concat(substr(time, 12, 12), ' ') FROM (SELECT * FROM connections"
	              " ORDER BY id)",
	           "7|01:00:00.000 01:00:00.001 01:00:00.002 00:00:05.000 00:00:05.001 00:00:05.002 00:00:05.000");
	rig_run(g, "DELETE FROM connection");
	rig_restart(g);
	rig_policy(g, "E", DAY, false, 1, 0);
	rig_log(g, "h:a:web:a", DAY + SECONDS(6), 1);
	rig_commit(g);
	rig_expect(g, "SELECT id - 1795478400000000 > 3600000000 FROM connections", "1"); /* no id twice */
}

/* --- tallies */

static void begin(struct rig *g)
{
	rig_policy(g, "E", DAY, false, 1, 0);
}

static void a_reading_settles_what_came(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:a:web:a", DAY + SECONDS(1), 3);
	rig_log(g, "h:o:web", DAY + SECONDS(1), 1);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 5);
	rig_reading(g, "E", DAY + SECONDS(10), (struct counters){ 4, 5, 0 }, 0);
	rig_commit(g);
	rig_expect(g, TALLIES, ""); /* not yet: more may come */
	rig_settle(g);
	rig_expect(g, TALLIES, "allow:4=4+0+0 deny:5=5+0+0");
	rig_expect(g, "SELECT from_time, to_time FROM tallies", "2026-11-24T00:00:00.000000Z|2026-11-24T00:00:10.000000Z");
	rig_reading(g, "E", DAY + SECONDS(20), (struct counters){ 4, 5, 0 }, 0);
	rig_settle(g);
	rig_expect(g, "SELECT count(*), max(to_time) FROM tallies", "2|2026-11-24T00:00:10.000000Z"); /* nothing happened */
	rig_log(g, "h:d:web", DAY + SECONDS(21), 2);
	rig_reading(g, "E", DAY + SECONDS(30), (struct counters){ 4, 9, 1 }, 1);
	rig_settle(g);
	rig_expect(g, TALLIES, "allow:4=4+0+0 deny:9=7+1+1");
	rig_expect(g, "SELECT count(*) FROM tallies", "2");
	rig_log(g, "h:d:web", DAY + HOURS(1), 1);
	rig_reading(g, "E", DAY + HOURS(1) + SECONDS(1), (struct counters){ 4, 10, 1 }, 1);
	rig_settle(g);
	rig_expect(g, "SELECT from_time, counted FROM tallies WHERE verdict = 'deny' ORDER BY from_time DESC",
	           "2026-11-24T00:00:30.000000Z|1"); /* a row for each hour */
}

static void a_flood_is_aggregated_exactly(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_reading(g, "E", DAY + SECONDS(10), (struct counters){ 0, 100, 0 }, 100);
	rig_settle(g);
	rig_reading(g, "E", DAY + SECONDS(20), (struct counters){ 0, 150, 0 }, 150);
	rig_settle(g);
	rig_reading(g, "E", DAY + SECONDS(30), (struct counters){ 0, 150, 0 }, 150); /* not grown */
	rig_settle(g);
	rig_expect(g, "SELECT *, (SELECT count(*) FROM aggregates) FROM aggregates",
	           "2026-11-24T00:00:00.000000Z|2026-11-24T00:00:20.000000Z|web|198.51.100.9|203.0.113.10|443|tcp|150|1");
	rig_restart(g);
	begin(g);
	rig_reading(g, "E", DAY + SECONDS(40), (struct counters){ 0, 160, 0 }, 160);
	rig_settle(g);
	rig_reading(g, "E", DAY + SECONDS(50), (struct counters){ 0, 163, 0 }, 3); /* made anew */
	rig_settle(g);
	rig_reading(g, "E", DAY + HOURS(1), (struct counters){ 0, 170, 0 }, 10); /* another hour, another row */
	rig_settle(g);
	rig_expect(g, "SELECT group_concat(count, ' ') FROM (SELECT count FROM aggregates ORDER BY from_time)", "163 7");
	rig_expect(g, TALLIES, "deny:170=0+170+0");
	/* gone from one reading, and back in the next: the same element still */
	rig_reading(g, "E", DAY + HOURS(1) + SECONDS(1), (struct counters){ 0, 170, 0 }, 0);
	rig_settle(g);
	rig_reading(g, "E", DAY + HOURS(1) + SECONDS(2), (struct counters){ 0, 172, 0 }, 12);
	rig_settle(g);
	/* gone for longer than the kernel keeps it: another */
	rig_reading(g, "E", DAY + HOURS(2) + SECONDS(3), (struct counters){ 0, 172, 0 }, 0);
	rig_settle(g);
	rig_expect(g, "SELECT count(*) FROM aggregate WHERE live = 1", "0");
	rig_reading(g, "E", DAY + HOURS(2) + SECONDS(4), (struct counters){ 0, 186, 0 }, 14);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:186=0+186+0");
	rig_expect(g, "SELECT group_concat(count, ' ') FROM (SELECT count FROM aggregates ORDER BY from_time)", "163 9 14");
}

#define ELEMENTS 300

static void make_element(struct audit_denied *d, unsigned i, unsigned round)
{
	*d = (struct audit_denied){ .endpoint = (char *)(uintptr_t)"web", .packets = (uint64_t)i * round };
	d->protocol = i % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	d->port = (uint16_t)(i % 7);
	d->source.family = d->destination.family = i % 3 == 0 ? AF_INET6 : AF_INET;
	d->source.bytes[0] = (uint8_t)(i * 37);
	d->source.bytes[1] = (uint8_t)(i >> 4);
	d->destination.bytes[3] = (uint8_t)i;
}

/* Element i has grown by i in each round.  Told in any order, one twice, and, but for the last round, not all. */
static size_t make_elements(struct audit_denied denied[ELEMENTS + 1], unsigned round, bool all)
{
	size_t count = 0;

	for (unsigned i = 0; i < ELEMENTS; i++) {
		size_t at = count == 0 ? 0 : (size_t)rand() % count;

		if (!all && rand() % 4 == 0)
			continue;
		denied[count++] = denied[at];
		make_element(&denied[at], i, round);
	}
	denied[count] = denied[0];
	denied[0].packets -= denied[0].packets > 0; /* an earlier look at the same element */
	return count + 1;
}

static void many_elements_are_merged(void **state)
{
	struct rig *g = *state;
	struct audit_counter counter = { (char *)(uintptr_t)"web", COUNTER_DENY, 0, 12 };
	struct audit_denied denied[ELEMENTS + 1];
	struct audit_reading reading = { 0, (char *)(uintptr_t)"E", &counter, 1, denied, 0 };
	struct buffer b = BUFFER_INIT;
	char expected[64];

	begin(g);
	srand(1);
	for (unsigned round = 1; round <= 12; round++) {
		reading.time = DAY + SECONDS(round * 200); /* in all less than the kernel keeps an element */
		reading.denied_count = make_elements(denied, round, round == 12);
		counter.packets = ELEMENTS * (ELEMENTS - 1) / 2 * (uint64_t)round;
		assert_int_equal(audit_reading_encode(&b, &reading), 0);
		rig_take(g, &b);
		g->drained = reading.time + SECONDS(1) / 2;
		rig_settle(g);
		if (round % 4 == 0) {
			rig_restart(g);
			begin(g);
		}
	}
	snprintf(expected, sizeof(expected), "%llu|%d", (unsigned long long)counter.packets, ELEMENTS - 1);
	rig_expect(g, "SELECT sum(count), count(DISTINCT source || destination || destination_port || protocol)"
	              " FROM aggregates", expected);
	rig_expect(g, "SELECT sum(counted) = sum(aggregated) + sum(lost) AND sum(recorded) = 0 FROM tallies", "1");
}

static void a_death_between_reading_and_commit_is_told_as_lost(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 10);
	rig_commit(g);
	rig_log(g, "h:d:web", DAY + SECONDS(2), 5); /* read, and never committed */
	rig_restart(g);
	rig_log(g, "h:d:web", DAY + SECONDS(3), 4);
	begin(g);
	rig_reading(g, "E", DAY + SECONDS(10), (struct counters){ 0, 19, 0 }, 0);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:19=14+0+5");
	g->now_ms += REPORT_DELAY_MS;
	rig_settle(g);
	rig_expect(g, "SELECT kind, subject, detail FROM events", "lost|nflog|{\"messages\":5,\"overruns\":0}");
}

static void losses_are_told_once_a_minute(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_lose(g, 3);
	rig_log(g, "h:d:web", DAY, 1);
	rig_commit(g);
	rig_lose(g, 2);
	rig_log(g, "h:d:web", DAY, 1);
	rig_commit(g);
	rig_expect(g, "SELECT count(*) FROM events", "0");
	g->now_ms += REPORT_DELAY_MS;
	rig_commit(g);
	rig_expect(g, "SELECT detail ->> 'messages' FROM events", "5");
	for (int i = 0; i < 50; i++) {
		rig_lose(g, 1);
		rig_log(g, "h:d:web", DAY, 1);
		g->now_ms += 1000;
		rig_commit(g);
	}
	rig_expect(g, "SELECT count(*) FROM events", "1");
	assert_true(recorder_due(&g->r) <= g->now_ms + REPORT_INTERVAL_MS);
	rig_restart(g); /* what was not told is not forgotten */
	begin(g);
	rig_commit(g);
	g->now_ms += REPORT_DELAY_MS;
	rig_commit(g);
	rig_expect(g, "SELECT count(*), sum(detail ->> 'messages') FROM events", "2|55");
	assert_int_equal(recorder_due(&g->r), NEVER);
}

/* The table was removed and made again: what the old counters had not told is counted by its rows. */
static void an_epoch_ends_with_its_counters(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 10);
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 12, 0 }, 1);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:12=10+1+1");
	rig_log(g, "h:d:web", DAY + SECONDS(3), 4); /* never read by hallowd */
	rig_policy(g, "F", DAY + SECONDS(5), false, 1, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(4), 2); /* comes late, of the old table */
	rig_log(g, "h:d:web", DAY + SECONDS(6), 7); /* of the new one, two of them lost */
	rig_commit(g);
	rig_reading(g, "F", DAY + SECONDS(10), (struct counters){ 0, 12, 0 }, 3);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:30=23+4+3");
	rig_log(g, "h:d:web", DAY + SECONDS(4) + 500000, 1); /* later than late */
	rig_reading(g, "F", DAY + SECONDS(20), (struct counters){ 0, 12, 0 }, 3);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:31=24+4+3");
	rig_expect(g, "SELECT count(*) FROM connections", "24");
}

static void an_epoch_ends_while_no_recorder_runs(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 10);
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 10, 0 }, 0);
	rig_settle(g);
	rig_log(g, "h:d:web", DAY + SECONDS(3), 3);
	rig_commit(g);
	rig_restart(g);
	rig_policy(g, "F", DAY + SECONDS(5), false, 1, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(4), 2);
	rig_log(g, "h:d:web", DAY + SECONDS(6), 5);
	rig_reading(g, "F", DAY + SECONDS(10), (struct counters){ 0, 6, 0 }, 0);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:21=20+0+1");
}

/* Both hallowd and its recorder died before the first reading: the first one counts the rows of both recorders. */
static void the_first_reading_comes_after_a_restart(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, false, 1, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 2);
	rig_commit(g);
	rig_restart(g);
	rig_log(g, "h:d:web", DAY + SECONDS(2), 1);
	rig_policy(g, "E", DAY + SECONDS(3), true, 1, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(4), 1);
	rig_reading(g, "E", DAY + SECONDS(5), (struct counters){ 0, 4, 0 }, 0);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:4=4+0+0");
}

/* Removed and added again between two readings, with a value that does not betray it. */
static void an_endpoint_removed_and_added_again(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 2);
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 2, 0 }, 0);
	rig_settle(g);
	rig_policy_of(g, "E", DAY + SECONDS(3), true, NULL, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(2) + 1000, 1);
	rig_policy(g, "E", DAY + SECONDS(4), true, 1, 0);
	rig_log(g, "h:d:web", DAY + SECONDS(5), 4);
	/* another object: 5 since it was made, one of them lost */
	struct audit_counter counter = { (char[]){ "web" }, COUNTER_DENY, 5, 99 };
	struct audit_reading reading = { DAY + SECONDS(6), (char[]){ "E" }, &counter, 1, NULL, 0 };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_reading_encode(&b, &reading), 0);
	rig_take(g, &b);
	rig_settle(g);
	/* the row of the removed counter stands in for the lost one: nobody can tell them apart */
	rig_expect(g, TALLIES, "deny:7=7+0+0");
	/* removed for good */
	rig_log(g, "h:d:web", DAY + SECONDS(7), 2);
	rig_policy_of(g, "E", DAY + SECONDS(8), true, NULL, 0);
	reading.time = DAY + SECONDS(9);
	reading.counter_count = 0;
	assert_int_equal(audit_reading_encode(&b, &reading), 0);
	rig_take(g, &b);
	g->drained = DAY + SECONDS(10);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:9=9+0+0");
	rig_expect(g, "SELECT count(*) FROM pool", "0");
}

/* --- messages */

static void each_message_is_recorded_once(void **state)
{
	struct rig *g = *state;

	rig_event(g, 1, "start");
	rig_event(g, 2, "refresh");
	rig_commit(g);
	assert_int_equal(g->r.committed_seq, 2);
	rig_event(g, 3, "held");
	rig_restart(g); /* not committed */
	assert_int_equal(g->r.committed_seq, 2);
	for (uint64_t seq = 1; seq <= 4; seq++)
		rig_event(g, seq, "again");
	rig_event(g, 4, "again");
	rig_commit(g);
	rig_restart(g);
	rig_event(g, 4, "again");
	rig_commit(g);
	rig_expect(g, "SELECT group_concat(kind, ' ') FROM events", "start refresh again again");
	rig_event(g, 8, "later"); /* hallowd lost its spool */
	rig_commit(g);
	rig_expect(g, "SELECT group_concat(kind || subject || detail, ' ') FROM events WHERE time >"
	              " '2026-11-24T00:00:00.000000Z'",
	           "lostspool{\"messages\":3}");
	rig_expect(g, "SELECT max(seq) FROM state", "8");
	assert_int_equal(g->r.committed_seq, 8);
}

static void a_message_that_does_not_fit_ends_the_process(void **state)
{
	struct rig *g = *state;
	struct error err = { "" };
	struct message m = { .type = MSG_POLICY, .at = (const unsigned char *)"", .end = (const unsigned char *)"" };

	assert_int_equal(recorder_take(&g->r, &m, m.at, 0, 0, &err), -1);
	m.type = MSG_READING;
	assert_int_equal(recorder_take(&g->r, &m, m.at, 0, 0, &err), -1);
	m.type = MSG_ACK;
	assert_int_equal(recorder_take(&g->r, &m, m.at, 0, 0, &err), -1);
	assert_non_null(strstr(err.text, "not expected"));
}

/* --- faults */

static void nothing_is_lost_while_the_database_refuses(void **state)
{
	struct rig *g = *state;
	sqlite3 *other;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 2);
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 2, 0 }, 0);
	rig_settle(g);
	assert_int_equal(sqlite3_open(AUDIT_FILE, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	rig_event(g, 1, "start");
	rig_log(g, "h:d:web", DAY + SECONDS(3), 5);
	rig_reading(g, "E", DAY + SECONDS(4), (struct counters){ 0, 7, 0 }, 0);
	for (int i = 0; i < 3; i++) {
		g->now_ms += 10 * SETTLE_MS;
		assert_int_equal(rig_try(g), -1);
	}
	assert_int_equal(g->r.nflog.count, 5);
	g->r.stalled_since -= SECONDS(5);
	sqlite3_close(other);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:7=7+0+0");
	rig_expect(g, "SELECT group_concat(kind, ' ') FROM events", "start stalled");
	rig_expect(g, "SELECT detail ->> 'seconds' >= 5, detail ->> 'reason' LIKE '%locked%' FROM events WHERE kind ="
	              " 'stalled'", "1|1");
}

/* All that a second may bring, into every table. */
static void bring_everything(struct rig *g, uint64_t n)
{
	time_us t = DAY + SECONDS(100 * n);

	rig_revision(g, "a", n, t);
	rig_policy(g, "E", t, true, n, n);
	rig_log(g, "h:d:web", t + SECONDS(1), 3);
	rig_log(g, "h:a:web:a", t + SECONDS(1), 1);
	rig_reading(g, "E", t + SECONDS(2), (struct counters){ n, 10 * n, n }, 5 * n);
	g->now_ms += 10 * SETTLE_MS;
}

/* A write of the transaction fails, in turn into each table: nothing is there of it, and then all. */
static void a_transaction_that_fails_anywhere_is_tried_again(void **state)
{
	static const char *const tables[] = { "connection", "decision", "target", "event", "revision", "tally", "pool",
		                                  "aggregate",
		                                  "segment", "endpoint", "state", "leaves", "tile", "tree", "open_rows" };
	struct rig *g = *state;
	char sql[256], rows[8];
	int failures = 0;

	for (uint64_t n = 1; n <= 30; n++) {
		bring_everything(g, n);
		snprintf(sql, sizeof(sql), "CREATE TRIGGER fault BEFORE %s ON %s BEGIN SELECT raise(ABORT, 'fault'); END",
		         n % 2 == 0 ? "INSERT" : "UPDATE", tables[(n - 1) / 2]);
		rig_run(g, sql);
		if (rig_try(g) == -1) {
			failures++;
			assert_non_null(strstr(g->r.store.err.text, "fault"));
			snprintf(rows, sizeof(rows), "%d", (int)n - 1);
			rig_expect(g, "SELECT count(*) FROM revision", rows);
		}
		rig_run(g, "DROP TRIGGER fault");
		g->tampered = false;
		rig_settle(g);
	}
	assert_true(failures >= 13);
	rig_expect(g, TALLIES, "allow:30=30+0+0 deny:300=90+150+60");
	rig_expect(g, "SELECT count(*), count(DISTINCT revision), max(revision) FROM list_revisions", "30|30|30");
	rig_expect(g, "SELECT count(DISTINCT decision) FROM connection", "60");
}

static void overwrite_file(void)
{
	char junk[4096];
	FILE *f = fopen(AUDIT_FILE, "r+");

	assert_non_null(f);
	memset(junk, 0x5a, sizeof(junk));
	fseek(f, 0, SEEK_END);
	long size = ftell(f);

	fseek(f, 4096, SEEK_SET);
	for (long at = 4096; at < size; at += 4096)
		assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	fclose(f);
}

static void a_database_damaged_while_it_is_used_is_replaced(void **state)
{
	struct rig *g = *state;

	begin(g);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 20);
	rig_event(g, 1, "start");
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 20, 0 }, 7);
	rig_settle(g);
	rig_expect(g, "PRAGMA wal_checkpoint(TRUNCATE)", "0|0|0");
	rig_run(g, "PRAGMA shrink_memory");
	overwrite_file();
	rig_log(g, "h:d:web", DAY + SECONDS(3), 5);
	rig_event(g, 2, "refresh");
	assert_int_equal(rig_try(g), -1);
	assert_non_null(g->r.store.db);
	rig_commit(g);
	rig_expect(g, "SELECT group_concat(kind, ' ') FROM events", "damaged refresh");
	rig_expect(g, "SELECT count(*) FROM connections", "5");
	rig_expect(g, "SELECT endpoint, from_time FROM coverage", "web|2026-11-24T00:00:00.000000Z");
	/* what the old log has is not told as lost */
	rig_reading(g, "E", DAY + SECONDS(4), (struct counters){ 0, 25, 0 }, 7);
	rig_settle(g);
	rig_log(g, "h:d:web", DAY + SECONDS(5), 3);
	rig_reading(g, "E", DAY + SECONDS(6), (struct counters){ 0, 30, 0 }, 9);
	rig_settle(g);
	rig_reading(g, "E", DAY + SECONDS(7), (struct counters){ 0, 30, 0 }, 9);
	rig_settle(g);
	rig_expect(g, TALLIES, "deny:10=8+2+0");
	rig_expect(g, "SELECT sum(count) FROM aggregates", "2");
}

static void removed_while_it_is_used(struct rig *g, const char *file, const char *kept_nothing)
{
	struct stat st;
	bool more;

	begin(g);
	rig_event(g, 1, "start");
	rig_reading(g, "E", DAY + SECONDS(2), (struct counters){ 0, 20, 0 }, 7);
	rig_settle(g);
	if (file != NULL)
		assert_int_equal(rename(file, AUDIT_FILE), 0);
	else
		assert_int_equal(unlink(AUDIT_FILE), 0);
	rig_log(g, "h:d:web", DAY + SECONDS(3), 5);
	rig_event(g, 2, "refresh");
	assert_int_equal(rig_try(g), -1);
	rig_commit(g);
	assert_int_equal(stat(AUDIT_FILE, &st), 0);
	rig_expect(g, "SELECT group_concat(kind, ' ') FROM events", "damaged refresh");
	rig_expect(g, "SELECT detail ->> '$.kept_as' IS NULL FROM events LIMIT 1", kept_nothing);
	rig_expect(g, "SELECT count(*) FROM connections", "5");
	/* Also where nothing happens. */
	assert_int_equal(unlink(AUDIT_FILE), 0);
	assert_int_equal(recorder_retain(&g->r, &more), -1);
	assert_int_equal(stat(AUDIT_FILE, &st), 0);
}

/* Rows that go into a file without a name are in no log. */
static void a_database_removed_while_it_is_used_is_begun_anew(void **state)
{
	removed_while_it_is_used(*state, NULL, "1");
}

static void a_database_replaced_while_it_is_used_is_begun_anew(void **state)
{
	FILE *f = fopen("other", "w");

	assert_non_null(f);
	fclose(f);
	removed_while_it_is_used(*state, "other", "0");
}

/* Makes leaves of rows that SQL put in. */
static void append_all(struct rig *g, enum leaf_kind kind, const char *sql)
{
	struct store *s = &g->r.store;
	sqlite3_stmt *stmt;

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		assert_int_equal(leaves_append(s, kind, sqlite3_column_int64(stmt, 0)), 0);
	sqlite3_finalize(stmt);
	s->tree.touched = OPEN_ALL;
	assert_int_equal(store_commit(s), 0);
}

static void old_rows_are_deleted_in_steps(void **state)
{
	struct rig *g = *state;
	struct audit_policy p = {
		.time = time_now(), .epoch = (char[]){ "E" }, .continued = 1, .retention_seconds = 86400
	};
	struct buffer b = BUFFER_INIT;
	bool more = true;
	int steps = 0;

	assert_int_equal(audit_policy_encode(&b, &p), 0);
	rig_take(g, &b);
	rig_commit(g);
	rig_run(g, "INSERT INTO endpoint VALUES (1, 'web', '', '', '', '', '', '', 0);"
	           "INSERT INTO decision (id, endpoint, verdict, reason, list, revision) VALUES (1, 1, 0, 'listed', 'a', 1); INSERT INTO target VALUES (1, 0, 1, 6)");
	/* half of them a day and more old */
	rig_run(g, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24000) INSERT INTO connection"
	           " SELECT (unixepoch() - 2 * 86400) * 1000000 + i * 7200000, 0, 0, 0, 1, 1 FROM n;"
	           "INSERT INTO aggregate SELECT NULL, id, id, 1, 0, 1, 1, 1, NULL FROM connection WHERE id / 7200000 % 3"
	           " = 0;"
	           "INSERT INTO tally SELECT id / 3600000000, 0, 1, 0, min(id), max(id), count(*), count(*), 0, 0 FROM"
	           " connection GROUP BY 1");
	append_all(g, LEAF_CONNECTION, "SELECT id FROM connection ORDER BY id");
	append_all(g, LEAF_AGGREGATE, "SELECT id FROM aggregate ORDER BY id");
	append_all(g, LEAF_TALLY, "SELECT DISTINCT hour * 65536 FROM tally ORDER BY 1");
	g->tampered = false;
	while (more) {
		assert_int_equal(recorder_retain(&g->r, &more), 0);
		assert_in_range(++steps, 1, 6);
	}
	rig_expect(g, "SELECT count(*) BETWEEN 11990 AND 12020, min(id) >= (unixepoch() - 86400 - 95) * 1000000 FROM"
	              " connection", "1|1");
	rig_expect(g, "SELECT count(*) BETWEEN 3990 AND 4020 FROM aggregate", "1");
	rig_expect(g, "SELECT count(*) BETWEEN 24 AND 26 FROM tally", "1");
	rig_expect(g, "SELECT freelist_count <= 256 FROM pragma_freelist_count", "1");
	p.retention_seconds = 0;
	assert_int_equal(audit_policy_encode(&b, &p), 0);
	rig_take(g, &b);
	rig_run(g, "UPDATE connection SET id = id - 86400000000");
	assert_int_equal(recorder_retain(&g->r, &more), 0);
	rig_expect(g, "SELECT count(*) BETWEEN 11990 AND 12020 FROM connection", "1");
}

int run_recorder_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(each_row_names_what_decided_it),
		IN_RIG(a_packet_is_judged_by_the_policy_of_its_time),
		IN_RIG(what_waited_is_judged_by_the_log_of_revisions),
		IN_RIG(ids_grow_whatever_the_clock_does),
		IN_RIG(a_reading_settles_what_came),
		IN_RIG(a_flood_is_aggregated_exactly),
		IN_RIG(many_elements_are_merged),
		IN_RIG(a_death_between_reading_and_commit_is_told_as_lost),
		IN_RIG(losses_are_told_once_a_minute),
		IN_RIG(an_epoch_ends_with_its_counters),
		IN_RIG(an_epoch_ends_while_no_recorder_runs),
		IN_RIG(the_first_reading_comes_after_a_restart),
		IN_RIG(an_endpoint_removed_and_added_again),
		IN_RIG(each_message_is_recorded_once),
		IN_RIG(a_message_that_does_not_fit_ends_the_process),
		IN_RIG(nothing_is_lost_while_the_database_refuses),
		IN_RIG(a_transaction_that_fails_anywhere_is_tried_again),
		IN_RIG(a_database_damaged_while_it_is_used_is_replaced),
		IN_RIG(a_database_removed_while_it_is_used_is_begun_anew),
		IN_RIG(a_database_replaced_while_it_is_used_is_begun_anew),
		IN_RIG(old_rows_are_deleted_in_steps),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
