/* Ends of connections: each row gets its own, whatever comes first, whoever was away. */
#include "test_record.h"

#include <errno.h>

#define STATES \
	"SELECT group_concat(coalesce(state, '-') || ' ' || coalesce(packets, '-') || ' ' || coalesce(bytes_in, '-') || ' ' ||" \
	" coalesce(bytes_out, '-') || ' ' || coalesce(duration_ms, '-'), ', ') FROM (SELECT * FROM connections ORDER BY id)"

#define ENDED(n, from, to) \
	(&(struct tracked){ .which = (n), .start = (from), .stop = (to), .packets_in = 6, .bytes_in = 700, .packets_out = 4, \
	                    .bytes_out = 90 })
#define STILL_THERE(n, from, number) (&(struct tracked){ .which = (n), .start = (from), .dump = (number) })

static void begin(struct rig *g, unsigned connections)
{
	rig_policy(g, "E", DAY, false, 1, 0);
	rig_log(g, "h:a:web:a", DAY, connections);
	rig_commit(g);
}

static void an_end_belongs_to_its_connection(void **state)
{
	struct rig *g = *state;

	begin(g, 3);
	rig_expect(g, STATES, "open - - - -, open - - - -, open - - - -");
	rig_tell(g, ENDED(1, DAY + 1100, DAY + SECONDS(2)));
	rig_commit(g);
	rig_expect(g, STATES, "open - - - -, closed 10 700 90 1999, open - - - -");
	rig_expect(g, "SELECT count(*) FROM open_connection", "2");
	rig_expect(g, "SELECT time - 1795478400000000 FROM ending", "2000000");
}

static void a_denied_packet_has_no_end(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, false, 1, 0);
	rig_log(g, "h:d:web", DAY, 1);
	rig_commit(g);
	rig_tell(g, ENDED(0, DAY, DAY + SECONDS(1)));
	rig_commit(g);
	rig_expect(g, STATES, "- - - - -");
	rig_expect(g, "SELECT (SELECT count(*) FROM ending) + (SELECT count(*) FROM open_connection)", "0");
}

/* A short connection may be over before its first packet is handed over. */
static void an_end_may_come_before_its_row(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, false, 1, 0);
	rig_tell(g, ENDED(0, DAY + 50, DAY + SECONDS(1)));
	rig_commit(g);
	rig_log(g, "h:a:web:a", DAY, 1);
	rig_commit(g);
	rig_expect(g, STATES, "closed 10 700 90 1000");
}

static void ends_of_others_are_dropped(void **state)
{
	struct rig *g = *state;
	struct reached reached;

	begin(g, 1);
	rig_tell(g, ENDED(7, DAY, DAY + SECONDS(1)));
	rig_tell(g, ENDED(0, DAY + SECONDS(60), DAY + SECONDS(61))); /* the same ports, another connection */
	rig_commit(g);
	assert_int_equal(g->r.conntrack.count, 2);
	reached = (struct reached){ g->now_ms + 10000, 0 };
	recorder_rest(&g->r, &reached, false, g->now_ms);
	assert_int_equal(g->r.conntrack.count, 0);
	rig_expect(g, STATES, "open - - - -");
}

static void the_same_ports_again_are_another_connection(void **state)
{
	struct rig *g = *state;

	begin(g, 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(100), 1);
	rig_commit(g);
	rig_tell(g, ENDED(0, DAY + SECONDS(100), DAY + SECONDS(107)));
	rig_commit(g);
	rig_expect(g, STATES, "open - - - -, closed 10 700 90 7000");
	rig_tell(g, ENDED(0, DAY + 10, DAY + SECONDS(3)));
	rig_commit(g);
	rig_expect(g, STATES, "closed 10 700 90 3000, closed 10 700 90 7000");
}

static void what_the_kernel_does_not_note_stays_empty(void **state)
{
	struct rig *g = *state;
	struct tracked bare = { .which = 0 };

	begin(g, 1);
	rig_log(g, "h:a:web:a", DAY + SECONDS(100), 1);
	rig_commit(g);
	rig_tell(g, &bare); /* without a start: the oldest of these ports */
	rig_commit(g);
	rig_expect(g, "SELECT group_concat(state || coalesce(packets, '-') || (duration_ms IS NULL), ' ') FROM"
	              " (SELECT * FROM connections ORDER BY id)", "closed-0 open-1");
}

static void a_new_recorder_knows_what_is_open(void **state)
{
	struct rig *g = *state;

	begin(g, 3);
	rig_tell(g, ENDED(0, DAY, DAY + SECONDS(1)));
	rig_commit(g);
	rig_restart(g);
	assert_int_equal(g->r.opens.count, 2);
	rig_policy(g, "E", DAY, false, 1, 0);
	rig_tell(g, ENDED(2, DAY + 2000, DAY + SECONDS(5)));
	rig_commit(g);
	rig_expect(g, STATES, "closed 10 700 90 1000, open - - - -, closed 10 700 90 4998");
}

static void what_ended_unseen_is_unknown(void **state)
{
	struct rig *g = *state;
	uint32_t number;

	begin(g, 3);
	rig_restart(g);
	rig_policy(g, "E", DAY, false, 1, 0);
	number = rig_dump(g);
	assert_int_not_equal(number, 0);
	assert_int_equal(rig_dump(g) == 0, false); /* the first was not answered for ten minutes */
	number = rig_dump(g);
	rig_tell(g, STILL_THERE(1, DAY + 1000, number));
	rig_tell(g, STILL_THERE(0, DAY, number - 2)); /* of a dump that nobody waits for */
	rig_commit(g);
	rig_expect(g, STATES, "open - - - -, open - - - -, open - - - -");
	rig_dump_ends(g, number, 0);
	rig_commit(g);
	rig_expect(g, STATES, "unknown - - - -, open - - - -, unknown - - - -");
	rig_expect(g, "SELECT count(*) FROM ending", "2");
	/* what the dump had still gets its end */
	rig_tell(g, ENDED(1, DAY + 1000, DAY + SECONDS(9)));
	rig_commit(g);
	rig_expect(g, "SELECT state FROM connections ORDER BY id LIMIT 1 OFFSET 1", "closed");
}

static void a_refused_dump_says_nothing(void **state)
{
	struct rig *g = *state;

	begin(g, 1);
	rig_dump_ends(g, rig_dump(g), EBUSY);
	rig_commit(g);
	rig_expect(g, STATES, "open - - - -");
	assert_int_not_equal(rig_dump(g), 0);
}

/* Between the question and its answer, others begin: they are not in it, and not over. */
static void a_dump_says_nothing_of_what_began_after_it(void **state)
{
	struct rig *g = *state;
	uint32_t number;

	begin(g, 1);
	number = rig_dump(g);
	rig_log(g, "h:a:web:a", time_now(), 1);
	rig_commit(g);
	rig_dump_ends(g, number, 0);
	rig_commit(g);
	rig_expect(g, STATES, "unknown - - - -, open - - - -");
}

static void a_refusing_database_loses_no_end(void **state)
{
	struct rig *g = *state;
	const struct reached reached = { -1, 0 };
	struct reached now;
	struct error err;
	bool drained;

	begin(g, 2);
	rig_run(g, "CREATE TRIGGER full BEFORE INSERT ON ending BEGIN SELECT raise(FAIL, 'full'); END");
	rig_tell(g, ENDED(1, DAY + 1000, DAY + SECONDS(2)));
	assert_int_equal(recorder_drain(&g->r, g->now_ms, &drained, &now, &err), 0);
	assert_int_equal(recorder_commit(&g->r, &reached, g->now_ms), -1);
	rig_expect(g, STATES, "open - - - -, open - - - -");
	rig_run(g, "DROP TRIGGER full");
	rig_commit(g);
	rig_expect(g, STATES, "open - - - -, closed 10 700 90 1999");
}

/* Thousands, so that the table grows, is emptied in disorder, and finds each. */
static void each_of_many_is_found(void **state)
{
	struct rig *g = *state;
	struct opens *o = &g->r.opens;
	struct flow f = { .protocol = 6, .destination_port = 443 };
	struct open *one;

	assert_int_equal(address_parse(&f.source, "2001:db8::1"), 0);
	assert_int_equal(address_parse(&f.destination, "2001:db8::2"), 0);
	assert_int_equal(store_begin(&g->r.store), 0);
	for (int i = 0; i < 5000; i++) {
		f.source_port = (uint16_t)(i % 2500);
		assert_int_equal(opens_add(o, &g->r.store, &f, i + 1, SECONDS(10) * i), 0);
	}
	for (int k = 0; k < 5000; k++) {
		int i = k * 1237 % 5000;

		f.source_port = (uint16_t)(i % 2500);
		one = opens_find(o, &f, SECONDS(10) * i + 1000);
		assert_non_null(one);
		assert_int_equal(one->id, i + 1);
		assert_int_equal(opens_remove(o, &g->r.store, one), 0);
		assert_null(opens_find(o, &f, SECONDS(10) * i + 1000));
	}
	assert_int_equal(o->count, 0);
	store_rollback(&g->r.store);
}

int run_endings_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(an_end_belongs_to_its_connection),
		IN_RIG(a_denied_packet_has_no_end),
		IN_RIG(an_end_may_come_before_its_row),
		IN_RIG(ends_of_others_are_dropped),
		IN_RIG(the_same_ports_again_are_another_connection),
		IN_RIG(what_the_kernel_does_not_note_stays_empty),
		IN_RIG(a_new_recorder_knows_what_is_open),
		IN_RIG(what_ended_unseen_is_unknown),
		IN_RIG(a_refused_dump_says_nothing),
		IN_RIG(a_dump_says_nothing_of_what_began_after_it),
		IN_RIG(a_refusing_database_loses_no_end),
		IN_RIG(each_of_many_is_found),
	};

	return cmocka_run_group_tests_name("endings", tests, NULL, NULL);
}
