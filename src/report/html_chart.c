/* Charts in SVG.  Horizontal places are percentages and there is no viewBox, so that the width follows the page and text
 * keeps its size; colours are classes of report.css. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/content.h"
#include "report/html.h"

#define PANEL_HEIGHT 120 /* pixels of a panel's plot */
#define PANEL_TOP 8
#define PANEL_BOTTOM 22
#define LEFT 7.0 /* percent of the width that the labels of the vertical axis take */
#define COVERAGE_SHOWN 40
#define SOURCES_DRAWN 10
#define LOG_RATIO 60 /* a panel whose highest column is so many times the middle one has a logarithmic axis */

/* --- numbers for people */

/* "1,234"; 12,000 and more as "12k", "3.4M" where `brief`. */
static const char *format_number(uint64_t n, bool brief, char out[32])
{
	char digits[24];
	size_t len, at = 0;

	if (brief && n >= 10000) {
		double value = n >= 1000000 ? (double)n / 1e6 : (double)n / 1e3;

		snprintf(out, 32, "%.3g%s", value, n >= 1000000 ? "M" : "k");
		return out;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* --- the timeline */

struct panel {
	const char *title;
	const char *class; /* of the lower part of a column; the upper part is f-aggregated */
	uint64_t (*low)(const struct report_slot *s);
	uint64_t (*high)(const struct report_slot *s);
	uint64_t most;
	bool logarithmic;
};

static uint64_t allowed_of(const struct report_slot *s)
{
	return s->allowed;
}

static uint64_t denied_of(const struct report_slot *s)
{
	return s->denied;
}

static uint64_t aggregated_of(const struct report_slot *s)
{
	return s->aggregated;
}

static uint64_t nothing_of(const struct report_slot *s)
{
	(void)s;
	return 0;
}

static uint64_t column_of(const struct panel *p, const struct report_slot *s)
{
	return p->low(s) + p->high(s);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One flood would press all other days flat. */
static int choose_axis(const struct report *r, struct panel *p)
{
	uint64_t *all = calloc(r->slot_count, sizeof(*all));
	size_t count = 0;

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < r->slot_count; i++)
		if (column_of(p, &r->slots[i]) > 0)
			all[count++] = column_of(p, &r->slots[i]);
	if (count > 0) {
		qsort(all, count, sizeof(*all), by_size);
		p->most = all[count - 1];
		p->logarithmic = count > 2 && p->most / all[count / 2] >= LOG_RATIO;
	}
	free(all);
	return 0;
}

/* The top of the axis: 1, 2 or 5 times a power of ten; only powers where it is logarithmic. */
static double axis_top(const struct panel *p)
{
	double power = 1;

	while (power * 10 <= (double)p->most)
		power *= 10;
	if (p->logarithmic)
		return power * 10;
	for (double step = 1;; step = step == 1 ? 2 : step == 2 ? 5 : 10)
		if (power * step >= (double)p->most || step == 10)
			return power * step;
}

/* From 0 at the bottom to 1 at the top. */
static double share_of(const struct panel *p, double n)
{
	if (n <= 0)
		return 0;
	return p->logarithmic ? (log10(n) + 0.5) / (log10(axis_top(p)) + 0.5) : n / axis_top(p);
}

static double height_of(const struct panel *p, uint64_t n)
{
	double height = share_of(p, (double)n) * PANEL_HEIGHT;

	return n > 0 && height < 1 ? 1 : height; /* what is there is seen */
}

static void draw_line(FILE *out, const struct panel *p, double n)
{
	double y = PANEL_TOP + PANEL_HEIGHT * (1 - share_of(p, n));
	char text[32];

	fprintf(out, "<line class=\"%s\" x1=\"%g%%\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", n > 0 ? "grid" : "axis", LEFT, y,
	        y);
	if (n > 0 || !p->logarithmic)
		fprintf(out, "<text class=\"end\" x=\"%g%%\" y=\"%.1f\">%s</text>\n", LEFT - 1, y + 4,
		        format_number((uint64_t)n, true, text));
}

static void draw_lines(FILE *out, const struct panel *p)
{
	double top = axis_top(p);

	draw_line(out, p, 0);
	if (p->logarithmic) {
		for (double n = 1; n <= top; n *= top > 1e4 ? 100 : 10)
			draw_line(out, p, n);
		return;
	}
	if (top >= 2)
		draw_line(out, p, top / 2);
	draw_line(out, p, top);
}

/* "12 Oct", or "14:00" for hours. */
static void slot_label(const struct report *r, size_t i, bool whole, char out[48])
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char text[TIME_TEXT_MAX];
	int month, day;

	time_format(report_slot_start(r, i), 0, text);
	month = atoi(text + 5);
	day = atoi(text + 8);
	if (r->slot < INT64_C(86400) * US_PER_SECOND)
		snprintf(out, 48, whole ? "%d %s %.5s" : "%.0d%.0s%.5s", whole ? day : 0, months[(month + 11) % 12], text + 11);
	else
		snprintf(out, 48, whole ? "%d %s %.4s" : "%d %s", day, months[(month + 11) % 12], text);
}

static void draw_columns(FILE *out, const struct report *r, const struct panel *p)
{
	double width = (100 - LEFT) / (double)r->slot_count;

	for (size_t i = 0; i < r->slot_count; i++) {
		uint64_t low = p->low(&r->slots[i]), all = column_of(p, &r->slots[i]);
		double x = LEFT + width * ((double)i + 0.1), bottom = PANEL_TOP + PANEL_HEIGHT;
		char label[48], number[32];

		if (all == 0)
			continue;
		slot_label(r, i, true, label);
		fprintf(out, "<g><title>%s: %s</title>", label, format_number(all, false, number));
		if (all > low)
			fprintf(out, "<rect class=\"f-aggregated\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.1f\" height=\"%.1f\"/>", x,
			        width * 0.8, bottom - height_of(p, all), height_of(p, all));
		if (low > 0)
			fprintf(out, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.1f\" height=\"%.1f\"/>", p->class, x,
			        width * 0.8, bottom - height_of(p, low), height_of(p, low));
		fputs("</g>\n", out);
	}
}

/* Four dates, of which the last is the last slot's. */
static void draw_dates(FILE *out, const struct report *r)
{
	size_t count = r->slot_count < 4 ? r->slot_count : 4;

	for (size_t i = 0; i < count; i++) {
		size_t slot = count == 1 ? 0 : i * (r->slot_count - 1) / (count - 1);
		double x = LEFT + (100 - LEFT) * ((double)slot + 0.5) / (double)r->slot_count;
		char label[48];

		slot_label(r, slot, false, label);
		fprintf(out, "<text class=\"%s\" x=\"%.2f%%\" y=\"%d\">%s</text>\n",
		        i + 1 == count && count > 1 ? "end" : i == 0 ? "" : "mid", i + 1 == count && count > 1 ? 100.0 : x,
		        PANEL_TOP + PANEL_HEIGHT + 16, label);
	}
}

static int draw_panel(FILE *out, const struct report *r, struct panel *p)
{
	char number[32];

	if (choose_axis(r, p) == -1)
		return -1;
	fprintf(out, "<figcaption>%s <span>%s%s</span></figcaption>\n", p->title,
	        r->slot < INT64_C(86400) * US_PER_SECOND ? "by hour" : "by day",
	        p->logarithmic ? ", on a logarithmic scale" : "");
	fprintf(out, "<svg role=\"img\" aria-label=\"%s: a column chart; the highest column is %s. The table below has the numbers.\" "
	             "height=\"%d\">\n",
	        p->title, format_number(p->most, false, number), PANEL_TOP + PANEL_HEIGHT + PANEL_BOTTOM);
	draw_lines(out, p);
	draw_columns(out, r, p);
	draw_dates(out, r);
	fputs("</svg>\n", out);
	return 0;
}

static void draw_legend(FILE *out, const char *const *entries)
{
	fputs("<ul class=\"legend\">", out);
	for (; entries[0] != NULL; entries += 2)
		fprintf(out,
		        "<li><svg aria-hidden=\"true\" width=\"12\" height=\"12\"><rect class=\"%s\" width=\"12\" "
		        "height=\"12\"/></svg>%s</li>",
		        entries[0], entries[1]);
	fputs("</ul>\n", out);
}

static int draw_timeline(FILE *out, const struct report *r)
{
	static const char *const legend[] = { "f-denied", "recorded one by one", "f-aggregated", "only counted, in a flood", NULL };
	struct panel allowed = { .title = "Connections allowed", .class = "f-allowed", .low = allowed_of, .high = nothing_of };
	struct panel denied = { .title = "Attempts denied", .class = "f-denied", .low = denied_of, .high = aggregated_of };
	bool flood = false;

	for (size_t i = 0; i < r->slot_count; i++)
		flood = flood || r->slots[i].aggregated > 0;
	fputs("<figure class=\"chart\" id=\"chart-allowed\">\n", out);
	if (draw_panel(out, r, &allowed) == -1)
		return -1;
	fputs("</figure>\n<figure class=\"chart\" id=\"chart-denied\">\n", out);
	if (draw_panel(out, r, &denied) == -1)
		return -1;
	if (flood)
		draw_legend(out, legend);
	fputs("</figure>\n", out);
	return 0;
}

/* --- coverage: one bar an endpoint, the least covered first */

static int by_coverage(const void *a, const void *b)
{
	const struct report_endpoint *x = *(const struct report_endpoint *const *)a;
	const struct report_endpoint *y = *(const struct report_endpoint *const *)b;

	if (x->coverage_percent < y->coverage_percent || x->coverage_percent > y->coverage_percent)
		return x->coverage_percent < y->coverage_percent ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void draw_span(FILE *out, const struct report *r, const struct report_span *s)
{
	static const char *const classes[] = { "f-allowed", "f-observed", "f-bad" };
	double length = (double)(r->to - r->from);
	double x = 100 * (double)(s->from - r->from) / length, width = 100 * (double)(s->to - s->from) / length;

	if (s->state == REPORT_UNPROTECTED && width < 0.6)
		width = 0.6; /* a gap is seen, however short */
	fprintf(out, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"14\"/>", classes[s->state], x,
	        x + width > 100 ? 100 - x : width);
}

static void draw_endpoint(FILE *out, const struct report *r, const struct report_endpoint *e)
{
	char percent[32];

	content_percent(e->coverage_percent, percent);
	fputs("<li><span class=\"name\">", out);
	html_text(out, e->name);
	fprintf(out, "</span><svg role=\"img\" aria-label=\"covered %s\" height=\"14\">", percent);
	fputs("<rect class=\"f-track\" width=\"100%\" height=\"14\"/>", out);
	for (int gaps = 0; gaps < 2; gaps++) /* gaps above all else */
		for (size_t i = 0; i < e->span_count; i++)
			if ((e->spans[i].state == REPORT_UNPROTECTED) == (gaps == 1))
				draw_span(out, r, &e->spans[i]);
	fprintf(out, "</svg><span class=\"value\">%s</span></li>\n", percent);
}

static int draw_coverage(FILE *out, const struct report *r)
{
	static const char *const legend[] = { "f-allowed", "enforced", "f-observed", "observed", "f-bad", "not protected",
		                              "f-track", "not known", NULL };
	const struct report_endpoint **all = calloc(r->endpoint_count + 1, sizeof(*all));
	size_t count = 0;

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (r->endpoints[i].seen)
			all[count++] = &r->endpoints[i];
	qsort(all, count, sizeof(*all), by_coverage);
	if (count > 0)
		fputs("<figure class=\"chart\" id=\"chart-coverage\">\n<figcaption>Coverage over the period <span>the least covered "
		      "first</span></figcaption>\n<ul class=\"bars\">\n",
		      out);
	for (size_t i = 0; i < count && i < COVERAGE_SHOWN; i++)
		draw_endpoint(out, r, all[i]);
	if (count > 0) {
		fputs("</ul>\n", out);
		draw_legend(out, legend);
		fputs("</figure>\n", out);
	}
	if (count > COVERAGE_SHOWN)
		fprintf(out, "<p class=\"note\">and %zu more, which the table of endpoints has</p>\n", count - COVERAGE_SHOWN);
	free(all);
	return 0;
}

/* --- sources */

static uint64_t attempts_of(const struct report_source *s)
{
	return report_attempts(s);
}

static uint64_t connections_of(const struct report_source *s)
{
	return s->allowed;
}

struct bar {
	const struct report_endpoint *endpoint;
	const struct report_source *source;
	uint64_t value;
};

/* The highest SOURCES_DRAWN, in one pass over any number. */
static size_t find_bars(const struct report *r, uint64_t (*value)(const struct report_source *s), struct bar *bars)
{
	size_t count = 0;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		for (size_t j = 0; j < r->endpoints[i].source_count; j++) {
			struct bar b = { &r->endpoints[i], &r->endpoints[i].sources[j], value(&r->endpoints[i].sources[j]) };
			size_t at = count;

			if (b.value == 0 || (count == SOURCES_DRAWN && b.value <= bars[count - 1].value))
				continue;
			if (count < SOURCES_DRAWN)
				count++;
			else
				at--;
			for (; at > 0 && bars[at - 1].value < b.value; at--)
				bars[at] = bars[at - 1];
			bars[at] = b;
		}
	}
	return count;
}

static void draw_sources(FILE *out, const struct report *r, const char *id, const char *title, const char *class,
                         uint64_t (*value)(const struct report_source *s))
{
	struct bar bars[SOURCES_DRAWN];
	size_t count = find_bars(r, value, bars);
	char number[32];

	if (count == 0)
		return;
	fprintf(out, "<figure class=\"chart\" id=\"%s\">\n<figcaption>%s <span>the busiest</span></figcaption>\n<ul class=\"bars\">\n",
	        id, title);
	for (size_t i = 0; i < count; i++) {
		fputs("<li><span class=\"name\">", out);
		html_text(out, bars[i].source->source);
		fputs(" at ", out);
		html_text(out, content_endpoint(bars[i].endpoint->name));
		fprintf(out,
		        "</span><svg aria-hidden=\"true\" height=\"14\"><rect class=\"%s\" width=\"%.3f%%\" height=\"14\"/></svg>"
		        "<span class=\"value\">%s</span></li>\n",
		        class, 100 * (double)bars[i].value / (double)bars[0].value, format_number(bars[i].value, false, number));
	}
	fputs("</ul>\n</figure>\n", out);
}

int html_chart(FILE *out, const struct report *r, enum doc_chart chart)
{
	switch (chart) {
	case CHART_TIMELINE:
		return draw_timeline(out, r);
	case CHART_COVERAGE:
		return draw_coverage(out, r);
	case CHART_ALLOWED:
		draw_sources(out, r, "chart-allowed-sources", "Sources that were let in", "f-allowed", connections_of);
		return 0;
	case CHART_DENIED:
		break;
	}
	draw_sources(out, r, "chart-denied-sources", "Sources that were denied", "f-denied", attempts_of);
	return 0;
}
