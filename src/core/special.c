/* Addresses that no publisher's connections come from.
 *
 * Taken from the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), the multicast registries
 * (RFC 5771, RFC 4291), and the IPv6 Address Space registry for what lies outside of global unicast, 2000::/3.
 *
 * A block that IANA calls "Globally Reachable: True" is not special here, since real traffic may come from it:
 *   192.0.0.9, 192.0.0.10, 2001:1::1, 2001:1::2, 2001:1::3   anycast services (RFC 7723, RFC 8155, RFC 9665)
 *   192.31.196.0/24, 192.175.48.0/24, 2001:4:112::/48, 2620:4f:8000::/48   AS112 (RFC 7534, RFC 7535)
 *   192.52.193.0/24, 2001:3::/32   AMT relays (RFC 7450)
 * except for these, which are "True" and special all the same:
 *   64:ff9b::/96   names IPv4 hosts at second hand, all of them with one /96: a way around `min_prefix4`
 *   2001:20::/28, 2001:30::/28   identifiers, which stand in no packet's source field (RFC 7343, RFC 9374)
 * A block where IANA says "N/A" (Teredo, 6to4, the old relay anycast) is special.
 *
 * The rows are disjoint and in order of address; where one block lies within another, the outer one is cut up. */
#include <string.h>

#include "core/prefix_set.h"

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const char ietf[] = "IETF protocol assignments (RFC 6890)";
static const char reserved6[] = "reserved, not global unicast (RFC 4291)";

struct special4 {
	struct range4 range;
	const char *name;
};

static const struct special4 special4[] = {
	{ { IP4(0, 0, 0, 0), IP4(0, 255, 255, 255) }, "this network (RFC 791)" },
	{ { IP4(10, 0, 0, 0), IP4(10, 255, 255, 255) }, "private (RFC 1918)" },
	{ { IP4(100, 64, 0, 0), IP4(100, 127, 255, 255) }, "shared, behind a provider's NAT (RFC 6598)" },
	{ { IP4(127, 0, 0, 0), IP4(127, 255, 255, 255) }, "loopback (RFC 1122)" },
	{ { IP4(169, 254, 0, 0), IP4(169, 254, 255, 255) }, "link-local (RFC 3927)" },
	{ { IP4(172, 16, 0, 0), IP4(172, 31, 255, 255) }, "private (RFC 1918)" },
	{ { IP4(192, 0, 0, 0), IP4(192, 0, 0, 7) }, "IPv4 service continuity (RFC 7335)" },
	{ { IP4(192, 0, 0, 8), IP4(192, 0, 0, 8) }, "dummy address (RFC 7600)" },
	{ { IP4(192, 0, 0, 11), IP4(192, 0, 0, 169) }, ietf },
	{ { IP4(192, 0, 0, 170), IP4(192, 0, 0, 171) }, "NAT64 discovery (RFC 8880)" },
	{ { IP4(192, 0, 0, 172), IP4(192, 0, 0, 255) }, ietf },
	{ { IP4(192, 0, 2, 0), IP4(192, 0, 2, 255) }, "documentation (RFC 5737)" },
	{ { IP4(192, 88, 99, 0), IP4(192, 88, 99, 255) }, "6to4 relay anycast, withdrawn (RFC 7526)" },
	{ { IP4(192, 168, 0, 0), IP4(192, 168, 255, 255) }, "private (RFC 1918)" },
	{ { IP4(198, 18, 0, 0), IP4(198, 19, 255, 255) }, "benchmarking (RFC 2544)" },
	{ { IP4(198, 51, 100, 0), IP4(198, 51, 100, 255) }, "documentation (RFC 5737)" },
	{ { IP4(203, 0, 113, 0), IP4(203, 0, 113, 255) }, "documentation (RFC 5737)" },
	{ { IP4(224, 0, 0, 0), IP4(239, 255, 255, 255) }, "multicast (RFC 5771)" },
	{ { IP4(240, 0, 0, 0), IP4(255, 255, 255, 254) }, "reserved (RFC 1112)" },
	{ { IP4(255, 255, 255, 255), IP4(255, 255, 255, 255) }, "limited broadcast (RFC 919)" },
};

struct special6 {
	struct range6 range;
	const char *name;
};

#define ONES UINT64_MAX

static const struct special6 special6[] = {
	{ { { 0, 0 }, { 0, 0 } }, "unspecified (RFC 4291)" },
	{ { { 0, 1 }, { 0, 1 } }, "loopback (RFC 4291)" },
	{ { { 0, 2 }, { 0, 0xffffffff } }, "IPv4-compatible, withdrawn (RFC 4291)" },
	{ { { 0, 0x100000000 }, { 0, 0xfffeffffffff } }, reserved6 },
	{ { { 0, 0xffff00000000 }, { 0, 0xffffffffffff } }, "IPv4-mapped (RFC 4291)" },
	{ { { 0, 0x1000000000000 }, { 0x0064ff9affffffff, ONES } }, reserved6 },
	{ { { 0x0064ff9b00000000, 0 }, { 0x0064ff9b00000000, 0xffffffff } }, "IPv4 translated to IPv6 (RFC 6052)" },
	{ { { 0x0064ff9b00000000, 0x100000000 }, { 0x0064ff9b0000ffff, ONES } }, reserved6 },
	{ { { 0x0064ff9b00010000, 0 }, { 0x0064ff9b0001ffff, ONES } }, "local IPv4 translated to IPv6 (RFC 8215)" },
	{ { { 0x0064ff9b00020000, 0 }, { 0x00ffffffffffffff, ONES } }, reserved6 },
	{ { { 0x0100000000000000, 0 }, { 0x0100000000000000, ONES } }, "discard-only (RFC 6666)" },
	{ { { 0x0100000000000001, 0 }, { 0x0100000000000001, ONES } }, "dummy prefix (RFC 9780)" },
	{ { { 0x0100000000000002, 0 }, { 0x1fffffffffffffff, ONES } }, reserved6 },
	{ { { 0x2001000000000000, 0 }, { 0x20010000ffffffff, ONES } }, "Teredo (RFC 4380)" },
	{ { { 0x2001000100000000, 0 }, { 0x2001000100000000, 0 } }, ietf },
	{ { { 0x2001000100000000, 4 }, { 0x20010001ffffffff, ONES } }, ietf },
	{ { { 0x2001000200000000, 0 }, { 0x200100020000ffff, ONES } }, "benchmarking (RFC 5180)" },
	{ { { 0x2001000200010000, 0 }, { 0x20010002ffffffff, ONES } }, ietf },
	{ { { 0x2001000400000000, 0 }, { 0x200100040111ffff, ONES } }, ietf },
	{ { { 0x2001000401130000, 0 }, { 0x2001000fffffffff, ONES } }, ietf },
	{ { { 0x2001001000000000, 0 }, { 0x2001001fffffffff, ONES } }, "ORCHID, withdrawn (RFC 4843)" },
	{ { { 0x2001002000000000, 0 }, { 0x2001002fffffffff, ONES } }, "ORCHIDv2 identifiers (RFC 7343)" },
	{ { { 0x2001003000000000, 0 }, { 0x2001003fffffffff, ONES } }, "drone identifiers (RFC 9374)" },
	{ { { 0x2001004000000000, 0 }, { 0x200101ffffffffff, ONES } }, ietf },
	{ { { 0x20010db800000000, 0 }, { 0x20010db8ffffffff, ONES } }, "documentation (RFC 3849)" },
	{ { { 0x2002000000000000, 0 }, { 0x2002ffffffffffff, ONES } }, "6to4 (RFC 3056)" },
	{ { { 0x3fff000000000000, 0 }, { 0x3fff0fffffffffff, ONES } }, "documentation (RFC 9637)" },
	{ { { 0x4000000000000000, 0 }, { 0x5effffffffffffff, ONES } }, reserved6 },
	{ { { 0x5f00000000000000, 0 }, { 0x5f00ffffffffffff, ONES } }, "segment routing (RFC 9602)" },
	{ { { 0x5f01000000000000, 0 }, { 0xfbffffffffffffff, ONES } }, reserved6 },
	{ { { 0xfc00000000000000, 0 }, { 0xfdffffffffffffff, ONES } }, "unique local (RFC 4193)" },
	{ { { 0xfe00000000000000, 0 }, { 0xfe7fffffffffffff, ONES } }, reserved6 },
	{ { { 0xfe80000000000000, 0 }, { 0xfebfffffffffffff, ONES } }, "link-local (RFC 4291)" },
	{ { { 0xfec0000000000000, 0 }, { 0xfeffffffffffffff, ONES } }, "site-local, withdrawn (RFC 3879)" },
	{ { { 0xff00000000000000, 0 }, { ONES, ONES } }, "multicast (RFC 4291)" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first row that shares an address with the set; *shared is the first such address.  NULL where there is none. */
static const char *first_special4(const struct prefix_set *s, struct address *shared)
{
	size_t i = 0, row = 0;

	while (i < s->v4_count && row < COUNT(special4)) {
		const struct range4 *r = &s->v4[i], *special = &special4[row].range;

		if (r->last < special->first) {
			i++;
		} else if (special->last < r->first) {
			row++;
		} else {
			*shared = address_from4(r->first > special->first ? r->first : special->first);
			return special4[row].name;
		}
	}
	return NULL;
}

static const char *first_special6(const struct prefix_set *s, struct address *shared)
{
	size_t i = 0, row = 0;

	while (i < s->v6_count && row < COUNT(special6)) {
		const struct range6 *r = &s->v6[i], *special = &special6[row].range;

		if (u128_compare(r->last, special->first) < 0) {
			i++;
		} else if (u128_compare(special->last, r->first) < 0) {
			row++;
		} else {
			bool within = u128_compare(r->first, special->first) > 0;

			shared->family = AF_INET6;
			u128_to_bytes(within ? r->first : special->first, shared->bytes);
			return special6[row].name;
		}
	}
	return NULL;
}

/* Names of the rows that lead nowhere. */
static bool leads_nowhere(const char *name)
{
	return strncmp(name, "documentation", 13) == 0 || strncmp(name, "benchmarking", 12) == 0;
}

static int add_row(struct prefix_set *one, size_t row)
{
	if (row < COUNT(special4))
		return leads_nowhere(special4[row].name) ? 0 : prefix_set_add_range4(one, special4[row].range.first,
		                                                                     special4[row].range.last);
	row -= COUNT(special4);
	return leads_nowhere(special6[row].name) ? 0 : prefix_set_add_range6(one, special6[row].range.first,
	                                                                     special6[row].range.last);
}

int prefix_set_inside(const struct prefix_set *s, struct prefix *which, const char **name)
{
	struct prefix_set inside = PREFIX_SET_INIT, both = PREFIX_SET_INIT;
	int result = 0;

	for (size_t row = 0; result == 0 && row < COUNT(special4) + COUNT(special6); row++)
		result = add_row(&inside, row);
	prefix_set_normalize(&inside);
	if (result == 0)
		result = prefix_set_intersect(&both, s, &inside);
	if (result == 0)
		result = prefix_set_special(&both, which, name);
	prefix_set_free(&inside);
	prefix_set_free(&both);
	return result;
}

int prefix_set_special(const struct prefix_set *s, struct prefix *which, const char **name)
{
	struct address shared;
	const char *found = first_special4(s, &shared);

	if (found == NULL)
		found = first_special6(s, &shared);
	if (found == NULL)
		return 0;
	prefix_set_lookup(s, &shared, which);
	*name = found;
	return 1;
}
