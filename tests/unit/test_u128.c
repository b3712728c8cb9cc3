#include "test_core.h"

#define ONES UINT64_MAX

static void assert_u128(struct u128 v, uint64_t hi, uint64_t lo)
{
	assert_int_equal(v.hi, hi);
	assert_int_equal(v.lo, lo);
}

static void bytes_are_in_network_order(void **state)
{
	static const uint8_t bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xf0 };
	uint8_t back[16];

	(void)state;
	assert_u128(u128_from_bytes(bytes), 0x0102030405060708, 0x090a0b0c0d0e0ff0);
	u128_to_bytes(u128_from_bytes(bytes), back);
	assert_memory_equal(back, bytes, 16);
}

static void the_upper_half_decides_first(void **state)
{
	static const struct u128 sorted[] = {
		{ 0, 0 }, { 0, 1 }, { 0, ONES }, { 1, 0 }, { 1, 1 }, { ONES, 0 }, { ONES, ONES },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++) {
		for (size_t j = 0; j < COUNT(sorted); j++) {
			assert_int_equal(u128_compare(sorted[i], sorted[j]), (i > j) - (i < j));
			assert_int_equal(u128_compare(u128_min(sorted[i], sorted[j]), sorted[i < j ? i : j]), 0);
		}
	}
}

static void steps_carry_and_wrap(void **state)
{
	(void)state;
	assert_u128(u128_next((struct u128){ 0, 0 }), 0, 1);
	assert_u128(u128_next((struct u128){ 7, ONES }), 8, 0);
	assert_u128(u128_next((struct u128){ ONES, ONES }), 0, 0);
	assert_u128(u128_previous((struct u128){ 0, 1 }), 0, 0);
	assert_u128(u128_previous((struct u128){ 8, 0 }), 7, ONES);
	assert_u128(u128_previous((struct u128){ 0, 0 }), ONES, ONES);
	assert_u128(u128_subtract((struct u128){ 8, 5 }, (struct u128){ 3, 5 }), 5, 0);
	assert_u128(u128_subtract((struct u128){ 8, 5 }, (struct u128){ 3, 6 }), 4, ONES);
	assert_u128(u128_subtract((struct u128){ ONES, ONES }, (struct u128){ 0, 0 }), ONES, ONES);
}

static void every_width_is_found(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct u128 ones = u128_low_ones(bits), above = u128_next(ones);

		assert_int_equal(u128_width(ones), bits);
		assert_int_equal(u128_trailing_zeros(ones), bits == 0 ? 128 : 0);
		assert_int_equal(u128_trailing_zeros(above), bits);
		assert_int_equal(u128_width(above), bits == 128 ? 0 : bits + 1);
	}
}

int test_u128(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_in_network_order),
		cmocka_unit_test(the_upper_half_decides_first),
		cmocka_unit_test(steps_carry_and_wrap),
		cmocka_unit_test(every_width_is_found),
	};

	return cmocka_run_group_tests_name("u128", tests, NULL, NULL);
}
