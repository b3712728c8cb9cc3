/* A set of addresses, kept as sorted, merged, disjoint and non-adjacent ranges for each family.
 * Two sets hold the same addresses exactly when their ranges are the same, however they were written. */
#ifndef HALLOWD_CORE_PREFIX_SET_H
#define HALLOWD_CORE_PREFIX_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefix.h"
#include "core/u128.h"

/* Host byte order, both ends included. */
struct range4 {
	uint32_t first, last;
};

struct range6 {
	struct u128 first, last;
};

/* Owns its arrays.  Between prefix_set_add* and prefix_set_normalize the arrays may be unsorted;
 * every other function needs a normalized set and leaves one. */
struct prefix_set {
	struct range4 *v4;
	size_t v4_count, v4_cap;
	struct range6 *v6;
	size_t v6_count, v6_cap;
};

#define PREFIX_SET_INIT { NULL, 0, 0, NULL, 0, 0 }

void prefix_set_free(struct prefix_set *s); /* frees, and makes it the empty set */

/* 0, or -1 with errno ENOMEM, or EINVAL for a range whose ends are in the wrong order or of two families.
 * Amortized O(1). */
int prefix_set_add(struct prefix_set *s, const struct prefix *p);
int prefix_set_add_range(struct prefix_set *s, const struct range *r);
int prefix_set_add_range4(struct prefix_set *s, uint32_t first, uint32_t last);
int prefix_set_add_range6(struct prefix_set *s, struct u128 first, struct u128 last);

/* Sorts and merges.  O(n log n), or O(n) where it was in order already (or by radix). */
void prefix_set_normalize(struct prefix_set *s);

int prefix_set_copy(struct prefix_set *to, const struct prefix_set *from); /* `to` is replaced; 0, or -1 with errno ENOMEM */

/* Equal: the same addresses. */
bool prefix_set_empty(const struct prefix_set *s);
bool prefix_set_equal(const struct prefix_set *a, const struct prefix_set *b);
bool prefix_set_contains(const struct prefix_set *s, const struct address *a); /* O(log n) */

/* Union, intersection, and `a` without `b`.  Each replaces *out, which must not be one of the operands.
 * O(n + m).  0, or -1 with errno ENOMEM. */
int prefix_set_union(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b);
int prefix_set_intersect(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b);
int prefix_set_subtract(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b);

/* The addresses that at least `need` of the `count` sets hold (1 <= need <= count, else -1 with errno EINVAL). */
int prefix_set_agree(struct prefix_set *out, const struct prefix_set *const *sets, size_t count, size_t need);

/* Walks the smallest list of CIDR prefixes that covers the set, IPv4 first, in order of address.
 * Stops and returns what the callback returns where that is not 0. */
typedef int prefix_visit(void *ctx, const struct prefix *p);
int prefix_set_each(const struct prefix_set *s, prefix_visit *visit, void *ctx);

/* How many prefixes prefix_set_each visits. */
size_t prefix_set_count(const struct prefix_set *s);

/* The range that holds `a`, IPv4 widened to 128 bits.  false where the set does not hold it. */
bool prefix_set_find(const struct prefix_set *s, const struct address *a, struct range6 *found);

/* The prefix of that walk that holds `a`.  0, or -1 where the set does not hold it. */
int prefix_set_lookup(const struct prefix_set *s, const struct address *a, struct prefix *found);

/* Whether any address of the set is special-purpose: private, loopback, link-local, multicast, documentation, reserved,
 * shared (100.64/10), unspecified, ULA, translated, ...; special.c has the registries and where they are departed from.
 * 1 with *which filled in (the first such prefix of the set) and *name a static text, such as "private (RFC 1918)";
 * 0 where none is. */
int prefix_set_special(const struct prefix_set *s, struct prefix *which, const char **name);

/* The same for those of them that may lead somewhere within this network, or into this host; not documentation and
 * benchmarking, which lead nowhere.  -1 with errno ENOMEM. */
int prefix_set_inside(const struct prefix_set *s, struct prefix *which, const char **name);

#endif
