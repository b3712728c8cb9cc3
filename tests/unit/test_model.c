/* The report's model, read from a real audit.db. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_fixture.h"
#include "report/model.h"
#include "test_report.h"

/* The report of FROM to TO, with no configuration unless `request` has one.  The caller frees it. */
static struct report *read_request(struct fixture *f, const struct report_request *request)
{
	sqlite3 *db = fixture_reader(f);
	struct error err = { "" };
	struct report *r = NULL;

	if (report_read(db, request, &r, &err) == -1)
		fail_msg("%s", err.text);
	sqlite3_close(db);
	return r;
}

static struct report *read_period(struct fixture *f, time_us from, time_us to)
{
	const struct report_request request = { .from = from, .to = to, .host = "gate" };

	return read_request(f, &request);
}

static const struct report_endpoint *endpoint(const struct report *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->endpoint_count; i++) {
		if (strcmp(r->endpoints[i].name, name) == 0)
			return &r->endpoints[i];
	}
	fail_msg("the report has no endpoint '%s'", name);
	return NULL;
}

static void an_empty_log_is_an_empty_report(void **state)
{
	struct report *r = read_period(*state, NOON, NOON + HOUR);

	assert_string_equal(r->host, "gate");
	assert_int_equal(r->endpoint_count, 0);
	assert_int_equal(r->change_count, 0);
	assert_int_equal(r->event_count, 0);
	assert_int_equal(r->loss_count, 0);
	assert_int_equal(r->rows, 0);
	report_free(r);
	report_free(NULL);
}

static void the_period_has_its_start_and_not_its_end(void **state)
{
	struct fixture *f = *state;
	struct report *r;

	fixture_names(f);
	fixture_connection(f, NOON - 1, 0, "192.0.2.1", LISTED, 1);
	fixture_connection(f, NOON, 0, "192.0.2.1", LISTED, 1);
	fixture_connection(f, NOON + HOUR - 1, 0, "192.0.2.1", LISTED, 1);
	fixture_connection(f, NOON + HOUR, 0, "192.0.2.1", LISTED, 1);
	r = read_period(f, NOON, NOON + HOUR);
	assert_int_equal(r->rows, 2);
	assert_int_equal(endpoint(r, "api")->sources[0].allowed, 2);
	assert_string_equal(endpoint(r, "api")->sources[0].first, "2026-11-01T12:00:00.000000Z");
	assert_string_equal(endpoint(r, "api")->sources[0].last, "2026-11-01T12:59:59.999999Z");
	report_free(r);
}

/* A clock that stepped back: the row's id is far later than its time. */
static void a_row_counts_by_its_time_not_its_id(void **state)
{
	struct fixture *f = *state;
	struct report *r;

	fixture_names(f);
	fixture_connection(f, NOON + MINUTE, 3 * HOUR, "192.0.2.1", LISTED, 1);
	fixture_connection(f, NOON - MINUTE, 3 * HOUR, "192.0.2.2", LISTED, 1);
	r = read_period(f, NOON, NOON + HOUR);
	assert_int_equal(r->rows, 1);
	assert_string_equal(endpoint(r, "api")->sources[0].source, "192.0.2.1");
	report_free(r);
}

static void sources_stand_in_order_of_address(void **state)
{
	static const char *const sources[] = { "2001:db8::2", "100.0.0.1", "2001:db8::1",
		                               "9.0.0.1",     "9.0.0.10",  "9.0.0.2" };
	static const char *const ordered[] = { "9.0.0.1",   "9.0.0.2",     "9.0.0.10",
		                               "100.0.0.1", "2001:db8::1", "2001:db8::2" };
	struct fixture *f = *state;
	struct report *r;
	size_t i;

	fixture_names(f);
	for (i = 0; i < 6; i++)
		fixture_connection(f, NOON + (time_us)i, 0, sources[i], LISTED, i % 2 == 0 ? 2 : 1);
	r = read_period(f, NOON, NOON + HOUR);
	assert_int_equal(endpoint(r, "api")->source_count, 6);
	for (i = 0; i < 6; i++)
		assert_string_equal(endpoint(r, "api")->sources[i].source, ordered[i]);
	report_free(r);
}

static void a_source_has_the_list_that_let_it_in_last(void **state)
{
	struct fixture *f = *state;
	struct report *r;
	const struct report_source *s;

	fixture_names(f);
	fixture_connection(f, NOON, 0, "192.0.2.1", BY_OFFICE, 1);
	fixture_connection(f, NOON + 1, 0, "192.0.2.1", LISTED, 1);
	fixture_connection(f, NOON + 2, 0, "192.0.2.1", NOT_LISTED, 1);
	fixture_connection(f, NOON + 3, 0, "192.0.2.2", NOT_LISTED, 1);
	r = read_period(f, NOON, NOON + HOUR);
	s = endpoint(r, "api")->sources;
	assert_string_equal(s[0].list, "humanitec");
	assert_int_equal(s[0].allowed, 2);
	assert_int_equal(s[0].denied, 1);
	assert_string_equal(s[0].last, "2026-11-01T12:00:00.000002Z");
	/* A denied row names the lists that were consulted: none of them let it in. */
	assert_string_equal(s[1].list, "");
	assert_int_equal(s[1].denied, 1);
	report_free(r);
}

static void what_was_only_observed_was_let_in_by_no_list(void **state)
{
	struct fixture *f = *state;
	struct report *r;

	fixture_names(f);
	fixture_connection(f, NOON, 0, "192.0.2.1", OBSERVED, 1);
	r = read_period(f, NOON, NOON + HOUR);
	assert_int_equal(endpoint(r, "orders")->sources[0].allowed, 1);
	assert_int_equal(endpoint(r, "orders")->sources[0].observed, 1);
	assert_string_equal(endpoint(r, "orders")->sources[0].list, "");
	report_free(r);
}

static void aggregates_join_their_source(void **state)
{
	struct fixture *f = *state;
	const struct report_source *s;
	struct report *r;

	fixture_names(f);
	fixture_connection(f, NOON + MINUTE, 0, "192.0.2.1", NOT_LISTED, 1);
	fixture_aggregate(f, NOON, NOON + 2 * MINUTE, 1, "192.0.2.1", 1, 40);
	fixture_aggregate(f, NOON + HOUR - 1, NOON + 2 * HOUR, 1, "192.0.2.1", 1, 2);
	fixture_aggregate(f, NOON + 3 * MINUTE, NOON + 4 * MINUTE, 1, "2001:db8::1", 2, 7);
	fixture_aggregate(f, NOON + HOUR, NOON + 2 * HOUR, 1, "192.0.2.9", 1, 1000);
	fixture_aggregate(f, NOON - HOUR, NOON, 1, "192.0.2.9", 1, 1000);
	r = read_period(f, NOON, NOON + HOUR);
	s = endpoint(r, "api")->sources;
	assert_int_equal(endpoint(r, "api")->source_count, 2);
	assert_int_equal(s[0].denied, 1);
	assert_int_equal(s[0].aggregated, 42);
	assert_string_equal(s[0].first, "2026-11-01T12:00:00.000000Z");
	assert_string_equal(s[0].last, "2026-11-01T14:00:00.000000Z");
	assert_int_equal(s[1].denied, 0);
	assert_int_equal(s[1].aggregated, 7);
	assert_int_equal(r->rows, 1);
	report_free(r);
}

static void tallies_are_summed_by_verdict(void **state)
{
	struct fixture *f = *state;
	struct report_count total;
	struct report *r;

	fixture_names(f);
	fixture_tally(f, NOON - HOUR, NOON, 1, 1, 1000, 0, 0); /* ends where the period begins */
	fixture_tally(f, NOON, NOON + 10 * MINUTE, 1, 0, 5, 0, 1);
	fixture_tally(f, NOON, NOON + 10 * MINUTE, 1, 1, 7, 100, 2);
	fixture_tally(f, NOON + HOUR, NOON + 2 * HOUR, 1, 1, 3, 30, 0);
	fixture_tally(f, NOON + HOUR, NOON + 2 * HOUR, 2, 0, 9, 0, 0);
	r = read_period(f, NOON, NOON + 2 * HOUR);
	assert_int_equal(endpoint(r, "api")->allow.recorded, 5);
	assert_int_equal(endpoint(r, "api")->deny.recorded, 10);
	assert_int_equal(endpoint(r, "api")->deny.aggregated, 130);
	total = report_total(endpoint(r, "api"));
	assert_int_equal(total.counted, 148);
	assert_int_equal(total.lost, 3);
	assert_true(report_balanced(&total));
	total.lost--;
	assert_false(report_balanced(&total));
	assert_int_equal(endpoint(r, "orders")->allow.recorded, 9);
	assert_int_equal(r->loss_count, 2);
	assert_string_equal(r->losses[0].verdict, "allow");
	assert_int_equal(r->losses[1].lost, 2);
	assert_string_equal(r->losses[1].to, "2026-11-01T12:10:00.000000Z");
	report_free(r);
}

static void the_totals_are_of_all_time(void **state)
{
	struct fixture *f = *state;
	struct report_count total;
	struct error err = { "" };
	sqlite3 *db;

	fixture_names(f);
	db = fixture_reader(f);
	assert_int_equal(report_totals(db, &total, &err), 0);
	assert_int_equal(total.counted, 0);
	fixture_tally(f, NOON - 100 * DAY, NOON, 1, 0, 5, 0, 1);
	fixture_tally(f, NOON, NOON + 1, 1, 1, 7, 100, 2);
	assert_int_equal(report_totals(db, &total, &err), 0);
	assert_int_equal(total.counted, 115);
	assert_int_equal(total.recorded, 12);
	assert_int_equal(total.aggregated, 100);
	assert_int_equal(total.lost, 3);
	sqlite3_close(db);
}

static void covered(struct fixture *f, time_us from, time_us to, double percent)
{
	struct report *r = read_period(f, from, to);

	assert_true(endpoint(r, "api")->seen);
	if (endpoint(r, "api")->coverage_percent != percent)
		fail_msg("%.6f %% covered, not %.6f %%", endpoint(r, "api")->coverage_percent, percent);
	report_free(r);
}

static void coverage_is_a_share_of_the_endpoints_life(void **state)
{
	struct fixture *f = *state;

	fixture_names(f);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	fixture_segment(f, 1, NOON + HOUR, NOON + 2 * HOUR, 2);
	fixture_segment(f, 1, NOON + 2 * HOUR, NOON + 4 * HOUR, 1);
	/* From its first sight to its last heartbeat, whatever the period is. */
	covered(f, NOON - 30 * DAY, NOON + 30 * DAY, 75);
	covered(f, NOON, NOON + HOUR, 100);
	covered(f, NOON + HOUR, NOON + 2 * HOUR, 0);
	covered(f, NOON + 30 * MINUTE, NOON + 90 * MINUTE, 50);
	/* What no span accounts for is not covered. */
	fixture_segment(f, 1, NOON + 8 * HOUR, NOON + 12 * HOUR, 0);
	covered(f, NOON - DAY, NOON + DAY, 58.3333);
	covered(f, NOON + 5 * HOUR, NOON + 6 * HOUR, 0);
}

static void almost_covered_is_not_covered(void **state)
{
	struct fixture *f = *state;

	fixture_names(f);
	fixture_segment(f, 1, NOON, NOON + 400 * DAY - 1, 0);
	fixture_segment(f, 1, NOON + 400 * DAY - 1, NOON + 400 * DAY, 2);
	covered(f, NOON, NOON + 400 * DAY, 99.9999);
}

static void an_endpoint_is_told_also_where_nothing_came(void **state)
{
	static const struct policy_endpoint configured[] = {
		{ .name = (char *)"new", .kind = (char *)"bastion", .mode = MODE_ENFORCE },
		{ .name = (char *)"orders", .kind = (char *)"https", .mode = MODE_ENFORCE },
	};
	const struct report_request request = { .from = NOON, .to = NOON + HOUR, .host = "gate", .endpoints = configured, .endpoint_count = 2 };
	struct fixture *f = *state;
	struct report *r;

	fixture_names(f);
	fixture_segment(f, 2, NOON, NOON + HOUR, 1);
	fixture_segment(f, 3, NOON - DAY, NOON + 30 * MINUTE, 0);
	fixture_segment(f, 1, NOON - DAY, NOON, 0); /* ended where the period begins */
	r = read_request(f, &request);
	assert_int_equal(r->endpoint_count, 3);
	assert_string_equal(r->endpoints[0].name, "new");
	assert_string_equal(r->endpoints[0].kind, "bastion");
	assert_string_equal(r->endpoints[0].mode, "enforce");
	assert_false(r->endpoints[0].seen);
	/* What was in force then comes before what the configuration says now. */
	assert_string_equal(r->endpoints[1].name, "orders");
	assert_string_equal(r->endpoints[1].kind, "database");
	assert_string_equal(r->endpoints[1].mode, "observe");
	assert_string_equal(r->endpoints[2].name, "old");
	assert_string_equal(r->endpoints[2].mode, "enforce");
	/* One that is gone was covered to its end. */
	assert_true(r->endpoints[2].coverage_percent == 100);
	report_free(r);
}

static void changes_and_events_are_of_the_period(void **state)
{
	struct fixture *f = *state;
	struct report *r;

	fixture_revision(f, "humanitec", 1, NOON - 1, "[]", "[]", "guards", "");
	fixture_revision(f, "humanitec", 2, NOON, "[\"192.0.2.1/32\"]", "[]", "user anna", "announced");
	fixture_event(f, NOON - 1, "start", "hallowd", "{}");
	fixture_event(f, NOON, "held", "humanitec", "{\"reasons\":[]}");
	fixture_event(f, NOON + 1, "approved", "humanitec", "{\"by\":\"anna\"}");
	fixture_event(f, NOON + 2, "teardown", "", "{}");
	fixture_event(f, NOON + 3, "reload", "hallowd.yaml", "{\"by\":\"anna\"}");
	fixture_event(f, NOON + HOUR, "stop", "hallowd", "{}");
	r = read_period(f, NOON, NOON + HOUR);
	assert_int_equal(r->change_count, 1);
	assert_int_equal(r->changes[0].revision, 2);
	assert_string_equal(r->changes[0].decided_by, "user anna");
	assert_int_equal(r->event_count, 4);
	assert_false(r->events[0].is_decision);
	assert_true(r->events[1].is_decision);
	assert_true(r->events[2].is_decision);
	assert_true(r->events[3].is_decision);
	report_free(r);
}

static void a_log_that_cannot_be_read_is_an_error(void **state)
{
	const struct report_request request = { .from = NOON, .to = NOON + HOUR, .host = "gate" };
	struct fixture *f = *state;
	struct report *r = NULL;
	struct error err = { "" };
	sqlite3 *db;

	fixture_names(f);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	fixture_sql(f, "DROP VIEW coverage");
	db = fixture_reader(f);
	assert_int_equal(report_read(db, &request, &r, &err), -1);
	assert_null(r);
	assert_non_null(strstr(err.text, "coverage"));
	sqlite3_close(db);
}

int test_model(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_log_is_an_empty_report, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_period_has_its_start_and_not_its_end, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(a_row_counts_by_its_time_not_its_id, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(sources_stand_in_order_of_address, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(a_source_has_the_list_that_let_it_in_last, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(what_was_only_observed_was_let_in_by_no_list, fixture_open,
		                                fixture_close),
		cmocka_unit_test_setup_teardown(aggregates_join_their_source, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(tallies_are_summed_by_verdict, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_totals_are_of_all_time, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(coverage_is_a_share_of_the_endpoints_life, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(almost_covered_is_not_covered, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(an_endpoint_is_told_also_where_nothing_came, fixture_open,
		                                fixture_close),
		cmocka_unit_test_setup_teardown(changes_and_events_are_of_the_period, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(a_log_that_cannot_be_read_is_an_error, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
