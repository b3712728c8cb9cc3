#include "report/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/plain.h"

void table_init(struct table *t, const char *align, bool colour)
{
	memset(t, 0, sizeof(*t));
	t->align = align;
	t->colour = colour;
}

void table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	t->cells = NULL;
	t->count = t->cap = 0;
}

static char *cell_text(const char *text)
{
	struct buffer b = BUFFER_INIT;

	if (plain_add(&b, text == NULL || *text == '\0' ? "-" : text) == -1 || buffer_str(&b) == NULL) {
		buffer_free(&b);
		return NULL;
	}
	return (char *)b.data;
}

void table_add_style(struct table *t, enum style style, const char *text)
{
	if (t->count == t->cap) {
		size_t cap = t->cap == 0 ? 64 : t->cap * 2;
		struct table_cell *cells = reallocarray(t->cells, cap, sizeof(*cells));

		if (cells == NULL) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->cap = cap;
	}
	t->cells[t->count].style = style;
	t->cells[t->count].text = cell_text(text);
	if (t->cells[t->count].text == NULL) {
		t->failed = true;
		return;
	}
	t->count++;
}

void table_add(struct table *t, const char *text)
{
	table_add_style(t, STYLE_NONE, text);
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1) {
		t->failed = true;
		return;
	}
	table_add(t, text);
	free(text);
}

void table_header(struct table *t, const char *const *names)
{
	size_t i;

	for (i = 0; i < strlen(t->align); i++)
		table_add_style(t, STYLE_HEADER, names[i]);
}

static void print_cell(const struct table *t, const struct table_cell *cell, size_t width, char align, bool last,
                       FILE *out)
{
	size_t own = plain_width(cell->text);
	int pad = (int)(width - own);

	if (align == 'r')
		fprintf(out, "%*s", pad, "");
	fprintf(out, "%s%s%s", style_on(cell->style, t->colour), cell->text, style_off(cell->style, t->colour));
	if (!last)
		fprintf(out, "%*s", (align == 'r' ? 0 : pad) + 2, "");
}

int table_print(const struct table *t, FILE *out, const char *indent)
{
	size_t columns = strlen(t->align), i;
	size_t *width;

	if (t->failed || (width = calloc(columns, sizeof(*width))) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (i = 0; i < t->count; i++) {
		size_t own = plain_width(t->cells[i].text);

		if (own > width[i % columns])
			width[i % columns] = own;
	}
	for (i = 0; i < t->count; i++) {
		bool last = i % columns == columns - 1;

		if (i % columns == 0)
			fputs(indent, out);
		print_cell(t, &t->cells[i], width[i % columns], t->align[i % columns], last, out);
		if (last)
			fputc('\n', out);
	}
	free(width);
	return 0;
}

const char *style_on(enum style style, bool colour)
{
	if (!colour)
		return "";
	switch (style) {
	case STYLE_GOOD:
		return "\033[32m";
	case STYLE_BAD:
		return "\033[31m";
	case STYLE_HEADER:
		return "\033[1m";
	case STYLE_NONE:
		break;
	}
	return "";
}

const char *style_off(enum style style, bool colour)
{
	return colour && style != STYLE_NONE ? "\033[0m" : "";
}
