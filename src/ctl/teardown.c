#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"

enum { REASON };

static const struct verb_option options[] = {
	[REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	{ NULL, NULL, NULL },
};

static void show(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "teardown", args->option[REASON] };

	if (words[1] == NULL || *words[1] == '\0')
		return ctl_fail(EXIT_USAGE, "teardown opens every endpoint to everybody, so it needs --reason TEXT");
	return daemon_ask_and_show(ctl, words, 2, JSON_OBJECT, show);
}

const struct verb verb_teardown = {
	.name = "teardown",
	.words = "--reason TEXT",
	.summary = "stop enforcing",
	.about = "Removes hallowd's table from the kernel: from then on nothing is denied or recorded.  Stopping the\n"
	         "daemon does not do that.  'hallowctl reload' puts the policy in force again.\n",
	.examples = "  hallowctl teardown --reason 'moving the API to the new gateway, CHG-1234'\n",
	.formats = "text, json",
	.options = options,
	.run = run,
};
