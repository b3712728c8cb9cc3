/* The first page: a verdict in plain words, the key figures, and what needs attention. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/number.h"
#include "report/checks.h"
#include "report/content.h"

struct totals {
	size_t known, whole;
	size_t lost_sight; /* of these nothing is known at the end */
	bool enforced, observed; /* some endpoint was, for some of the time */
	bool late;         /* some endpoint was first seen within the period */
	double least; /* coverage */
	struct report_count allow, deny;
};

static void add_states(struct totals *t, const struct report_endpoint *e)
{
	for (size_t i = 0; i < e->span_count; i++) {
		t->enforced = t->enforced || e->spans[i].state == REPORT_ENFORCED;
		t->observed = t->observed || e->spans[i].state == REPORT_OBSERVED;
	}
}

static struct totals add_up(const struct report *r)
{
	struct totals t = { .least = 100 };

	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		report_add(&t.allow, &e->allow);
		report_add(&t.deny, &e->deny);
		if (*e->name == '\0' || (!e->seen && !e->present))
			continue;
		t.known++;
		t.whole += e->seen && e->coverage_percent >= 100;
		t.lost_sight += report_lost_sight(r, e);
		add_states(&t, e);
		if (e->seen && e->coverage_percent < t.least)
			t.least = e->coverage_percent;
		else if (!e->seen)
			t.least = 0;
	}
	for (size_t i = 0; i < r->gap_count; i++)
		t.late = t.late || r->gaps[i].kind == GAP_BEFORE;
	return t;
}

/* What they were: "protected" is no word for what was only observed. */
static const char *what_they_were(const struct totals *t)
{
	if (!t->observed)
		return "protected";
	return t->enforced ? "protected or observed" : "observed, which denies nobody,";
}

static int say_protected(struct buffer *b, const struct totals *t)
{
	const char *since = t->late ? ", from when it was first seen" : "";

	if (t->known == 0)
		return buffer_printf(b, "No endpoint was protected in this period.");
	if (t->whole < t->known)
		return buffer_printf(b, "%zu of %zu endpoint%s %s not protected for all of the time.", t->known - t->whole,
		                     t->known, number_plural(t->known), t->known - t->whole == 1 ? "was" : "were");
	if (t->known == 1)
		return buffer_printf(b, "The one endpoint was %s without a gap%s.", what_they_were(t), since);
	return buffer_printf(b, "All %zu endpoints were %s without a gap%s.", t->known, what_they_were(t),
	                     t->late ? ", each from when it was first seen" : "");
}

static int say_verdict(struct buffer *b, const struct report *r, const struct totals *t)
{
	uint64_t lost = t->allow.lost + t->deny.lost;

	if (r->integrity.ok == 0 &&
	    buffer_printf(b, "The audit log does not verify: what follows is only what it says now. ") == -1)
		return -1;
	if (report_is_silent(r))
		return buffer_printf(b, "The audit log knows nothing of this period.");
	if (say_protected(b, t) == -1)
		return -1;
	if (t->lost_sight > 0 &&
	    buffer_printf(b, " Of %zu nothing is known at the end of the period: hallowd gave no sign of life.", t->lost_sight) == -1)
		return -1;
	if (r->findings[CHECK_SOURCES_NAMED].status == STATUS_MET &&
	    buffer_printf(b, " Every connection that was allowed came from a listed or granted source.") == -1)
		return -1;
	if (lost > 0 && buffer_printf(b, " Of %" PRIu64 " packet%s that the kernel counted, no row says more.", lost,
	                              number_plural(lost)) == -1)
		return -1;
	if (lost == 0 && t->known > 0 && buffer_printf(b, " All that the kernel counted is accounted for.") == -1)
		return -1;
	return r->integrity.ok == 1 ? buffer_printf(b, " The audit log verifies.") : 0;
}

static void set_verdict(struct document *d, const struct totals *t)
{
	const struct report *r = d->report;
	struct buffer b = BUFFER_INIT;
	bool good = t->whole == t->known && t->lost_sight == 0 && t->allow.lost + t->deny.lost == 0 && r->integrity.ok != 0;

	if (say_verdict(&b, r, t) == -1 || buffer_str(&b) == NULL || (d->verdict = strdup((char *)b.data)) == NULL)
		d->failed = true;
	d->tone = t->known == 0 || report_is_silent(r) || (good && t->observed) ? TONE_UNKNOWN : good ? TONE_GOOD : TONE_BAD;
	buffer_free(&b);
}

static void count_controls(const struct report *r, size_t counts[3])
{
	for (size_t i = 0; i < r->control_count; i++)
		counts[r->controls[i].status]++;
}

static void add_figures(struct document *d, const struct totals *t)
{
	const struct report *r = d->report;
	uint64_t lost = t->allow.lost + t->deny.lost;
	size_t controls[3] = { 0 };
	char percent[32];

	content_percent(t->least, percent);
	doc_figure(d, TONE_PLAIN, t->known == 1 ? "endpoint" : "endpoints", "%zu", t->known);
	if (t->known > 0)
		doc_figure(d, t->least >= 100 ? TONE_GOOD : TONE_BAD,
		           !t->observed  ? "of the time protected, at least" :
		           t->enforced ? "of the time protected or observed, at least" :
		                         "of the time observed, at least",
		           "%s", percent);
	doc_figure(d, TONE_PLAIN, "connections allowed", "%" PRIu64, t->allow.recorded);
	doc_figure(d, TONE_PLAIN, "attempts denied", "%" PRIu64, t->deny.recorded + t->deny.aggregated);
	doc_figure(d, lost == 0 ? TONE_GOOD : TONE_BAD, "counted, but in no row", "%" PRIu64, lost);
	doc_figure(d, TONE_PLAIN, r->change_count == 1 ? "list change" : "list changes", "%zu", r->change_count);
	if (r->control_count == 0)
		return;
	count_controls(r, controls);
	doc_figure(d, TONE_PLAIN, "controls met, not met, not covered", "%zu / %zu / %zu", controls[STATUS_MET],
	           controls[STATUS_NOT_MET], controls[STATUS_NOT_COVERED]);
}

void content_summary(struct document *d)
{
	const struct report *r = d->report;
	struct totals t = add_up(r);
	bool any = false;

	doc_section(d, "summary", "Summary");
	set_verdict(d, &t);
	add_figures(d, &t);
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		if (r->findings[i].status != STATUS_NOT_MET)
			continue;
		if (!any)
			doc_text(d, DOC_TEXT, "What needs attention:");
		any = true;
		doc_toned(d, TONE_BAD, "%s: %s", check_title((enum check)i), r->findings[i].evidence);
	}
	if (!any && t.known > 0)
		doc_toned(d, TONE_GOOD, "None of the checks of this report found anything that needs attention.");
}
