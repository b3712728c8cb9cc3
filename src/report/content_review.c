/* The form for the review of the rules that is due every six months: each rule with its reason and its use, what should
 * catch the reviewer's eye, and room to decide and to sign. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/number.h"
#include "report/content.h"

static bool is_rule(const struct report_endpoint *e)
{
	return *e->name != '\0' && e->present;
}

/* "humanitec (2845), office (0)": each list that it allows, with how many connections it let in. */
static void add_lists(struct document *d, const struct report_endpoint *e)
{
	struct buffer b = BUFFER_INIT;
	int status = 0;

	for (const char *at = e->lists; *at != '\0'; at += strspn(at, ",")) {
		size_t len = strcspn(at, ",");

		status |= buffer_printf(&b, "%s%.*s (%" PRIu64 ")", b.len > 0 ? ", " : "", (int)len, at, report_use(e, at, len));
		at += len;
	}
	if (status != 0 || buffer_str(&b) == NULL)
		d->failed = true;
	else
		doc_cell(d, (const char *)b.data);
	buffer_free(&b);
}

/* Lists that let nobody in at an endpoint that others came to; as far as the rows go. */
static int say_unused_lists(struct buffer *b, const struct report *r, const struct report_endpoint *e)
{
	char from[TIME_TEXT_MAX];
	int status = 0;

	time_format(r->complete_from, 0, from);

	for (const char *at = e->lists; e->allow.counted > 0 && *at != '\0'; at += strspn(at, ",")) {
		size_t len = strcspn(at, ",");

		if (report_use(e, at, len) == 0)
			status |= buffer_printf(b, ", %.*s not used", (int)len, at);
		if (report_use(e, at, len) == 0 && report_deleted(r, e) > 0)
			status |= buffer_printf(b, " since %.10s", from);
		at += len;
	}
	return status;
}

/* Connections that no rule let in: a person did, for a time. */
static uint64_t by_grants(const struct report_endpoint *e)
{
	uint64_t n = 0;

	for (size_t i = 0; i < e->use_count; i++)
		if (strncmp(e->uses[i].list, "grant:", 6) == 0)
			n += e->uses[i].allowed;
	return n;
}

static void add_notice(struct document *d, const struct report_endpoint *e)
{
	uint64_t granted = by_grants(e);
	struct buffer b = BUFFER_INIT;
	int status = 0;

	if (e->allow.counted == 0)
		status |= buffer_printf(&b, ", not used");
	status |= say_unused_lists(&b, d->report, e);
	if (granted > 0)
		status |= buffer_printf(&b, ", %" PRIu64 " by a grant", granted);
	if (*e->reason == '\0')
		status |= buffer_printf(&b, ", no reason");
	if (*e->owner == '\0')
		status |= buffer_printf(&b, ", no owner");
	if (strcmp(e->mode, "observe") == 0)
		status |= buffer_printf(&b, ", only observed");
	if (status != 0 || buffer_str(&b) == NULL)
		d->failed = true;
	else
		doc_cell_tone(d, TONE_BAD, b.len > 0 ? (const char *)b.data + 2 : "");
	buffer_free(&b);
}

static void add_rule(struct document *d, const struct report_endpoint *e)
{
	doc_cell(d, e->name);
	doc_cell(d, e->place);
	add_lists(d, e);
	doc_number(d, e->allow.counted);
	doc_cellf(d, "%.10s", report_last_use(e));
	doc_cell(d, e->owner);
	add_notice(d, e);
	doc_cell(d, e->reason);
	doc_cell(d, "keep / change / remove");
}

static void add_rules(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Rule", ALIGN_LEFT }, { "Addresses and ports", ALIGN_LEFT }, { "Allows (and let in)", ALIGN_LEFT },
		{ "Used", ALIGN_RIGHT }, { "Last used", ALIGN_LEFT }, { "Owner", ALIGN_LEFT }, { "Notice", ALIGN_LEFT },
		{ "Business reason", ALIGN_PROSE }, { "Decision", ALIGN_BLANK },
	};
	const struct report *r = d->report;

	doc_table(d, "review", DOC_COLUMNS(columns), "Every rule in force, with its use in the period");
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (is_rule(&r->endpoints[i]))
			add_rule(d, &r->endpoints[i]);
}

static void add_signature(struct document *d)
{
	static const struct doc_column columns[] = { { "To be filled in", ALIGN_LEFT }, { "Entry", ALIGN_BLANK } };
	static const char *const fields[] = { "Reviewer (name, role)", "Date of the review", "Signature",
		                              "Next review due (six months on)" };

	doc_table(d, "signature", DOC_COLUMNS(columns), "Signed by the reviewer");
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		doc_cell(d, fields[i]);
		doc_cell(d, "");
	}
}

struct review_counts {
	size_t rules, unused, bare;
};

static void add_summary(struct document *d, const struct review_counts *n)
{
	if (asprintf(&d->verdict,
	             "%zu rule%s %s in force. In this period %zu of them let nobody in, and %zu %s a business reason or an "
	             "owner.",
	             n->rules, number_plural(n->rules), n->rules == 1 ? "is" : "are", n->unused, n->bare,
	             n->bare == 1 ? "lacks" : "lack") == -1) {
		d->verdict = NULL;
		d->failed = true;
	}
	d->tone = n->unused + n->bare > 0 ? TONE_BAD : TONE_GOOD;
	doc_figure(d, TONE_PLAIN, n->rules == 1 ? "rule" : "rules", "%zu", n->rules);
	doc_figure(d, n->unused > 0 ? TONE_BAD : TONE_GOOD, "not used in the period", "%zu", n->unused);
	doc_figure(d, n->bare > 0 ? TONE_BAD : TONE_GOOD, "without a reason or an owner", "%zu", n->bare);
}

void content_rules(struct document *d)
{
	struct review_counts n = { 0 };

	for (size_t i = 0; i < d->report->endpoint_count; i++) {
		const struct report_endpoint *e = &d->report->endpoints[i];

		if (!is_rule(e))
			continue;
		n.rules++;
		n.unused += e->allow.counted == 0;
		n.bare += *e->reason == '\0' || *e->owner == '\0';
	}
	doc_section(d, "summary", "Summary");
	add_summary(d, &n);
	doc_text(d, DOC_TEXT,
	         "For each rule decide whether it is still needed, and needed as it is: keep, change or remove. The reason and "
	         "the owner are 'reason:' and 'owner:' of the endpoint in the configuration. Used counts new connections. A "
	         "review of network security controls is due at least every six months (PCI DSS 4.0.1, 1.2.7).");
	doc_section(d, "rules", "Rules");
	if (n.rules == 0)
		doc_text(d, DOC_TEXT, "No rule is in force.");
	else
		add_rules(d);
	doc_section(d, "sign-off", "Sign-off");
	add_signature(d);
}
