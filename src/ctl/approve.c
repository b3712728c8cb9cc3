/* What is held: let it in, or turn it away. */
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/session.h"

enum { REASON, FORCE };

static const struct verb_option options[] = {
	[REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	{ NULL, NULL, NULL },
};

static const struct verb_option approve_options[] = {
	[REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	[FORCE] = FORCE_OPTION,
	{ NULL, NULL, NULL },
};

static void show(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int decide(struct ctl *ctl, const struct arguments *args, const char *verb, bool may_cut)
{
	const char *words[4] = { verb }, *reason = args->option[REASON];
	char session[SESSION_WORD_MAX];
	size_t count = 1;

	if (reason == NULL || *reason == '\0')
		return ctl_fail(EXIT_USAGE, "%s needs --reason TEXT, so that the audit log says why", verb);
	if (may_cut)
		count += session_words(words + count, session, args->option[FORCE]);
	words[count++] = args->words[0];
	words[count++] = reason;
	return daemon_ask_and_show(ctl, words, count, JSON_OBJECT, show);
}

static int run_approve(struct ctl *ctl, const struct arguments *args)
{
	return decide(ctl, args, "approve", true);
}

static int run_reject(struct ctl *ctl, const struct arguments *args)
{
	return decide(ctl, args, "reject", false);
}

const struct verb verb_approve = {
	.name = "approve",
	.words = "LIST --reason TEXT",
	.min = 1,
	.max = 1,
	.summary = "let a held list in",
	.about = "Puts in force what a guard holds back; 'hallowctl lists LIST' shows what that is and why.\n"
	         "Who approved it and why stands in 'hallowctl history LIST'.\n"
	         "What would cut the ssh connection through which you are logged in is refused, unless --force is given.\n",
	.examples = "  hallowctl lists humanitec\n"
	            "  hallowctl approve humanitec --reason 'announced in the release notes of 12 November'\n",
	.formats = "text, json",
	.options = approve_options,
	.run = run_approve,
};

const struct verb verb_reject = {
	.name = "reject",
	.words = "LIST --reason TEXT",
	.min = 1,
	.max = 1,
	.summary = "turn a held list away",
	.about = "Drops what a guard holds back; the list in force stays.  The same answer is not held again.\n",
	.examples = "  hallowctl reject humanitec --reason 'the publisher confirmed that it was a mistake'\n",
	.formats = "text, json",
	.options = options,
	.run = run_reject,
};
