#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "report/plain.h"

static void show_list(const json_t *list)
{
	plain_write(stdout, answer_text(list, "list"));
	printf(": %zu added, %zu removed\n", answer_count(list, "added"), answer_count(list, "removed"));
	answer_print_lines(stdout, "  + ", json_object_get(list, "added"));
	answer_print_lines(stdout, "  - ", json_object_get(list, "removed"));
}

static void show(struct ctl *ctl, const json_t *result)
{
	const json_t *endpoints = json_object_get(result, "endpoints");
	json_t *list;
	size_t i;

	(void)ctl;
	answer_print_lines(stdout, "warning: ", json_object_get(result, "warnings"));
	if (!answer_bool(result, "changes")) {
		puts("nothing to change: the kernel has just this policy");
		return;
	}
	json_array_foreach(json_object_get(result, "lists"), i, list)
		show_list(list);
	answer_print_texts(stdout, "endpoints added: ", json_object_get(endpoints, "added"), 0, "\n");
	answer_print_texts(stdout, "endpoints changed: ", json_object_get(endpoints, "changed"), 0, "\n");
	answer_print_texts(stdout, "endpoints removed: ", json_object_get(endpoints, "removed"), 0, "\n");
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	static const char *const words[] = { "plan" };

	(void)args;
	return daemon_ask_and_show(ctl, words, 1, JSON_OBJECT, show);
}

const struct verb verb_plan = {
	.name = "plan",
	.words = "",
	.summary = "what the kernel would get",
	.about = "Shows what 'hallowctl reload' would change in the kernel: addresses of lists, and endpoints.\n"
	         "Changes nothing.\n",
	.examples = "  hallowctl plan\n"
	            "  hallowctl -o json plan | jq .changes\n",
	.formats = "text, json",
	.run = run,
};
