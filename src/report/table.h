/* Aligned columns for people: the report as text, and hallowctl. */
#ifndef HALLOWD_REPORT_TABLE_H
#define HALLOWD_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum style { STYLE_NONE, STYLE_GOOD, STYLE_BAD, STYLE_HEADER };

struct table_cell {
	char *text; /* owned, already safe to print */
	enum style style;
};

struct table {
	const char *align; /* one letter a column: 'l' or 'r' */
	bool colour;
	bool failed;       /* memory ran out; told by table_print */
	struct table_cell *cells;
	size_t count, cap;
};

/* `align` is kept, not copied. */
void table_init(struct table *t, const char *align, bool colour);
void table_free(struct table *t);

/* Each adds the next cell, row after row; control characters are escaped (plain.h).  NULL and "" are shown as "-". */
void table_add(struct table *t, const char *text);
void table_add_style(struct table *t, enum style style, const char *text);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A row of names above the columns; `names` holds one for each. */
void table_header(struct table *t, const char *const *names);

/* Writes all rows, each behind `indent`, two spaces between columns.  0, or -1 with errno ENOMEM where a cell is
 * missing. */
int table_print(const struct table *t, FILE *out, const char *indent);

/* What switches a terminal to a style, and back; "" where `colour` is false. */
const char *style_on(enum style style, bool colour);
const char *style_off(enum style style, bool colour);

#endif
