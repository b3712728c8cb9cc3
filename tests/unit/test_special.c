/* The special-purpose addresses, checked against the registries in the form in which IANA writes them: blocks within
 * blocks, the most specific one decides. */
#include "test_core.h"

#include <string.h>

struct block {
	const char *prefix;
	bool special;
};

static const struct block blocks4[] = {
	{ "0.0.0.0/0", false },
	{ "0.0.0.0/8", true },
	{ "0.0.0.0/32", true },
	{ "10.0.0.0/8", true },
	{ "100.64.0.0/10", true },
	{ "127.0.0.0/8", true },
	{ "169.254.0.0/16", true },
	{ "172.16.0.0/12", true },
	{ "192.0.0.0/24", true },
	{ "192.0.0.0/29", true },
	{ "192.0.0.8/32", true },
	{ "192.0.0.9/32", false },
	{ "192.0.0.10/32", false },
	{ "192.0.0.170/32", true },
	{ "192.0.0.171/32", true },
	{ "192.0.2.0/24", true },
	{ "192.31.196.0/24", false },
	{ "192.52.193.0/24", false },
	{ "192.88.99.0/24", true },
	{ "192.168.0.0/16", true },
	{ "192.175.48.0/24", false },
	{ "198.18.0.0/15", true },
	{ "198.51.100.0/24", true },
	{ "203.0.113.0/24", true },
	{ "224.0.0.0/4", true },
	{ "240.0.0.0/4", true },
	{ "255.255.255.255/32", true },
};

static const struct block blocks6[] = {
	{ "::/0", true },
	{ "::/128", true },
	{ "::1/128", true },
	{ "::/96", true },
	{ "::ffff:0:0/96", true },
	{ "64:ff9b::/96", true },
	{ "64:ff9b:1::/48", true },
	{ "100::/64", true },
	{ "100:0:0:1::/64", true },
	{ "2000::/3", false },
	{ "2001::/23", true },
	{ "2001::/32", true },
	{ "2001:1::1/128", false },
	{ "2001:1::2/128", false },
	{ "2001:1::3/128", false },
	{ "2001:2::/48", true },
	{ "2001:3::/32", false },
	{ "2001:4:112::/48", false },
	{ "2001:10::/28", true },
	{ "2001:20::/28", true },
	{ "2001:30::/28", true },
	{ "2001:db8::/32", true },
	{ "2002::/16", true },
	{ "2620:4f:8000::/48", false },
	{ "3fff::/20", true },
	{ "5f00::/16", true },
	{ "fc00::/7", true },
	{ "fe80::/10", true },
	{ "fec0::/10", true },
	{ "ff00::/8", true },
};

/* Unlike must_prefix() it does not mind that ::ffff:0:0/96 is IPv4-mapped. */
static struct prefix block_prefix(const char *text)
{
	struct prefix p;
	char address[ADDRESS_TEXT_MAX];
	size_t len = strcspn(text, "/");

	memcpy(address, text, len);
	address[len] = '\0';
	p.addr = must_address(address);
	p.length = 0;
	for (const char *at = text + len + 1; *at != '\0'; at++)
		p.length = (uint8_t)(p.length * 10 + (*at - '0'));
	return p;
}

static bool expected(const struct block *blocks, size_t count, const struct address *a)
{
	bool special = false;
	int length = -1;

	for (size_t i = 0; i < count; i++) {
		struct prefix p = block_prefix(blocks[i].prefix);

		if (p.length > length && prefix_contains(&p, a)) {
			special = blocks[i].special;
			length = p.length;
		}
	}
	return special;
}

static void check_address(const struct block *blocks, size_t count, const struct address *a)
{
	struct prefix p = { *a, (uint8_t)(address_size(a->family) * 8) }, which;
	struct prefix_set set = PREFIX_SET_INIT;
	const char *name = NULL;
	char text[PREFIX_TEXT_MAX];
	int special;

	assert_int_equal(prefix_set_add(&set, &p), 0);
	special = prefix_set_special(&set, &which, &name);
	if (special != expected(blocks, count, a))
		fail_msg("%s: %s", prefix_format(&p, text), special ? name : "not special");
	if (special) {
		assert_int_equal(prefix_compare(&which, &p), 0);
		assert_non_null(strstr(name, "(RFC "));
	}
	prefix_set_free(&set);
}

/* The last bit up or down, over all bytes; wraps at the ends of the space, which is as good a case. */
static void step(struct address *a, int by)
{
	for (int i = (int)address_size(a->family) - 1; i >= 0; i--) {
		a->bytes[i] = (uint8_t)(a->bytes[i] + by);
		if (a->bytes[i] != (by > 0 ? 0 : 0xff))
			return;
	}
}

static void check_blocks(const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct prefix p = block_prefix(blocks[i].prefix);
		struct range r;

		prefix_range(&p, &r);
		check_address(blocks, count, &r.first);
		check_address(blocks, count, &r.last);
		step(&r.first, -1);
		step(&r.last, 1);
		check_address(blocks, count, &r.first);
		check_address(blocks, count, &r.last);
	}
}

static void the_registries_decide(void **state)
{
	(void)state;
	check_blocks(blocks4, COUNT(blocks4));
	check_blocks(blocks6, COUNT(blocks6));
}

static void every_slash16_of_ipv4(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 65536; i++) {
		struct address a = address_from4(i << 16 | 0x1234);

		check_address(blocks4, COUNT(blocks4), &a);
	}
}

struct name_case {
	const char *set, *which, *name;
};

static const struct name_case name_cases[] = {
	{ "10.1.2.3", "10.1.2.3/32", "private (RFC 1918)" },
	{ "34.159.97.57 192.168.0.0/24 10.0.0.0/31", "10.0.0.0/31", "private (RFC 1918)" },
	{ "34.159.97.57 ::1", "::1/128", "loopback (RFC 4291)" },
	{ "127.0.0.1 ::1", "127.0.0.1/32", "loopback (RFC 1122)" },
	{ "203.0.113.7", "203.0.113.7/32", "documentation (RFC 5737)" },
	{ "2001:db8:1::/48", "2001:db8:1::/48", "documentation (RFC 3849)" },
	{ "2606:4700::/32 ff02::1", "ff02::1/128", "multicast (RFC 4291)" },
	{ "224.0.0.251", "224.0.0.251/32", "multicast (RFC 5771)" },
	{ "100.64.0.0/16", "100.64.0.0/16", "shared, behind a provider's NAT (RFC 6598)" },
	{ "fd12:3456::/32", "fd12:3456::/32", "unique local (RFC 4193)" },
	{ "64:ff9b::/96", "64:ff9b::/96", "IPv4 translated to IPv6 (RFC 6052)" },
	/* the prefix that holds the special part, not the first of the set's */
	{ "9.255.255.254-10.0.0.3", "10.0.0.0/30", "private (RFC 1918)" },
	/* one that is wider than what is special in it */
	{ "192.0.0.0/16", "192.0.0.0/16", "IPv4 service continuity (RFC 7335)" },
	{ "8.0.0.0/6", "8.0.0.0/6", "private (RFC 1918)" },
	{ "0.0.0.0/0", "0.0.0.0/0", "this network (RFC 791)" },
	{ "::/0", "::/0", "unspecified (RFC 4291)" },
	{ "2000::/3", "2000::/3", "Teredo (RFC 4380)" },
};

static void the_first_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(name_cases); i++) {
		const struct name_case *c = &name_cases[i];
		struct prefix_set set = must_set(c->set);
		struct prefix which;
		const char *name;
		char text[PREFIX_TEXT_MAX];

		assert_int_equal(prefix_set_special(&set, &which, &name), 1);
		assert_string_equal(prefix_format(&which, text), c->which);
		assert_string_equal(name, c->name);
		prefix_set_free(&set);
	}
}

static void public_addresses_pass(void **state)
{
	struct prefix_set set = must_set("1.0.0.0-9.255.255.255 11.0.0.0/8 34.159.97.57 35.198.74.96 172.15.0.0/16 "
	                                 "172.32.0.0/16 192.31.196.0/24 223.255.255.255 2000::/16 2606:4700::/32 "
	                                 "2001:200::/23 3fff:1000::/20");
	struct prefix_set none = PREFIX_SET_INIT;
	struct prefix which = { .length = 200 };
	const char *name = "unchanged";

	(void)state;
	assert_int_equal(prefix_set_special(&set, &which, &name), 0);
	assert_int_equal(prefix_set_special(&none, &which, &name), 0);
	assert_int_equal(which.length, 200);
	assert_string_equal(name, "unchanged");
	prefix_set_free(&set);
}

int test_special(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_registries_decide),
		cmocka_unit_test(every_slash16_of_ipv4),
		cmocka_unit_test(the_first_is_named),
		cmocka_unit_test(public_addresses_pass),
	};

	return cmocka_run_group_tests_name("special", tests, NULL, NULL);
}
