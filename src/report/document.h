/* The report for people, as a document of sections, texts and tables: made once from the model (content.h), and written
 * by one renderer for each format, so that a number stands the same in each of them. */
#ifndef HALLOWD_REPORT_DOCUMENT_H
#define HALLOWD_REPORT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/model.h"

enum doc_tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_UNKNOWN };

struct doc_cell {
	char *text; /* owned; as it came from outside: renderers escape it */
	enum doc_tone tone;
};

enum doc_align {
	ALIGN_LEFT,
	ALIGN_RIGHT,
	ALIGN_PROSE, /* long text: below its row where there is no room beside it */
	ALIGN_BLANK  /* room to write by hand */
};

struct doc_column {
	const char *title;
	enum doc_align align;
};

struct doc_table {
	const char *id;      /* for links and tests: "endpoints" */
	char *caption;       /* owned */
	const struct doc_column *columns;
	size_t column_count;
	struct doc_cell *cells; /* owned; row after row */
	size_t cell_count, cell_cap;
	bool sortable;       /* worth sorting and filtering */
};

struct doc_figure {
	char *value, *label; /* owned */
	enum doc_tone tone;
};

enum doc_chart { CHART_TIMELINE, CHART_COVERAGE, CHART_ALLOWED, CHART_DENIED };

enum doc_kind { DOC_TEXT, DOC_NOTE, DOC_COMMAND, DOC_TABLE, DOC_FIGURES, DOC_CHART };

struct doc_block {
	enum doc_kind kind;
	enum doc_tone tone;         /* of a text */
	char *text;                 /* owned: text, note, command */
	struct doc_table table;
	struct doc_figure *figures; /* owned */
	size_t figure_count;
	enum doc_chart chart;       /* drawn from the model; renderers that cannot draw leave it out */
};

struct doc_section {
	const char *id, *title;
	struct doc_block *blocks; /* owned */
	size_t block_count;
};

struct document {
	const struct report *report;
	char *title, *subtitle; /* owned */
	char *verdict;          /* one or two sentences */
	enum doc_tone tone;
	struct doc_section *sections;
	size_t section_count;
	bool failed;            /* memory ran out: something is missing */
};

/* NULL where memory ran out. */
struct document *document_new(const struct report *r);
void document_free(struct document *d);

/* Each adds to the end of what there is.  Memory that lacks sets d->failed, and the rest does nothing. */
void doc_section(struct document *d, const char *id, const char *title); /* texts that stay */
void doc_text(struct document *d, enum doc_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doc_toned(struct document *d, enum doc_tone tone, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void doc_figure(struct document *d, enum doc_tone tone, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void doc_chart(struct document *d, enum doc_chart chart);

/* A table of these columns, which stay; its cells follow. */
void doc_table(struct document *d, const char *id, const struct doc_column *columns, size_t count, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
#define DOC_COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])
void doc_sortable(struct document *d); /* the last table is */
void doc_cell(struct document *d, const char *text);
void doc_cell_tone(struct document *d, enum doc_tone tone, const char *text);
void doc_cellf(struct document *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doc_number(struct document *d, uint64_t n); /* with thousands separators only where a renderer adds them */
void doc_time(struct document *d, const char *time);  /* of the views; shown without its microseconds */
void doc_when(struct document *d, time_us t);

size_t doc_rows(const struct doc_table *t); /* how many it has */

/* Writers.  0, or -1 where memory ran out. */
int document_text(const struct document *d, FILE *out);
int document_markdown(const struct document *d, FILE *out);
int document_html(const struct document *d, FILE *out);

#endif
