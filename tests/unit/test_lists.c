#include "test_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct lists *load(int fd)
{
	struct lists *l;
	struct error err;

	if (lists_load(two_origins(), fd, &l, &err) == -1)
		fail_msg("%s", err.text);
	return l;
}

static void what_is_saved_is_read_again(void **state)
{
	char path[64];
	int fd = make_folder(path);
	struct lists *l = load(fd);
	struct list_state *s = lists_find(l, "humanitec");
	struct prefix_set set = set_of("34.1.1.1 2600::/48"), held = set_of("34.1.1.3");
	struct list_in_force before;
	struct texts reasons = TEXTS_INIT;
	struct error err;

	(void)state;
	assert_true(list_unknown(s));
	list_put_in_force(s, &set, 12 * US_PER_SECOND, "user alice", &before);
	s->origins[0].known = true;
	s->origins[0].good.set = set_of("34.1.1.1 34.1.1.9");
	s->origins[0].good.fetched_at = 11 * US_PER_SECOND;
	strcpy(s->origins[0].good.sha256, "abc");
	assert_int_equal(texts_add(&reasons, "too much: \"quoted\""), 0);
	assert_int_equal(list_hold(s, &held, &reasons, 13 * US_PER_SECOND), 0);
	assert_int_equal(list_save(s, fd, &err), 0);
	assert_int_equal(list_save_origin(s, &s->origins[0], fd, &err), 0);
	assert_int_equal(list_save_held(s, fd, &err), 0);
	lists_free(l);

	l = load(fd);
	s = lists_find(l, "humanitec");
	set = set_of("34.1.1.1 2600::/48");
	assert_true(prefix_set_equal(&s->now.set, &set));
	assert_int_equal(s->now.revision, 1);
	assert_int_equal(s->now.applied_at, 12 * US_PER_SECOND);
	assert_string_equal(s->now.decided_by, "user alice");
	assert_true(s->origins[0].known);
	assert_int_equal(s->origins[0].good.fetched_at, 11 * US_PER_SECOND);
	assert_false(s->origins[1].known);
	assert_true(s->held.is);
	assert_true(prefix_set_equal(&s->held.set, &held));
	assert_string_equal(s->held.reasons.items[0], "too much: \"quoted\"");

	list_release(s);
	assert_int_equal(list_save_held(s, fd, &err), 0);
	lists_free(l);
	l = load(fd);
	assert_false(lists_find(l, "humanitec")->held.is);
	lists_free(l);
	prefix_set_free(&set);
	prefix_set_free(&held);
	texts_free(&reasons);
	close(fd);
	remove_folder(path);
}

static void earlier_revisions_are_kept_and_the_oldest_go(void **state)
{
	char path[64], text[32];
	int fd = make_folder(path);
	struct lists *l = load(fd);
	struct list_state *s = lists_find(l, "humanitec");
	struct prefix_set set, want;
	struct error err;

	(void)state;
	for (unsigned i = 1; i <= REVISIONS_KEPT + 3; i++) {
		struct list_in_force before;

		snprintf(text, sizeof(text), "34.1.1.%u", i);
		set = set_of(text);
		list_put_in_force(s, &set, US_PER_SECOND, "guards", &before);
		list_in_force_free(&before);
		assert_int_equal(list_save(s, fd, &err), 0);
	}
	set = (struct prefix_set)PREFIX_SET_INIT;
	assert_int_equal(list_load_revision(s, fd, 3, &set, &err), 0);
	assert_int_equal(list_load_revision(s, fd, REVISIONS_KEPT + 4, &set, &err), 0);
	for (unsigned i = 4; i <= REVISIONS_KEPT + 3; i++) {
		snprintf(text, sizeof(text), "34.1.1.%u", i);
		want = set_of(text);
		assert_int_equal(list_load_revision(s, fd, i, &set, &err), 1);
		assert_true(prefix_set_equal(&set, &want));
		prefix_set_free(&want);
	}
	prefix_set_free(&set);
	lists_free(l);
	close(fd);
	remove_folder(path);
}

static void a_damaged_list_is_set_aside(void **state)
{
	char path[64];
	int fd = make_folder(path), file;
	struct lists *l = load(fd);
	struct list_state *s = lists_find(l, "humanitec");
	struct prefix_set set = set_of("34.1.1.1");
	struct list_in_force before;
	struct error err;

	(void)state;
	list_put_in_force(s, &set, US_PER_SECOND, "guards", &before);
	assert_int_equal(list_save(s, fd, &err), 0);
	lists_free(l);
	file = openat(fd, "lists/humanitec", O_WRONLY);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, 40), 0);
	close(file);
	l = load(fd);
	assert_true(list_unknown(lists_find(l, "humanitec")));
	assert_int_equal(faccessat(fd, "lists/humanitec.damaged", F_OK, 0), 0);
	lists_free(l);
	close(fd);
	remove_folder(path);
}

/* An answer to another question (another file, another select) is not this origin's. */
static void an_answer_counts_only_for_its_question(void **state)
{
	char path[64];
	int fd = make_folder(path);
	struct lists *l = load(fd);
	struct list_state *s = lists_find(l, "humanitec");
	struct config *other;
	struct error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		s->origins[i].known = true;
		assert_int_equal(list_save_origin(s, &s->origins[i], fd, &err), 0);
	}
	lists_free(l);
	other = two_origins();
	strcpy(other->lists[0].origins[1].select, ".b ");
	assert_int_equal(lists_load(other, fd, &l, &err), 0);
	s = lists_find(l, "humanitec");
	assert_true(s->origins[0].known);
	assert_false(s->origins[1].known);
	lists_free(l);
	close(fd);
	remove_folder(path);
}

int test_lists(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_is_read_again),
		cmocka_unit_test(earlier_revisions_are_kept_and_the_oldest_go),
		cmocka_unit_test(a_damaged_list_is_set_aside),
		cmocka_unit_test(an_answer_counts_only_for_its_question),
	};

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
