/* What the report for people says, in which order: the model made into a document.  The numbers are the model's; what is
 * left out of a long table is counted below it, with the file of `report -o csv --output FOLDER` that holds it. */
#ifndef HALLOWD_REPORT_CONTENT_H
#define HALLOWD_REPORT_CONTENT_H

#include "report/document.h"

/* Rows that a table shows at most. */
#define ENDPOINTS_SHOWN 1000
#define ALLOWED_SHOWN 200
#define DENIED_SHOWN 100
#define ROWS_SHOWN 200

/* The whole report, or with content_review the form for the six-monthly review of the rules.  NULL where memory ran out
 * (document_free). */
struct document *content_report(const struct report *r);
struct document *content_review(const struct report *r);

/* Its parts. */
void content_summary(struct document *d);
void content_endpoints(struct document *d);
void content_coverage(struct document *d);
void content_connections(struct document *d);
void content_denied(struct document *d);
void content_lists(struct document *d);
void content_people(struct document *d);
void content_operation(struct document *d);
void content_secrets(struct document *d);
void content_integrity(struct document *d);
void content_controls(struct document *d);
void content_notes(struct document *d);
void content_rules(struct document *d); /* of the review */

/* A name for people: "(no endpoint)" for "". */
const char *content_endpoint(const char *name);

/* "99.98%", never rounded up to 100. */
void content_percent(double percent, char out[32]);

/* Below the last table: that `more` rows are not in it, where there are any. */
void content_more(struct document *d, size_t more, const char *file);

#endif
