#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"

static void show(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	static const char *const words[] = { "reload" };

	(void)args;
	return daemon_ask_and_show(ctl, words, 1, JSON_OBJECT, show);
}

const struct verb verb_reload = {
	.name = "reload",
	.words = "",
	.summary = "take up a changed configuration",
	.about = "Reads the configuration anew and puts it in force, all of it or nothing: where it has an error, or\n"
	         "the kernel does not take it, what was in force stays in force.  Needs a running hallowd.\n",
	.examples = "  hallowctl check && hallowctl reload\n",
	.formats = "text, json",
	.run = run,
};
