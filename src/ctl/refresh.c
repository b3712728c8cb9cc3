#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/session.h"
#include "report/plain.h"

#define ADDRESSES_SHOWN 12

enum { QUIET, FORCE };

static const struct verb_option options[] = {
	[QUIET] = { "quiet", NULL, "say only what a person must know; nothing where all is well" },
	[FORCE] = FORCE_OPTION,
	{ NULL, NULL, NULL },
};

/* "humanitec: applied revision 4, 1 added, 0 removed" */
static void show_outcome(const json_t *list)
{
	const char *outcome = answer_text(list, "outcome");
	long long revision = answer_number(list, "revision");
	size_t added = answer_count(list, "added"), removed = answer_count(list, "removed");

	plain_print(stdout, "%s: %s", answer_text(list, "list"), outcome);
	if (strcmp(outcome, "applied") == 0)
		printf(" revision %lld, %zu added, %zu removed\n", revision, added, removed);
	else if (strcmp(outcome, "unchanged") == 0)
		printf(", revision %lld\n", revision);
	else if (revision > 0)
		printf("; revision %lld stays in force\n", revision);
	else
		puts("; no good list is known yet, so it lets nobody in");
	if (strcmp(outcome, "held") == 0)
		printf("  approved, it would be %zu added, %zu removed\n", added, removed);
}

static bool is_told(const json_t *reasons, const char *error)
{
	json_t *reason;
	size_t i;

	json_array_foreach(reasons, i, reason) {
		if (json_is_string(reason) && strstr(json_string_value(reason), error) != NULL)
			return true;
	}
	return false;
}

/* What went wrong with an origin, where the reasons have not said so already. */
static void show_origins(const json_t *list)
{
	json_t *origin;
	size_t i;

	json_array_foreach(json_object_get(list, "origins"), i, origin) {
		const char *error = answer_text(origin, "error");

		if (strcmp(answer_text(origin, "state"), "ok") == 0 && *error == '\0')
			continue;
		if (*error != '\0' && is_told(json_object_get(list, "reasons"), error))
			continue;
		plain_print(stdout, "  origin %s: %s\n", answer_text(origin, "name"),
		            *error != '\0' ? error : answer_text(origin, "state"));
	}
}

static void show_list(const json_t *list)
{
	show_outcome(list);
	answer_print_texts(stdout, "  + ", json_object_get(list, "added"), ADDRESSES_SHOWN, "\n");
	answer_print_texts(stdout, "  - ", json_object_get(list, "removed"), ADDRESSES_SHOWN, "\n");
	answer_print_lines(stdout, "  ", json_object_get(list, "reasons"));
	show_origins(list);
	if (strcmp(answer_text(list, "outcome"), "held") == 0)
		plain_print(stdout, "  a person must decide: hallowctl approve, or reject, %s --reason TEXT\n",
		            answer_text(list, "list"));
}

static void show(struct ctl *ctl, const json_t *result)
{
	json_t *list;
	size_t i;

	(void)ctl;
	json_array_foreach(result, i, list)
		show_list(list);
}

/* What cron should mail: a list that did not come through, an origin that did not, and why all is not well. */
static bool must_be_known(const json_t *list, bool well)
{
	const char *outcome = answer_text(list, "outcome");
	json_t *origin;
	size_t i;

	json_array_foreach(json_object_get(list, "origins"), i, origin) {
		if (strcmp(answer_text(origin, "state"), "failed") == 0)
			return true;
	}
	if (!well && json_array_size(json_object_get(list, "reasons")) > 0)
		return true;
	return strcmp(outcome, "applied") != 0 && strcmp(outcome, "unchanged") != 0;
}

static void drop_what_is_well(json_t *result, bool well)
{
	size_t i;

	for (i = json_array_size(result); i-- > 0;) {
		if (!must_be_known(json_array_get(result, i), well))
			json_array_remove(result, i);
	}
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	const char *words[CONTROL_WORDS_MAX] = { "refresh" };
	bool quiet = args->option[QUIET] != NULL;
	char session[SESSION_WORD_MAX];
	size_t count = 1;
	json_t *result;
	int code;

	count += session_words(words + count, session, args->option[FORCE]);
	memcpy(words + count, args->words, args->count * sizeof(*words));
	code = daemon_ask_result(ctl, words, count + args->count, JSON_ARRAY, &result);
	if (quiet)
		drop_what_is_well(result, code == EXIT_DONE);
	if (result != NULL && (!quiet || json_array_size(result) > 0))
		answer_present(ctl, result, show);
	json_decref(result);
	return code;
}

const struct verb verb_refresh = {
	.name = "refresh",
	.words = "[LIST...]",
	.max = CONTROL_WORDS_MAX - 2,
	.summary = "fetch, judge and apply lists now",
	.about = "Fetches the lists (all, where none is named), judges them, and puts in force what is good.  A\n"
	         "running hallowd does it; where none runs, it is done here, once.  An answer that is no list, or out\n"
	         "of its guards, changes nothing.\n",
	.examples = "  hallowctl refresh\n"
	            "  hallowctl refresh humanitec -o json\n"
	            "  hallowctl refresh --quiet     # for cron: mails only what a person must know\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
