/* What a name resolves to: how long addresses stay, and what an answer that is half there is worth. */
#include "test_daemon.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/name_answer.h"

#define NOW (1800000000 * US_PER_SECOND)
#define SECONDS(n) ((n) * US_PER_SECOND)

static struct resolve_result result(const char *addresses, enum resolve_outcome v4, enum resolve_outcome v6)
{
	struct resolve_result r = { .addresses = set_of(addresses) };

	r.v4 = (struct resolve_family){ (uint8_t)v4, 60, strdup(v4 == RESOLVE_ADDRESSES ? "" : "of four") };
	r.v6 = (struct resolve_family){ (uint8_t)v6, 30, strdup(v6 == RESOLVE_ADDRESSES ? "" : "of six") };
	return r;
}

/* The answer of `addresses` at `when` on top of `known`, which it replaces. */
static void next(struct answer *known, const char *addresses, enum resolve_outcome v4, enum resolve_outcome v6, time_us when,
                 const char *expected)
{
	struct resolve_result r = result(addresses, v4, v6);
	struct prefix_set set = set_of(expected);
	struct answer a = { .named = NULL };
	char why[160];

	assert_int_equal(name_answer(&a, known, &r, when, why, sizeof(why)), 0);
	assert_true(prefix_set_equal(&a.set, &set));
	assert_int_equal(a.fetched_at, when);
	answer_free(known);
	*known = a;
	prefix_set_free(&set);
	resolve_result_free(&r);
}

static void an_address_stays_for_an_hour(void **state)
{
	struct answer known = { .named = NULL };

	(void)state;
	next(&known, "192.0.2.1 2001:db8::1", RESOLVE_ADDRESSES, RESOLVE_ADDRESSES, NOW, "192.0.2.1 2001:db8::1");
	assert_int_equal(known.ttl, 30);
	assert_int_equal(known.shape.widest4, 32);
	next(&known, "192.0.2.2", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(10), "192.0.2.1 192.0.2.2 2001:db8::1");
	assert_int_equal(known.ttl, 60);
	/* Named again in between: its hour begins anew. */
	next(&known, "192.0.2.2", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(NAME_KEEP - 1),
	     "192.0.2.1 192.0.2.2 2001:db8::1");
	next(&known, "192.0.2.3", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(NAME_KEEP), "192.0.2.2 192.0.2.3");
	next(&known, "192.0.2.3", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(2 * NAME_KEEP), "192.0.2.3");
	answer_free(&known);
}

/* A restart knows when the last answer came, and no more. */
static void what_comes_from_disk_has_one_time(void **state)
{
	struct answer known = { .set = set_of("192.0.2.0 192.0.2.1 192.0.2.2"), .fetched_at = NOW };

	(void)state;
	next(&known, "192.0.2.9", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(NAME_KEEP - 1),
	     "192.0.2.0 192.0.2.1 192.0.2.2 192.0.2.9");
	next(&known, "192.0.2.9", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + SECONDS(NAME_KEEP), "192.0.2.9");
	answer_free(&known);
}

static void a_family_that_failed_keeps_what_it_had(void **state)
{
	struct answer known = { .named = NULL };

	(void)state;
	next(&known, "192.0.2.1 2001:db8::1", RESOLVE_ADDRESSES, RESOLVE_ADDRESSES, NOW, "192.0.2.1 2001:db8::1");
	next(&known, "192.0.2.2", RESOLVE_ADDRESSES, RESOLVE_FAILED, NOW + SECONDS(5 * NAME_KEEP), "192.0.2.2 2001:db8::1");
	next(&known, "2001:db8::2", RESOLVE_FAILED, RESOLVE_ADDRESSES, NOW + SECONDS(6 * NAME_KEEP), "192.0.2.2 2001:db8::2");
	answer_free(&known);
}

static void a_clock_that_was_set_back_keeps_nothing_for_ever(void **state)
{
	struct answer known = { .named = NULL };

	(void)state;
	next(&known, "192.0.2.1", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW, "192.0.2.1");
	next(&known, "192.0.2.2", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW - SECONDS(2 * NAME_KEEP), "192.0.2.2");
	answer_free(&known);
}

static void no_address_is_no_answer(void **state)
{
	static const struct {
		enum resolve_outcome v4, v6;
		const char *why;
	} table[] = {
		{ RESOLVE_NONE, RESOLVE_NONE, "A: of four; AAAA: of six" },
		{ RESOLVE_FAILED, RESOLVE_NONE, "of four" },
		{ RESOLVE_NONE, RESOLVE_FAILED, "of six" },
		{ RESOLVE_FAILED, RESOLVE_FAILED, "A: of four; AAAA: of six" },
	};
	struct answer known = { .set = set_of("192.0.2.1"), .fetched_at = NOW }, a = { .named = NULL };
	char why[160];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct resolve_result r = result("", table[i].v4, table[i].v6);

		assert_int_equal(name_answer(&a, &known, &r, NOW, why, sizeof(why)), 1);
		assert_string_equal(why, table[i].why);
		resolve_result_free(&r);
	}
	answer_free(&known);
}

/* What a person approved is known by what the DNS said, not by what is still kept of before. */
static void the_hash_is_of_the_answer_alone(void **state)
{
	struct answer known = { .named = NULL };
	char first[65];

	(void)state;
	next(&known, "192.0.2.1", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW, "192.0.2.1");
	memcpy(first, known.sha256, sizeof(first));
	next(&known, "192.0.2.2", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + 1, "192.0.2.1 192.0.2.2");
	assert_string_not_equal(known.sha256, first);
	next(&known, "192.0.2.1", RESOLVE_ADDRESSES, RESOLVE_NONE, NOW + 2, "192.0.2.1 192.0.2.2");
	assert_string_equal(known.sha256, first);
	answer_free(&known);
}

static void a_name_is_asked_for_by_its_time_to_live(void **state)
{
	struct answer a = { .ttl = 0 };

	(void)state;
	assert_int_equal(name_refresh_ms(&a, 0), NAME_TTL_LEAST * 1000);
	a.ttl = 300;
	assert_int_equal(name_refresh_ms(&a, 0), 300000);
	a.ttl = UINT32_MAX;
	assert_int_equal(name_refresh_ms(&a, 0), NAME_TTL_MOST * 1000);
	assert_int_equal(name_refresh_ms(&a, 1), 10000);
	assert_int_equal(name_refresh_ms(&a, 3), 40000);
	assert_int_equal(name_refresh_ms(&a, 1000), 300000);
}

int test_name_answer(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_stays_for_an_hour),
		cmocka_unit_test(what_comes_from_disk_has_one_time),
		cmocka_unit_test(a_family_that_failed_keeps_what_it_had),
		cmocka_unit_test(a_clock_that_was_set_back_keeps_nothing_for_ever),
		cmocka_unit_test(no_address_is_no_answer),
		cmocka_unit_test(the_hash_is_of_the_answer_alone),
		cmocka_unit_test(a_name_is_asked_for_by_its_time_to_live),
	};

	return cmocka_run_group_tests_name("name answer", tests, NULL, NULL);
}
