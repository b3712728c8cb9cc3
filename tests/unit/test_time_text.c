#include "test_core.h"

#include <string.h>
#include <time.h>

#include "core/time_text.h"

/* 2026-11-24T02:32:21.123456Z, from date(1) */
#define NOW (INT64_C(1795487541) * US_PER_SECOND + 123456)

struct format_case {
	time_us t;
	const char *whole, *micro;
};

static const struct format_case format_cases[] = {
	{ 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z" },
	{ -1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999999Z" },
	{ 1, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z" },
	{ 999999, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.999999Z" },
	{ NOW, "2026-11-24T02:32:21Z", "2026-11-24T02:32:21.123456Z" },
	{ INT64_C(951782400) * US_PER_SECOND, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z" },
	{ INT64_C(253402300799) * US_PER_SECOND, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z" },
};

static void times_are_rfc_3339(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(format_cases); i++) {
		char out[TIME_TEXT_MAX];
		time_us t;

		assert_string_equal(time_format(format_cases[i].t, 0, out), format_cases[i].whole);
		assert_string_equal(time_format(format_cases[i].t, 1, out), format_cases[i].micro);
		assert_int_equal(time_parse(&t, out, NOW), 0);
		assert_int_equal(t, format_cases[i].t);
	}
}

static void the_ends_of_time_fit(void **state)
{
	char out[TIME_TEXT_MAX];

	(void)state;
	assert_string_equal(time_format(INT64_MIN, 1, out), "-290308-12-21T19:59:05.224192Z");
	assert_string_equal(time_format(INT64_MAX, 1, out), "294247-01-10T04:00:54.775807Z");
}

struct parse_case {
	const char *text, *means; /* NULL: refused */
};

static const struct parse_case parse_cases[] = {
	{ "2026-11-01T10:00:00Z", "2026-11-01T10:00:00.000000Z" },
	{ "2026-11-01t10:00:00z", "2026-11-01T10:00:00.000000Z" },
	{ "2026-11-01 10:00:00Z", "2026-11-01T10:00:00.000000Z" },
	{ "2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00.000000Z" },
	{ "2026-11-01T10:00:00-05:30", "2026-11-01T15:30:00.000000Z" },
	{ "2026-11-01T00:00:00+00:01", "2026-10-31T23:59:00.000000Z" },
	{ "2026-11-01T10:00:00-00:00", "2026-11-01T10:00:00.000000Z" },
	{ "2026-11-01T10:00:00.5Z", "2026-11-01T10:00:00.500000Z" },
	{ "2026-11-01T10:00:00.123456Z", "2026-11-01T10:00:00.123456Z" },
	{ "2026-11-01T10:00:00.123456999999999999999999999Z", "2026-11-01T10:00:00.123456Z" },
	{ "2026-11-01T10:00:00.000001-01:00", "2026-11-01T11:00:00.000001Z" },
	{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z" },
	{ "2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.000000Z" },
	{ "2026-11-01", "2026-11-01T00:00:00.000000Z" },
	{ "2024-02-29", "2024-02-29T00:00:00.000000Z" },
	{ "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000000Z" },
	{ "0000-01-01", "0000-01-01T00:00:00.000000Z" },
	{ "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
	{ "now", "2026-11-24T02:32:21.123456Z" },
	{ "today", "2026-11-24T00:00:00.000000Z" },
	{ "yesterday", "2026-11-23T00:00:00.000000Z" },
	{ "-24h", "2026-11-23T02:32:21.123456Z" },
	{ "-90s", "2026-11-24T02:30:51.123456Z" },
	{ "-2w", "2026-11-10T02:32:21.123456Z" },
	{ "-0", "2026-11-24T02:32:21.123456Z" },
	{ "", NULL }, { "-", NULL }, { "24h", NULL }, { "+24h", NULL }, { "--24h", NULL }, { "-24", NULL },
	{ "- 24h", NULL },
	{ "-9223372036854775807s", NULL }, { "-99999999999999999999d", NULL },
	{ "Now", NULL }, { "tomorrow", NULL }, { "now ", NULL },
	{ "2026", NULL }, { "2026-11", NULL }, { "2026-11-1", NULL }, { "2026-1-01", NULL }, { "26-11-01", NULL },
	{ "2026-13-01", NULL }, { "2026-00-01", NULL }, { "2026-11-00", NULL }, { "2026-11-31", NULL },
	{ "2026-02-29", NULL },
	{ "1900-02-29", NULL }, { "2026-11-01T", NULL }, { "2026-11-01T10:00Z", NULL }, { "2026-11-01T10:00:00", NULL },
	{ "2026-11-01T24:00:00Z", NULL }, { "2026-11-01T10:60:00Z", NULL }, { "2026-11-01T10:00:61Z", NULL },
	{ "2026-11-01T10:00:60Z", NULL }, { "2026-11-01T10:00:00.Z", NULL }, { "2026-11-01T10:00:00,5Z", NULL },
	{ "2026-11-01T10:00:00+0200", NULL }, { "2026-11-01T10:00:00+24:00", NULL },
	{ "2026-11-01T10:00:00+02:60", NULL },
	{ "2026-11-01T10:00:00Zx", NULL }, { "2026-11-01T10:00:00+02:00 ", NULL }, { " 2026-11-01", NULL },
	{ "2026-11-01x", NULL }, { "2026/11/01", NULL }, { "+2026-11-01", NULL },
};

static void what_people_write_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		time_us t = 77;
		char out[TIME_TEXT_MAX];
		int result = time_parse(&t, c->text, NOW);

		if (result != (c->means != NULL ? 0 : -1))
			fail_msg("\"%s\" gives %d", c->text, result);
		if (c->means != NULL)
			assert_string_equal(time_format(t, 1, out), c->means);
		else
			assert_int_equal(t, 77);
	}
}

struct duration_case {
	const char *text;
	int64_t seconds;
	const char *shortest;
};

static const struct duration_case duration_cases[] = {
	{ "0", 0, "0" }, { "0s", 0, "0" }, { "0d", 0, "0" }, { "1s", 1, "1s" }, { "59s", 59, "59s" },
	{ "60s", 60, "1m" },
	{ "61s", 61, "61s" }, { "90s", 90, "90s" }, { "10m", 600, "10m" }, { "90m", 5400, "90m" },
	{ "60m", 3600, "1h" },
	{ "6h", 21600, "6h" }, { "24h", 86400, "1d" }, { "25h", 90000, "25h" }, { "3d", 259200, "3d" },
	{ "400d", 34560000, "400d" }, { "2w", 1209600, "2w" }, { "14d", 1209600, "2w" }, { "007s", 7, "7s" },
	{ "9223372036854775807s", INT64_MAX, "9223372036854775807s" },
};

static void durations_come_back_shortest(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(duration_cases); i++) {
		const struct duration_case *c = &duration_cases[i];
		int64_t seconds, again;
		char out[TIME_TEXT_MAX];

		assert_int_equal(duration_parse(&seconds, c->text), 0);
		assert_int_equal(seconds, c->seconds);
		assert_string_equal(duration_format(seconds, out), c->shortest);
		assert_int_equal(duration_parse(&again, out), 0);
		assert_int_equal(again, seconds);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "s", "10", "00", "-1s", "+1s", "1 s", " 1s", "1s ", "1S", "1y", "1ms", "1h30m", "1.5h",
		"0x1s", "1ss",
		"9223372036854775808s", "9223372036854775807m", "99999999999999999999s", "15250284452472w",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int64_t seconds = 77;

		if (duration_parse(&seconds, texts[i]) == 0)
			fail_msg("\"%s\" was taken for a duration", texts[i]);
		assert_int_equal(seconds, 77);
	}
}

static void clocks_are_in_their_units(void **state)
{
	time_t before = time(NULL);
	time_us now = time_now();
	time_t after = time(NULL);
	int64_t monotonic = time_monotonic_ms();
	struct timespec ts;

	(void)state;
	assert_true(now >= ((time_us)before - 1) * US_PER_SECOND);
	assert_true(now < ((time_us)after + 1) * US_PER_SECOND);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	assert_true(monotonic <= (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
	assert_true(monotonic > (int64_t)ts.tv_sec * 1000 - 60000);
}

int test_time_text(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_rfc_3339),
		cmocka_unit_test(the_ends_of_time_fit),
		cmocka_unit_test(what_people_write_is_read),
		cmocka_unit_test(durations_come_back_shortest),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(clocks_are_in_their_units),
	};

	return cmocka_run_group_tests_name("time_text", tests, NULL, NULL);
}
