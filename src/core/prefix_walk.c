/* A prefix set as CIDR prefixes: the fewest that cover it. */
#include "core/prefix_set.h"

/* How many bits the largest aligned block has that starts at `first` and ends no later than `last`. */
static unsigned block_bits(struct u128 first, struct u128 last)
{
	struct u128 span = u128_subtract(last, first); /* addresses less one, so it cannot overflow */
	unsigned width = u128_width(span);
	unsigned fits = u128_compare(span, u128_low_ones(width)) == 0 ? width : width - 1;
	unsigned aligned = u128_trailing_zeros(first);

	return aligned < fits ? aligned : fits;
}

static struct prefix block_prefix(sa_family_t family, struct u128 first, unsigned bits)
{
	struct prefix p = { .length = (uint8_t)(address_size(family) * 8 - bits) };

	if (family == AF_INET) {
		p.addr = address_from4((uint32_t)first.lo);
	} else {
		p.addr.family = AF_INET6;
		u128_to_bytes(first, p.addr.bytes);
	}
	return p;
}

static int walk_range(sa_family_t family, struct range6 r, prefix_visit *visit, void *ctx)
{
	struct u128 place = r.first;

	for (;;) {
		unsigned bits = block_bits(place, r.last);
		struct prefix p = block_prefix(family, place, bits);
		struct u128 ones = u128_low_ones(bits);
		struct u128 end = { place.hi | ones.hi, place.lo | ones.lo }; /* the block is aligned */
		int result = visit(ctx, &p);

		if (result != 0)
			return result;
		if (u128_compare(end, r.last) == 0)
			return 0;
		place = u128_next(end);
	}
}

int prefix_set_each(const struct prefix_set *s, prefix_visit *visit, void *ctx)
{
	for (size_t i = 0; i < s->v4_count; i++) {
		struct range6 r = { { 0, s->v4[i].first }, { 0, s->v4[i].last } };
		int result = walk_range(AF_INET, r, visit, ctx);

		if (result != 0)
			return result;
	}
	for (size_t i = 0; i < s->v6_count; i++) {
		int result = walk_range(AF_INET6, s->v6[i], visit, ctx);

		if (result != 0)
			return result;
	}
	return 0;
}

static int count_one(void *ctx, const struct prefix *p)
{
	size_t *count = ctx;

	(void)p;
	(*count)++;
	return 0;
}

size_t prefix_set_count(const struct prefix_set *s)
{
	size_t count = 0;

	prefix_set_each(s, count_one, &count);
	return count;
}

struct lookup {
	const struct address *address;
	struct prefix *found;
};

static int stop_at(void *ctx, const struct prefix *p)
{
	struct lookup *l = ctx;

	if (!prefix_contains(p, l->address))
		return 0;
	*l->found = *p;
	return 1;
}

int prefix_set_lookup(const struct prefix_set *s, const struct address *a, struct prefix *found)
{
	struct lookup l = { a, found };
	struct range6 r;

	if (!prefix_set_find(s, a, &r))
		return -1;
	return walk_range(a->family, r, stop_at, &l) == 1 ? 0 : -1;
}
