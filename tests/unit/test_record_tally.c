/* counted = recorded + aggregated + lost: the arithmetic by cases, and against a kernel that is made up. */
#include "test_record.h"

#include <stdlib.h>
#include <string.h>

static void expect(const struct tally *t, uint64_t counted, uint64_t recorded, uint64_t aggregated, uint64_t lost)
{
	assert_int_equal(t->counted, counted);
	assert_int_equal(t->recorded, recorded);
	assert_int_equal(t->aggregated, aggregated);
	assert_int_equal(t->lost, lost);
	assert_int_equal(t->counted, t->recorded + t->aggregated + t->lost);
}

static void what_is_missing_is_lost(void **state)
{
	struct pool p = { 0 };
	struct tally t;

	(void)state;
	pool_settle(&p, 0, true, &t);
	expect(&t, 0, 0, 0, 0);
	p.recorded = 7;
	p.aggregated = 2;
	pool_settle(&p, 10, true, &t);
	expect(&t, 10, 7, 2, 1);
	assert_int_equal(p.recorded + p.aggregated + p.carried, 0);
}

static void rows_that_came_early_are_carried_over(void **state)
{
	struct pool p = { .recorded = 12 };
	struct tally t;

	(void)state;
	pool_settle(&p, 10, true, &t);
	expect(&t, 10, 10, 0, 0);
	assert_int_equal(p.carried, 2);
	p.recorded += 3;
	pool_settle(&p, 6, true, &t);
	expect(&t, 6, 5, 0, 1);
}

/* A counter that was removed took with it what was not read. */
static void what_nobody_will_count_is_counted_by_its_rows(void **state)
{
	struct pool p = { .recorded = 12, .aggregated = 4 };
	struct tally t;

	(void)state;
	pool_settle(&p, 10, true, &t);
	expect(&t, 10, 6, 4, 0);
	p.recorded += 5;
	pool_settle(&p, 1, false, &t); /* taken too early to tell */
	expect(&t, 1, 1, 0, 0);
	pool_settle(&p, 1, true, &t);
	expect(&t, 10, 10, 0, 0);
	assert_int_equal(p.recorded, 0);
}

static void a_closed_pool_counts_its_rows(void **state)
{
	struct pool p = { .recorded = 3, .aggregated = 2, .late = 4, .next = 9, .carried = 5 };
	struct tally t;

	(void)state;
	pool_close(&p, &t);
	expect(&t, 9, 7, 2, 0);
	pool_new_epoch(&p);
	assert_int_equal(p.recorded, 9);
	assert_int_equal(p.carried + p.next, 0);
	p.late = 2;
	pool_settle(&p, 10, true, &t);
	expect(&t, 12, 11, 0, 1);
}

static void a_counter_made_anew_begins_from_zero(void **state)
{
	struct counted c = { 0, 0 };

	(void)state;
	assert_int_equal(counted_grow(&c, 0, 5), 5);
	assert_int_equal(counted_grow(&c, 7, 6), 1);
	assert_int_equal(counted_grow(&c, 7, 6), 0);
	assert_int_equal(counted_grow(&c, 7, 2), 2);  /* smaller */
	assert_int_equal(counted_grow(&c, 8, 10), 10); /* another, and larger */
	assert_int_equal(counted_grow(&c, 0, 12), 2);
	assert_int_equal(counted_grow(&c, 9, UINT64_MAX), UINT64_MAX - 12);
}

/* --- A kernel that is made up: packets are counted, then logged, aggregated or neither.  Logged ones arrive later,
 * or are lost.  Readings are not of one moment, and are settled when all of before has arrived. */

struct kernel {
	uint64_t counter, aggregated, really_lost;
	uint64_t flight;  /* logged and not arrived */
	uint64_t arrived;
};

static void packets(struct kernel *k, int n)
{
	while (n-- > 0) {
		k->counter++;
		switch (rand() % 8) {
		case 0:
			k->aggregated++;
			break;
		case 1: /* over, or lost on the way */
			k->really_lost++;
			break;
		default:
			k->flight++;
		}
	}
}

static void arrive(struct kernel *k, struct pool *p, uint64_t n)
{
	if (n > k->flight)
		n = k->flight;
	k->flight -= n;
	k->arrived += n;
	p->recorded += n;
}

struct sums {
	struct counted counter;
	uint64_t element;
	struct tally sum;
};

/* Takes a reading while `more` packets come in between, and settles it. */
static void read_and_settle(struct kernel *k, struct pool *p, struct sums *s, int more)
{
	struct tally t;
	uint64_t counter = k->counter, element;

	packets(k, rand() % (more + 1));
	element = k->aggregated;
	packets(k, rand() % (more + 1));
	arrive(k, p, k->flight);
	p->aggregated += element - s->element;
	s->element = element;
	pool_settle(p, counted_grow(&s->counter, 1, counter), true, &t);
	assert_int_equal(t.counted, t.recorded + t.aggregated + t.lost);
	s->sum.counted += t.counted;
	s->sum.recorded += t.recorded;
	s->sum.aggregated += t.aggregated;
	s->sum.lost += t.lost;
	assert_int_equal(s->sum.counted, counter);
	assert_true(s->sum.lost <= k->really_lost); /* never overstated */
}

static void a_made_up_kernel_is_told_right(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 2000; seed++) {
		struct kernel k = { 0 };
		struct pool p = { 0 };
		struct sums s = { 0 };

		srand(seed);
		for (int round = 0; round < 30; round++) {
			packets(&k, rand() % 6);
			arrive(&k, &p, (uint64_t)(rand() % 8));
			read_and_settle(&k, &p, &s, 2);
		}
		read_and_settle(&k, &p, &s, 0); /* and exact at rest */
		expect(&s.sum, k.counter, k.arrived, k.aggregated, k.really_lost);
	}
}

int run_tally_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_lost),
		cmocka_unit_test(rows_that_came_early_are_carried_over),
		cmocka_unit_test(what_nobody_will_count_is_counted_by_its_rows),
		cmocka_unit_test(a_closed_pool_counts_its_rows),
		cmocka_unit_test(a_counter_made_anew_begins_from_zero),
		cmocka_unit_test(a_made_up_kernel_is_told_right),
	};

	return cmocka_run_group_tests_name("tallies", tests, NULL, NULL);
}
