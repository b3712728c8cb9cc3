/* The section `notify`. */
#include <string.h>

#include "test_config.h"

static void defaults(void **state)
{
	struct config *c = must_config(V1);

	(void)state;
	assert_int_equal(c->notify.word_count, 0);
	assert_int_equal(c->notify.on, 0);
	assert_int_equal(c->notify.repeat, 600);
	assert_false(c->notify.syslog);
	config_free(c);
}

static void all_of_it(void **state)
{
	struct config *c = must_config(V1 "notify: {command: [/bin/page, --to, me], on: [held, lost], repeat: 90s, syslog: true}\n");

	(void)state;
	assert_int_equal(c->notify.word_count, 3);
	assert_string_equal(c->notify.command[0], "/bin/page");
	assert_string_equal(c->notify.command[2], "me");
	assert_int_equal(c->notify.on, 1u << notify_occasion("held") | 1u << notify_occasion("lost"));
	assert_int_equal(c->notify.repeat, 90);
	assert_true(c->notify.syslog);
	config_free(c);
	config_free(must_config(V1 "notify: {syslog: true, on: [held, stale, drift, lost, agent-missing]}\n"));
}

static void occasions(void **state)
{
	(void)state;
	assert_int_equal(notify_occasion("nothing"), -1);
	assert_int_equal(notify_occasion(""), -1);
	assert_true(notify_occasion("stop") >= 0 && notify_occasion("stop") < 32);
	assert_int_not_equal(notify_occasion("drift"), notify_occasion("repaired"));
}

static void mistakes(void **state)
{
	static const struct wrong table[] = {
		{ V1 "notify: {command: [page], on: [helt]}\n",
		  { "2:20|no absolute path", "2:32|'helt' is not known|held, stale|did you mean 'held'?" } },
		{ V1 "notify: {command: /bin/true, on: []}\n", { "2:19|this is no command", "2:34|an empty sequence" } },
		{ V1 "notify: {command: [], on: [held]}\n", { "2:19|this is no command" } },
		{ V1 "notify: {command: [/bin/true]}\n", { "2:9|does not say of what|on: [held" } },
		{ V1 "notify: {on: [held]}\n", { "2:9|does not say how|syslog: true" } },
		{ V1 "notify: {on: [held], syslog: false}\n", { "2:9|does not say how" } },
		{ V1 "notify: {on: [held], syslog: true, repeat: 0}\n", { "2:44|0" } },
		{ V1 "notify: {on: [held], syslog: true, repeat: 2d}\n", { "2:44|2d" } },
		{ V1 "notify:\n", { "2:8|nothing stands where notify is described" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

int test_config_notify(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(occasions),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests_name("config: notify", tests, NULL, NULL);
}
