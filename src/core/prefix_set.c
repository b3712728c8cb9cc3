#include "core/prefix_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

void prefix_set_free(struct prefix_set *s)
{
	if (s == NULL)
		return;
	free(s->v4);
	free(s->v6);
	*s = (struct prefix_set)PREFIX_SET_INIT;
}

/* Makes room for one more element, doubling, so that adding stays amortized O(1).  0, or -1 with errno ENOMEM. */
static int grow4(struct prefix_set *s)
{
	size_t cap = s->v4_cap != 0 ? s->v4_cap * 2 : FIRST_CAPACITY;
	struct range4 *grown = reallocarray(s->v4, cap, sizeof(*grown));

	if (grown == NULL)
		return -1;
	s->v4 = grown;
	s->v4_cap = cap;
	return 0;
}

static int grow6(struct prefix_set *s)
{
	size_t cap = s->v6_cap != 0 ? s->v6_cap * 2 : FIRST_CAPACITY;
	struct range6 *grown = reallocarray(s->v6, cap, sizeof(*grown));

	if (grown == NULL)
		return -1;
	s->v6 = grown;
	s->v6_cap = cap;
	return 0;
}

int prefix_set_add_range4(struct prefix_set *s, uint32_t first, uint32_t last)
{
	if (first > last) {
		errno = EINVAL;
		return -1;
	}
	if (s->v4_count > 0) {
		struct range4 *tail = &s->v4[s->v4_count - 1];

		/* What goes on where the last one ended takes no room of its own: lists are mostly in order. */
		if (first >= tail->first && (first <= tail->last || first - 1 == tail->last)) {
			if (last > tail->last)
				tail->last = last;
			return 0;
		}
	}
	if (s->v4_count == s->v4_cap && grow4(s) < 0)
		return -1;
	s->v4[s->v4_count++] = (struct range4){ first, last };
	return 0;
}

int prefix_set_add_range6(struct prefix_set *s, struct u128 first, struct u128 last)
{
	if (u128_compare(first, last) > 0) {
		errno = EINVAL;
		return -1;
	}
	if (s->v6_count > 0) {
		struct range6 *tail = &s->v6[s->v6_count - 1];

		if (u128_compare(first, tail->first) >= 0 &&
		    (u128_compare(first, tail->last) <= 0 || u128_compare(u128_previous(first), tail->last) == 0)) {
			if (u128_compare(last, tail->last) > 0)
				tail->last = last;
			return 0;
		}
	}
	if (s->v6_count == s->v6_cap && grow6(s) < 0)
		return -1;
	s->v6[s->v6_count++] = (struct range6){ first, last };
	return 0;
}

int prefix_set_add_range(struct prefix_set *s, const struct range *r)
{
	if (r->first.family != r->last.family) {
		errno = EINVAL;
		return -1;
	}
	if (r->first.family == AF_INET)
		return prefix_set_add_range4(s, address_to4(&r->first), address_to4(&r->last));
	return prefix_set_add_range6(s, u128_from_bytes(r->first.bytes), u128_from_bytes(r->last.bytes));
}

int prefix_set_add(struct prefix_set *s, const struct prefix *p)
{
	struct range r;

	prefix_range(p, &r);
	return prefix_set_add_range(s, &r);
}

/* NULL for no elements.  0, or -1 with errno ENOMEM. */
static int duplicate(void **to, const void *from, size_t count, size_t size)
{
	*to = NULL;
	if (count == 0)
		return 0;
	*to = reallocarray(NULL, count, size);
	if (*to == NULL)
		return -1;
	memcpy(*to, from, count * size);
	return 0;
}

int prefix_set_copy(struct prefix_set *to, const struct prefix_set *from)
{
	void *v4, *v6;

	if (to == from)
		return 0;
	if (duplicate(&v4, from->v4, from->v4_count, sizeof(*from->v4)) < 0)
		return -1;
	if (duplicate(&v6, from->v6, from->v6_count, sizeof(*from->v6)) < 0) {
		free(v4);
		return -1;
	}
	prefix_set_free(to);
	*to = (struct prefix_set){ v4, from->v4_count, from->v4_count, v6, from->v6_count, from->v6_count };
	return 0;
}

bool prefix_set_empty(const struct prefix_set *s)
{
	return s->v4_count == 0 && s->v6_count == 0;
}

bool prefix_set_equal(const struct prefix_set *a, const struct prefix_set *b)
{
	if (a->v4_count != b->v4_count || a->v6_count != b->v6_count)
		return false;
	/* Neither struct has padding; memcmp takes no null pointer, not even for no bytes. */
	if (a->v4_count > 0 && memcmp(a->v4, b->v4, a->v4_count * sizeof(*a->v4)) != 0)
		return false;
	return a->v6_count == 0 || memcmp(a->v6, b->v6, a->v6_count * sizeof(*a->v6)) == 0;
}

static bool find4(const struct prefix_set *s, uint32_t value, struct range6 *found)
{
	size_t low = 0, high = s->v4_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct range4 *r = &s->v4[middle];

		if (value < r->first) {
			high = middle;
		} else if (value > r->last) {
			low = middle + 1;
		} else {
			*found = (struct range6){ { 0, r->first }, { 0, r->last } };
			return true;
		}
	}
	return false;
}

static bool find6(const struct prefix_set *s, struct u128 value, struct range6 *found)
{
	size_t low = 0, high = s->v6_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct range6 *r = &s->v6[middle];

		if (u128_compare(value, r->first) < 0) {
			high = middle;
		} else if (u128_compare(value, r->last) > 0) {
			low = middle + 1;
		} else {
			*found = *r;
			return true;
		}
	}
	return false;
}

bool prefix_set_find(const struct prefix_set *s, const struct address *a, struct range6 *found)
{
	if (a->family == AF_INET)
		return find4(s, address_to4(a), found);
	return find6(s, u128_from_bytes(a->bytes), found);
}

bool prefix_set_contains(const struct prefix_set *s, const struct address *a)
{
	struct range6 ignored;

	return prefix_set_find(s, a, &ignored);
}
