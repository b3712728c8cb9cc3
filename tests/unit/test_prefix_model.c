/* Prefix sets against a model that cannot be wrong: an array of truth values, one for each address of a small window.
 * The windows lie at both ends of each address space and across places where a carry is needed. */
#include "test_core.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x68616c6c6f776421)
#define ROUNDS 600 /* in each window */
#define SIZE 256
#define SETS 4

struct window {
	const char *name;
	sa_family_t family;
	struct u128 base;
};

static const struct window windows[] = {
	{ "the start of IPv4", AF_INET, { 0, 0 } },
	{ "the end of IPv4", AF_INET, { 0, 0xffffff00 } },
	{ "the middle of IPv4", AF_INET, { 0, 0x7fffff80 } },
	{ "the start of IPv6", AF_INET6, { 0, 0 } },
	{ "the end of IPv6", AF_INET6, { UINT64_MAX, UINT64_MAX - 255 } },
	{ "the middle of IPv6", AF_INET6, { 0x20010db8ffffffff, UINT64_MAX - 99 } },
};

struct model {
	bool held[SIZE];
};

static uint64_t seed;

static unsigned random_below(unsigned limit)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((seed >> 33) % limit);
}

static struct u128 place(const struct window *w, unsigned offset)
{
	struct u128 v = w->base;

	v.lo += offset;
	v.hi += v.lo < w->base.lo;
	return v;
}

static struct address address_at(const struct window *w, unsigned offset)
{
	struct address a = { .family = w->family };

	if (w->family == AF_INET)
		return address_from4((uint32_t)(w->base.lo + offset));
	u128_to_bytes(place(w, offset), a.bytes);
	return a;
}

static void add(const struct window *w, struct prefix_set *set, struct model *m, unsigned first, unsigned last)
{
	struct range r = { address_at(w, first), address_at(w, last) };

	assert_int_equal(prefix_set_add_range(set, &r), 0);
	for (unsigned i = first; i <= last; i++)
		m->held[i] = true;
}

/* Random ranges, short and long, in a random order; sometimes none, sometimes all. */
static void fill(const struct window *w, struct prefix_set *set, struct model *m)
{
	unsigned ranges = random_below(12), longest = 1u << random_below(8);

	memset(m, 0, sizeof(*m));
	for (unsigned i = 0; i < ranges; i++) {
		unsigned first = random_below(SIZE), last = first + random_below(longest);

		add(w, set, m, first, last < SIZE ? last : SIZE - 1);
	}
	if (random_below(20) == 0)
		add(w, set, m, 0, SIZE - 1);
	if (random_below(4) == 0)
		add(w, set, m, SIZE - 1, SIZE - 1);
	if (random_below(4) == 0)
		add(w, set, m, 0, 0);
	prefix_set_normalize(set);
}

static size_t runs(const struct model *m)
{
	size_t count = 0;

	for (unsigned i = 0; i < SIZE; i++)
		count += m->held[i] && (i == 0 || !m->held[i - 1]);
	return count;
}

/* How many CIDR prefixes cover what the model holds of an aligned block that begins at `start` in the window. */
static size_t fewest(const struct model *m, int start, int size)
{
	int held = 0;

	for (int i = start; i < start + size; i++)
		held += i >= 0 && i < SIZE && m->held[i];
	if (held == 0 || held == size)
		return held != 0;
	return fewest(m, start, size / 2) + fewest(m, start + size / 2, size / 2);
}

struct cover {
	const struct window *w;
	struct model seen;
	size_t count;
	struct prefix before;
};

static int cover_one(void *ctx, const struct prefix *p)
{
	struct cover *c = ctx;
	unsigned found = 0;

	assert_int_equal(p->addr.family, c->w->family);
	if (c->count > 0)
		assert_true(prefix_compare(&c->before, p) < 0);
	for (unsigned i = 0; i < SIZE; i++) {
		struct address a = address_at(c->w, i);

		if (!prefix_contains(p, &a))
			continue;
		assert_false(c->seen.held[i]);
		c->seen.held[i] = true;
		found++;
	}
	/* nothing outside of the window */
	assert_int_equal(found, 1u << ((c->w->family == AF_INET ? 32 : 128) - p->length));
	c->count++;
	c->before = *p;
	return 0;
}

static void check_walk(const struct window *w, const struct prefix_set *set, const struct model *m)
{
	struct cover c = { .w = w };
	int start = -(int)(w->base.lo % SIZE);

	assert_int_equal(prefix_set_each(set, cover_one, &c), 0);
	assert_memory_equal(c.seen.held, m->held, sizeof(m->held));
	assert_int_equal(c.count, prefix_set_count(set));
	assert_int_equal(c.count, fewest(m, start, SIZE) + fewest(m, start + SIZE, SIZE));
}

static void check_lookup(const struct window *w, const struct prefix_set *set, const struct model *m)
{
	for (unsigned i = 0; i < SIZE; i++) {
		struct address a = address_at(w, i);
		struct prefix p = { .length = 200 };
		struct prefix_set one = PREFIX_SET_INIT, left = PREFIX_SET_INIT;

		assert_int_equal(prefix_set_contains(set, &a), m->held[i]);
		assert_int_equal(prefix_set_lookup(set, &a, &p), m->held[i] ? 0 : -1);
		if (!m->held[i]) {
			assert_int_equal(p.length, 200);
			continue;
		}
		assert_true(prefix_contains(&p, &a));
		/* one prefix of the walk, and so its removal leaves one less */
		assert_int_equal(prefix_set_add(&one, &p), 0);
		assert_int_equal(prefix_set_subtract(&left, set, &one), 0);
		assert_int_equal(prefix_set_count(&left), prefix_set_count(set) - 1);
		prefix_set_free(&one);
		prefix_set_free(&left);
	}
}

/* That the set holds what the model does, in its one form. */
static void check_same(const struct window *w, const struct prefix_set *set, const struct model *m)
{
	size_t count = 0;

	for (unsigned i = 0; i < SIZE; i++) {
		struct u128 first = place(w, i), last;
		unsigned end = i;

		if (!m->held[i])
			continue;
		while (end + 1 < SIZE && m->held[end + 1])
			end++;
		last = place(w, end);
		if (w->family == AF_INET) {
			assert_true(count < set->v4_count);
			assert_int_equal(set->v4[count].first, first.lo);
			assert_int_equal(set->v4[count].last, last.lo);
		} else {
			assert_true(count < set->v6_count);
			assert_int_equal(u128_compare(set->v6[count].first, first), 0);
			assert_int_equal(u128_compare(set->v6[count].last, last), 0);
		}
		count++;
		i = end;
	}
	assert_int_equal(count, runs(m));
	assert_int_equal(set->v4_count, w->family == AF_INET ? count : 0);
	assert_int_equal(set->v6_count, w->family == AF_INET ? 0 : count);
	assert_int_equal(prefix_set_empty(set), count == 0);
}

static void check_pair(const struct window *w, const struct prefix_set *sets, const struct model *models)
{
	struct prefix_set out = PREFIX_SET_INIT;
	struct model both, either, rest;

	for (unsigned i = 0; i < SIZE; i++) {
		either.held[i] = models[0].held[i] || models[1].held[i];
		both.held[i] = models[0].held[i] && models[1].held[i];
		rest.held[i] = models[0].held[i] && !models[1].held[i];
	}
	assert_int_equal(prefix_set_union(&out, &sets[0], &sets[1]), 0);
	check_same(w, &out, &either);
	assert_int_equal(prefix_set_intersect(&out, &sets[0], &sets[1]), 0);
	check_same(w, &out, &both);
	assert_int_equal(prefix_set_subtract(&out, &sets[0], &sets[1]), 0);
	check_same(w, &out, &rest);
	assert_int_equal(prefix_set_equal(&sets[0], &sets[1]),
	                 memcmp(models[0].held, models[1].held, sizeof(models[0].held)) == 0);
	prefix_set_free(&out);
}

static void check_agreement(const struct window *w, const struct prefix_set *sets, const struct model *models)
{
	const struct prefix_set *pointers[SETS];
	struct prefix_set out = PREFIX_SET_INIT;

	for (size_t i = 0; i < SETS; i++)
		pointers[i] = &sets[i];
	for (size_t need = 1; need <= SETS; need++) {
		struct model agreed;

		for (unsigned i = 0; i < SIZE; i++) {
			size_t votes = 0;

			for (size_t j = 0; j < SETS; j++)
				votes += models[j].held[i];
			agreed.held[i] = votes >= need;
		}
		assert_int_equal(prefix_set_agree(&out, pointers, SETS, need), 0);
		check_same(w, &out, &agreed);
	}
	prefix_set_free(&out);
}

static void check_copy(const struct prefix_set *set)
{
	struct prefix_set copy = PREFIX_SET_INIT;

	assert_int_equal(prefix_set_copy(&copy, set), 0);
	assert_true(prefix_set_equal(&copy, set));
	prefix_set_normalize(&copy);
	assert_true(prefix_set_equal(&copy, set));
	prefix_set_free(&copy);
}

static void check_window(const struct window *w)
{
	print_message("# %s, seed %#" PRIx64 "\n", w->name, seed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct prefix_set sets[SETS] = { PREFIX_SET_INIT };
		struct model models[SETS];

		for (size_t i = 0; i < SETS; i++) {
			fill(w, &sets[i], &models[i]);
			check_same(w, &sets[i], &models[i]);
		}
		check_walk(w, &sets[0], &models[0]);
		check_copy(&sets[0]);
		if (round % 10 == 0)
			check_lookup(w, &sets[0], &models[0]);
		check_pair(w, sets, models);
		check_agreement(w, sets, models);
		for (size_t i = 0; i < SETS; i++)
			prefix_set_free(&sets[i]);
	}
}

static void sets_are_as_the_model(void **state)
{
	check_window(*state);
}

/* What is outside of the window is not held, however full the window is. */
static void neighbours_are_not_held(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(windows); i++) {
		const struct window *w = &windows[i];
		struct prefix_set set = PREFIX_SET_INIT;
		struct model m;
		struct address before = address_at(w, 0), behind = address_at(w, SIZE - 1);

		memset(&m, 0, sizeof(m));
		add(w, &set, &m, 0, SIZE - 1);
		prefix_set_normalize(&set);
		if (w->family == AF_INET) {
			before = address_from4(address_to4(&before) - 1);
			behind = address_from4(address_to4(&behind) + 1);
		} else {
			u128_to_bytes(u128_previous(place(w, 0)), before.bytes);
			u128_to_bytes(u128_next(place(w, SIZE - 1)), behind.bytes);
		}
		/* at an end of the space the neighbour is the other end, and not held either */
		assert_false(prefix_set_contains(&set, &before));
		assert_false(prefix_set_contains(&set, &behind));
		prefix_set_free(&set);
	}
}

int test_prefix_model(void)
{
	struct CMUnitTest tests[COUNT(windows) + 1];

	seed = SEED;
	for (size_t i = 0; i < COUNT(windows); i++)
		tests[i] = (struct CMUnitTest){ windows[i].name, sets_are_as_the_model, NULL, NULL,
		                                (void *)(uintptr_t)&windows[i] };
	tests[COUNT(windows)] = (struct CMUnitTest)cmocka_unit_test(neighbours_are_not_held);
	return cmocka_run_group_tests_name("prefix_set against a model", tests, NULL, NULL);
}
