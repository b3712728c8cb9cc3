#include "test_core.h"

#include <string.h>

static void same_text_comes_back(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0", "255.255.255.255", "1.2.3.4", "10.20.130.240", "100.9.99.199", "34.159.97.57",
		"::", "::1", "2001:db8::1", "fe80::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:1.2.3.4",
		"64:ff9b::102:304", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "1:2:3:4:5:6:7:8",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address a = must_address(texts[i]);
		char text[ADDRESS_TEXT_MAX];

		assert_int_equal(a.family, strchr(texts[i], ':') != NULL ? AF_INET6 : AF_INET);
		assert_string_equal(address_format(&a, text), texts[i]);
	}
}

static void text_becomes_canonical(void **state)
{
	/* RFC 5952, section 4: no leading zeros, the longest run of zeros shortened and the first of two, no run of
	 * one, lower case */
	static const char *const texts[][2] = {
		{ "2001:0db8::0001", "2001:db8::1" },
		{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:DB8::ABCD", "2001:db8::abcd" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address a = must_address(texts[i][0]);
		char text[ADDRESS_TEXT_MAX];

		assert_string_equal(address_format(&a, text), texts[i][1]);
	}
}

static void bytes_are_in_network_order(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 33 };
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd };
	struct address a = must_address("192.0.2.33");

	(void)state;
	assert_memory_equal(a.bytes, v4, 4);
	assert_int_equal(address_to4(&a), 0xc0000221);
	a = address_from4(0xc0000221);
	assert_int_equal(a.family, AF_INET);
	assert_memory_equal(a.bytes, v4, 4);
	a = must_address("2001:db8::abcd");
	assert_memory_equal(a.bytes, v6, 16);
	assert_int_equal(address_size(AF_INET), 4);
	assert_int_equal(address_size(AF_INET6), 16);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "1", "1.2", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3.4", "1..2.3", "256.1.1.1",
		"1.1.1.256", "1.1.1.999", "1.1.1.1000", "4294967296.1.1.1", "01.2.3.4", "1.2.3.04", "1.2.3.00",
		"0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "-1.2.3.4", "+1.2.3.4", "1.2.3.4/32",
		"1,2,3,4", "a.b.c.d", "1.2.3.4x", "None",
		":", ":::", "::g", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::1 ", " ::1", "[::1]",
		"fe80::1%lo", "::1/128", "1:2:3:4:5:6:7:8:", "::1.2.3", "::1.2.3.256", "::01.2.3.4",
		"2001:0db8:0000:0000:0000:0000:0000:00001", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	const struct address before = { .family = 77 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address a = before;

		if (address_parse(&a, texts[i]) == 0)
			fail_msg("\"%s\" was taken for an address", texts[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void a_length_bounds_what_is_read(void **state)
{
	struct address a;

	(void)state;
	assert_int_equal(address_parse_bytes(&a, "1.2.3.45", 7), 0);
	assert_int_equal(a.bytes[3], 4);
	assert_int_equal(address_parse_bytes(&a, "1.2.3.4", 6), -1);
	assert_int_equal(address_parse_bytes(&a, "::12", 3), 0);
	assert_int_equal(a.bytes[15], 1);
	assert_int_equal(address_parse_bytes(&a, "::1\0zz", 6), -1);
	assert_int_equal(address_parse_bytes(&a, "1.2.3.4\0", 8), -1);
	assert_int_equal(address_parse_bytes(&a, "", 0), -1);
}

static void a_scan_stops_behind_the_last_digit(void **state)
{
	uint32_t value = 0;

	(void)state;
	assert_int_equal(address_scan4(&value, "1.2.3.4/24", 10), 7);
	assert_int_equal(value, 0x01020304);
	assert_int_equal(address_scan4(&value, "255.255.255.255-", 16), 15);
	assert_int_equal(value, 0xffffffff);
	assert_int_equal(address_scan4(&value, "1.2.3.4", 5), 0);
	assert_int_equal(address_scan4(&value, "1.2.3.256", 9), 0);
}

static void order_is_by_family_then_value(void **state)
{
	static const char *const sorted[] = {
		"0.0.0.0", "0.0.0.255", "0.0.1.0", "127.255.255.255", "128.0.0.0", "255.255.255.255",
		"::", "::1", "::ff", "::100", "7fff::", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++) {
		for (size_t j = 0; j < COUNT(sorted); j++) {
			struct address a = must_address(sorted[i]), b = must_address(sorted[j]);
			int order = address_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

int test_address(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_text_comes_back),
		cmocka_unit_test(text_becomes_canonical),
		cmocka_unit_test(bytes_are_in_network_order),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_length_bounds_what_is_read),
		cmocka_unit_test(a_scan_stops_behind_the_last_digit),
		cmocka_unit_test(order_is_by_family_then_value),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
