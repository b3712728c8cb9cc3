#include <errno.h>
#include <stdio.h>

#include "audit/audit.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/status.h"
#include "report/model.h"
#include "report/plain.h"
#include "report/table.h"

static void show_daemon(const json_t *daemon)
{
	if (!answer_bool(daemon, "running")) {
		puts("hallowd: not running");
		return;
	}
	plain_print(stdout, "hallowd: %s, pid %lld, since %s\n", answer_text(daemon, "version"), answer_number(daemon, "pid"),
	            answer_text(daemon, "since"));
}

static void show_yes_no(struct ctl *ctl, const char *what, bool yes)
{
	enum style style = yes ? STYLE_GOOD : STYLE_BAD;

	printf("%s: %s%s%s\n", what, style_on(style, ctl->colour), yes ? "yes" : "no", style_off(style, ctl->colour));
}

static void show_torn_down(const json_t *torn_down)
{
	if (json_is_object(torn_down))
		plain_print(stdout, "torn down at %s by %s: %s\n", answer_text(torn_down, "time"), answer_text(torn_down, "by"),
		            answer_text(torn_down, "reason"));
}

static void show_lists(struct ctl *ctl, const json_t *lists)
{
	static const char *const names[] = { "LIST", "STATE", "REVISION", "ENTRIES", "APPLIED AT" };
	struct table t;
	json_t *list;
	size_t i;

	if (json_array_size(lists) == 0)
		return;
	table_init(&t, "llrrl", ctl->colour);
	table_header(&t, names);
	json_array_foreach(lists, i, list) {
		table_add(&t, answer_text(list, "name"));
		table_add(&t, answer_text(list, "state"));
		table_addf(&t, "%lld", answer_number(list, "revision"));
		table_addf(&t, "%lld", answer_number(list, "entries"));
		table_add(&t, answer_text(list, "applied_at"));
	}
	ctl_print_table(&t, "  ");
	table_free(&t);
}

static void show_endpoints(struct ctl *ctl, const json_t *endpoints)
{
	static const char *const names[] = { "ENDPOINT", "KIND", "MODE", "ALLOWED", "DENIED" };
	struct table t;
	json_t *endpoint;
	size_t i;

	if (json_array_size(endpoints) == 0)
		return;
	table_init(&t, "lllrr", ctl->colour);
	table_header(&t, names);
	json_array_foreach(endpoints, i, endpoint) {
		table_add(&t, answer_text(endpoint, "name"));
		table_add(&t, answer_text(endpoint, "kind"));
		table_add(&t, answer_text(endpoint, "mode"));
		table_addf(&t, "%lld", answer_number(endpoint, "allowed"));
		table_addf(&t, "%lld", answer_number(endpoint, "denied"));
	}
	ctl_print_table(&t, "  ");
	table_free(&t);
}

static void show_agents(struct ctl *ctl, const json_t *agents)
{
	static const char *const names[] = { "AGENT", "NETWORK", "MODE", "TUNNEL", "LAST SEEN", "ALLOWED", "DENIED" };
	struct table t;
	json_t *agent;
	size_t i;

	if (json_array_size(agents) == 0)
		return;
	table_init(&t, "lllllrr", ctl->colour);
	table_header(&t, names);
	json_array_foreach(agents, i, agent) {
		table_add(&t, answer_text(agent, "name"));
		table_add(&t, answer_text(agent, "network"));
		table_add(&t, answer_text(agent, "mode"));
		table_add(&t, answer_bool(agent, "up") ? "up" : "not seen");
		table_add(&t, json_is_string(json_object_get(agent, "last_seen")) ? answer_text(agent, "last_seen") : "never");
		table_addf(&t, "%lld", answer_number(agent, "allowed"));
		table_addf(&t, "%lld", answer_number(agent, "denied"));
	}
	ctl_print_table(&t, "  ");
	table_free(&t);
}

/* What is certain is among the problems. */
static void show_neighbours(const json_t *neighbours)
{
	json_t *neighbour;
	size_t i;

	json_array_foreach(neighbours, i, neighbour) {
		if (!answer_bool(neighbour, "certain"))
			plain_print(stdout, "note: %s\n", answer_text(neighbour, "text"));
	}
}

/* What the kernel lacks for it.  That it was switched off is a problem, and among those. */
static void show_sandbox(const json_t *sandbox)
{
	if (!json_is_object(sandbox))
		return;
	if (answer_number(sandbox, "landlock") == 0)
		puts("note: this kernel has no landlock: file modes alone keep hallowd's programs from files that are not theirs");
	if (!answer_bool(sandbox, "kernel_filters"))
		puts("note: this kernel has no seccomp filters: no system call is refused to hallowd's programs");
}

/* A row is on disk within a second; what takes longer is said. */
static void show_audit(const json_t *audit, const json_t *recorder)
{
	long long behind_ms = json_is_object(recorder) ? answer_number(recorder, "behind_ms") : 0;

	if (!json_is_object(audit)) {
		puts("audit log: cannot be read");
		return;
	}
	printf("audit log: %lld recorded, %lld aggregated, %lld lost", answer_number(audit, "recorded"),
	       answer_number(audit, "aggregated"), answer_number(audit, "lost"));
	if (json_is_string(json_object_get(audit, "complete_from")))
		plain_print(stdout, "; older rows were deleted, it is complete from %s on", answer_text(audit, "complete_from"));
	if (behind_ms >= 1000)
		printf("; %lld seconds behind", behind_ms / 1000);
	putchar('\n');
}

static void show(struct ctl *ctl, const json_t *result)
{
	answer_print_lines(stdout, "problem: ", json_object_get(result, "problems"));
	show_torn_down(json_object_get(result, "torn_down"));
	show_yes_no(ctl, "enforcing", answer_bool(result, "enforcing"));
	show_yes_no(ctl, "recording", answer_bool(result, "recording"));
	show_daemon(json_object_get(result, "daemon"));
	show_lists(ctl, json_object_get(result, "lists"));
	show_endpoints(ctl, json_object_get(result, "endpoints"));
	show_agents(ctl, json_object_get(result, "agents"));
	show_neighbours(json_object_get(result, "neighbours"));
	show_sandbox(json_object_get(result, "sandbox"));
	show_audit(json_object_get(result, "audit"), json_object_get(result, "recorder"));
}

/* Zeros where there is no audit log yet.  -1: the log is there and cannot be read. */
static int read_totals(struct ctl *ctl, struct report_count *total, time_us *complete_from)
{
	struct error err;
	sqlite3 *db;
	int status;

	*total = (struct report_count){ .counted = 0 };
	*complete_from = 0;
	if (audit_open_reader(&db, ctl->config->state_dir, &err) == -1) {
		if (errno == ENOENT)
			return 0;
		return ctl_fail(-1, "%s", err.text);
	}
	status = report_totals(db, total, &err) == -1 ? -1 : report_complete_from(db, complete_from, &err);
	sqlite3_close(db);
	return status == 0 ? 0 : ctl_fail(-1, "%s", err.text);
}

static int add_audit(struct ctl *ctl, json_t *result)
{
	struct report_count total;
	time_us complete_from;
	char from[TIME_TEXT_MAX];

	if (read_totals(ctl, &total, &complete_from) == -1) {
		json_object_set_new(result, "audit", json_null());
		return -1;
	}
	return json_object_set_new(result, "audit", json_pack("{s:I, s:I, s:I, s:s?}", "recorded",
	                                                      (json_int_t)total.recorded, "aggregated",
	                                                      (json_int_t)total.aggregated, "lost", (json_int_t)total.lost,
	                                                      "complete_from", complete_from == 0 ? NULL :
	                                                      time_format(complete_from, 0, from)));
}

int status_result(struct ctl *ctl, json_t **result)
{
	static const char *const words[] = { "status" };
	int code = ctl_config(ctl);

	*result = NULL;
	if (code != 0)
		return code;
	daemon_sync(ctl);
	code = daemon_ask_result(ctl, words, 1, JSON_OBJECT, result);
	if (ctl->outdated)
		json_array_append_new(json_object_get(*result, "problems"),
		                      json_sprintf("%s has errors ('hallowctl check' tells them); what was good last is in force",
		                                   ctl->config_path));
	if (*result != NULL && add_audit(ctl, *result) == -1 && code < EXIT_FAILED)
		code = EXIT_FAILED;
	return code;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	json_t *result;
	int code = status_result(ctl, &result);

	(void)args;
	if (result == NULL)
		return code;
	answer_present(ctl, result, show);
	json_decref(result);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.words = "",
	.summary = "is it enforcing, is it recording, what is wrong",
	.about = "Problems first, then lists and endpoints with the kernel's counters, and the sums of the audit log.\n"
	         "The exit status tells what is wrong: 5 not enforcing, 4 an origin gave no list, 3 a list is held.\n",
	.examples = "  hallowctl status\n"
	            "  hallowctl status -o json | jq -r '.problems[]'\n",
	.formats = "text, json",
	.looks = true,
	.run = run,
};
