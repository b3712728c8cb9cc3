#include "test_daemon.h"

#include <stdio.h>
#include <string.h>

#include "daemon/decide.h"

/* A list with two origins in memory, and the folder that it was read from (empty). */
struct fixture {
	struct lists *lists;
	struct list_state *list;
	char path[64];
	int fd;
	time_us now;
};

static void open_fixture(struct fixture *f)
{
	struct error err;

	f->fd = make_folder(f->path);
	if (lists_load(two_origins(), f->fd, &f->lists, &err) == -1)
		fail_msg("%s", err.text);
	f->list = lists_find(f->lists, "humanitec");
	f->now = 1000 * US_PER_SECOND;
}

static void close_fixture(struct fixture *f)
{
	lists_free(f->lists);
	remove_folder(f->path);
}

/* Each text is a set, or NULL for an origin that gave no list.  Different texts have different hashes. */
static enum refresh_outcome refresh(struct fixture *f, const char *docs, const char *provider, struct list_result *result)
{
	const char *texts[] = { docs, provider };
	struct origin_answer answers[2] = { 0 };

	*result = (struct list_result){ 0 };
	f->now += US_PER_SECOND;
	for (size_t i = 0; i < 2; i++) {
		struct answer *a = &answers[i].answer;

		answers[i].is_list = texts[i] != NULL;
		snprintf(answers[i].error, sizeof(answers[i].error), "away");
		if (texts[i] == NULL)
			continue;
		a->set = set_of(texts[i]);
		a->fetched_at = f->now;
		snprintf(a->sha256, sizeof(a->sha256), "%.64s", texts[i]);
		a->shape = (struct answer_shape){ 1, strstr(texts[i], "9.9.9.9") != NULL, 32, 255, "line 1: 'None'" };
	}
	assert_int_equal(decide(f->list, answers, f->now, result), 0);
	answer_free(&answers[0].answer);
	answer_free(&answers[1].answer);
	return result->outcome;
}

static void drop(struct list_result *r)
{
	prefix_set_free(&r->added);
	prefix_set_free(&r->removed);
	texts_free(&r->reasons);
	list_in_force_free(&r->before);
}

static void expect(struct fixture *f, const char *docs, const char *provider, enum refresh_outcome outcome,
		   const char *in_force, uint64_t revision)
{
	struct list_result r;
	struct prefix_set want = set_of(in_force);

	assert_int_equal(refresh(f, docs, provider, &r), outcome);
	assert_true(prefix_set_equal(&f->list->now.set, &want));
	assert_int_equal(f->list->now.revision, revision);
	prefix_set_free(&want);
	drop(&r);
}

static void only_what_all_origins_name_is_allowed(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3 34.1.1.5", REFRESH_APPLIED, "34.1.1.1 34.1.1.3", 1);
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3 34.1.1.5 34.1.1.7", REFRESH_UNCHANGED, "34.1.1.1 34.1.1.3", 1);
	/* By address, not by text: two /32 at one origin are the /31 of the other. */
	expect(&f, "34.1.1.0/31 34.1.1.3", "34.1.1.0 34.1.1.1 34.1.1.3", REFRESH_APPLIED, "34.1.1.0/31 34.1.1.3", 2);
	close_fixture(&f);
}

static void an_origin_that_is_away_keeps_its_last_good_answer(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, NULL, "34.1.1.1", REFRESH_FAILED, "", 0);
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3", REFRESH_APPLIED, "34.1.1.1 34.1.1.3", 1);
	expect(&f, NULL, NULL, REFRESH_FAILED, "34.1.1.1 34.1.1.3", 1);
	assert_int_equal(list_condition(f.list, f.now), LIST_FAILED);
	/* The other one adds an address that this one never named: it is not let in. */
	expect(&f, NULL, "34.1.1.1 34.1.1.3 34.1.1.5", REFRESH_FAILED, "34.1.1.1 34.1.1.3", 1);
	expect(&f, "34.1.1.1 34.1.1.3 34.1.1.5", NULL, REFRESH_APPLIED, "34.1.1.1 34.1.1.3 34.1.1.5", 2);
	expect(&f, "34.1.1.1 34.1.1.3 34.1.1.5", "34.1.1.1 34.1.1.3 34.1.1.5", REFRESH_UNCHANGED,
	       "34.1.1.1 34.1.1.3 34.1.1.5", 2);
	assert_int_equal(list_condition(f.list, f.now), LIST_CURRENT);
	assert_int_equal(list_condition(f.list, f.now + 4 * 86400 * US_PER_SECOND), LIST_STALE);
	/* The clock was ahead when it was fetched, and has been set right: nobody knows how old it is. */
	assert_int_equal(list_condition(f.list, f.now - 4 * 86400 * US_PER_SECOND), LIST_STALE);
	assert_int_equal(list_condition(f.list, f.now - 86400 * US_PER_SECOND), LIST_CURRENT);
	close_fixture(&f);
}

static void no_agreement_at_all_changes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, "34.1.1.1", "34.1.1.1", REFRESH_APPLIED, "34.1.1.1", 1);
	expect(&f, "34.1.1.3", "34.1.1.5", REFRESH_FAILED, "34.1.1.1", 1);
	close_fixture(&f);
}

#define EIGHT "34.1.1.1 34.1.1.3 34.1.1.5 34.1.1.7 34.1.1.9 34.1.1.11 34.1.1.13 34.1.1.15"
#define FIVE "34.1.1.1 34.1.1.3 34.1.1.5 34.1.1.7 34.1.1.9"

static void a_breach_waits_for_a_person_and_asks_once(void **state)
{
	struct fixture f;
	struct list_result r;
	time_us since;

	(void)state;
	open_fixture(&f);
	expect(&f, EIGHT, EIGHT, REFRESH_APPLIED, EIGHT, 1);
	assert_int_equal(refresh(&f, FIVE, FIVE, &r), REFRESH_HELD);
	assert_true(r.newly_held);
	drop(&r);
	assert_int_equal(refresh(&f, FIVE, FIVE, &r), REFRESH_HELD);
	assert_false(r.newly_held);
	drop(&r);
	assert_true(f.list->held.is);
	since = f.list->held.since;
	expect(&f, FIVE, FIVE, REFRESH_HELD, EIGHT, 1);
	assert_int_equal(f.list->held.since, since);
	/* An answer within the guards takes its place. */
	expect(&f, EIGHT, EIGHT, REFRESH_UNCHANGED, EIGHT, 1);
	assert_false(f.list->held.is);
	/* What was declined does not ask again, until it is another change. */
	expect(&f, FIVE, FIVE, REFRESH_HELD, EIGHT, 1);
	f.list->held.is = false;
	f.list->held.declined = true;
	expect(&f, FIVE, FIVE, REFRESH_UNCHANGED, EIGHT, 1);
	expect(&f, "34.1.1.1", "34.1.1.1", REFRESH_HELD, EIGHT, 1);
	close_fixture(&f);
}

static void a_breach_is_rejected_where_the_guard_says_so(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	((struct guard_config *)(uintptr_t)&f.list->config->guard)->on_breach = BREACH_REJECT;
	expect(&f, EIGHT, EIGHT, REFRESH_APPLIED, EIGHT, 1);
	expect(&f, FIVE, FIVE, REFRESH_REJECTED, EIGHT, 1);
	assert_false(f.list->held.is);
	close_fixture(&f);
}

/* An origin cannot hide a bad row behind one that does not name the address. */
static void each_origin_is_judged_on_its_own(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, EIGHT, EIGHT, REFRESH_APPLIED, EIGHT, 1);
	expect(&f, EIGHT, EIGHT " 9.9.9.9", REFRESH_HELD, EIGHT, 1);
	((struct guard_config *)(uintptr_t)&f.list->config->guard)->on_breach = BREACH_REJECT;
	expect(&f, EIGHT, EIGHT " 9.9.9.9", REFRESH_REJECTED, EIGHT, 1);
	close_fixture(&f);
}

static void a_shape_that_was_approved_is_not_judged_again(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, EIGHT " 9.9.9.9", EIGHT " 9.9.9.9", REFRESH_HELD, "", 0);
	for (size_t i = 0; i < 2; i++)
		memcpy(f.list->origins[i].approved_sha256, f.list->origins[i].held_sha256, 65);
	expect(&f, EIGHT " 9.9.9.9", EIGHT " 9.9.9.9", REFRESH_APPLIED, EIGHT " 9.9.9.9", 1);
	close_fixture(&f);
}

#define WEEK (7 * 86400 * US_PER_SECOND)

/* stale_after is 3 days: an answer from before no longer counts, and what is in force stays. */
static void an_old_answer_no_longer_counts(void **state)
{
	struct fixture f;
	struct list_result r;

	(void)state;
	open_fixture(&f);
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3", REFRESH_APPLIED, "34.1.1.1 34.1.1.3", 1);
	f.now += WEEK;
	assert_int_equal(refresh(&f, NULL, "34.1.1.1", &r), REFRESH_FAILED);
	assert_int_equal(f.list->now.revision, 1);
	assert_non_null(strstr(r.reasons.items[0], "no longer counts"));
	assert_non_null(strstr(r.reasons.items[1], "last good list stays"));
	drop(&r);
	assert_int_equal(list_condition(f.list, f.now), LIST_STALE);
	/* It comes back after the week. */
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3 34.1.1.5", REFRESH_UNCHANGED, "34.1.1.1 34.1.1.3", 1);
	assert_int_equal(list_condition(f.list, f.now), LIST_CURRENT);
	/* Where one of the two is enough, the other's alone counts. */
	((struct list_config *)(uintptr_t)f.list->config)->agree = 1;
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3", REFRESH_UNCHANGED, "34.1.1.1 34.1.1.3", 1);
	expect(&f, "34.1.1.1 34.1.1.3", "34.1.1.1 34.1.1.3 34.1.1.5", REFRESH_APPLIED, "34.1.1.1 34.1.1.3 34.1.1.5", 2);
	f.now += WEEK;
	((struct guard_config *)(uintptr_t)&f.list->config->guard)->max_removed = (struct amount){ true, 100 };
	expect(&f, "34.1.1.1 34.1.1.3", NULL, REFRESH_APPLIED, "34.1.1.1 34.1.1.3", 3);
	close_fixture(&f);
}

static void a_pinned_list_stays_whatever_the_origins_say(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	expect(&f, EIGHT, EIGHT, REFRESH_APPLIED, EIGHT, 1);
	f.list->pin.is = true;
	expect(&f, FIVE, FIVE, REFRESH_UNCHANGED, EIGHT, 1);
	assert_false(f.list->held.is);
	expect(&f, EIGHT " 34.2.1.1", EIGHT " 34.2.1.1", REFRESH_UNCHANGED, EIGHT, 1);
	f.list->pin.is = false;
	expect(&f, EIGHT " 34.2.1.1", EIGHT " 34.2.1.1", REFRESH_APPLIED, EIGHT " 34.2.1.1", 2);
	close_fixture(&f);
}

/* A person changed `agree` or the origins: that is no surprise of a publisher's, so only absolute guards count. */
static void a_change_of_the_configuration_is_a_decision(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	((struct list_config *)(uintptr_t)f.list->config)->agree = 1;
	expect(&f, "34.1.1.1", EIGHT, REFRESH_APPLIED, EIGHT, 1);
	((struct list_config *)(uintptr_t)f.list->config)->agree = 2;
	f.list->reconfigured = true;
	expect(&f, "34.1.1.1", EIGHT, REFRESH_APPLIED, "34.1.1.1", 2);
	assert_string_equal(f.list->now.decided_by, "configuration");
	close_fixture(&f);
}

int test_decide(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_all_origins_name_is_allowed),
		cmocka_unit_test(an_origin_that_is_away_keeps_its_last_good_answer),
		cmocka_unit_test(no_agreement_at_all_changes_nothing),
		cmocka_unit_test(a_breach_waits_for_a_person_and_asks_once),
		cmocka_unit_test(a_breach_is_rejected_where_the_guard_says_so),
		cmocka_unit_test(each_origin_is_judged_on_its_own),
		cmocka_unit_test(a_shape_that_was_approved_is_not_judged_again),
		cmocka_unit_test(an_old_answer_no_longer_counts),
		cmocka_unit_test(a_pinned_list_stays_whatever_the_origins_say),
		cmocka_unit_test(a_change_of_the_configuration_is_a_decision),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
