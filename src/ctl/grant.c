/* Break glass: access for a time. */
#include <stdio.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/session.h"
#include "report/table.h"

enum { FOR, GRANT_REASON };

static const struct verb_option grant_options[] = {
	[FOR] = { "for", "DURATION", "how long: 90s, 30m, 2h" },
	[GRANT_REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	{ NULL, NULL, NULL },
};

enum { REVOKE_REASON, FORCE };

static const struct verb_option revoke_options[] = {
	[REVOKE_REASON] = { "reason", "TEXT", "why; it goes into the audit log" },
	[FORCE] = FORCE_OPTION,
	{ NULL, NULL, NULL },
};

static void show_text(struct ctl *ctl, const json_t *result)
{
	(void)ctl;
	answer_show_text(result);
}

static int run_grant(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "grant", args->words[0], args->words[1], NULL, args->option[GRANT_REASON] };
	char seconds[24];
	int64_t given;

	if (args->option[FOR] == NULL)
		return ctl_fail(EXIT_USAGE, "grant needs --for DURATION, such as 30m: a grant ends by itself");
	if (duration_parse(&given, args->option[FOR]) == -1 || given <= 0)
		return ctl_fail(EXIT_USAGE, "--for '%s' is no duration; expected such as 90s, 30m or 2h", args->option[FOR]);
	if (words[4] == NULL || *words[4] == '\0')
		return ctl_fail(EXIT_USAGE, "grant needs --reason TEXT, so that the audit log says why");
	snprintf(seconds, sizeof(seconds), "%lld", (long long)given);
	words[3] = seconds;
	return daemon_ask_and_show(ctl, words, 5, JSON_OBJECT, show_text);
}

static int run_revoke(struct ctl *ctl, const struct arguments *args)
{
	const char *words[5] = { "revoke" }, *reason = args->option[REVOKE_REASON];
	char session[SESSION_WORD_MAX];
	size_t count = 1;

	count += session_words(words + count, session, args->option[FORCE]);
	words[count++] = args->words[0];
	if (reason != NULL)
		words[count++] = reason;
	return daemon_ask_and_show(ctl, words, count, JSON_OBJECT, show_text);
}

static void show_grants(struct ctl *ctl, const json_t *result)
{
	static const char *const names[] = { "ID", "SOURCE", "ENDPOINT", "UNTIL", "BY", "REASON" };
	struct table t;
	json_t *g;
	size_t i;

	if (json_array_size(result) == 0) {
		puts("no grants");
		return;
	}
	table_init(&t, "rlllll", ctl->colour);
	table_header(&t, names);
	json_array_foreach(result, i, g) {
		table_addf(&t, "%lld", answer_number(g, "id"));
		table_add(&t, answer_text(g, "source"));
		table_addf(&t, "%s%s", answer_text(g, "endpoint"), answer_bool(g, "in_force") ? "" : " (not in force)");
		table_add(&t, answer_text(g, "until"));
		table_add(&t, answer_text(g, "by"));
		table_add(&t, answer_text(g, "reason"));
	}
	ctl_print_table(&t, "");
	table_free(&t);
}

static int run_grants(struct ctl *ctl, const struct arguments *args)
{
	static const char *const words[] = { "grants" };

	(void)args;
	return daemon_ask_and_show(ctl, words, 1, JSON_ARRAY, show_grants);
}

const struct verb verb_grant = {
	.name = "grant",
	.words = "SOURCE ENDPOINT --for DURATION --reason TEXT",
	.min = 2,
	.max = 2,
	.summary = "let a source in for a time",
	.about = "Break glass: SOURCE, an address or what prefix the configuration permits, reaches ENDPOINT at once, and no\n"
	         "longer when the time is over, open connections included.  The kernel ends it, also when hallowd does not\n"
	         "run.  Connections under it are recorded with the reason 'granted' and its number.  For root and the user\n"
	         "that hallowd runs as; how much may be granted is in section 'grants' of the configuration.\n",
	.examples = "  hallowctl grant 198.51.100.77 orders-db --for 30m --reason 'INC-1234, index rebuild'\n"
	            "  hallowctl grants\n",
	.formats = "text, json",
	.options = grant_options,
	.run = run_grant,
};

const struct verb verb_revoke = {
	.name = "revoke",
	.words = "ID",
	.min = 1,
	.max = 1,
	.summary = "end a grant before its time",
	.about = "Ends the grant of that number at once, open connections included.\n",
	.examples = "  hallowctl revoke 17 --reason 'index rebuilt'\n",
	.formats = "text, json",
	.options = revoke_options,
	.run = run_revoke,
};

const struct verb verb_grants = {
	.name = "grants",
	.words = "",
	.summary = "the grants that are in force",
	.about = "Shows each grant that has time left: its number, who was let in where, until when, by whom and why.\n",
	.examples = "  hallowctl grants\n"
	            "  hallowctl -o json grants\n",
	.formats = "text, json",
	.looks = true,
	.run = run_grants,
};
