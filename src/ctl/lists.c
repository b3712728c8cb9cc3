#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/time_text.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/disagreement.h"
#include "report/plain.h"
#include "report/table.h"

#define DISPUTES_SHOWN 40
#define HELD_SHOWN 40

static bool is_published(const json_t *list)
{
	return answer_count(list, "origins") > 0;
}

static enum style state_style(const char *state)
{
	return strcmp(state, "current") == 0 || strcmp(state, "ok") == 0 ? STYLE_GOOD : STYLE_BAD;
}

static void show_summary(struct ctl *ctl, const json_t *lists)
{
	static const char *const names[] = { "LIST", "KIND", "STATE", "REVISION", "ENTRIES", "AGREE", "APPLIED AT",
		                             "DECIDED BY" };
	struct table t;
	json_t *list;
	size_t i;

	table_init(&t, "lllrrlll", ctl->colour);
	table_header(&t, names);
	json_array_foreach(lists, i, list) {
		table_add(&t, answer_text(list, "name"));
		table_add(&t, answer_text(list, "kind"));
		table_add_style(&t, state_style(answer_text(list, "state")), answer_text(list, "state"));
		table_addf(&t, "%lld", answer_number(list, "revision"));
		table_addf(&t, "%zu", answer_count(list, "entries"));
		table_add(&t, is_published(list) ? answer_text(list, "agree") : "");
		table_add(&t, answer_text(list, "applied_at"));
		table_add(&t, answer_text(list, "decided_by"));
	}
	ctl_print_table(&t, "");
	table_free(&t);
}

/* What ships is as old as its date, however often it is read. */
static void add_source(struct table *t, const json_t *origin)
{
	const char *published = answer_text(origin, "published"), *preset = answer_text(origin, "preset");
	time_us now = time_now(), then;

	if (*preset != '\0')
		table_addf(t, "preset %s: %s", preset, answer_text(origin, "source"));
	else if (*published == '\0')
		table_add(t, answer_text(origin, "source"));
	else if (time_parse(&then, published, now) == -1 || then > now)
		table_addf(t, "%s, of %s", answer_text(origin, "source"), published);
	else
		table_addf(t, "%s, of %s (%lld days old)", answer_text(origin, "source"), published,
		           (long long)((now - then) / (US_PER_SECOND * 86400)));
}

static void show_origins(struct ctl *ctl, const json_t *list)
{
	static const char *const names[] = { "ORIGIN", "STATE", "ENTRIES", "FETCHED AT", "SOURCE" };
	const json_t *origins = json_object_get(list, "origins");
	struct table t;
	json_t *origin;
	size_t i;

	table_init(&t, "llrll", ctl->colour);
	table_header(&t, names);
	json_array_foreach(origins, i, origin) {
		table_add(&t, answer_text(origin, "name"));
		table_add_style(&t, state_style(answer_text(origin, "state")), answer_text(origin, "state"));
		table_addf(&t, "%lld", answer_number(origin, "entries"));
		table_add(&t, answer_text(origin, "fetched_at"));
		add_source(&t, origin);
	}
	ctl_print_table(&t, "  ");
	table_free(&t);
	json_array_foreach(origins, i, origin) {
		if (*answer_text(origin, "error") != '\0')
			plain_print(stdout, "  %s: %s\n", answer_text(origin, "name"), answer_text(origin, "error"));
	}
}

static void show_held(const json_t *list)
{
	const json_t *held = json_object_get(list, "held");

	if (!json_is_object(held))
		return;
	plain_print(stdout, "held since %s: %zu to add, %zu to remove\n", answer_text(held, "since"),
	            answer_count(held, "added"), answer_count(held, "removed"));
	answer_print_lines(stdout, "  ", json_object_get(held, "reasons"));
	answer_print_texts(stdout, "  + ", json_object_get(held, "added"), HELD_SHOWN, "\n");
	answer_print_texts(stdout, "  - ", json_object_get(held, "removed"), HELD_SHOWN, "\n");
	plain_print(stdout, "  decide: hallowctl approve, or reject, %s --reason TEXT\n", answer_text(list, "name"));
}

/* What is unsettled about a list. */
static void show_disputes(struct ctl *ctl, const json_t *list)
{
	if (disagreement_print(stdout, list, ctl->colour, DISPUTES_SHOWN) == -1)
		ctl_fail(0, "where the origins disagree cannot be told: %s", strerror(errno));
	show_held(list);
}

static void show_pin(const json_t *list)
{
	const json_t *pin = json_object_get(list, "pinned");

	if (!json_is_object(pin))
		return;
	plain_print(stdout, "pinned by %s since %s: %s\n", answer_text(pin, "by"), answer_text(pin, "since"),
	            answer_text(pin, "reason"));
	plain_print(stdout, "  its origins change nothing until: hallowctl unpin %s\n", answer_text(list, "name"));
}

static void show_one(struct ctl *ctl, const json_t *list)
{
	size_t entries = answer_count(list, "entries");

	plain_print(stdout, "%s: %s list, %s, revision %lld, %zu %s in force", answer_text(list, "name"),
	            is_published(list) ? "published" : "own", answer_text(list, "state"), answer_number(list, "revision"),
	            entries, number_entries(entries));
	if (*answer_text(list, "applied_at") != '\0')
		plain_print(stdout, ", applied at %s", answer_text(list, "applied_at"));
	if (*answer_text(list, "decided_by") != '\0')
		plain_print(stdout, ", decided by %s", answer_text(list, "decided_by"));
	fputc('\n', stdout);
	if (is_published(list)) {
		plain_print(stdout, "origins; %s must name an address:\n", answer_text(list, "agree"));
		show_origins(ctl, list);
		show_disputes(ctl, list);
	}
	show_pin(list);
	puts("in force:");
	answer_print_lines(stdout, "  ", json_object_get(list, "entries"));
	if (answer_count(list, "entries") == 0)
		puts("  nothing: this list lets nobody in");
}

static bool is_unsettled(const json_t *list)
{
	json_t *origin;
	size_t i;

	if (json_is_object(json_object_get(list, "held")))
		return true;
	json_array_foreach(json_object_get(list, "origins"), i, origin) {
		if (answer_count(origin, "extra") > 0 || answer_count(origin, "missing") > 0 ||
		    *answer_text(origin, "error") != '\0')
			return true;
	}
	return false;
}

static void show_all(struct ctl *ctl, const json_t *lists)
{
	json_t *list;
	size_t i;

	if (json_array_size(lists) == 0) {
		puts("no lists");
		return;
	}
	show_summary(ctl, lists);
	json_array_foreach(lists, i, list) {
		if (!is_unsettled(list))
			continue;
		plain_print(stdout, "\n%s; %s must name an address:\n", answer_text(list, "name"), answer_text(list, "agree"));
		show_origins(ctl, list);
		show_disputes(ctl, list);
	}
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "lists", args->count > 0 ? args->words[0] : NULL };

	if (args->count > 0)
		return daemon_ask_and_show(ctl, words, 2, JSON_OBJECT, show_one);
	return daemon_ask_and_show(ctl, words, 1, JSON_ARRAY, show_all);
}

const struct verb verb_lists = {
	.name = "lists",
	.words = "[LIST]",
	.max = 1,
	.summary = "what is in force, and where origins disagree",
	.about = "Shows the lists: revision, entries in force, what each origin answered, which addresses only some\n"
	         "origins name, and what a guard holds back and why.  With LIST, that one with all its entries.\n",
	.examples = "  hallowctl lists\n"
	            "  hallowctl lists humanitec\n"
	            "  hallowctl lists humanitec -o json | jq -r '.entries[]'\n",
	.formats = "text, json",
	.looks = true,
	.run = run,
};
