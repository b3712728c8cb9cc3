/* Taking up a changed configuration, for good or for a time. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/session.h"

enum { CONFIRM, FORCE };

static const struct verb_option options[] = {
	[CONFIRM] = { "confirm", "DURATION", "go back by itself unless 'hallowctl confirm' follows within this time" },
	[FORCE] = FORCE_OPTION,
	{ NULL, NULL, NULL },
};

static void show(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int run_reload(struct ctl *ctl, const struct arguments *args)
{
	const char *words[4] = { "reload" };
	char session[SESSION_WORD_MAX], confirm[40];
	int64_t seconds;
	size_t count = 1;

	if (args->option[CONFIRM] != NULL) {
		if (duration_parse(&seconds, args->option[CONFIRM]) == -1)
			return ctl_fail(EXIT_USAGE, "--confirm '%s' is no duration; expected such as 90s or 10m",
			                args->option[CONFIRM]);
		snprintf(confirm, sizeof(confirm), "--confirm=%lld", (long long)seconds);
		words[count++] = confirm;
	}
	count += session_words(words + count, session, args->option[FORCE]);
	return daemon_ask_and_show(ctl, words, count, JSON_OBJECT, show);
}

static int run_confirm(struct ctl *ctl, const struct arguments *args)
{
	static const char *const words[] = { "confirm" };

	(void)args;
	return daemon_ask_and_show(ctl, words, 1, JSON_OBJECT, show);
}

const struct verb verb_reload = {
	.name = "reload",
	.words = "",
	.summary = "take up a changed configuration",
	.about = "Reads the configuration anew and puts it in force, all of it or nothing: where it has an error, or\n"
	         "the kernel does not take it, what was in force stays in force.  Needs a running hallowd.\n"
	         "\n"
	         "With --confirm it is in force for that long, 5s to 24h.  Unless 'hallowctl confirm' follows, hallowd goes\n"
	         "back by itself, also after it was killed or the host was booted meanwhile, and does not take up that file\n"
	         "again until it is changed or reloaded.  Lists are not refreshed by themselves until it is decided.\n"
	         "\n"
	         "What would cut the ssh connection through which you are logged in is refused, unless --force is given.\n",
	.examples = "  hallowctl check && hallowctl reload\n"
	            "  hallowctl reload --confirm 2m     # then, from a new session: hallowctl confirm\n",
	.formats = "text, json",
	.options = options,
	.run = run_reload,
};

const struct verb verb_confirm = {
	.name = "confirm",
	.words = "",
	.summary = "keep what 'reload --confirm' put in force",
	.about = "Keeps the configuration that 'hallowctl reload --confirm DURATION' put in force, which else goes\n"
	         "back by itself.\n",
	.examples = "  hallowctl confirm\n",
	.formats = "text, json",
	.run = run_confirm,
};
