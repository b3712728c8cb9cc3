/* Putting a prefix set into its one form: sorted, merged, no two ranges adjacent. */
#include "core/prefix_set.h"

#include <stdlib.h>
#include <string.h>

/* Below this, building the counts of a radix sort costs more than it saves. */
#define RADIX_MIN 512
#define RADIX_BITS 11
#define RADIX_SIZE (1u << RADIX_BITS)
#define RADIX_PASSES 3 /* 3 * 11 bits hold the 32 of a key */

/* Room left over by merging that is worth giving back, in elements. */
#define SLACK_MAX 1024

static bool in_order4(const struct range4 *r, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (r[i].first < r[i - 1].first)
			return false;
	return true;
}

static bool in_order6(const struct range6 *r, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (u128_compare(r[i].first, r[i - 1].first) < 0)
			return false;
	return true;
}

/* Ranges that begin together may come in any order: merging takes the greater end. */
static int compare4(const void *a, const void *b)
{
	uint32_t x = ((const struct range4 *)a)->first, y = ((const struct range4 *)b)->first;

	return (x > y) - (x < y);
}

static int compare6(const void *a, const void *b)
{
	return u128_compare(((const struct range6 *)a)->first, ((const struct range6 *)b)->first);
}

static unsigned digit(uint32_t key, unsigned pass)
{
	return key >> (pass * RADIX_BITS) & (RADIX_SIZE - 1);
}

/* One stable pass; `counts` holds how often each digit occurs, and is used up. */
static void radix_pass(struct range4 *to, const struct range4 *from, size_t count, size_t *counts, unsigned pass)
{
	size_t before = 0;

	for (unsigned d = 0; d < RADIX_SIZE; d++) {
		size_t here = counts[d];

		counts[d] = before;
		before += here;
	}
	for (size_t i = 0; i < count; i++)
		to[counts[digit(from[i].first, pass)]++] = from[i];
}

/* Least significant digit first.  0, or -1 where there is no memory for the second array. */
static int radix_sort4(struct range4 *r, size_t count)
{
	size_t counts[RADIX_PASSES][RADIX_SIZE] = { { 0 } };
	struct range4 *spare = reallocarray(NULL, count, sizeof(*spare));
	struct range4 *from = r, *to = spare;

	if (spare == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		for (unsigned pass = 0; pass < RADIX_PASSES; pass++)
			counts[pass][digit(r[i].first, pass)]++;
	for (unsigned pass = 0; pass < RADIX_PASSES; pass++) {
		struct range4 *swap = from;

		if (counts[pass][digit(r[0].first, pass)] == count)
			continue; /* all keys have this digit in common */
		radix_pass(to, from, count, counts[pass], pass);
		from = to;
		to = swap;
	}
	if (from != r)
		memcpy(r, from, count * sizeof(*r));
	free(spare);
	return 0;
}

static void sort4(struct range4 *r, size_t count)
{
	if (in_order4(r, count))
		return;
	if (count < RADIX_MIN || radix_sort4(r, count) < 0)
		qsort(r, count, sizeof(*r), compare4);
}

/* Merges sorted ranges in place; how many are left. */
static size_t merge4(struct range4 *r, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		/* `first - 1` cannot wrap: it is looked at only where first is above some last. */
		if (r[i].first > r[kept].last && r[i].first - 1 != r[kept].last)
			r[++kept] = r[i];
		else if (r[i].last > r[kept].last)
			r[kept].last = r[i].last;
	}
	return count == 0 ? 0 : kept + 1;
}

static size_t merge6(struct range6 *r, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		if (u128_compare(r[i].first, r[kept].last) > 0 &&
		    u128_compare(u128_previous(r[i].first), r[kept].last) != 0)
			r[++kept] = r[i];
		else if (u128_compare(r[i].last, r[kept].last) > 0)
			r[kept].last = r[i].last;
	}
	return count == 0 ? 0 : kept + 1;
}

/* Gives back room that is not used.  An array that cannot be moved stays as it is. */
static void shrink(struct prefix_set *s)
{
	if (s->v4_count > 0 && s->v4_cap - s->v4_count > SLACK_MAX) {
		struct range4 *v4 = reallocarray(s->v4, s->v4_count, sizeof(*v4));

		if (v4 != NULL) {
			s->v4 = v4;
			s->v4_cap = s->v4_count;
		}
	}
	if (s->v6_count > 0 && s->v6_cap - s->v6_count > SLACK_MAX) {
		struct range6 *v6 = reallocarray(s->v6, s->v6_count, sizeof(*v6));

		if (v6 != NULL) {
			s->v6 = v6;
			s->v6_cap = s->v6_count;
		}
	}
}

void prefix_set_normalize(struct prefix_set *s)
{
	sort4(s->v4, s->v4_count);
	s->v4_count = merge4(s->v4, s->v4_count);
	if (!in_order6(s->v6, s->v6_count))
		qsort(s->v6, s->v6_count, sizeof(*s->v6), compare6);
	s->v6_count = merge6(s->v6, s->v6_count);
	shrink(s);
}
