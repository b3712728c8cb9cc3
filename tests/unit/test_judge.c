#include "test_daemon.h"

#include <string.h>

#include "daemon/judge.h"

static const struct guard_config defaults = {
	.min_entries = 1,
	.max_entries = 100000,
	.max_added = { true, 50 },
	.max_removed = { true, 25 },
	.min_prefix4 = 16,
	.min_prefix6 = 32,
};

/* How many reasons the guard on shape gives, the first of which must hold `text`. */
static void expect_shape(struct guard_config g, const char *set_text, struct answer_shape shape, const char *text)
{
	struct prefix_set set = set_of(set_text);
	struct texts reasons = TEXTS_INIT;

	shape.bad_example = "line 3: 'None': no address";
	assert_int_equal(judge_shape(&g, "docs", &set, &shape, &reasons), 0);
	if (text == NULL) {
		assert_int_equal(reasons.count, 0);
	} else {
		assert_int_equal(reasons.count, 1);
		assert_non_null(strstr(reasons.items[0], text));
		assert_non_null(strstr(reasons.items[0], "docs"));
	}
	texts_free(&reasons);
	prefix_set_free(&set);
}

static void shape_is_judged_at_its_limits(void **state)
{
	struct guard_config g = defaults;

	(void)state;
	expect_shape(g, "34.1.0.0/16", (struct answer_shape){ 1, 0, 16, 255, NULL }, NULL);
	expect_shape(g, "34.0.0.0/15", (struct answer_shape){ 1, 0, 15, 255, NULL }, "min_prefix4");
	expect_shape(g, "2600::/32", (struct answer_shape){ 1, 0, 255, 32, NULL }, NULL);
	expect_shape(g, "2600::/31", (struct answer_shape){ 1, 0, 255, 31, NULL }, "min_prefix6");
	expect_shape(g, "34.1.1.1", (struct answer_shape){ 1, 1, 32, 255, NULL }, "'None'");
	g.max_bad = 1;
	expect_shape(g, "34.1.1.1", (struct answer_shape){ 1, 1, 32, 255, NULL }, NULL);
	expect_shape(g, "34.1.1.1", (struct answer_shape){ 1, 2, 32, 255, NULL }, "max_bad");
}

static void special_addresses_need_leave(void **state)
{
	static const char *const special[] = { "10.1.2.3", "127.0.0.1", "192.168.7.0/24", "224.0.0.1", "198.51.100.7",
		                               "100.64.1.1", "fe80::1", "fc00::/64", "ff02::1", "::1", "2001:db8::1" };
	struct guard_config g = defaults;

	(void)state;
	for (size_t i = 0; i < COUNT(special); i++) {
		g.special = false;
		expect_shape(g, special[i], (struct answer_shape){ 1, 0, 255, 255, NULL }, "special");
		g.special = true;
		expect_shape(g, special[i], (struct answer_shape){ 1, 0, 255, 255, NULL }, NULL);
	}
}

static size_t change_reasons(struct guard_config g, bool first, const char *before_text, const char *after_text)
{
	struct prefix_set before = set_of(before_text), after = set_of(after_text), added = PREFIX_SET_INIT,
			  removed = PREFIX_SET_INIT;
	struct texts reasons = TEXTS_INIT;
	size_t count;

	assert_int_equal(prefix_set_subtract(&added, &after, &before), 0);
	assert_int_equal(prefix_set_subtract(&removed, &before, &after), 0);
	assert_int_equal(judge_change(&g, first, &before, &after, &added, &removed, &reasons), 0);
	count = reasons.count;
	texts_free(&reasons);
	prefix_set_free(&before);
	prefix_set_free(&after);
	prefix_set_free(&added);
	prefix_set_free(&removed);
	return count;
}

#define FOUR "34.1.1.1 34.1.1.3 34.1.1.5 34.1.1.7"

static void change_is_judged_at_its_limits(void **state)
{
	struct guard_config g = defaults;

	(void)state;
	/* 50 % of 4 may be added, 25 % removed. */
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1 34.2.1.3"), 0);
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1 34.2.1.3 34.2.1.5"), 1);
	assert_int_equal(change_reasons(g, false, FOUR, "34.1.1.1 34.1.1.3 34.1.1.5"), 0);
	assert_int_equal(change_reasons(g, false, FOUR, "34.1.1.1 34.1.1.3"), 1);
	/* As numbers. */
	g.max_added = (struct amount){ false, 1 };
	g.max_removed = (struct amount){ false, 0 };
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1"), 0);
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1 34.2.1.3"), 1);
	assert_int_equal(change_reasons(g, false, FOUR, "34.1.1.1 34.1.1.3 34.1.1.5"), 1);
	g = defaults;
	g.min_entries = 4;
	g.max_entries = 5;
	g.max_removed = (struct amount){ true, 100 };
	assert_int_equal(change_reasons(g, false, FOUR, FOUR), 0);
	assert_int_equal(change_reasons(g, false, FOUR, "34.1.1.1 34.1.1.3 34.1.1.5"), 1);
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1"), 0);
	assert_int_equal(change_reasons(g, false, FOUR, FOUR " 34.2.1.1 34.2.1.3"), 1);
}

static void a_first_list_is_judged_by_absolute_guards_alone(void **state)
{
	struct guard_config g = defaults;

	(void)state;
	assert_int_equal(change_reasons(g, true, "", FOUR), 0);
	assert_int_equal(change_reasons(g, false, "34.9.9.9", FOUR), 2);
	g.min_entries = 5;
	assert_int_equal(change_reasons(g, true, "", FOUR), 1);
}

static void the_same_addresses_written_otherwise_are_no_change(void **state)
{
	(void)state;
	assert_int_equal(change_reasons(defaults, false, "34.1.1.0/31", "34.1.1.0 34.1.1.1"), 0);
}

int test_judge(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape_is_judged_at_its_limits),
		cmocka_unit_test(special_addresses_need_leave),
		cmocka_unit_test(change_is_judged_at_its_limits),
		cmocka_unit_test(a_first_list_is_judged_by_absolute_guards_alone),
		cmocka_unit_test(the_same_addresses_written_otherwise_are_no_change),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
