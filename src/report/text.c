/* The report for people: the shape of an auditor's questions, each section readable on its own. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report/plain.h"
#include "report/report.h"
#include "report/table.h"

#define SOURCES_SHOWN 20
#define ADDRESSES_SHOWN 6

static const char *endpoint_name(const char *name)
{
	return *name != '\0' ? name : "(no endpoint)";
}

/* A time of the views, without its microseconds. */
static const char *short_time(const char *time, char out[TIME_TEXT_MAX])
{
	size_t len = strcspn(time, ".");

	if (time[len] == '\0' || len > TIME_TEXT_MAX - 2)
		return time;
	snprintf(out, TIME_TEXT_MAX, "%.*sZ", (int)len, time);
	return out;
}

static void add_time(struct table *t, const char *time)
{
	char text[TIME_TEXT_MAX];

	table_add(t, short_time(time, text));
}

static int finish(struct table *t, FILE *out)
{
	int status = table_print(t, out, "  ");

	table_free(t);
	return status;
}

static void print_heading(const struct report *r, FILE *out)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

	fputs("Access to protected endpoints on host ", out);
	plain_write(out, r->host);
	fprintf(out, "\nPeriod: %s to %s\n", time_format(r->from, 0, from), time_format(r->to, 0, to));
}

static void add_coverage(struct table *t, const struct report_endpoint *e)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

	if (!e->seen) {
		table_add(t, "never in force");
		table_add(t, "");
		return;
	}
	table_addf(t, "%.4g%%", e->coverage_percent);
	table_addf(t, "%s to %s", time_format(e->covered_from, 0, from), time_format(e->covered_to, 0, to));
}

static int print_endpoints(const struct report *r, FILE *out)
{
	static const char *const names[] = { "ENDPOINT", "KIND", "MODE", "ALLOWED", "DENIED", "AGGREGATED", "LOST",
		                             "COVERED", "OF" };
	struct table t;
	size_t i;

	fputs("\nEndpoints\n", out);
	if (r->endpoint_count == 0) {
		fputs("  none\n", out);
		return 0;
	}
	table_init(&t, "lllrrrrrl", false);
	table_header(&t, names);
	for (i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		struct report_count total = report_total(e);

		table_add(&t, endpoint_name(e->name));
		table_add(&t, e->kind);
		table_add(&t, e->mode);
		table_addf(&t, "%" PRIu64, e->allow.recorded);
		table_addf(&t, "%" PRIu64, e->deny.recorded);
		table_addf(&t, "%" PRIu64, total.aggregated);
		table_addf(&t, "%" PRIu64, total.lost);
		add_coverage(&t, e);
	}
	return finish(&t, out);
}

/* What is claimed is no more than what is known: rows that are missing and time that is not covered are named. */
static void print_secret_store(const struct report_endpoint *e, FILE *out)
{
	fputs("  ", out);
	plain_write(out, e->name);
	if (e->orchestrator_allowed > 0)
		fprintf(out, ": %" PRIu64 " connections of the orchestrator were allowed", e->orchestrator_allowed);
	else
		fputs(": no connection of the orchestrator was allowed", out);
	if (e->allow.lost > 0)
		fprintf(out, "; of %" PRIu64 " more connections no row says where they came from", e->allow.lost);
	if (!e->seen)
		fputs("; it was never in force", out);
	else if (e->coverage_percent < 100)
		fprintf(out, "; it was in force %.4g%% of the time", e->coverage_percent);
	fputc('\n', out);
}

static void print_secret_stores(const struct report *r, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!r->endpoints[i].is_secret_store)
			continue;
		if (!any)
			fputs("\nSecret stores: connections of addresses that a published list has or ever had\n", out);
		any = true;
		print_secret_store(&r->endpoints[i], out);
	}
}

static void add_reconciliation(struct table *t, const char *name, const char *verdict, const struct report_count *c)
{
	if (c->counted == 0 && report_balanced(c))
		return;
	table_add(t, endpoint_name(name));
	table_add(t, verdict);
	table_addf(t, "%" PRIu64, c->counted);
	table_add(t, report_balanced(c) ? "=" : "DIFFERS FROM");
	table_addf(t, "%" PRIu64, c->recorded);
	table_addf(t, "+ %" PRIu64, c->aggregated);
	table_addf(t, "+ %" PRIu64, c->lost);
}

static int print_reconciliation(const struct report *r, FILE *out)
{
	static const char *const names[] = { "ENDPOINT", "VERDICT", "COUNTED", "=", "RECORDED", "+ AGGREGATED",
		                             "+ LOST" };
	struct table t;
	size_t i;

	fputs("\nReconciliation: counted by the kernel = recorded + aggregated + lost\n"
	      "  (new connections for allow, packets for deny)\n", out);
	table_init(&t, "llrlrrr", false);
	table_header(&t, names);
	for (i = 0; i < r->endpoint_count; i++) {
		add_reconciliation(&t, r->endpoints[i].name, "allow", &r->endpoints[i].allow);
		add_reconciliation(&t, r->endpoints[i].name, "deny", &r->endpoints[i].deny);
	}
	if (t.count == strlen(t.align)) {
		fputs("  nothing was counted\n", out);
		table_free(&t);
		return 0;
	}
	return finish(&t, out);
}

static bool has_allowed(const struct report_source *s)
{
	return s->allowed > 0;
}

static bool has_denied(const struct report_source *s)
{
	return s->denied + s->aggregated > 0;
}

static int print_allowed(const struct report_endpoint *e, FILE *out)
{
	static const char *const names[] = { "ALLOWED SOURCE", "CONNECTIONS", "LIST", "FIRST SEEN", "LAST SEEN" };
	struct table t;
	size_t i;

	table_init(&t, "lrlll", false);
	table_header(&t, names);
	for (i = 0; i < e->source_count; i++) {
		const struct report_source *s = &e->sources[i];

		if (!has_allowed(s))
			continue;
		table_add(&t, s->source);
		table_addf(&t, "%" PRIu64, s->allowed);
		table_add(&t, *s->list != '\0' ? s->list : s->observed > 0 ? "(only observed)" : "");
		add_time(&t, s->first);
		add_time(&t, s->last);
	}
	if (t.count > strlen(t.align))
		return finish(&t, out);
	table_free(&t);
	fputs("  no source was allowed\n", out);
	return 0;
}

static int by_attempts(const void *a, const void *b)
{
	const struct report_source *x = *(const struct report_source *const *)a;
	const struct report_source *y = *(const struct report_source *const *)b;
	uint64_t nx = x->denied + x->aggregated, ny = y->denied + y->aggregated;

	/* The sources stand in one array, in order of address: that decides between equals. */
	return nx != ny ? (nx > ny ? -1 : 1) : (x > y) - (x < y);
}

/* The busiest sources; under an attack there may be any number of them. */
static int print_denied(const struct report_endpoint *e, FILE *out)
{
	static const char *const names[] = { "DENIED SOURCE", "RECORDED", "AGGREGATED", "FIRST SEEN", "LAST SEEN" };
	const struct report_source **denied = calloc(e->source_count + 1, sizeof(const struct report_source *));
	uint64_t more = 0;
	size_t count = 0, i;
	struct table t;
	int status;

	if (denied == NULL)
		return -1;
	for (i = 0; i < e->source_count; i++) {
		if (has_denied(&e->sources[i]))
			denied[count++] = &e->sources[i];
	}
	qsort(denied, count, sizeof(*denied), by_attempts);
	table_init(&t, "lrrll", false);
	if (count > 0)
		table_header(&t, names);
	else
		fputs("  no source was denied\n", out);
	for (i = 0; i < count; i++) {
		if (i >= SOURCES_SHOWN) {
			more += denied[i]->denied + denied[i]->aggregated;
			continue;
		}
		table_add(&t, denied[i]->source);
		table_addf(&t, "%" PRIu64, denied[i]->denied);
		table_addf(&t, "%" PRIu64, denied[i]->aggregated);
		add_time(&t, denied[i]->first);
		add_time(&t, denied[i]->last);
	}
	free(denied);
	status = finish(&t, out);
	if (more > 0)
		fprintf(out, "  and %zu more sources with %" PRIu64 " denied attempts: see report -o csv\n",
		        count - SOURCES_SHOWN, more);
	return status;
}

static int print_sources(const struct report *r, FILE *out)
{
	size_t i;

	for (i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		if (e->source_count == 0)
			continue;
		fputs("\nWho came to ", out);
		plain_write(out, endpoint_name(e->name));
		fputc('\n', out);
		if (print_allowed(e, out) == -1 || print_denied(e, out) == -1)
			return -1;
	}
	return 0;
}

/* "+ 192.0.2.1/32 198.51.100.0/24 and 3 more", from a JSON array. */
static void print_addresses(FILE *out, char sign, const char *text)
{
	json_t *array = json_loads(text, 0, NULL), *value;
	size_t i;

	if (json_array_size(array) > 0)
		fprintf(out, "    %c", sign);
	json_array_foreach(array, i, value) {
		if (i == ADDRESSES_SHOWN) {
			fprintf(out, " and %zu more", json_array_size(array) - i);
			break;
		}
		fputc(' ', out);
		plain_write(out, json_string_value(value));
	}
	if (json_array_size(array) > 0)
		fputc('\n', out);
	json_decref(array);
}

static void print_changes(const struct report *r, FILE *out)
{
	char time[TIME_TEXT_MAX];
	size_t i;

	fputs("\nChanges of lists\n", out);
	for (i = 0; i < r->change_count; i++) {
		const struct report_change *c = &r->changes[i];

		fputs("  ", out);
		plain_write(out, short_time(c->time, time));
		fputs("  ", out);
		plain_write(out, c->list);
		fprintf(out, " revision %" PRIu64 ", decided by ", c->revision);
		plain_write(out, c->decided_by);
		if (*c->reason != '\0')
			fputs(": ", out);
		plain_write(out, c->reason);
		fputc('\n', out);
		print_addresses(out, '+', c->added);
		print_addresses(out, '-', c->removed);
	}
	if (r->change_count == 0)
		fputs("  none\n", out);
}

static bool is_routine(const struct report_event *e)
{
	return strcmp(e->kind, "refresh") == 0;
}

static int print_events(const struct report *r, bool decisions, FILE *out)
{
	struct table t;
	size_t routine = 0, i;
	bool any;

	fputs(decisions ? "\nDecisions by people\n" : "\nEvents\n", out);
	table_init(&t, "llll", false);
	for (i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];

		if (e->is_decision != decisions)
			continue;
		if (is_routine(e)) {
			routine++;
			continue;
		}
		add_time(&t, e->time);
		table_add(&t, e->kind);
		table_add(&t, e->subject);
		table_add(&t, strcmp(e->detail, "{}") == 0 ? "" : e->detail);
	}
	any = t.count > 0 || routine > 0;
	if (finish(&t, out) == -1)
		return -1;
	if (routine > 0)
		fprintf(out, "  and %zu %s of lists\n", routine, routine == 1 ? "refresh" : "refreshes");
	if (!any)
		fputs("  none\n", out);
	return 0;
}

static int print_losses(const struct report *r, FILE *out)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	struct table t;
	size_t i;

	fputs("\nLosses: counted by the kernel, but in no row\n", out);
	if (r->loss_count == 0) {
		fputs("  none\n", out);
		return 0;
	}
	table_init(&t, "lllr", false);
	for (i = 0; i < r->loss_count; i++) {
		table_addf(&t, "%s to %s", short_time(r->losses[i].from, from), short_time(r->losses[i].to, to));
		table_add(&t, endpoint_name(r->losses[i].endpoint));
		table_add(&t, r->losses[i].verdict);
		table_addf(&t, "%" PRIu64 " lost", r->losses[i].lost);
	}
	return finish(&t, out);
}

/* Rows are of just this period, tallies of the spans that touch it. */
static void print_notes(const struct report *r, FILE *out)
{
	uint64_t recorded = 0;
	size_t i;

	for (i = 0; i < r->endpoint_count; i++)
		recorded += report_total(&r->endpoints[i]).recorded;
	fputs("\nNotes\n", out);
	if (recorded != r->rows)
		fprintf(out,
		        "  %" PRIu64 " rows are of just this period; the numbers by endpoint (%" PRIu64 ") count spans "
		        "that cross its edge whole.\n",
		        r->rows, recorded);
	fputs("  Not in this report yet: proof that the audit log was not changed, and the controls of frameworks.\n",
	      out);
}

int report_text(const struct report *r, FILE *out)
{
	print_heading(r, out);
	if (print_endpoints(r, out) == -1)
		return -1;
	print_secret_stores(r, out);
	if (print_reconciliation(r, out) == -1 || print_sources(r, out) == -1)
		return -1;
	print_changes(r, out);
	if (print_events(r, true, out) == -1 || print_events(r, false, out) == -1 || print_losses(r, out) == -1)
		return -1;
	print_notes(r, out);
	return 0;
}
