/* What the report claims of a period, as an auditor reads it: never more than the log shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_fixture.h"
#include "report/checks.h"
#include "report/content.h"
#include "report/model.h"
#include "report/report.h"
#include "test_report.h"

/* The hour from NOON on. */
static struct report *read_hour(const struct fixture *f)
{
	const struct report_integrity verified = { .ok = 1 };
	const struct report_request request = {
		.from = NOON, .to = NOON + HOUR, .host = "gate", .retention = -1, .integrity = &verified
	};
	sqlite3 *db = fixture_reader(f);
	struct error err = { "" };
	struct report *r = NULL;

	if (report_read(db, &request, &r, &err) == -1)
		fail_msg("%s", err.text);
	sqlite3_close(db);
	return r;
}

static void outcome_is(const struct report *r, enum check c, enum report_status status, const char *part)
{
	const struct report_finding *f = &r->findings[c];

	if (f->status != status || strstr(f->evidence, part) == NULL)
		fail_msg("%s: %s, '%s'; expected %s, '%s'", check_name(c), report_status_text(f->status), f->evidence,
		         report_status_text(status), part);
}

static void verdict_is(const struct report *r, const char *part)
{
	struct document *d = content_report(r);

	assert_non_null(d);
	if (strstr(d->verdict, part) == NULL)
		fail_msg("'%s' does not have '%s'", d->verdict, part);
	document_free(d);
}

/* Endpoint 1, api, for the whole hour but that; the others of the fixture are not there. */
static void api_only(const struct fixture *f)
{
	fixture_names(f);
	fixture_sql(f, "DELETE FROM endpoint WHERE id <> 1");
}

static void nothing_is_claimed_of_what_is_not_known(void **state)
{
	static const enum check of_period[] = { CHECK_DEFAULT_DENY,   CHECK_COVERAGE_COMPLETE, CHECK_CHANGES_APPROVED,
		                                CHECK_GRANTS_BOUNDED, CHECK_DRIFT_REPAIRED,    CHECK_LOG_COMPLETE,
		                                CHECK_FAILURES_DETECTED };
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON + DAY, NOON + DAY + HOUR, 0);
	r = read_hour(f);
	for (size_t i = 0; i < sizeof(of_period) / sizeof(*of_period); i++)
		outcome_is(r, of_period[i], STATUS_NOT_COVERED, "knows nothing of this period");
	outcome_is(r, CHECK_LOG_INTACT, STATUS_MET, "hash tree");
	verdict_is(r, "knows nothing of this period");
	report_free(r);
}

static void what_stood_open_denied_nobody(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON, NOON + 10 * MINUTE, 0);
	fixture_segment(f, 1, NOON + 10 * MINUTE, NOON + 11 * MINUTE, 2);
	fixture_segment(f, 1, NOON + 11 * MINUTE, NOON + HOUR, 0);
	fixture_connection(f, NOON + 1, 0, "192.0.2.1", LISTED, 1);
	r = read_hour(f);
	outcome_is(r, CHECK_DEFAULT_DENY, STATUS_NOT_MET, "nothing was denied then: api");
	outcome_is(r, CHECK_SOURCES_NAMED, STATUS_NOT_COVERED, "nobody was counted: api");
	outcome_is(r, CHECK_COVERAGE_COMPLETE, STATUS_NOT_MET, "1 gap is listed");
	report_free(r);
}

static void observed_is_not_protected(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON, NOON + 50 * MINUTE, 1);
	fixture_segment(f, 1, NOON + 50 * MINUTE, NOON + HOUR, 0);
	r = read_hour(f);
	verdict_is(r, "was protected or observed without a gap.");
	outcome_is(r, CHECK_COVERAGE_COMPLETE, STATUS_MET, "was enforced or observed at every moment");
	outcome_is(r, CHECK_DEFAULT_DENY, STATUS_NOT_MET, "Only observed for some of the time");
	report_free(r);
}

static void a_log_that_begins_or_ends_within_the_period_says_so(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON + 10 * MINUTE, NOON + HOUR, 0);
	r = read_hour(f);
	verdict_is(r, "without a gap, from when it was first seen.");
	outcome_is(r, CHECK_COVERAGE_COMPLETE, STATUS_MET, "not known before: api");
	report_free(r);
	fixture_sql(f, "DELETE FROM segment");
	fixture_segment(f, 1, NOON, NOON + 10 * MINUTE, 0);
	r = read_hour(f);
	verdict_is(r, "Of 1 nothing is known at the end of the period");
	outcome_is(r, CHECK_COVERAGE_COMPLETE, STATUS_NOT_MET, "Not known at the end of the period");
	report_free(r);
}

static void shows(const struct report *r, const char *part)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(report_text(r, out), 0);
	assert_int_equal(fclose(out), 0);
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
	free(text);
}

/* When a grant was taken back; a hash that is cut says so; a share is rounded down. */
static void what_an_auditor_compares_is_whole(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON, NOON + 58 * MINUTE + 41 * SECOND, 0);
	fixture_segment(f, 1, NOON + 58 * MINUTE + 41 * SECOND, NOON + HOUR, 2);
	fixture_revision(f, "l", 1, NOON, "[]", "[]", "guards", "");
	fixture_sql(f, "UPDATE revision SET origins = '[{\"name\": \"docs\", \"state\": \"ok\", \"entries\": 1,"
	               " \"sha256\": \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]'");
	fixture_event(f, NOON + SECOND, "granted", "api",
	              "{\"id\":1,\"source\":\"192.0.2.1/32\",\"until\":\"2026-11-01T13:00:00Z\",\"by\":\"anna\",\"reason\":\"x\"}");
	fixture_event(f, NOON + MINUTE, "revoked", "api",
	              "{\"id\":1,\"source\":\"192.0.2.1/32\",\"until\":\"2026-11-01T13:00:00Z\",\"by\":\"bert\",\"reason\":\"done\"}");
	r = read_hour(f);
	shows(r, "2026-11-01T12:01:00Z revoked by bert: done");
	shows(r, "docs: ok, 1 entry, SHA-256 0123456789abcdef\xe2\x80\xa6");
	shows(r, "97.8%"); /* 97.8055… */
	report_free(r);
}

static void who_reached_a_secret_store_is_named(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_sql(f, "UPDATE endpoint SET kind = 'secret-store'");
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	r = read_hour(f);
	shows(r, "No row of the period says that anybody reached one.");
	report_free(r);
	fixture_connection(f, NOON + 1, 0, "198.51.100.7", BY_OFFICE, 1);
	fixture_connection(f, NOON + 2, 0, "192.0.2.66", NOT_LISTED, 1);
	r = read_hour(f);
	shows(r, "Who reached a secret store\n"
	         "  SECRET STORE  REACHED BY    CONNECTIONS  LIST    FIRST SEEN            LAST SEEN\n"
	         "  api           198.51.100.7            1  office  2026-11-01T12:00:00Z  2026-11-01T12:00:00Z\n\n");
	report_free(r);
}

/* Used is more than what its lists let in. */
static void the_review_tells_of_grants(void **state)
{
	const struct fixture *f = *state;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct report *r;

	assert_non_null(out);
	api_only(f);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	fixture_sql(f, "INSERT INTO decision (id, endpoint, verdict, reason, list, revision) VALUES (20, 1, 0, 'granted', 'grant:1', 0)");
	fixture_connection(f, NOON + 1, 0, "192.0.2.9", 20, 1);
	fixture_connection(f, NOON + 2, 0, "192.0.2.9", 20, 1);
	r = read_hour(f);
	assert_int_equal(review_text(r, out), 0);
	assert_int_equal(fclose(out), 0);
	if (strstr(text, "2 by a grant") == NULL)
		fail_msg("no grant in:\n%s", text);
	free(text);
	report_free(r);
}

static void a_log_that_does_not_verify_is_no_evidence(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	r = read_hour(f);
	r->integrity.ok = 0;
	verdict_is(r, "The audit log does not verify: what follows is only what it says now. The one endpoint");
	report_free(r);
}

static void the_last_drift_must_be_repaired(void **state)
{
	const struct fixture *f = *state;
	struct report *r;

	api_only(f);
	fixture_segment(f, 1, NOON, NOON + HOUR, 0);
	fixture_event(f, NOON + 1, "drift", "table", "{}");
	fixture_event(f, NOON + 2, "repaired", "table", "{}");
	r = read_hour(f);
	outcome_is(r, CHECK_DRIFT_REPAIRED, STATUS_MET, "1 time; it was made to match again 1 time.");
	report_free(r);
	fixture_event(f, NOON + 3, "drift", "table", "{}");
	r = read_hour(f);
	outcome_is(r, CHECK_DRIFT_REPAIRED, STATUS_NOT_MET, "2 times; it was made to match again 1 time.");
	report_free(r);
}

int test_checks(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_claimed_of_what_is_not_known, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(what_stood_open_denied_nobody, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(observed_is_not_protected, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(a_log_that_begins_or_ends_within_the_period_says_so, fixture_open,
		                                fixture_close),
		cmocka_unit_test_setup_teardown(what_an_auditor_compares_is_whole, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(who_reached_a_secret_store_is_named, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_review_tells_of_grants, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(a_log_that_does_not_verify_is_no_evidence, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_last_drift_must_be_repaired, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests_name("checks", tests, NULL, NULL);
}
