#include "test_core.h"

#include <stdio.h>
#include <string.h>

#define ONES6 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

struct prefix_case {
	const char *text;
	enum prefix_parse result;
	const char *becomes; /* NULL where it is refused */
};

static const struct prefix_case prefix_cases[] = {
	{ "0.0.0.0/0", PREFIX_OK, "0.0.0.0/0" },
	{ "0.0.0.0", PREFIX_OK, "0.0.0.0/32" },
	{ "255.255.255.255", PREFIX_OK, "255.255.255.255/32" },
	{ "255.255.255.255/32", PREFIX_OK, "255.255.255.255/32" },
	{ "255.255.255.255/31", PREFIX_HOST_BITS, "255.255.255.254/31" },
	{ "255.255.255.255/0", PREFIX_HOST_BITS, "0.0.0.0/0" },
	{ "192.0.2.0/24", PREFIX_OK, "192.0.2.0/24" },
	{ "192.0.2.1/24", PREFIX_HOST_BITS, "192.0.2.0/24" },
	{ "128.0.0.0/1", PREFIX_OK, "128.0.0.0/1" },
	{ "64.0.0.0/1", PREFIX_HOST_BITS, "0.0.0.0/1" },
	{ "10.255.128.0/17", PREFIX_OK, "10.255.128.0/17" },
	{ "::/0", PREFIX_OK, "::/0" },
	{ "::", PREFIX_OK, "::/128" },
	{ ONES6 "/128", PREFIX_OK, ONES6 "/128" },
	{ ONES6 "/127", PREFIX_HOST_BITS, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
	{ ONES6 "/1", PREFIX_HOST_BITS, "8000::/1" },
	{ "2001:db8::/32", PREFIX_OK, "2001:db8::/32" },
	{ "2001:db8::1/32", PREFIX_HOST_BITS, "2001:db8::/32" },
	{ "2001:db8:0:8000::/49", PREFIX_OK, "2001:db8:0:8000::/49" },
	{ "::ffff:192.0.2.1", PREFIX_MAPPED, "192.0.2.1/32" },
	{ "::ffff:c000:201/128", PREFIX_MAPPED, "192.0.2.1/32" },
	{ "::ffff:192.0.2.0/120", PREFIX_MAPPED, "192.0.2.0/24" },
	{ "::ffff:192.0.2.1/120", PREFIX_HOST_BITS, "192.0.2.0/24" },
	{ "::ffff:0:0/96", PREFIX_MAPPED, "0.0.0.0/0" },
	{ "::ffff:0:0/95", PREFIX_HOST_BITS, "::fffe:0:0/95" },
	{ "::fffe:0:0/96", PREFIX_OK, "::fffe:0:0/96" },
	{ "::192.0.2.1/128", PREFIX_OK, "::192.0.2.1/128" },
	{ "", PREFIX_BAD_ADDRESS, NULL },
	{ "/", PREFIX_BAD_ADDRESS, NULL },
	{ "/24", PREFIX_BAD_ADDRESS, NULL },
	{ "None/24", PREFIX_BAD_ADDRESS, NULL },
	{ "192.0.2.0 /24", PREFIX_BAD_ADDRESS, NULL },
	{ " 192.0.2.0/24", PREFIX_BAD_ADDRESS, NULL },
	{ "192.0.2/24", PREFIX_BAD_ADDRESS, NULL },
	{ "192.0.02.0/24", PREFIX_BAD_ADDRESS, NULL },
	{ "0300.0.2.0/24", PREFIX_BAD_ADDRESS, NULL },
	{ "0xc0.0.2.0/24", PREFIX_BAD_ADDRESS, NULL },
	{ "3221225985", PREFIX_BAD_ADDRESS, NULL },
	{ "2001:db8::/32/", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/None", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/33", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/128", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/024", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/00", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/+24", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/-1", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/24 ", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/ 24", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/2x", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/4294967320", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/255.255.255.0", PREFIX_BAD_LENGTH, NULL },
	{ "192.0.2.0/24/24", PREFIX_BAD_LENGTH, NULL },
	{ "::/129", PREFIX_BAD_LENGTH, NULL },
	{ "::/256", PREFIX_BAD_LENGTH, NULL },
	{ "::/999", PREFIX_BAD_LENGTH, NULL },
	{ "fe80::1%eth0", PREFIX_SCOPED, NULL },
	{ "fe80::1%eth0/64", PREFIX_SCOPED, NULL },
	{ "fe80::1%", PREFIX_SCOPED, NULL },
	{ "50%", PREFIX_BAD_ADDRESS, NULL },
	{ "%", PREFIX_BAD_ADDRESS, NULL },
	{ "fe80::1/64%eth0", PREFIX_BAD_LENGTH, NULL },
};

static void prefixes_parse_strictly(void **state)
{
	const struct prefix before = { .length = 200 };

	(void)state;
	for (size_t i = 0; i < COUNT(prefix_cases); i++) {
		const struct prefix_case *c = &prefix_cases[i];
		struct prefix p = before;
		char text[PREFIX_TEXT_MAX];
		enum prefix_parse result = prefix_parse(&p, c->text, strlen(c->text));

		if (result != c->result)
			fail_msg("\"%s\": %s", c->text, prefix_parse_text(result));
		if (c->becomes != NULL)
			assert_string_equal(prefix_format(&p, text), c->becomes);
		else
			assert_memory_equal(&p, &before, sizeof(p));
	}
}

static void bytes_behind_the_length_do_not_count(void **state)
{
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse(&p, "192.0.2.0/24", 11), PREFIX_HOST_BITS); /* "/2" */
	assert_int_equal(p.length, 2);
	assert_int_equal(prefix_parse(&p, "192.0.2.0/24", 9), PREFIX_OK);
	assert_int_equal(p.length, 32);
	assert_int_equal(prefix_parse(&p, "192.0.2.0\0/24", 13), PREFIX_BAD_ADDRESS);
	assert_int_equal(prefix_parse(&p, "192.0.2.0/24\0", 13), PREFIX_BAD_LENGTH);
	assert_int_equal(prefix_parse(&p, "::\0/24", 6), PREFIX_BAD_ADDRESS);
}

struct range_case {
	const char *text;
	enum prefix_parse result;
	const char *first, *last; /* NULL where it is refused */
};

static const struct range_case range_cases[] = {
	{ "192.0.2.0/24", PREFIX_OK, "192.0.2.0", "192.0.2.255" },
	{ "192.0.2.9/24", PREFIX_HOST_BITS, "192.0.2.0", "192.0.2.255" },
	{ "192.0.2.9", PREFIX_OK, "192.0.2.9", "192.0.2.9" },
	{ "0.0.0.0/0", PREFIX_OK, "0.0.0.0", "255.255.255.255" },
	{ "::/0", PREFIX_OK, "::", ONES6 },
	{ "2001:db8::/33", PREFIX_OK, "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
	{ "192.0.2.1-192.0.2.9", PREFIX_OK, "192.0.2.1", "192.0.2.9" },
	{ "192.0.2.1 - 192.0.2.9", PREFIX_OK, "192.0.2.1", "192.0.2.9" },
	{ "192.0.2.1  -\t192.0.2.9", PREFIX_OK, "192.0.2.1", "192.0.2.9" },
	{ "192.0.2.1-192.0.2.1", PREFIX_OK, "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0-255.255.255.255", PREFIX_OK, "0.0.0.0", "255.255.255.255" },
	{ "::-" ONES6, PREFIX_OK, "::", ONES6 },
	{ "2001:db8::1-2001:db8::2:0", PREFIX_OK, "2001:db8::1", "2001:db8::2:0" },
	{ "::ffff:1.2.3.4-::ffff:1.2.3.9", PREFIX_MAPPED, "1.2.3.4", "1.2.3.9" },
	{ "192.0.2.9-192.0.2.1", PREFIX_BAD_RANGE, NULL, NULL },
	{ "::2-::1", PREFIX_BAD_RANGE, NULL, NULL },
	{ "192.0.2.1-::1", PREFIX_BAD_RANGE, NULL, NULL },
	{ "::1-192.0.2.1", PREFIX_BAD_RANGE, NULL, NULL },
	{ "192.0.2.1-::ffff:192.0.2.9", PREFIX_BAD_RANGE, NULL, NULL },
	{ "192.0.2.1-", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "-192.0.2.1", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "-", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ " 192.0.2.1-192.0.2.9", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "192.0.2.1-192.0.2.9 ", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "192.0.2.1-192.0.2.9-192.0.2.10", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "192.0.2.0/30-192.0.2.9", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "192.0.2.1-9", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "fe80::1%a-fe80::2", PREFIX_SCOPED, NULL, NULL },
	{ "fe80::1-fe80::2%a", PREFIX_SCOPED, NULL, NULL },
	{ "192.0.2.0/33", PREFIX_BAD_LENGTH, NULL, NULL },
	{ "2026-11-24", PREFIX_BAD_ADDRESS, NULL, NULL },
	{ "", PREFIX_BAD_ADDRESS, NULL, NULL },
};

static void ranges_parse_strictly(void **state)
{
	struct range before;

	(void)state;
	memset(&before, 0x55, sizeof(before));
	for (size_t i = 0; i < COUNT(range_cases); i++) {
		const struct range_case *c = &range_cases[i];
		struct range r = before;
		char text[ADDRESS_TEXT_MAX];
		enum prefix_parse result = range_parse(&r, c->text, strlen(c->text));

		if (result != c->result)
			fail_msg("\"%s\": %s", c->text, prefix_parse_text(result));
		if (c->first == NULL) {
			assert_memory_equal(&r, &before, sizeof(r));
			continue;
		}
		assert_string_equal(address_format(&r.first, text), c->first);
		assert_string_equal(address_format(&r.last, text), c->last);
	}
}

static void every_result_has_a_text(void **state)
{
	(void)state;
	for (int i = PREFIX_OK; i <= PREFIX_BAD_RANGE; i++) {
		assert_true(strlen(prefix_parse_text((enum prefix_parse)i)) > 10);
		assert_string_not_equal(prefix_parse_text((enum prefix_parse)i), "unknown");
	}
}

static void every_length_has_its_ends(void **state)
{
	struct address ones4 = must_address("255.255.255.255"), ones6 = must_address(ONES6);

	(void)state;
	for (unsigned length = 0; length <= 128; length++) {
		char text[PREFIX_TEXT_MAX];
		struct prefix p;
		struct range r;

		for (int family = length <= 32 ? 0 : 1; family < 2; family++) {
			const struct address *ones = family == 0 ? &ones4 : &ones6;
			unsigned width = family == 0 ? 32 : 128;

			/* the last prefix of this length: its end is all ones, and its start is the mask */
			snprintf(text, sizeof(text), "%s/%u", family == 0 ? "255.255.255.255" : ONES6, length);
			assert_int_equal(prefix_parse(&p, text, strlen(text)),
			                 length == width ? PREFIX_OK : PREFIX_HOST_BITS);
			prefix_range(&p, &r);
			assert_int_equal(address_compare(&r.last, ones), 0);
			for (unsigned bit = 0; bit < width; bit++)
				assert_int_equal(r.first.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < length);
			assert_true(prefix_contains(&p, &r.first));
			assert_true(prefix_contains(&p, ones));
			if (length == 0)
				continue;
			r.first.bytes[(length - 1) / 8] ^= (uint8_t)(1 << (7 - (length - 1) % 8));
			assert_false(prefix_contains(&p, &r.first));
		}
	}
}

static void a_prefix_holds_one_family_only(void **state)
{
	struct prefix all4 = must_prefix("0.0.0.0/0"), all6 = must_prefix("::/0");
	struct address v4 = must_address("1.2.3.4"), v6 = must_address("::1.2.3.4");

	(void)state;
	assert_true(prefix_contains(&all4, &v4));
	assert_false(prefix_contains(&all4, &v6));
	assert_true(prefix_contains(&all6, &v6));
	assert_false(prefix_contains(&all6, &v4));
}

static void order_is_family_address_length(void **state)
{
	static const char *const sorted[] = {
		"0.0.0.0/0", "0.0.0.0/32", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32", "10.0.0.1/32",
		"255.255.255.255/32", "::/0", "::/128", "::1/128", "2001:db8::/32", "2001:db8::/48",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++) {
		for (size_t j = 0; j < COUNT(sorted); j++) {
			struct prefix a = must_prefix(sorted[i]), b = must_prefix(sorted[j]);
			int order = prefix_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

int test_prefix(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_parse_strictly),
		cmocka_unit_test(bytes_behind_the_length_do_not_count),
		cmocka_unit_test(ranges_parse_strictly),
		cmocka_unit_test(every_result_has_a_text),
		cmocka_unit_test(every_length_has_its_ends),
		cmocka_unit_test(a_prefix_holds_one_family_only),
		cmocka_unit_test(order_is_family_address_length),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
