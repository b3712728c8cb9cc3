/* What `hallowctl log` selects, on a real audit.db. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_fixture.h"
#include "core/buffer.h"
#include "ctl/log_query.h"
#include "report/query.h"
#include "test_ctl.h"

#define ANY { .since = INT64_MIN, .until = INT64_MAX }

static const char *const sources[] = { "9.0.0.1", "9.0.0.2", "2001:db8:1::5", "2001:db8:2::5", "9.0.0.1", "9.0.1.1" };

/* Six rows, a minute from each other, with ids 1 to 6 as the tests call them. */
static void fill(struct fixture *f)
{
	static const int decisions[] = { LISTED, NOT_LISTED, NOT_LISTED, LISTED, OBSERVED, OLD_LISTED };
	int i;

	fixture_names(f);
	for (i = 0; i < 6; i++)
		fixture_connection(f, NOON + i * MINUTE, 0, sources[i], decisions[i],
		                   strchr(sources[i], ':') != NULL ? 2 : 1);
}

static int64_t id(int row)
{
	return NOON + (row - 1) * MINUTE;
}

/* The rows that come, as digits. */
static void selects(struct fixture *f, const struct log_filter *filter, int64_t after, int64_t upto, int64_t limit,
                    const char *expected)
{
	sqlite3 *db = fixture_reader(f);
	struct buffer b = BUFFER_INIT;
	struct error err = { "" };
	struct log_query q;
	sqlite3_stmt *s;

	if (log_query_open(&q, db, filter, after, upto, limit, &err) == -1)
		fail_msg("%s", err.text);
	while (log_query_next(&q, &s, &err) == 1)
		buffer_printf(&b, "%d", (int)((sqlite3_column_int64(s, LOG_ID) - NOON) / MINUTE + 1));
	log_query_close(&q);
	assert_string_equal(buffer_str(&b), expected);
	buffer_free(&b);
	sqlite3_close(db);
}

static void all_rows_in_order(void **state)
{
	const struct log_filter any = ANY;

	fill(*state);
	selects(*state, &any, 0, INT64_MAX, 0, "123456");
}

static void the_newest_in_order(void **state)
{
	const struct log_filter any = ANY;

	fill(*state);
	selects(*state, &any, 0, INT64_MAX, 1, "6");
	selects(*state, &any, 0, INT64_MAX, 3, "456");
	selects(*state, &any, 0, INT64_MAX, 7, "123456");
}

static void those_between_two_ids(void **state)
{
	const struct log_filter any = ANY;

	fill(*state);
	selects(*state, &any, id(2), id(4), 0, "34");
	selects(*state, &any, id(6), INT64_MAX, 0, "");
}

static void since_is_in_it_and_until_is_not(void **state)
{
	struct log_filter f = { .since = NOON + MINUTE, .until = NOON + 3 * MINUTE };

	fill(*state);
	selects(*state, &f, 0, INT64_MAX, 0, "23");
	f.since++;
	f.until++;
	selects(*state, &f, 0, INT64_MAX, 0, "34");
	f.since = INT64_MIN;
	selects(*state, &f, 0, INT64_MAX, 0, "1234");
	f.since = NOON + 5 * MINUTE;
	f.until = INT64_MAX;
	selects(*state, &f, 0, INT64_MAX, 0, "6");
	selects(*state, &f, id(6), INT64_MAX, 0, "");
}

/* After the clock stepped back, an id says when a row came, and its time what the clock said. */
static void time_is_the_rows_own(void **state)
{
	struct log_filter f = { .since = NOON - HOUR, .until = NOON };

	fill(*state);
	fixture_connection(*state, NOON - MINUTE, 7 * MINUTE, "9.0.0.1", LISTED, 1);
	selects(*state, &f, 0, INT64_MAX, 0, "7");
}

static void by_endpoint_and_verdict(void **state)
{
	struct log_filter f = ANY;

	fill(*state);
	f.endpoint = "api";
	selects(*state, &f, 0, INT64_MAX, 0, "1234");
	f.verdict = "deny";
	selects(*state, &f, 0, INT64_MAX, 0, "23");
	selects(*state, &f, 0, INT64_MAX, 1, "3");
	f.endpoint = NULL;
	f.verdict = "allow";
	selects(*state, &f, 0, INT64_MAX, 0, "1456");
	f.endpoint = "x' OR 1 --";
	selects(*state, &f, 0, INT64_MAX, 0, "");
}

static void from(struct fixture *fixture, const char *prefix, const char *expected)
{
	struct log_filter f = ANY;

	f.by_source = true;
	assert_int_equal(prefix_parse(&f.source, prefix, strlen(prefix)), PREFIX_OK);
	selects(fixture, &f, 0, INT64_MAX, 0, expected);
}

static void by_source(void **state)
{
	fill(*state);
	from(*state, "9.0.0.1", "15");
	from(*state, "9.0.0.0/24", "125");
	from(*state, "9.0.0.0/23", "1256");
	from(*state, "0.0.0.0/0", "1256");
	from(*state, "2001:db8:1::/48", "3");
	from(*state, "2001:db8::/32", "34");
	from(*state, "::/0", "34");
	from(*state, "9.0.0.3", "");
}

static void the_newest_id(void **state)
{
	struct fixture *f = *state;
	struct error err = { "" };
	sqlite3 *db = fixture_reader(f);
	int64_t newest = -1;

	assert_int_equal(log_newest(db, &newest, &err), 0);
	assert_int_equal(newest, 0);
	fill(f);
	assert_int_equal(log_newest(db, &newest, &err), 0);
	assert_int_equal(newest, id(6));
	sqlite3_close(db);
}

static uint64_t aggregated(struct fixture *fixture, const struct log_filter *f)
{
	sqlite3 *db = fixture_reader(fixture);
	struct error err = { "" };
	uint64_t count = 0;

	if (log_aggregated(db, f, &count, &err) == -1)
		fail_msg("%s", err.text);
	sqlite3_close(db);
	return count;
}

static void what_was_not_recorded_one_by_one_is_counted(void **state)
{
	struct log_filter f = ANY;

	fill(*state);
	assert_int_equal(aggregated(*state, &f), 0);
	fixture_aggregate(*state, NOON, NOON + MINUTE, 1, "9.0.0.1", 1, 5);
	fixture_aggregate(*state, NOON + HOUR, NOON + HOUR, 2, "2001:db8:1::5", 2, 7);
	assert_int_equal(aggregated(*state, &f), 12);
	f.verdict = "allow";
	assert_int_equal(aggregated(*state, &f), 0);
	f.verdict = "deny";
	f.endpoint = "api";
	assert_int_equal(aggregated(*state, &f), 5);
	f.endpoint = NULL;
	f.since = NOON + HOUR;
	assert_int_equal(aggregated(*state, &f), 7);
	f.since = INT64_MIN;
	f.until = NOON + HOUR;
	assert_int_equal(aggregated(*state, &f), 5);
	f.until = INT64_MAX;
	f.by_source = true;
	assert_int_equal(prefix_parse(&f.source, "2001:db8::/32", 13), PREFIX_OK);
	assert_int_equal(aggregated(*state, &f), 7);
}

static void an_endpoint_is_known_once_it_was_there(void **state)
{
	struct fixture *f = *state;
	struct error err = { "" };
	sqlite3 *db = fixture_reader(f);

	assert_int_equal(log_knows_endpoint(db, "api", &err), 0);
	fixture_names(f);
	assert_int_equal(log_knows_endpoint(db, "api", &err), 1);
	assert_int_equal(log_knows_endpoint(db, "old", &err), 1);
	assert_int_equal(log_knows_endpoint(db, "ap", &err), 0);
	sqlite3_close(db);
}

int test_log_query(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_rows_in_order, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_newest_in_order, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(those_between_two_ids, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(since_is_in_it_and_until_is_not, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(time_is_the_rows_own, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(by_endpoint_and_verdict, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(by_source, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_newest_id, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(what_was_not_recorded_one_by_one_is_counted, fixture_open,
		                                fixture_close),
		cmocka_unit_test_setup_teardown(an_endpoint_is_known_once_it_was_there, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests_name("log query", tests, NULL, NULL);
}
