/* Who came, and what is counted beside that. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "report/content.h"

/* --- connections */

static void add_slot_start(struct document *d, time_us t)
{
	char text[TIME_TEXT_MAX];

	time_format(t, 0, text);
	if (d->report->slot >= INT64_C(86400) * US_PER_SECOND)
		doc_cellf(d, "%.10s", text);
	else
		doc_cell(d, text);
}

static bool is_quiet(const struct report_slot *s)
{
	return s->allowed == 0 && s->denied == 0 && s->aggregated == 0 && s->lost == 0;
}

static void add_days_table(struct document *d)
{
	static const struct doc_column days[] = {
		{ "Day (UTC)", ALIGN_LEFT }, { "Allowed", ALIGN_RIGHT }, { "Denied", ALIGN_RIGHT },
		{ "Aggregated", ALIGN_RIGHT }, { "Lost", ALIGN_RIGHT },
	};
	static const struct doc_column hours[] = {
		{ "Hour (UTC)", ALIGN_LEFT }, { "Allowed", ALIGN_RIGHT }, { "Denied", ALIGN_RIGHT },
		{ "Aggregated", ALIGN_RIGHT }, { "Lost", ALIGN_RIGHT },
	};
	const struct report *r = d->report;
	bool by_day = r->slot >= INT64_C(86400) * US_PER_SECOND;
	size_t quiet = 0;

	doc_table(d, "days", by_day ? days : hours, 5, "Connections and attempts by %s", by_day ? "day" : "hour");
	doc_sortable(d);
	for (size_t i = 0; i < r->slot_count; i++) {
		const struct report_slot *s = &r->slots[i];

		if (is_quiet(s)) {
			quiet++;
			continue;
		}
		add_slot_start(d, report_slot_start(r, i));
		doc_number(d, s->allowed);
		doc_number(d, s->denied);
		doc_number(d, s->aggregated);
		doc_number(d, s->lost);
	}
	if (quiet > 0)
		doc_text(d, DOC_NOTE, "%zu %s%s without any traffic %s left out.", quiet, by_day ? "day" : "hour",
		         number_plural(quiet), quiet == 1 ? "is" : "are");
}

static void add_endpoint_days(struct document *d)
{
	static const struct doc_column days[] = {
		{ "Endpoint", ALIGN_LEFT }, { "Day (UTC)", ALIGN_LEFT }, { "Allowed", ALIGN_RIGHT }, { "Denied", ALIGN_RIGHT },
		{ "Aggregated", ALIGN_RIGHT }, { "Lost", ALIGN_RIGHT },
	};
	static const struct doc_column hours[] = {
		{ "Endpoint", ALIGN_LEFT }, { "Hour (UTC)", ALIGN_LEFT }, { "Allowed", ALIGN_RIGHT }, { "Denied", ALIGN_RIGHT },
		{ "Aggregated", ALIGN_RIGHT }, { "Lost", ALIGN_RIGHT },
	};
	const struct report *r = d->report;
	size_t shown = 0, more = 0;

	doc_table(d, "endpoint-days", r->slot >= INT64_C(86400) * US_PER_SECOND ? days : hours, 6, "The same by endpoint");
	doc_sortable(d);
	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		for (size_t j = 0; e->slots != NULL && j < r->slot_count; j++) {
			if (is_quiet(&e->slots[j]) || (shown >= ROWS_SHOWN && ++more > 0))
				continue;
			shown++;
			doc_cell(d, content_endpoint(e->name));
			add_slot_start(d, report_slot_start(r, j));
			doc_number(d, e->slots[j].allowed);
			doc_number(d, e->slots[j].denied);
			doc_number(d, e->slots[j].aggregated);
			doc_number(d, e->slots[j].lost);
		}
	}
	content_more(d, more, "days.csv");
}

/* A source at an endpoint, for the tables of all endpoints together. */
struct visitor {
	const struct report_endpoint *endpoint;
	const struct report_source *source;
	size_t order;
};

static bool was_allowed(const struct report_source *s)
{
	return s->allowed > 0;
}

static bool was_denied(const struct report_source *s)
{
	return report_attempts(s) > 0;
}

static bool was_observed(const struct report_source *s)
{
	return s->observed > 0;
}

static int by_observed(const void *a, const void *b)
{
	const struct visitor *x = a, *y = b;

	if (x->source->observed != y->source->observed)
		return x->source->observed > y->source->observed ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int by_allowed(const void *a, const void *b)
{
	const struct visitor *x = a, *y = b;

	if (x->source->allowed != y->source->allowed)
		return x->source->allowed > y->source->allowed ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int by_attempts(const void *a, const void *b)
{
	const struct visitor *x = a, *y = b;
	uint64_t nx = report_attempts(x->source), ny = report_attempts(y->source);

	if (nx != ny)
		return nx > ny ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* All that pass, sorted; NULL with *count 0 where there is none, or memory lacks. */
static struct visitor *visitors(struct document *d, bool (*pass)(const struct report_source *s),
                                int (*compare)(const void *a, const void *b), size_t *count)
{
	const struct report *r = d->report;
	struct visitor *all;
	size_t total = 0;

	*count = 0;
	for (size_t i = 0; i < r->endpoint_count; i++)
		total += r->endpoints[i].source_count;
	all = calloc(total + 1, sizeof(*all));
	if (all == NULL) {
		d->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		for (size_t j = 0; j < e->source_count; j++) {
			if (!pass(&e->sources[j]))
				continue;
			all[*count] = (struct visitor){ e, &e->sources[j], *count };
			(*count)++;
		}
	}
	qsort(all, *count, sizeof(*all), compare);
	return all;
}

/* --- what is counted, and not among the sources */

/* what: "connection" or "attempt". */
static void say_not_listed(struct document *d, const char *what, const struct report_count *c, uint64_t listed)
{
	const struct report *r = d->report;
	uint64_t tallied = c->recorded + c->aggregated, more = tallied > listed ? tallied - listed : 0;
	char from[TIME_TEXT_MAX];

	if (more > 0 && r->complete_from > r->from)
		doc_text(d, DOC_NOTE,
		         "The endpoints' numbers count %" PRIu64 " %s%s more, whose rows were deleted as old: the log is complete from "
		         "%s on.", more, what, number_plural(more), time_format(r->complete_from, 0, from));
	else if (more > 0)
		doc_text(d, DOC_NOTE,
		         "The endpoints' numbers count %" PRIu64 " %s%s more, before or after the period: an hour of which it has a "
		         "part is counted whole.", more, what, number_plural(more));
	else if (tallied < listed)
		doc_text(d, DOC_NOTE,
		         "The endpoints' numbers, which follow the kernel's counters in steps of ten seconds, do not count %" PRIu64
		         " %s%s of these yet.", listed - tallied, what, number_plural(listed - tallied));
	if (c->lost > 0)
		doc_text(d, DOC_NOTE,
		         "Of %" PRIu64 " %s%s more, which the kernel counted, no row says where they came from.", c->lost, what,
		         number_plural(c->lost));
}

/* Of all endpoints together; below the list, or in place of it where `none` is listed. */
static void say_allowed_not_listed(struct document *d, bool none)
{
	struct report_count c = { .counted = 0 };
	uint64_t listed = 0;

	for (size_t i = 0; i < d->report->endpoint_count; i++) {
		report_add(&c, &d->report->endpoints[i].allow);
		listed += d->report->endpoints[i].rows.allowed;
	}
	if (none)
		doc_text(d, DOC_TEXT, c.counted == 0 ? "No source was allowed." : "No row of the period says who was allowed.");
	say_not_listed(d, "connection", &c, listed);
}

static void say_denied_not_listed(struct document *d, bool none)
{
	struct report_count c = { .counted = 0 };
	uint64_t listed = 0;

	for (size_t i = 0; i < d->report->endpoint_count; i++) {
		report_add(&c, &d->report->endpoints[i].deny);
		listed += d->report->endpoints[i].rows.denied + d->report->endpoints[i].rows.aggregated;
	}
	if (none)
		doc_text(d, DOC_TEXT, c.counted == 0 ? "No source was denied." : "No row of the period says who was denied.");
	say_not_listed(d, "attempt", &c, listed);
}

/* --- who was let in */

static void add_allowed(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Allowed source", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "Connections", ALIGN_RIGHT },
		{ "List", ALIGN_LEFT }, { "First seen", ALIGN_LEFT }, { "Last seen", ALIGN_LEFT },
	};
	size_t count;
	struct visitor *all = visitors(d, was_allowed, by_allowed, &count);

	if (count == 0) {
		say_allowed_not_listed(d, true);
		free(all);
		return;
	}
	doc_chart(d, CHART_ALLOWED);
	doc_table(d, "allowed", DOC_COLUMNS(columns), "Who was let in, and by which list: the busiest first");
	doc_sortable(d);
	for (size_t i = 0; i < count && i < ALLOWED_SHOWN; i++) {
		const struct report_source *s = all[i].source;

		doc_cell(d, s->source);
		doc_cell(d, content_endpoint(all[i].endpoint->name));
		doc_number(d, s->allowed);
		doc_cell(d, *s->list != '\0' ? s->list : s->observed > 0 ? "(only observed)" : "");
		doc_time(d, s->first);
		doc_time(d, s->last);
	}
	content_more(d, count > ALLOWED_SHOWN ? count - ALLOWED_SHOWN : 0, "sources.csv");
	say_allowed_not_listed(d, false);
	free(all);
}

static bool any_is_observed(const struct report *r)
{
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (strcmp(r->endpoints[i].mode, "observe") == 0)
			return true;
	return false;
}

/* What enforcing would have cut off. */
static void add_observed(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Observed source", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "Connections", ALIGN_RIGHT },
		{ "First seen", ALIGN_LEFT }, { "Last seen", ALIGN_LEFT },
	};
	size_t count;
	struct visitor *all = visitors(d, was_observed, by_observed, &count);

	if (count == 0 && any_is_observed(d->report))
		doc_text(d, DOC_TEXT, "Nobody came to an observed endpoint whom enforcing would have cut off.");
	if (count > 0) {
		doc_table(d, "observed", DOC_COLUMNS(columns), "Whom enforcing would have cut off: let in only because the endpoint "
		                                               "was observed");
		doc_sortable(d);
	}
	for (size_t i = 0; i < count && i < ALLOWED_SHOWN; i++) {
		const struct report_source *s = all[i].source;

		doc_cell(d, s->source);
		doc_cell(d, content_endpoint(all[i].endpoint->name));
		doc_number(d, s->observed);
		doc_time(d, s->first);
		doc_time(d, s->last);
	}
	content_more(d, count > ALLOWED_SHOWN ? count - ALLOWED_SHOWN : 0, "sources.csv");
	free(all);
}

static void add_reconciliation(struct document *d, const char *name, const char *verdict, const struct report_count *c)
{
	if (c->counted == 0 && report_balanced(c))
		return;
	doc_cell(d, content_endpoint(name));
	doc_cell(d, verdict);
	doc_number(d, c->counted);
	doc_cell_tone(d, report_balanced(c) ? TONE_PLAIN : TONE_BAD, report_balanced(c) ? "=" : "differs from");
	doc_number(d, c->recorded);
	doc_cellf(d, "+ %" PRIu64, c->aggregated);
	doc_cellf(d, "+ %" PRIu64, c->lost);
}

static void add_reconciliations(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Endpoint", ALIGN_LEFT }, { "Verdict", ALIGN_LEFT }, { "Counted", ALIGN_RIGHT }, { "=", ALIGN_LEFT },
		{ "Recorded", ALIGN_RIGHT }, { "+ Aggregated", ALIGN_RIGHT }, { "+ Lost", ALIGN_RIGHT },
	};
	const struct report *r = d->report;
	size_t i;

	for (i = 0; i < r->endpoint_count && report_total(&r->endpoints[i]).counted == 0; i++)
		;
	if (i == r->endpoint_count) {
		doc_text(d, DOC_TEXT, "Nothing was counted.");
		return;
	}
	doc_table(d, "reconciliation", DOC_COLUMNS(columns),
	          "Reconciliation: counted by the kernel = recorded + aggregated + lost "
	          "(new connections for allow, packets for deny)");
	for (i = 0; i < r->endpoint_count && i < ENDPOINTS_SHOWN; i++) {
		add_reconciliation(d, r->endpoints[i].name, "allow", &r->endpoints[i].allow);
		add_reconciliation(d, r->endpoints[i].name, "deny", &r->endpoints[i].deny);
	}
}

void content_connections(struct document *d)
{
	const struct report *r = d->report;
	size_t i;

	doc_section(d, "connections", "Connections");
	for (i = 0; i < r->slot_count && is_quiet(&r->slots[i]); i++)
		;
	if (i < r->slot_count) {
		doc_chart(d, CHART_TIMELINE);
		add_days_table(d);
		if (r->endpoint_count > 1)
			add_endpoint_days(d);
	}
	add_allowed(d);
	add_observed(d);
	add_reconciliations(d);
}

/* --- denied */

static void add_denied(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Denied source", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "Recorded", ALIGN_RIGHT },
		{ "Aggregated", ALIGN_RIGHT }, { "First seen", ALIGN_LEFT }, { "Last seen", ALIGN_LEFT },
	};
	uint64_t attempts = 0;
	size_t count;
	struct visitor *all = visitors(d, was_denied, by_attempts, &count);

	if (count == 0) {
		say_denied_not_listed(d, true);
		free(all);
		return;
	}
	doc_chart(d, CHART_DENIED);
	doc_table(d, "denied", DOC_COLUMNS(columns), "Who was denied: the busiest first");
	doc_sortable(d);
	for (size_t i = 0; i < count; i++) {
		const struct report_source *s = all[i].source;

		if (i >= DENIED_SHOWN) {
			attempts += report_attempts(s);
			continue;
		}
		doc_cell(d, s->source);
		doc_cell(d, content_endpoint(all[i].endpoint->name));
		doc_number(d, s->denied);
		doc_number(d, s->aggregated);
		doc_time(d, s->first);
		doc_time(d, s->last);
	}
	if (count > DENIED_SHOWN)
		doc_text(d, DOC_NOTE,
		         "and %zu more sources with %" PRIu64
		         " denied attempts: see sources.csv of report -o csv --output FOLDER, or report -o json",
		         count - DENIED_SHOWN, attempts);
	say_denied_not_listed(d, false);
	free(all);
}

static void add_floods(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "From", ALIGN_LEFT }, { "To", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "Sources", ALIGN_RIGHT },
		{ "Attempts", ALIGN_RIGHT },
	};
	const struct report *r = d->report;

	if (r->flood_count == 0)
		return;
	doc_table(d, "floods", DOC_COLUMNS(columns),
	          "Floods: attempts that were too many to be recorded one by one, and were counted by source");
	for (size_t i = 0; i < r->flood_count && i < ROWS_SHOWN; i++) {
		const struct report_flood *f = &r->floods[i];

		doc_when(d, f->from);
		doc_when(d, f->to);
		doc_cell(d, content_endpoint(f->endpoint));
		doc_number(d, f->sources);
		doc_number(d, f->attempts);
	}
	content_more(d, r->flood_count > ROWS_SHOWN ? r->flood_count - ROWS_SHOWN : 0, "floods.csv");
	doc_text(d, DOC_NOTE, "Sources: the most that one hour of the flood had.");
}

void content_denied(struct document *d)
{
	doc_section(d, "denied", "Denied attempts");
	add_denied(d);
	add_floods(d);
}
