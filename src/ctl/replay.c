/* What the policy in force says to the connections of a capture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/read_file.h"
#include "core/control.h"
#include "core/policy.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "report/plain.h"
#include "report/table.h"

#define PAIRS 100 /* asked about at once */
#define DESTINATION_MAX (ADDRESS_TEXT_MAX + 16)

struct replay {
	const char *path;
	struct capture capture;
	json_t *rows;
	uint64_t allowed, denied, unmatched;
};

static int compare(const void *a, const void *b)
{
	const struct captured *x = a, *y = b;
	int order = address_compare(&x->destination, &y->destination);

	if (order == 0)
		order = (x->port > y->port) - (x->port < y->port);
	if (order == 0)
		order = (x->protocol > y->protocol) - (x->protocol < y->protocol);
	return order != 0 ? order : address_compare(&x->source, &y->source);
}

static void add_row(struct replay *r, const struct captured *c, const char *source, size_t connections, json_t *answer)
{
	const char *verdict = answer_text(answer, "verdict");
	char destination[ADDRESS_TEXT_MAX];
	uint64_t *sum = strcmp(verdict, "allow") == 0 ? &r->allowed : strcmp(verdict, "deny") == 0 ? &r->denied : &r->unmatched;
	json_t *row = json_pack("{s:s, s:s, s:i, s:s, s:I}", "source", source, "destination",
	                        address_format(&c->destination, destination), "port", (int)c->port, "protocol",
	                        protocol_name(c->protocol), "connections", (json_int_t)connections);
	static const char *const said[] = { "verdict", "endpoint", "reason", "list", "entry", "revision" };

	*sum += connections;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		json_t *value = json_object_get(answer, said[i]);

		json_object_set(row, said[i], value == NULL ? json_null() : value);
	}
	json_array_append_new(r->rows, row);
}

/* So many equal ones begin at `at`. */
static size_t equals(const struct capture *c, size_t at)
{
	size_t count = 1;

	while (at + count < c->count && compare(&c->all[at], &c->all[at + count]) == 0)
		count++;
	return count;
}

/* Asks about up to PAIRS different connections from *at on, which moves on.  An exit code. */
static int ask_some(struct ctl *ctl, struct replay *r, size_t *at)
{
	static char sources[PAIRS][ADDRESS_TEXT_MAX], destinations[PAIRS][DESTINATION_MAX];
	const char *words[1 + 2 * PAIRS] = { "explain-all" };
	size_t begin[PAIRS], counts[PAIRS], n = 0;
	json_t *answers;
	int code;

	for (; *at < r->capture.count && n < PAIRS; n++) {
		const struct captured *c = &r->capture.all[*at];
		bool v6 = c->destination.family == AF_INET6;
		char text[ADDRESS_TEXT_MAX];

		begin[n] = *at;
		counts[n] = equals(&r->capture, *at);
		*at += counts[n];
		address_format(&c->source, sources[n]);
		snprintf(destinations[n], DESTINATION_MAX, "%s%s%s:%u/%s", v6 ? "[" : "", address_format(&c->destination, text),
		         v6 ? "]" : "", c->port, protocol_name(c->protocol));
		words[1 + 2 * n] = sources[n];
		words[2 + 2 * n] = destinations[n];
	}
	code = daemon_ask_result(ctl, words, 1 + 2 * n, JSON_ARRAY, &answers);
	for (size_t i = 0; i < n && i < json_array_size(answers); i++)
		add_row(r, &r->capture.all[begin[i]], sources[i], counts[i], json_array_get(answers, i));
	json_decref(answers);
	return code;
}

/* What the policy says of nothing at all is worth no answer that may fail. */
static int ask_all(struct ctl *ctl, struct replay *r)
{
	int code = EXIT_DONE;

	if (r->capture.count > 1)
		qsort(r->capture.all, r->capture.count, sizeof(r->capture.all[0]), compare);
	for (size_t at = 0; at < r->capture.count;) {
		int one = ask_some(ctl, r, &at);

		if (one != EXIT_DONE && one != EXIT_NOT_ENFORCED)
			return one;
		code = one > code ? one : code;
	}
	return code;
}

static json_t *time_or_null(time_us t)
{
	char text[TIME_TEXT_MAX];

	return t == 0 ? json_null() : json_string(time_format(t, 1, text));
}

static void show(struct ctl *ctl, const json_t *result)
{
	static const char *const names[] = { "ENDPOINT", "SOURCE", "DESTINATION", "VERDICT", "CONNECTIONS", "WHY" };
	json_t *rows = json_object_get(result, "rows"), *row;
	struct table t;
	size_t i;

	printf("%lld packets, %lld connections: %lld would be allowed, %lld denied; %lld are to no endpoint\n",
	       answer_number(result, "packets"), answer_number(result, "connections"), answer_number(result, "allowed"),
	       answer_number(result, "denied"), answer_number(result, "unmatched"));
	if (answer_number(result, "connections") == 0)
		puts("No connection begins in this capture: a SYN of TCP, an INIT of SCTP, or a packet of UDP.");
	if (answer_number(result, "allowed") + answer_number(result, "denied") == 0)
		return;
	table_init(&t, "llllrl", ctl->colour);
	table_header(&t, names);
	json_array_foreach(rows, i, row) {
		bool allowed = strcmp(answer_text(row, "verdict"), "allow") == 0;

		if (strcmp(answer_text(row, "verdict"), "unmatched") == 0)
			continue;
		table_add(&t, answer_text(row, "endpoint"));
		table_add(&t, answer_text(row, "source"));
		table_addf(&t, "%s port %lld %s", answer_text(row, "destination"), answer_number(row, "port"),
		           answer_text(row, "protocol"));
		table_add_style(&t, allowed ? STYLE_GOOD : STYLE_BAD, answer_text(row, "verdict"));
		table_addf(&t, "%lld", answer_number(row, "connections"));
		table_addf(&t, "%s%s%s", answer_text(row, "reason"), *answer_text(row, "list") == '\0' ? "" : " in ",
		           answer_text(row, "list"));
	}
	table_print(&t, stdout, "  ");
	table_free(&t);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct replay r = { .path = args->words[0], .rows = json_array() };
	struct error err;
	json_t *result;
	int code;

	if (capture_read(&r.capture, r.path, &err) == -1) {
		json_decref(r.rows);
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	}
	code = ask_all(ctl, &r);
	result = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "file", r.path, "packets",
	                   (json_int_t)r.capture.packets, "connections", (json_int_t)r.capture.count, "allowed",
	                   (json_int_t)r.allowed, "denied", (json_int_t)r.denied, "unmatched", (json_int_t)r.unmatched, "first",
	                   time_or_null(r.capture.first), "last", time_or_null(r.capture.last), "rows", r.rows);
	if (code == EXIT_DONE || code == EXIT_NOT_ENFORCED)
		answer_present(ctl, result, show);
	json_decref(result);
	capture_free(&r.capture);
	return code;
}

const struct verb verb_replay = {
	.name = "replay",
	.words = "FILE",
	.min = 1,
	.max = 1,
	.summary = "what the policy in force says to a capture",
	.about = "Reads a capture (pcap or pcapng; Ethernet with or without VLAN tags, Linux cooked, raw IP) and says which of\n"
	         "its connections the policy in force would have let in or denied.  A connection counts once, by the packet\n"
	         "that begins it.  A file that is damaged or cut off is an error that says how far it could be read.\n",
	.examples = "  tcpdump -i eth0 -w yesterday.pcap 'tcp[13] & 18 = 2'\n"
	            "  hallowctl replay yesterday.pcap\n"
	            "  hallowctl -o json replay yesterday.pcap | jq '.rows[] | select(.verdict == \"deny\")'\n",
	.formats = "text, json",
	.run = run,
};
