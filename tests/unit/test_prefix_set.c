#include "test_core.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ONES6 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
#define SEED UINT64_C(0x9e3779b97f4a7c15)

struct set_case {
	const char *rows, *prefixes;
	size_t ranges;
};

static const struct set_case set_cases[] = {
	{ "", "", 0 },
	{ "192.0.2.1", "192.0.2.1/32", 1 },
	{ "192.0.2.1 192.0.2.1", "192.0.2.1/32", 1 },
	{ "192.0.2.0/25 192.0.2.128/25", "192.0.2.0/24", 1 },
	{ "192.0.2.128/25 192.0.2.0/25", "192.0.2.0/24", 1 },
	{ "192.0.2.0/24 192.0.2.7", "192.0.2.0/24", 1 },
	{ "192.0.2.7 192.0.2.0/24", "192.0.2.0/24", 1 },
	{ "192.0.2.0 192.0.2.2", "192.0.2.0/32 192.0.2.2/32", 2 },
	{ "192.0.2.1 192.0.2.2", "192.0.2.1/32 192.0.2.2/32", 1 },
	{ "192.0.2.1-192.0.2.6", "192.0.2.1/32 192.0.2.2/31 192.0.2.4/31 192.0.2.6/32", 1 },
	{ "255.255.255.255 0.0.0.0", "0.0.0.0/32 255.255.255.255/32", 2 },
	{ "0.0.0.0/0", "0.0.0.0/0", 1 },
	{ "128.0.0.0/1 0.0.0.0/1", "0.0.0.0/0", 1 },
	{ "0.0.0.0/0 255.255.255.255 0.0.0.0", "0.0.0.0/0", 1 },
	{ "255.255.255.254 255.255.255.255", "255.255.255.254/31", 1 },
	{ "255.255.255.255 255.255.255.253", "255.255.255.253/32 255.255.255.255/32", 2 },
	{ "::/0", "::/0", 1 },
	{ "8000::/1 ::/1", "::/0", 1 },
	{ ONES6 " ::", "::/128 " ONES6 "/128", 2 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe " ONES6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 1 },
	/* adjacent across the middle of the 128 bits */
	{ "2001:db8:0:1:: 2001:db8:0:0:ffff:ffff:ffff:ffff",
	  "2001:db8::ffff:ffff:ffff:ffff/128 2001:db8:0:1::/128", 1 },
	{ "2001:db8:0:1::/64 2001:db8::/64", "2001:db8::/63", 1 },
	/* IPv4 first, and the families never meet */
	{ "::/96 0.0.0.0/0", "0.0.0.0/0 ::/96", 2 },
	{ "255.255.255.255 ::1:0:0", "255.255.255.255/32 ::1:0:0/128", 2 },
};

static void rows_become_the_fewest_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(set_cases); i++) {
		const struct set_case *c = &set_cases[i];
		struct prefix_set set = must_set(c->rows);
		size_t prefixes = 0;

		for (const char *at = c->prefixes; (at = strchr(at, '/')) != NULL; at++)
			prefixes++;
		assert_string_equal(set_text(&set), c->prefixes);
		assert_int_equal(set.v4_count + set.v6_count, c->ranges);
		assert_int_equal(prefix_set_count(&set), prefixes);
		assert_int_equal(prefix_set_empty(&set), prefixes == 0);
		prefix_set_free(&set);
	}
}

static void the_longest_walks(void **state)
{
	struct prefix_set set = must_set("0.0.0.1-255.255.255.254 ::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	struct address a = must_address("128.0.0.0"), outside = must_address("255.255.255.255");
	struct prefix p;
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_int_equal(prefix_set_count(&set), 62 + 254);
	assert_int_equal(prefix_set_lookup(&set, &a, &p), 0);
	assert_string_equal(prefix_format(&p, text), "128.0.0.0/2");
	a = must_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	assert_int_equal(prefix_set_lookup(&set, &a, &p), 0);
	assert_int_equal(p.length, 128);
	assert_int_equal(prefix_set_lookup(&set, &outside, &p), -1);
	prefix_set_free(&set);
}

static int stop_at_third(void *ctx, const struct prefix *p)
{
	int *seen = ctx;

	(void)p;
	return ++*seen == 3 ? 42 : 0;
}

static void a_walk_stops_where_told(void **state)
{
	struct prefix_set v4 = must_set("1.0.0.0 3.0.0.0 5.0.0.0 7.0.0.0"), both = must_set("1.0.0.0 ::1-::9");
	int seen = 0;

	(void)state;
	assert_int_equal(prefix_set_each(&v4, stop_at_third, &seen), 42);
	assert_int_equal(seen, 3);
	seen = 0;
	assert_int_equal(prefix_set_each(&both, stop_at_third, &seen), 42);
	assert_int_equal(seen, 3);
	prefix_set_free(&v4);
	prefix_set_free(&both);
}

static void wrong_ranges_are_refused(void **state)
{
	struct prefix_set set = PREFIX_SET_INIT;
	struct range r = { must_address("1.2.3.4"), must_address("::1") };

	(void)state;
	errno = 0;
	assert_int_equal(prefix_set_add_range(&set, &r), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(prefix_set_add_range4(&set, 2, 1), -1);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_int_equal(prefix_set_add_range6(&set, (struct u128){ 1, 0 }, (struct u128){ 0, UINT64_MAX }), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(prefix_set_empty(&set));
}

static void freed_twice_is_empty(void **state)
{
	struct prefix_set set = must_set("1.2.3.4 ::1");

	(void)state;
	prefix_set_free(&set);
	prefix_set_free(&set);
	prefix_set_free(NULL);
	assert_true(prefix_set_empty(&set));
	assert_int_equal(prefix_set_count(&set), 0);
}

static void equal_is_by_address(void **state)
{
	static const char *const groups[][2] = {
		{ "192.0.2.0/24", "192.0.2.128/25 192.0.2.0/25" },
		{ "::/127", "::1 ::" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(groups); i++) {
		for (size_t j = 0; j < COUNT(groups); j++) {
			struct prefix_set a = must_set(groups[i][0]), b = must_set(groups[j][1]);

			assert_int_equal(prefix_set_equal(&a, &b), i == j);
			prefix_set_free(&a);
			prefix_set_free(&b);
		}
	}
}

static void operations_replace_what_was_there(void **state)
{
	struct prefix_set a = must_set("192.0.2.0/24 2001:db8::/32"), b = must_set("192.0.2.128/25 2001:db8:8000::/33");
	struct prefix_set out = must_set("10.0.0.0/8 fd00::/8");

	(void)state;
	assert_int_equal(prefix_set_union(&out, &a, &b), 0);
	assert_string_equal(set_text(&out), "192.0.2.0/24 2001:db8::/32");
	assert_int_equal(prefix_set_intersect(&out, &a, &b), 0);
	assert_string_equal(set_text(&out), "192.0.2.128/25 2001:db8:8000::/33");
	assert_int_equal(prefix_set_subtract(&out, &a, &b), 0);
	assert_string_equal(set_text(&out), "192.0.2.0/25 2001:db8::/33");
	assert_int_equal(prefix_set_subtract(&out, &b, &a), 0);
	assert_true(prefix_set_empty(&out));
	assert_int_equal(prefix_set_copy(&out, &a), 0);
	assert_true(prefix_set_equal(&out, &a));
	assert_true(out.v4 != a.v4 && out.v6 != a.v6);
	prefix_set_free(&a);
	prefix_set_free(&b);
	prefix_set_free(&out);
}

static void whole_spaces_combine(void **state)
{
	struct prefix_set all = must_set("0.0.0.0/0 ::/0"), ends = must_set("0.0.0.0 255.255.255.255 :: " ONES6);
	struct prefix_set none = PREFIX_SET_INIT, out = PREFIX_SET_INIT, back = PREFIX_SET_INIT;

	(void)state;
	assert_int_equal(prefix_set_subtract(&out, &all, &ends), 0);
	assert_int_equal(prefix_set_count(&out), 62 + 254);
	assert_int_equal(prefix_set_union(&back, &out, &ends), 0);
	assert_true(prefix_set_equal(&back, &all));
	assert_int_equal(prefix_set_intersect(&out, &all, &ends), 0);
	assert_true(prefix_set_equal(&out, &ends));
	assert_int_equal(prefix_set_subtract(&out, &all, &none), 0);
	assert_true(prefix_set_equal(&out, &all));
	assert_int_equal(prefix_set_subtract(&out, &all, &all), 0);
	assert_true(prefix_set_empty(&out));
	assert_int_equal(prefix_set_union(&out, &none, &none), 0);
	assert_true(prefix_set_empty(&out));
	prefix_set_free(&all);
	prefix_set_free(&ends);
	prefix_set_free(&out);
	prefix_set_free(&back);
}

static void agreement_needs_a_number_in_bounds(void **state)
{
	struct prefix_set a = must_set("192.0.2.0/24"), b = must_set("192.0.2.0/25"), c = must_set("192.0.2.0/26 ::1");
	const struct prefix_set *const sets[] = { &a, &b, &c };
	struct prefix_set out = must_set("10.0.0.0/8");

	(void)state;
	errno = 0;
	assert_int_equal(prefix_set_agree(&out, sets, 3, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(prefix_set_agree(&out, sets, 3, 4), -1);
	assert_int_equal(prefix_set_agree(&out, NULL, 0, 0), -1);
	assert_string_equal(set_text(&out), "10.0.0.0/8");
	assert_int_equal(prefix_set_agree(&out, sets, 3, 1), 0);
	assert_string_equal(set_text(&out), "192.0.2.0/24 ::1/128");
	assert_int_equal(prefix_set_agree(&out, sets, 3, 2), 0);
	assert_string_equal(set_text(&out), "192.0.2.0/25");
	assert_int_equal(prefix_set_agree(&out, sets, 3, 3), 0);
	assert_string_equal(set_text(&out), "192.0.2.0/26");
	prefix_set_free(&a);
	prefix_set_free(&b);
	prefix_set_free(&c);
	prefix_set_free(&out);
}

/* splitmix64: the same numbers everywhere. */
static uint64_t random64(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int compare_ranges4(const void *a, const void *b)
{
	const struct range4 *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->last > y->last) - (x->last < y->last);
}

/* Sorts and merges in the plainest way, in 64 bits. */
static size_t merge_plainly(struct range4 *r, size_t count)
{
	size_t kept = 0;

	qsort(r, count, sizeof(*r), compare_ranges4);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && (uint64_t)r[i].first <= (uint64_t)r[kept - 1].last + 1) {
			if (r[i].last > r[kept - 1].last)
				r[kept - 1].last = r[i].last;
		} else {
			r[kept++] = r[i];
		}
	}
	return kept;
}

/* `spread` keeps bits of the random starts, so that the passes of a radix sort see equal digits too. */
static void check_many4(size_t count, uint32_t spread, uint32_t longest, uint64_t *seed, size_t allocations)
{
	struct range4 *model = calloc(count, sizeof(*model));
	struct prefix_set set = PREFIX_SET_INIT;
	size_t kept;

	assert_non_null(model);
	for (size_t i = 0; i < count; i++) {
		uint32_t first = (uint32_t)random64(seed) & spread, length = (uint32_t)(random64(seed) % longest);

		model[i].first = first;
		model[i].last = UINT32_MAX - first < length ? UINT32_MAX : first + length;
		assert_int_equal(prefix_set_add_range4(&set, model[i].first, model[i].last), 0);
	}
	kept = merge_plainly(model, count);
	fail_allocations_after(allocations);
	prefix_set_normalize(&set);
	fail_allocations_after(SIZE_MAX);
	assert_int_equal(set.v4_count, kept);
	if (kept > 0)
		assert_memory_equal(set.v4, model, kept * sizeof(*model));
	assert_true(set.v4_cap - set.v4_count <= 1024 || allocations != SIZE_MAX);
	free(model);
	prefix_set_free(&set);
}

static void many_are_sorted_and_merged(void **state)
{
	static const uint32_t spreads[] = {
		UINT32_MAX, 0x000007ff, 0x003ff800, 0xffc00000, 0xffc007ff, 0x0000ffff, 0xffff0000, 0x80000001, 0,
	};
	static const size_t counts[] = { 0, 1, 2, 511, 512, 513, 20000 };
	uint64_t seed = SEED;

	(void)state;
	print_message("# seed %#" PRIx64 "\n", seed);
	for (size_t i = 0; i < COUNT(spreads); i++) {
		for (size_t j = 0; j < COUNT(counts); j++) {
			check_many4(counts[j], spreads[i], 1, &seed, SIZE_MAX);
			check_many4(counts[j], spreads[i], 1000, &seed, SIZE_MAX);
			check_many4(counts[j], spreads[i], UINT32_C(1) << 20, &seed, SIZE_MAX);
		}
	}
}

static void sorting_needs_no_memory(void **state)
{
	uint64_t seed = SEED;

	(void)state;
	check_many4(20000, UINT32_MAX, 1000, &seed, 0);
	check_many4(20000, 0x0000ffff, 1, &seed, 0);
}

/* Ranges of four, ten apart, across the middle of the 128 bits; each in two parts that overlap, in a random order. */
static void many_of_ipv6_are_sorted_and_merged(void **state)
{
	enum { RANGES = 5000 };
	struct prefix_set mixed = PREFIX_SET_INIT, sorted = PREFIX_SET_INIT;
	struct range6 *parts = calloc(2 * RANGES, sizeof(*parts));
	uint64_t seed = SEED;

	(void)state;
	assert_non_null(parts);
	for (size_t i = 0; i < RANGES; i++) {
		uint64_t lo = UINT64_MAX - 20000 + i * 10;
		struct u128 first = { 7 + (lo < 50000), lo }, second = u128_next(first);
		struct u128 last = u128_next(u128_next(second));

		assert_int_equal(prefix_set_add_range6(&sorted, first, last), 0);
		parts[2 * i] = (struct range6){ first, second };
		parts[2 * i + 1] = (struct range6){ second, last };
	}
	for (size_t i = 2 * RANGES; i > 0; i--) {
		struct range6 *chosen = &parts[random64(&seed) % i];

		assert_int_equal(prefix_set_add_range6(&mixed, chosen->first, chosen->last), 0);
		*chosen = parts[i - 1];
	}
	prefix_set_normalize(&mixed);
	assert_int_equal(sorted.v6_count, RANGES);
	assert_true(prefix_set_equal(&mixed, &sorted));
	free(parts);
	prefix_set_free(&mixed);
	prefix_set_free(&sorted);
}

static int run_agree(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b)
{
	return prefix_set_agree(out, (const struct prefix_set *const[]){ a, b, a }, 3, 1);
}

static int run_copy(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b)
{
	(void)b;
	return prefix_set_copy(out, a);
}

static void no_memory_changes_nothing(void **state)
{
	static int (*const operations[])(struct prefix_set *, const struct prefix_set *, const struct prefix_set *) = {
		prefix_set_union, prefix_set_intersect, prefix_set_subtract, run_agree, run_copy,
	};
	struct prefix_set a = must_set("10.0.0.1 10.0.0.3 10.0.0.5 ::1 ::3 ::5"), b = must_set("10.0.0.3 ::3");
	struct prefix_set before = must_set("192.0.2.0/24 2001:db8::/32");

	(void)state;
	for (size_t i = 0; i < COUNT(operations); i++) {
		size_t good = 0;

		for (int result = -1; result < 0; good++) {
			struct prefix_set out = PREFIX_SET_INIT;

			assert_int_equal(prefix_set_copy(&out, &before), 0);
			errno = 0;
			fail_allocations_after(good);
			result = operations[i](&out, &a, &b);
			fail_allocations_after(SIZE_MAX);
			if (result < 0) {
				assert_int_equal(errno, ENOMEM);
				assert_true(prefix_set_equal(&out, &before));
			}
			prefix_set_free(&out);
			assert_true(good < 100);
		}
		assert_true(good >= 3); /* one for each family failed */
	}
	prefix_set_free(&a);
	prefix_set_free(&b);
	prefix_set_free(&before);
}

static void adding_without_memory_keeps_what_was_there(void **state)
{
	struct prefix_set set = PREFIX_SET_INIT;
	uint32_t v = 0;

	(void)state;
	fail_allocations_after(3);
	while (prefix_set_add_range4(&set, v, v) == 0)
		v += 2;
	assert_int_equal(errno, ENOMEM);
	fail_allocations_after(SIZE_MAX);
	assert_int_equal(set.v4_count, v / 2);
	assert_int_equal(set.v4[set.v4_count - 1].last, v - 2);
	assert_int_equal(prefix_set_add_range4(&set, v, v), 0);
	prefix_set_free(&set);
}

int test_prefix_set(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_become_the_fewest_prefixes),
		cmocka_unit_test(the_longest_walks),
		cmocka_unit_test(a_walk_stops_where_told),
		cmocka_unit_test(wrong_ranges_are_refused),
		cmocka_unit_test(freed_twice_is_empty),
		cmocka_unit_test(equal_is_by_address),
		cmocka_unit_test(operations_replace_what_was_there),
		cmocka_unit_test(whole_spaces_combine),
		cmocka_unit_test(agreement_needs_a_number_in_bounds),
		cmocka_unit_test(many_are_sorted_and_merged),
		cmocka_unit_test(sorting_needs_no_memory),
		cmocka_unit_test(many_of_ipv6_are_sorted_and_merged),
		cmocka_unit_test(no_memory_changes_nothing),
		cmocka_unit_test(adding_without_memory_keeps_what_was_there),
	};

	return cmocka_run_group_tests_name("prefix_set", tests, NULL, NULL);
}
