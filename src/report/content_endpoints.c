/* What is protected, by which rules, and when it was. */
#include <inttypes.h>

#include "core/buffer.h"
#include "report/content.h"

/* --- endpoints */

static void add_coverage(struct document *d, const struct report_endpoint *e)
{
	char percent[32];

	if (!e->seen) {
		doc_cell_tone(d, e->present ? TONE_BAD : TONE_PLAIN, "never in force");
		return;
	}
	content_percent(e->coverage_percent, percent);
	doc_cell_tone(d, e->coverage_percent >= 100 ? TONE_GOOD : TONE_BAD, percent);
}

static void add_traffic_table(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Endpoint", ALIGN_LEFT }, { "Kind", ALIGN_LEFT }, { "Mode", ALIGN_LEFT }, { "Allowed", ALIGN_RIGHT },
		{ "Denied", ALIGN_RIGHT }, { "Aggregated", ALIGN_RIGHT }, { "Lost", ALIGN_RIGHT }, { "Covered", ALIGN_RIGHT },
	};
	const struct report *r = d->report;

	doc_table(d, "endpoints", DOC_COLUMNS(columns), "Connections allowed and attempts denied, by endpoint");
	doc_sortable(d);
	for (size_t i = 0; i < r->endpoint_count && i < ENDPOINTS_SHOWN; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		struct report_count total = report_total(e);

		doc_cell(d, content_endpoint(e->name));
		doc_cell(d, e->kind);
		doc_cell(d, e->mode);
		doc_number(d, e->allow.recorded);
		doc_number(d, e->deny.recorded);
		doc_number(d, total.aggregated);
		doc_number(d, total.lost);
		add_coverage(d, e);
	}
	if (r->endpoint_count > ENDPOINTS_SHOWN)
		content_more(d, r->endpoint_count - ENDPOINTS_SHOWN, "endpoints.csv");
}

/* "humanitec, office": names joined by ',' with room behind each. */
static void add_lists(struct document *d, const char *lists)
{
	struct buffer b = BUFFER_INIT;

	for (; *lists != '\0'; lists++)
		if (buffer_add(&b, lists, 1) == -1 || (*lists == ',' && buffer_add(&b, " ", 1) == -1))
			d->failed = true;
	if (buffer_str(&b) == NULL)
		d->failed = true;
	else
		doc_cell(d, (const char *)b.data);
	buffer_free(&b);
}

static void add_rules_table(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Endpoint", ALIGN_LEFT }, { "Addresses and ports", ALIGN_LEFT }, { "Allows", ALIGN_LEFT },
		{ "Way", ALIGN_LEFT }, { "Owner", ALIGN_LEFT }, { "Reason", ALIGN_PROSE },
	};
	const struct report *r = d->report;
	size_t shown = 0, more = 0;

	doc_table(d, "rules", DOC_COLUMNS(columns), "Where each is, which lists it allows, and by which way it is reached");
	doc_sortable(d);
	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		if (*e->name == '\0' || (shown >= ENDPOINTS_SHOWN && ++more > 0))
			continue;
		shown++;
		doc_cell(d, e->name);
		doc_cell(d, e->place);
		add_lists(d, e->lists);
		doc_cell(d, e->way);
		doc_cell(d, e->owner);
		doc_cell(d, e->reason);
	}
	content_more(d, more, "endpoints.csv");
}

void content_endpoints(struct document *d)
{
	doc_section(d, "endpoints", "Endpoints");
	if (d->report->endpoint_count == 0) {
		doc_text(d, DOC_TEXT, "none");
		return;
	}
	add_traffic_table(d);
	doc_text(d, DOC_NOTE,
	         "Allowed: new connections, recorded one by one. Denied: attempts recorded one by one. Aggregated: denied "
	         "attempts that were only counted. Lost: counted by the kernel, but in no row. Covered: share of the time, "
	         "rounded down.");
	add_rules_table(d);
}

/* --- coverage */

static void add_duration(struct document *d, time_us from, time_us to)
{
	int64_t s = (to - from) / US_PER_SECOND;

	if (s >= 86400)
		doc_cellf(d, "%" PRId64 " d %02" PRId64 " h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		doc_cellf(d, "%" PRId64 " h %02" PRId64 " min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		doc_cellf(d, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
	else if (s > 0)
		doc_cellf(d, "%" PRId64 " s", s);
	else
		doc_cell(d, "< 1 s");
}

static void add_gap_row(struct document *d, const struct report_gap *g, size_t count)
{
	const struct report *r = d->report;

	doc_when(d, g->from);
	doc_when(d, g->to);
	add_duration(d, g->from, g->to);
	if (count == 1)
		doc_cell(d, r->endpoints[g->endpoint].name);
	else
		doc_cellf(d, "%s and %zu more", r->endpoints[g->endpoint].name, count - 1);
	doc_cell_tone(d, g->kind == GAP_UNPROTECTED ? TONE_BAD : TONE_UNKNOWN,
	              g->kind == GAP_UNPROTECTED ? "not protected" : "not known");
	doc_cell(d, g->why);
}

void content_coverage(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "From", ALIGN_LEFT }, { "To", ALIGN_LEFT }, { "Lasted", ALIGN_RIGHT }, { "Endpoint", ALIGN_LEFT },
		{ "State", ALIGN_LEFT }, { "Why", ALIGN_PROSE },
	};
	const struct report *r = d->report;
	size_t shown = 0, more = 0, next;

	doc_section(d, "coverage", "Coverage");
	if (r->endpoint_count == 0) {
		doc_text(d, DOC_TEXT, "none");
		return;
	}
	if (report_is_silent(r)) {
		doc_text(d, DOC_TEXT, "The log knows nothing of this period.");
		return;
	}
	doc_chart(d, CHART_COVERAGE);
	if (r->gap_count == 0) {
		doc_toned(d, TONE_GOOD, "There was no gap: whatever was in force was in force for the whole period.");
		return;
	}
	/* Gaps that endpoints have in common are one row. */
	doc_table(d, "gaps", DOC_COLUMNS(columns), "Times without protection, or of which nothing is known");
	for (size_t i = 0; i < r->gap_count; i = next) {
		for (next = i + 1; next < r->gap_count && report_same_gap(&r->gaps[i], &r->gaps[next]); next++)
			;
		if (shown++ < ROWS_SHOWN)
			add_gap_row(d, &r->gaps[i], next - i);
		else
			more++;
	}
	content_more(d, more, "gaps.csv");
}
