/* Union, intersection, difference and agreement of prefix sets, all as one walk over the address space.
 *
 * Each set has a weight.  The walk goes from one place to the next where any set begins or ends; in between the sum of
 * the weights of the sets that hold the addresses is constant, and what reaches `need` is kept. */
#include "core/prefix_set.h"

#include <errno.h>
#include <stdlib.h>

struct cursor {
	const struct prefix_set *set;
	ssize_t weight;
	size_t at; /* the first range that does not end before the walk's place */
};

static const struct u128 last4 = { 0, UINT32_MAX };
static const struct u128 last6 = { UINT64_MAX, UINT64_MAX };

/* The range under the cursor, widened to 128 bits; false behind the last. */
static bool cursor_range(const struct cursor *c, sa_family_t family, struct range6 *r)
{
	if (family == AF_INET) {
		if (c->at == c->set->v4_count)
			return false;
		*r = (struct range6){ { 0, c->set->v4[c->at].first }, { 0, c->set->v4[c->at].last } };
		return true;
	}
	if (c->at == c->set->v6_count)
		return false;
	*r = c->set->v6[c->at];
	return true;
}

/* Moves on to the range that holds `place` or is the next behind it; false where there is none. */
static bool cursor_seek(struct cursor *c, sa_family_t family, struct u128 place, struct range6 *r)
{
	while (cursor_range(c, family, r)) {
		if (u128_compare(r->last, place) >= 0)
			return true;
		c->at++;
	}
	return false;
}

/* The sum of the weights at `place`; *end becomes the last address up to which it stays the same. */
static ssize_t weigh(struct cursor *cursors, size_t count, sa_family_t family, struct u128 place, struct u128 *end)
{
	ssize_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		struct range6 r;

		if (!cursor_seek(&cursors[i], family, place, &r))
			continue;
		if (u128_compare(r.first, place) <= 0) {
			sum += cursors[i].weight;
			*end = u128_min(*end, r.last);
		} else {
			*end = u128_min(*end, u128_previous(r.first));
		}
	}
	return sum;
}

static int add(struct prefix_set *out, sa_family_t family, struct u128 first, struct u128 last)
{
	if (family == AF_INET)
		return prefix_set_add_range4(out, (uint32_t)first.lo, (uint32_t)last.lo);
	return prefix_set_add_range6(out, first, last);
}

static int walk_family(struct prefix_set *out, struct cursor *cursors, size_t count, ssize_t need, sa_family_t family)
{
	const struct u128 limit = family == AF_INET ? last4 : last6;
	struct u128 place = { 0, 0 };

	for (size_t i = 0; i < count; i++)
		cursors[i].at = 0;
	for (;;) {
		struct u128 end = limit;

		/* Adding in order of address merges what is adjacent, so the result is normalized. */
		if (weigh(cursors, count, family, place, &end) >= need && add(out, family, place, end) < 0)
			return -1;
		if (u128_compare(end, limit) == 0)
			return 0;
		place = u128_next(end);
	}
}

static int combine(struct prefix_set *out, struct cursor *cursors, size_t count, ssize_t need)
{
	struct prefix_set result = PREFIX_SET_INIT;

	if (walk_family(&result, cursors, count, need, AF_INET) < 0 ||
	    walk_family(&result, cursors, count, need, AF_INET6) < 0) {
		prefix_set_free(&result);
		return -1;
	}
	prefix_set_normalize(&result); /* gives back the room that growing left over */
	prefix_set_free(out);
	*out = result;
	return 0;
}

int prefix_set_union(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b)
{
	struct cursor cursors[] = { { a, 1, 0 }, { b, 1, 0 } };

	return combine(out, cursors, 2, 1);
}

int prefix_set_intersect(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b)
{
	struct cursor cursors[] = { { a, 1, 0 }, { b, 1, 0 } };

	return combine(out, cursors, 2, 2);
}

int prefix_set_subtract(struct prefix_set *out, const struct prefix_set *a, const struct prefix_set *b)
{
	struct cursor cursors[] = { { a, 1, 0 }, { b, -1, 0 } };

	return combine(out, cursors, 2, 1);
}

int prefix_set_agree(struct prefix_set *out, const struct prefix_set *const *sets, size_t count, size_t need)
{
	struct cursor *cursors;
	int result;

	if (need == 0 || need > count) {
		errno = EINVAL;
		return -1;
	}
	cursors = calloc(count, sizeof(*cursors));
	if (cursors == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		cursors[i] = (struct cursor){ sets[i], 1, 0 };
	result = combine(out, cursors, count, (ssize_t)need);
	free(cursors);
	return result;
}
