/* What a proposed list would have done to the recorded past. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/counts.h"
#include "core/list_file.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/daemon.h"
#include "ctl/parser.h"

#define LARGEST_FILE (UINT64_C(256) << 20)

enum { LIST, FILE_NAME, SINCE, FORMAT, SELECT };

static const struct verb_option options[] = {
	[LIST] = { "list", "NAME", "the list that would be changed" },
	[FILE_NAME] = { "file", "FILE", "what would be on it, in any format that an origin may have" },
	[SINCE] = { "since", "T", "only connections at or after this time: 2026-11-01, -30d" },
	[FORMAT] = { "format", "F", "text, json, yaml, csv, html or xml; guessed where left out" },
	[SELECT] = { "select", "S", "as an origin's: a jq program, an XPath, a column" },
	{ NULL, NULL, NULL },
};

/* The connections of one source to one endpoint that would have gone the other way. */
struct finding {
	const struct policy_endpoint *endpoint;
	struct address source;
	uint64_t connections, aggregated;
	time_us last;
};

struct findings {
	struct finding *all; /* owned */
	size_t count, cap;
};

struct simulation {
	struct ctl *ctl;
	size_t list;                /* index of config->lists */
	time_us since;
	struct prefix_set proposed;
	struct prefix_set *lists;   /* for each of the configuration's, what is in force; owned */
	json_t *grants;             /* owned */
	struct findings deny, allow;
};

static void simulation_free(struct simulation *s)
{
	for (size_t i = 0; s->lists != NULL && i < s->ctl->config->list_count; i++)
		prefix_set_free(&s->lists[i]);
	free(s->lists);
	prefix_set_free(&s->proposed);
	json_decref(s->grants);
	free(s->deny.all);
	free(s->allow.all);
}

/* --- the file */

static int check_result(const struct list_config *list, const char *file, const struct parse_result *r)
{
	if (!r->ok)
		return ctl_fail(EXIT_FAILED, "%s is no list: %s", file, r->error);
	if (r->bad > list->guard.max_bad && r->bad_shown > 0)
		return ctl_fail(EXIT_FAILED, "%s: line %u: '%s': %s; %llu such rows, and max_bad of list %s is %llu", file,
		                r->bad_rows[0].line, r->bad_rows[0].text, r->bad_rows[0].what, (unsigned long long)r->bad,
		                list->name, (unsigned long long)list->guard.max_bad);
	if (r->rows == 0)
		return ctl_fail(EXIT_FAILED, "%s has no entries; an empty list would cut everybody off", file);
	return 0;
}

static int read_file(struct simulation *s, const struct arguments *args)
{
	static char none[] = "";
	const char *file = args->option[FILE_NAME], *select = args->option[SELECT];
	const struct list_config *list = &s->ctl->config->lists[s->list];
	enum list_format format = FORMAT_GUESS;
	struct parse_request q = { .select = none, .content_type = none, .signed_by = none, .signature = none,
		                       .max_bytes = LARGEST_FILE, .max_entries = 2000000 };
	struct parse_result r = { 0 };
	struct error err;
	int code;

	if (args->option[FORMAT] != NULL && list_format_parse(&format, args->option[FORMAT]) == -1)
		return ctl_fail(EXIT_USAGE, "--format '%s' is none of text, json, yaml, csv, html, xml", args->option[FORMAT]);
	q.format = (uint8_t)format;
	q.name = (char *)(uintptr_t)file;
	if (select != NULL)
		q.select = (char *)(uintptr_t)select;
	if (parser_ask(file, &q, &r, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	code = check_result(list, file, &r);
	if (code == 0) {
		s->proposed = r.set;
		r.set = (struct prefix_set)PREFIX_SET_INIT;
	}
	parse_result_free(&r);
	return code;
}

/* --- what is in force */

static int read_list(struct simulation *s, int state, size_t i)
{
	const struct list_config *list = &s->ctl->config->lists[i];
	struct list_file f = { 0 };
	struct error err;
	char name[128];

	if (list->origin_count == 0)
		return prefix_set_copy(&s->lists[i], &list->entries) == -1 ? ctl_fail(EXIT_FAILED, "out of memory") : 0;
	snprintf(name, sizeof(name), "lists/%s", list->name);
	if (list_file_read(state, name, &f, &err) == -1)
		return errno == ENOENT ? 0 : ctl_fail(EXIT_FAILED, "%s", err.text);
	s->lists[i] = f.set;
	f.set = (struct prefix_set)PREFIX_SET_INIT;
	list_file_free(&f);
	return 0;
}

static int read_lists(struct simulation *s)
{
	const struct config *c = s->ctl->config;
	int state = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;

	if (state == -1)
		return ctl_fail(EXIT_FAILED, "%s cannot be opened: %s", c->state_dir, strerror(errno));
	s->lists = calloc(c->list_count + 1, sizeof(*s->lists));
	if (s->lists == NULL)
		code = ctl_fail(EXIT_FAILED, "out of memory");
	for (size_t i = 0; code == 0 && i < c->list_count; i++)
		code = read_list(s, state, i);
	close(state);
	return code;
}

static bool has_grant(const struct simulation *s, const struct policy_endpoint *e, const struct address *source)
{
	struct prefix p;
	json_t *grant;
	size_t i;

	json_array_foreach(s->grants, i, grant) {
		const char *from = answer_text(grant, "source");

		if (strcmp(answer_text(grant, "endpoint"), e->name) == 0 &&
		    prefix_parse(&p, from, strlen(from)) == PREFIX_OK && prefix_contains(&p, source))
			return true;
	}
	return false;
}

static bool allows(const struct policy_endpoint *e, size_t list)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (e->lists[i] == list)
			return true;
	return false;
}

/* By another list of the endpoint's, or by a grant. */
static bool let_in_anyway(const struct simulation *s, const struct policy_endpoint *e, const struct address *source)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (e->lists[i] != s->list && prefix_set_contains(&s->lists[e->lists[i]], source))
			return true;
	return has_grant(s, e, source);
}

static const struct policy_endpoint *endpoint_of(const struct simulation *s, const char *name)
{
	for (size_t i = 0; i < s->ctl->config->endpoint_count; i++) {
		const struct policy_endpoint *e = &s->ctl->config->endpoints[i];

		if (strcmp(e->name, name) == 0)
			return allows(e, s->list) && e->mode == MODE_ENFORCE ? e : NULL;
	}
	return NULL;
}

/* --- the past */

static int add(struct findings *f, const struct finding *new)
{
	struct finding *all = f->all;

	if (f->count == f->cap) {
		f->cap = f->cap == 0 ? 64 : f->cap * 2;
		all = reallocarray(all, f->cap, sizeof(*all));
		if (all == NULL)
			return ctl_fail(EXIT_FAILED, "out of memory");
		f->all = all;
	}
	all[f->count++] = *new;
	return 0;
}

/* One source of one decision, or with `d` NULL denied packets that were only counted. */
static int judge(struct simulation *s, const char *endpoint, const struct audit_decision *d, struct finding *new)
{
	const char *list = s->ctl->config->lists[s->list].name;

	new->endpoint = endpoint_of(s, endpoint);
	if (new->endpoint == NULL || let_in_anyway(s, new->endpoint, &new->source))
		return 0;
	if (d != NULL && !d->deny) {
		if (strcmp(d->reason, "listed") != 0 || strcmp(d->list, list) != 0)
			return 0;
		return prefix_set_contains(&s->proposed, &new->source) ? 0 : add(&s->deny, new);
	}
	if (d != NULL && strcmp(d->reason, "not-listed") != 0)
		return 0;
	return prefix_set_contains(&s->proposed, &new->source) ? add(&s->allow, new) : 0;
}

static int judge_recorded(struct simulation *s, const struct audit_counts *c, const struct audit_decisions *decisions)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < c->source_count; i++) {
		const struct audit_decision *d = audit_decision(decisions, c->sources[i].decision);
		struct finding new = { .source = c->sources[i].source,
			                   .connections = c->sources[i].rows,
			                   .last = c->sources[i].last };

		if (d == NULL)
			return ctl_fail(EXIT_FAILED, "the audit log is damaged: a connection has no decision");
		code = judge(s, d->endpoint, d, &new);
	}
	return code;
}

static int judge_aggregated(struct simulation *s, const struct audit_aggregates *a)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < a->count; i++) {
		struct finding new = { .source = a->all[i].source,
			                   .aggregated = a->all[i].packets,
			                   .last = a->all[i].last };

		code = judge(s, a->all[i].endpoint, NULL, &new);
	}
	return code;
}

static int compare(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = strcmp(x->endpoint->name, y->endpoint->name);

	return order != 0 ? order : address_compare(&x->source, &y->source);
}

/* Sorts, and leaves one of each endpoint and source. */
static void merge(struct findings *f)
{
	size_t kept = 0;

	if (f->count > 1)
		qsort(f->all, f->count, sizeof(*f->all), compare);
	for (size_t i = 0; i < f->count; i++) {
		struct finding *last = kept > 0 ? &f->all[kept - 1] : NULL;

		if (last == NULL || compare(last, &f->all[i]) != 0) {
			f->all[kept++] = f->all[i];
			continue;
		}
		last->connections += f->all[i].connections;
		last->aggregated += f->all[i].aggregated;
		last->last = f->all[i].last > last->last ? f->all[i].last : last->last;
	}
	f->count = kept;
}

static int read_past(struct simulation *s, sqlite3 *db)
{
	struct audit_counts counts = { NULL, 0, NULL, 0 };
	struct audit_decisions decisions = { NULL, 0 };
	struct audit_aggregates aggregates = { NULL, 0 };
	struct error err;
	int code;

	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return ctl_fail(EXIT_FAILED, "the audit log cannot be read: %s", sqlite3_errmsg(db));
	if (audit_decisions_read(db, &decisions, &err) == -1 ||
	    audit_counts_read(db, s->since, INT64_MAX, &counts, &err) == -1 ||
	    audit_aggregates_read(db, s->since, INT64_MAX, &aggregates, &err) == -1)
		code = ctl_fail(EXIT_FAILED, "%s", err.text);
	else if ((code = judge_recorded(s, &counts, &decisions)) == 0)
		code = judge_aggregated(s, &aggregates);
	audit_aggregates_free(&aggregates);
	audit_counts_free(&counts);
	audit_decisions_free(&decisions);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	merge(&s->deny);
	merge(&s->allow);
	return code;
}

/* --- shown */

static json_t *findings_json(const struct findings *f)
{
	json_t *array = json_array();
	char source[ADDRESS_TEXT_MAX], last[TIME_TEXT_MAX];

	for (size_t i = 0; i < f->count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:s}", "endpoint", f->all[i].endpoint->name, "source",
		                                       address_format(&f->all[i].source, source), "connections",
		                                       (json_int_t)f->all[i].connections, "aggregated",
		                                       (json_int_t)f->all[i].aggregated, "last",
		                                       time_format(f->all[i].last, 1, last)));
	return array;
}

static void show_findings(struct ctl *ctl, const char *what, const json_t *findings)
{
	static const char *const names[] = { "ENDPOINT", "SOURCE", "CONNECTIONS", "ONLY COUNTED", "LAST" };
	struct table t;
	json_t *f;
	size_t i;

	if (json_array_size(findings) == 0) {
		printf("would have %s: nobody\n", what);
		return;
	}
	printf("would have %s:\n", what);
	table_init(&t, "llrrl", ctl->colour);
	table_header(&t, names);
	json_array_foreach(findings, i, f) {
		table_add(&t, answer_text(f, "endpoint"));
		table_add(&t, answer_text(f, "source"));
		table_addf(&t, "%lld", answer_number(f, "connections"));
		table_addf(&t, "%lld", answer_number(f, "aggregated"));
		table_add(&t, answer_text(f, "last"));
	}
	ctl_print_table(&t, "  ");
	table_free(&t);
}

static void show(struct ctl *ctl, const json_t *result)
{
	show_findings(ctl, "denied", json_object_get(result, "would_deny"));
	show_findings(ctl, "let in", json_object_get(result, "would_allow"));
}

static int present(const struct simulation *s, const char *file)
{
	char since[TIME_TEXT_MAX];
	json_t *result = json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "list", s->ctl->config->lists[s->list].name, "file", file,
	                           "since", s->since == 0 ? json_null() : json_string(time_format(s->since, 0, since)),
	                           "entries", (json_int_t)prefix_set_count(&s->proposed), "would_deny",
	                           findings_json(&s->deny), "would_allow", findings_json(&s->allow));

	if (result == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory, or the file's name is not UTF-8");
	answer_present(s->ctl, result, show);
	json_decref(result);
	return 0;
}

/* --- the verb */

static int find_list(struct simulation *s, const char *name)
{
	const struct config *c = s->ctl->config;
	const char **names;

	for (s->list = 0; s->list < c->list_count; s->list++)
		if (strcmp(c->lists[s->list].name, name) == 0)
			return 0;
	names = calloc(c->list_count + 1, sizeof(*names));
	if (names == NULL)
		return ctl_fail(EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < c->list_count; i++)
		names[i] = c->lists[i].name;
	ctl_unknown("list", name, names, c->list_count);
	free(names);
	return EXIT_USAGE;
}

static int simulate(struct simulation *s, const struct arguments *args)
{
	static const char *const words[] = { "grants" };
	sqlite3 *db;
	int code;

	if ((code = find_list(s, args->option[LIST])) != 0 || (code = read_file(s, args)) != 0 ||
	    (code = read_lists(s)) != 0 || (code = daemon_ask_result(s->ctl, words, 1, JSON_ARRAY, &s->grants)) != 0 ||
	    (code = ctl_audit(s->ctl, &db)) != 0)
		return code;
	code = read_past(s, db);
	sqlite3_close(db);
	return code == 0 ? present(s, args->option[FILE_NAME]) : code;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct simulation s = { .ctl = ctl };
	int code;

	if (args->option[LIST] == NULL || args->option[FILE_NAME] == NULL)
		return ctl_fail(EXIT_USAGE, "simulate needs --list NAME and --file FILE");
	if (args->option[SINCE] != NULL && (code = ctl_time(&s.since, "since", args->option[SINCE])) != 0)
		return code;
	code = ctl_config(ctl);
	if (code == 0)
		code = simulate(&s, args);
	if (ctl->config != NULL)
		simulation_free(&s);
	return code;
}

const struct verb verb_simulate = {
	.name = "simulate",
	.words = "--list LIST --file FILE",
	.summary = "what a proposed list would have denied or let in",
	.about = "Compares a file with the recorded past: which connections to endpoints that allow the list\n"
	         "would have been denied, and which denied ones let in, had the file been the list.  What\n"
	         "another list of the endpoint's or a grant lets in stays let in.  Nothing is changed.\n",
	.examples = "  hallowctl simulate --list humanitec --file next.txt --since -30d\n"
	            "  hallowctl -o json simulate --list humanitec --file next.json --select '.prefixes[]' |\n"
	            "    jq '.would_deny[].source'\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
