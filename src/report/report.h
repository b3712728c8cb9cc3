/* The compliance report: one model (model.h), one renderer for each format. */
#ifndef HALLOWD_REPORT_REPORT_H
#define HALLOWD_REPORT_REPORT_H

#include <stdio.h>

#include "core/error.h"
#include "report/model.h"

/* Of files that a report is written to: it says who connected, so it is not for everybody. */
#define REPORT_FILE_MODE 0640

/* Writes the report; the caller checks the stream for errors.  0, or -1 where memory ran out. */
typedef int report_render(const struct report *r, FILE *out);

report_render report_text;     /* for a terminal */
report_render report_markdown;
report_render report_html;     /* one file that needs no other: for auditors, and to print */
report_render report_json;     /* the fields of interface.md; doc/report.schema.json */
report_render report_csv;      /* the connections by endpoint and source */

/* The form for the six-monthly review of the rules. */
report_render review_text, review_markdown, review_html, review_json;

/* Writes the report to the file, relative to the folder (AT_FDCWD: the working directory), whole or not at all, with
 * REPORT_FILE_MODE.  0, or -1 with *err. */
int report_write_file(const struct report *r, report_render *render, int folder, const char *name, struct error *err);

/* Writes a file for each table into the folder, each whole or not at all: endpoints, days, sources, gaps, floods,
 * list_changes, disagreements, grants, events, losses and controls, each .csv.  RFC 4180, with a header row; a text that
 * a spreadsheet would take for a formula gets an apostrophe in front. */
int report_csv_folder(const struct report *r, const char *folder, struct error *err);

/* The same files in one zip, which is there whole or not at all, with REPORT_FILE_MODE. */
int report_csv_zip(const struct report *r, const char *name, struct error *err);

/* These files. */
struct csv_table {
	const char *name;
	report_render *render;
};
extern const struct csv_table csv_tables[];
extern const size_t csv_table_count;

#endif
