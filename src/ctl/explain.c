#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "report/plain.h"

/* "203.0.113.10:6443/tcp", "[2001:db8::10]:6443/tcp" */
static void print_destination(const json_t *answer)
{
	const char *destination = answer_text(answer, "destination");
	long long port = answer_number(answer, "port");
	bool v6 = strchr(destination, ':') != NULL && port > 0;

	plain_print(stdout, v6 ? "[%s]" : "%s", destination);
	if (port > 0)
		printf(":%lld", port);
	if (*answer_text(answer, "protocol") != '\0')
		plain_print(stdout, "/%s", answer_text(answer, "protocol"));
}

static void print_head(const json_t *answer)
{
	const char *verdict = answer_text(answer, "verdict");

	fputs(strcmp(verdict, "allow") == 0 ? "ALLOW " : strcmp(verdict, "deny") == 0 ? "DENY " : "UNMATCHED ", stdout);
	plain_print(stdout, "%s -> ", answer_text(answer, "source"));
	if (*answer_text(answer, "endpoint") != '\0')
		plain_print(stdout, "%s ", answer_text(answer, "endpoint"));
	print_destination(answer);
	fputs(": ", stdout);
}

static void print_listed(const json_t *answer)
{
	plain_print(stdout, "listed as %s in list %s, revision %lld\n", answer_text(answer, "entry"),
	            answer_text(answer, "list"), answer_number(answer, "revision"));
}

static void print_granted(const json_t *grant)
{
	plain_print(stdout, "granted until %s (grant %lld, by %s: %s)\n", answer_text(grant, "until"),
	            answer_number(grant, "id"), answer_text(grant, "by"), answer_text(grant, "reason"));
}

static void print_reason(const json_t *answer)
{
	const char *reason = answer_text(answer, "reason");

	if (strcmp(reason, "listed") == 0) {
		print_listed(answer);
	} else if (strcmp(reason, "granted") == 0) {
		print_granted(json_object_get(answer, "grant"));
	} else if (strcmp(reason, "unmatched") == 0) {
		puts("no endpoint has this destination, so hallowd leaves it alone");
	} else if (strcmp(reason, "egress-denied") == 0) {
		answer_print_texts(stdout, "the source is an agent's, and its egress ends here: not in ",
		                   json_object_get(answer, "lists"), 0, ", and no endpoint in its 'reach'\n");
	} else if (strcmp(reason, "not-recorded") == 0) {
		puts("the source is listed, or has a grant, but nothing can be recorded now (audit.on_failure: deny)");
	} else if (strcmp(reason, "observed") == 0 || strcmp(reason, "not-listed") == 0) {
		answer_print_texts(stdout, "not listed in ", json_object_get(answer, "lists"), 0, "");
		if (answer_count(answer, "lists") == 0)
			fputs("the endpoint allows no list", stdout);
		if (strcmp(reason, "observed") == 0)
			fputs("; the endpoint is only observed: in mode enforce this is denied", stdout);
		putchar('\n');
	} else {
		plain_write_lines(stdout, "", reason);
	}
}

static void print_names(const json_t *origins, const struct address *source, bool naming)
{
	const char *separator = "";
	json_t *origin;
	size_t i;

	json_array_foreach(origins, i, origin) {
		if (answer_holds(json_object_get(origin, "extra"), source) != naming)
			continue;
		plain_print(stdout, "%s%s", separator, answer_text(origin, "name"));
		separator = ", ";
	}
}

static size_t count_naming(const json_t *origins, const struct address *source)
{
	json_t *origin;
	size_t naming = 0, i;

	json_array_foreach(origins, i, origin)
		naming += answer_holds(json_object_get(origin, "extra"), source);
	return naming;
}

/* Why a list does not have the source, where there is more to say than that. */
static void print_list(const json_t *list, const struct address *source)
{
	const json_t *origins = json_object_get(list, "origins"), *held = json_object_get(list, "held");
	size_t naming = count_naming(origins, source);
	const char *agree = answer_text(list, "agree");

	if (naming > 0 && naming < json_array_size(origins)) {
		plain_print(stdout, "  %s: named by ", answer_text(list, "name"));
		print_names(origins, source, true);
		fputs(", not by ", stdout);
		print_names(origins, source, false);
		plain_print(stdout, "; the list needs %s\n", strcmp(agree, "2 of 2") == 0 ? "both" : agree);
	}
	if (answer_holds(json_object_get(held, "added"), source))
		plain_print(stdout, "  %s: in what is held since %s; see hallowctl lists\n", answer_text(list, "name"),
		            answer_text(held, "since"));
	if (answer_count(list, "origins") > 0 && answer_number(list, "revision") == 0)
		plain_print(stdout, "  %s: no good list is known yet, so it lets nobody in\n", answer_text(list, "name"));
}

static void print_lists(struct ctl *ctl, const json_t *answer)
{
	struct address source;
	json_t *name, *list;
	size_t i;

	if (address_parse(&source, answer_text(answer, "source")) == -1)
		return;
	json_array_foreach(json_object_get(answer, "lists"), i, name) {
		const char *words[] = { "lists", json_string_value(name) };

		if (words[1] == NULL)
			continue;
		daemon_ask_result(ctl, words, 2, JSON_OBJECT, &list);
		print_list(list, &source);
		json_decref(list);
	}
}

static void show(struct ctl *ctl, const json_t *answer)
{
	const char *reason = answer_text(answer, "reason");

	print_head(answer);
	print_reason(answer);
	if (strcmp(reason, "not-listed") == 0 || strcmp(reason, "observed") == 0)
		print_lists(ctl, answer);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	const char *words[] = { "explain", args->words[0], args->words[1] };

	return daemon_ask_and_show(ctl, words, 3, JSON_OBJECT, show);
}

const struct verb verb_explain = {
	.name = "explain",
	.words = "SOURCE DESTINATION",
	.min = 2,
	.max = 2,
	.summary = "the verdict for one connection, and why",
	.about = "Says whether a new connection from SOURCE to DESTINATION is let in, and which entry of which list\n"
	         "decides it; for a denied one, which origins name the source and which do not, and what is held.\n"
	         "DESTINATION is ADDRESS[:PORT][/PROTOCOL]; an IPv6 address with a port stands in brackets.\n",
	.examples = "  hallowctl explain 34.159.97.57 203.0.113.10:6443\n"
	            "  hallowctl explain 2001:db8:1::5 '[2001:db8::10]:6443/tcp'\n",
	.formats = "text, json",
	.looks = true,
	.run = run,
};
