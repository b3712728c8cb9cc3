#include "report/content.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/checks.h"
#include "report/report.h"

const char *content_endpoint(const char *name)
{
	return *name != '\0' ? name : "(no endpoint)";
}

void content_percent(double percent, char out[32])
{
	/* The parts of a hundredth are cut off, but for what binary fractions lose. */
	snprintf(out, 32, "%.6g%%", (double)(int64_t)(percent * 100 + 1e-6) / 100);
}

void content_more(struct document *d, size_t more, const char *file)
{
	if (more > 0)
		doc_text(d, DOC_NOTE, "and %zu more: see %s of report -o csv --output FOLDER, or report -o json", more, file);
}

static void set_heading(struct document *d, const char *title)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

	time_format(d->report->from, 0, from);
	time_format(d->report->to, 0, to);
	if (asprintf(&d->title, "%s on host %s", title, d->report->host) == -1)
		d->title = NULL;
	if (asprintf(&d->subtitle, "Period: %s to %s", from, to) == -1)
		d->subtitle = NULL;
	d->failed = d->failed || d->title == NULL || d->subtitle == NULL;
}

static struct document *finished(struct document *d)
{
	if (!d->failed)
		return d;
	document_free(d);
	return NULL;
}

struct document *content_report(const struct report *r)
{
	struct document *d = document_new(r);

	if (d == NULL)
		return NULL;
	set_heading(d, "Access to protected endpoints");
	content_summary(d);
	content_endpoints(d);
	content_coverage(d);
	content_connections(d);
	content_denied(d);
	content_lists(d);
	content_people(d);
	content_operation(d);
	content_secrets(d);
	content_integrity(d);
	content_controls(d);
	content_notes(d);
	return finished(d);
}

struct document *content_review(const struct report *r)
{
	struct document *d = document_new(r);

	if (d == NULL)
		return NULL;
	set_heading(d, "Review of the rules");
	content_rules(d);
	return finished(d);
}

/* --- what is written */

static int write_document(struct document *d, int (*write)(const struct document *d, FILE *out), FILE *out)
{
	int status = d == NULL ? -1 : write(d, out);

	document_free(d);
	return status;
}

int report_text(const struct report *r, FILE *out)
{
	return write_document(content_report(r), document_text, out);
}

int report_markdown(const struct report *r, FILE *out)
{
	return write_document(content_report(r), document_markdown, out);
}

int report_html(const struct report *r, FILE *out)
{
	return write_document(content_report(r), document_html, out);
}

int review_text(const struct report *r, FILE *out)
{
	return write_document(content_review(r), document_text, out);
}

int review_markdown(const struct report *r, FILE *out)
{
	return write_document(content_review(r), document_markdown, out);
}

int review_html(const struct report *r, FILE *out)
{
	return write_document(content_review(r), document_html, out);
}
