#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/cut_off.h"
#include "ctl/daemon.h"
#include "ctl/session.h"
#include "report/plain.h"

enum { REFRESH, NFT };

static const struct verb_option options[] = {
	[REFRESH] = { "refresh", NULL, "of a refresh: ask the origins, and judge what they say" },
	[NFT] = { "nft", NULL, "the whole ruleset that it comes to, as nft lists it" },
	{ NULL, NULL, NULL },
};

static void show_list(const json_t *list)
{
	plain_print(stdout, "%s: %zu added, %zu removed\n", answer_text(list, "list"), answer_count(list, "added"),
	            answer_count(list, "removed"));
	answer_print_lines(stdout, "  + ", json_object_get(list, "added"));
	answer_print_lines(stdout, "  - ", json_object_get(list, "removed"));
}

/* What a refresh would not put in force. */
static void show_refreshed(const json_t *list)
{
	const char *outcome = answer_text(list, "outcome");

	if (strcmp(outcome, "unchanged") == 0 || strcmp(outcome, "applied") == 0)
		return;
	plain_print(stdout, "%s: %s\n", answer_text(list, "list"), outcome);
	answer_print_lines(stdout, "  ", json_object_get(list, "reasons"));
	answer_print_lines(stdout, "  would add ", json_object_get(list, "added"));
	answer_print_lines(stdout, "  would remove ", json_object_get(list, "removed"));
}

static void show_endpoint(const json_t *endpoint)
{
	plain_print(stdout, "%s, an endpoint, %s:\n", answer_text(endpoint, "endpoint"), answer_text(endpoint, "change"));
	answer_print_lines(stdout, "  ", json_object_get(endpoint, "details"));
}

static void show(struct ctl *ctl, const json_t *result)
{
	const json_t *endpoints = json_object_get(result, "endpoints");
	json_t *one;
	size_t i;

	(void)ctl;
	answer_print_lines(stdout, "warning: ", json_object_get(result, "warnings"));
	json_array_foreach(json_object_get(result, "refresh"), i, one)
		show_refreshed(one);
	json_array_foreach(json_object_get(result, "lists"), i, one)
		show_list(one);
	answer_print_texts(stdout, "endpoints added: ", json_object_get(endpoints, "added"), 0, "\n");
	answer_print_texts(stdout, "endpoints changed: ", json_object_get(endpoints, "changed"), 0, "\n");
	answer_print_texts(stdout, "endpoints removed: ", json_object_get(endpoints, "removed"), 0, "\n");
	json_array_foreach(json_object_get(result, "details"), i, one)
		show_endpoint(one);
	if (!answer_bool(result, "changes"))
		puts("nothing to change: the kernel has just this policy");
}

static void show_nft(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	fputs(answer_text(result, "nft"), stdout);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	const char *words[CONTROL_WORDS_MAX] = { "plan" };
	char session[SESSION_WORD_MAX];
	json_t *plan;
	size_t count = 1;
	int code;

	count += session_words(words + count, session, NULL);
	if (args->option[REFRESH] != NULL)
		words[count++] = "--refresh";
	else if (args->count > 0)
		return ctl_fail(EXIT_USAGE, "plan takes lists only with --refresh: a reload takes up all of the configuration");
	if (args->option[NFT] != NULL)
		words[count++] = "--nft";
	memcpy(words + count, args->words, args->count * sizeof(*words));
	code = daemon_ask_result(ctl, words, count + args->count, JSON_OBJECT, &plan);
	if (plan != NULL && args->option[NFT] == NULL)
		cut_off_add(ctl, plan);
	if (plan != NULL)
		answer_present(ctl, plan, args->option[NFT] == NULL ? show : show_nft);
	json_decref(plan);
	return code;
}

const struct verb verb_plan = {
	.name = "plan",
	.words = "[LIST...]",
	.max = CONTROL_WORDS_MAX - 4,
	.summary = "what the kernel would get",
	.about = "Shows what 'hallowctl reload' would change, or with --refresh 'hallowctl refresh' (of the lists that are\n"
	         "named, or of all): addresses of lists, and endpoints with what differs in them.  Warns of what would be\n"
	         "protected no more, and of sources that were let in within the last 30 days and would be cut off.\n"
	         "Changes nothing.\n",
	.examples = "  hallowctl plan\n"
	            "  hallowctl plan --refresh humanitec\n"
	            "  hallowctl plan --nft              # the ruleset, to be read\n"
	            "  hallowctl -o json plan | jq .cut_off\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
