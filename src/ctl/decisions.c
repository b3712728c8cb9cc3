/* A person decides about a list: what is held is let in or turned away; an earlier revision is put in force, and stays. */
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/session.h"

enum { REASON, FORCE };

static const struct verb_option options[] = {
	[REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	{ NULL, NULL, NULL },
};

static const struct verb_option cutting_options[] = {
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
	const char *words[5] = { verb }, *reason = args->option[REASON];
	char session[SESSION_WORD_MAX];
	size_t count = 1;

	if (reason == NULL || *reason == '\0')
		return ctl_fail(EXIT_USAGE, "%s needs --reason TEXT, so that the audit log says why", verb);
	if (may_cut)
		count += session_words(words + count, session, args->option[FORCE]);
	for (size_t i = 0; i < args->count; i++)
		words[count++] = args->words[i];
	words[count++] = reason;
	return daemon_ask_and_show(ctl, words, count, JSON_OBJECT, show);
}

static int run_rollback(struct ctl *ctl, const struct arguments *args)
{
	return decide(ctl, args, "rollback", true);
}

static int run_unpin(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "unpin", args->words[0], args->option[REASON] };

	return daemon_ask_and_show(ctl, words, words[2] == NULL ? 2 : 3, JSON_OBJECT, show);
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
	.options = cutting_options,
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

const struct verb verb_rollback = {
	.name = "rollback",
	.words = "LIST REVISION --reason TEXT",
	.min = 2,
	.max = 2,
	.summary = "put an earlier revision in force, and keep it",
	.about = "Puts an earlier revision of the list in force again, as the next one, and pins it: the origins are asked as\n"
	         "before, and change nothing until 'hallowctl unpin LIST'.  The last 20 revisions can be gone back to;\n"
	         "'hallowctl history LIST' shows what they were.\n"
	         "What would cut the ssh connection through which you are logged in is refused, unless --force is given.\n",
	.examples = "  hallowctl history humanitec\n"
	            "  hallowctl rollback humanitec 3 --reason 'the publisher dropped an address that is still in use'\n",
	.formats = "text, json",
	.options = cutting_options,
	.run = run_rollback,
};

const struct verb verb_unpin = {
	.name = "unpin",
	.words = "LIST [--reason TEXT]",
	.min = 1,
	.max = 1,
	.summary = "let the origins decide again",
	.about = "Ends the pin that 'hallowctl rollback' has set; the next refresh puts in force what the origins agree on.\n",
	.examples = "  hallowctl unpin humanitec\n"
	            "  hallowctl refresh humanitec\n",
	.formats = "text, json",
	.options = options,
	.run = run_unpin,
};
