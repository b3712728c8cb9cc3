/* Coverage: every moment accounted for, from the first that an endpoint is configured to the last heartbeat. */
#include "test_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void heartbeat(struct rig *g, const char *epoch, int second)
{
	rig_reading(g, epoch, DAY + SECONDS(second), (struct counters){ 0, 0, 0 }, 0);
	rig_settle(g);
}

/* Endpoints by name, each with the state of its letter: e, o, u. */
static void policy(struct rig *g, const char *epoch, int second, bool continued, const char *names)
{
	static const char letters[] = "eou";
	static char kind[] = "https";
	struct audit_policy_endpoint endpoints[4];
	char name[4][8];
	size_t count = 0;

	memset(endpoints, 0, sizeof(endpoints));
	for (const char *at = names; *at != '\0'; at += 3, count++) { /* "x:e y:o" without spaces: "xe yo " */
		snprintf(name[count], sizeof(name[count]), "%c", at[0]);
		endpoints[count] = (struct audit_policy_endpoint){ .name = name[count],
			                                               .kind = kind,
			                                               .mode = name[count],
			                                               .where = name[count],
			                                               .owner = name[count],
			                                               .reason = name[count],
			                                               .state = (uint8_t)(strchr(letters, at[1]) - letters) };
	}
	rig_policy_of(g, epoch, DAY + SECONDS(second), continued, endpoints, count);
	rig_commit(g);
}

static void expect(struct rig *g, const char *endpoint, const char *segments)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT group_concat(substr(from_time, 18, 2) || '-' || substr(to_time, 18, 2) || ' '"
	                           " || state, ', ')"
	                           " FROM coverage WHERE endpoint = '%s'", endpoint);
	rig_expect(g, sql, segments);
}

static void heartbeats_extend_what_is_in_force(void **state)
{
	struct rig *g = *state;

	policy(g, "E", 10, false, "xe yo ");
	expect(g, "x", "10-10 enforced");
	heartbeat(g, "E", 15);
	heartbeat(g, "E", 14); /* told late */
	heartbeat(g, "F", 30); /* of another table: says nothing of this one */
	expect(g, "x", "10-15 enforced");
	expect(g, "y", "10-15 observed");
	rig_expect(g, "SELECT name, kind, present FROM endpoints", "x|https|1");
}

static void a_change_ends_one_state_and_begins_another(void **state)
{
	struct rig *g = *state;

	policy(g, "E", 10, false, "xe yo ");
	heartbeat(g, "E", 15);
	policy(g, "E", 17, true, "xo yo ze ");
	heartbeat(g, "E", 20);
	expect(g, "x", "10-17 enforced, 17-20 observed");
	expect(g, "y", "10-20 observed");
	expect(g, "z", "17-20 enforced");
	policy(g, "E", 22, true, "ze ");
	heartbeat(g, "E", 25);
	expect(g, "x", "10-17 enforced, 17-22 observed");
	rig_expect(g, "SELECT group_concat(name || present, ' ') FROM endpoints", "x0 y0 z1");
	policy(g, "E", 30, true, "xe ze ");
	heartbeat(g, "E", 35);
	expect(g, "x", "10-17 enforced, 17-22 observed, 22-30 unprotected, 30-35 enforced");
	expect(g, "z", "17-35 enforced");
}

static void a_recorder_that_was_away_changes_nothing(void **state)
{
	struct rig *g = *state;

	policy(g, "E", 10, false, "xe ");
	rig_restart(g); /* before any heartbeat */
	policy(g, "E", 10, false, "xe ");
	heartbeat(g, "E", 15);
	rig_restart(g);
	policy(g, "E", 10, false, "xe "); /* the same, told again */
	heartbeat(g, "E", 40);
	expect(g, "x", "10-40 enforced");
	rig_restart(g);
	policy(g, "E", 45, true, "xo "); /* changed meanwhile */
	heartbeat(g, "E", 50);
	expect(g, "x", "10-45 enforced, 45-50 observed");
}

static void time_without_a_table_was_unprotected(void **state)
{
	struct rig *g = *state;

	policy(g, "E", 10, false, "xe ");
	heartbeat(g, "E", 15);
	policy(g, "F", 20, false, "xe ");
	heartbeat(g, "F", 25);
	expect(g, "x", "10-15 enforced, 15-20 unprotected, 20-25 enforced");
	policy(g, "", 30, true, "xu "); /* torn down */
	heartbeat(g, "", 35);
	policy(g, "G", 40, false, "xe ");
	heartbeat(g, "G", 45);
	expect(g, "x", "10-15 enforced, 15-20 unprotected, 20-30 enforced, 30-40 unprotected, 40-45 enforced");
	policy(g, "G", 50, true, "");
	policy(g, "H", 55, false, "xe ");
	heartbeat(g, "H", 56);
	expect(g, "x", "10-15 enforced, 15-20 unprotected, 20-30 enforced, 30-40 unprotected, 40-50 enforced, 50-55"
	               " unprotected, "
	               "55-56 enforced");
}

/* Whatever comes, in whatever order, with a clock that steps: no gap, no overlap, and no end before its beginning. */
static void segments_always_follow_each_other(void **state)
{
	struct rig *g = *state;
	int second = 10;

	srand(3);
	for (int i = 0; i < 400; i++) {
		static const char *const policies[] = { "xe ", "xo ", "xu ", "", "xe ye ", "yo " };
		const char *epoch = rand() % 4 == 0 ? "F" : "E";

		second += rand() % 9 - 2;
		if (rand() % 2 == 0)
			policy(g, epoch, second, rand() % 3 != 0, policies[rand() % 6]);
		else
			heartbeat(g, epoch, second);
		if (rand() % 10 == 0)
			rig_restart(g);
	}
	rig_expect(g, "SELECT count(*) > 50 FROM segment", "1");
	rig_expect(g, "SELECT count(*) FROM segment a JOIN segment b ON b.id = (SELECT min(id) FROM segment WHERE"
	              " endpoint = a.endpoint"
	              " AND id > a.id) WHERE a.to_time <> b.from_time", "0");
	rig_expect(g, "SELECT count(*) FROM segment WHERE to_time < from_time", "0");
}

int run_coverage_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(heartbeats_extend_what_is_in_force),
		IN_RIG(a_change_ends_one_state_and_begins_another),
		IN_RIG(a_recorder_that_was_away_changes_nothing),
		IN_RIG(time_without_a_table_was_unprotected),
		IN_RIG(segments_always_follow_each_other),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
