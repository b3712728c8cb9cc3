/* A document for a terminal: sections of aligned columns; long text stands below its row, wrapped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/document.h"
#include "report/plain.h"
#include "report/table.h"

#define WIDTH 100

/* Words of `text` made plain, in lines of at most WIDTH columns behind `indent`. */
static int write_wrapped(FILE *out, const char *indent, const char *text)
{
	struct buffer b = BUFFER_INIT;
	size_t column = 0, room = WIDTH - strlen(indent);
	char *rest, *word;

	if (plain_add(&b, text) == -1 || buffer_str(&b) == NULL) {
		buffer_free(&b);
		return -1;
	}
	rest = (char *)b.data;
	while ((word = strsep(&rest, " ")) != NULL) {
		size_t width = plain_width(word);

		if (column > 0 && column + 1 + width > room) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%s%s", column == 0 ? indent : " ", word);
		column += width + (column > 0);
	}
	fputc('\n', out);
	buffer_free(&b);
	return 0;
}

static bool is_beside(const struct doc_column *c)
{
	return c->align != ALIGN_PROSE;
}

/* Room to write by hand is a line. */
static const char *cell_text(const struct doc_column *c, const char *text)
{
	return c->align == ALIGN_BLANK && *text == '\0' ? "______________________________" : text;
}

static bool is_prose(const struct doc_table *t)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].align == ALIGN_PROSE)
			return true;
	return false;
}

/* The columns that stand beside each other, each row of it as a line of `lines`. */
static int format_rows(const struct doc_table *t, FILE *lines)
{
	char align[32] = "";
	struct table table;
	size_t count = 0;
	int status;

	for (size_t i = 0; i < t->column_count && count < sizeof(align) - 1; i++)
		if (is_beside(&t->columns[i]))
			align[count++] = t->columns[i].align == ALIGN_RIGHT ? 'r' : 'l';
	align[count] = '\0';
	table_init(&table, align, false);
	for (size_t i = 0; i < t->column_count; i++) {
		char title[64];

		if (!is_beside(&t->columns[i]))
			continue;
		for (count = 0; t->columns[i].title[count] != '\0' && count < sizeof(title) - 1; count++) {
			char c = t->columns[i].title[count];

			title[count] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
		}
		title[count] = '\0';
		table_add(&table, title);
	}
	for (size_t i = 0; i < t->cell_count; i++)
		if (is_beside(&t->columns[i % t->column_count]))
			table_add(&table, cell_text(&t->columns[i % t->column_count], t->cells[i].text));
	status = table_print(&table, lines, "  ");
	table_free(&table);
	return status;
}

static int write_prose(const struct doc_table *t, size_t row, FILE *out)
{
	for (size_t i = 0; i < t->column_count; i++) {
		const char *text = t->cells[row * t->column_count + i].text;

		if (t->columns[i].align != ALIGN_PROSE || *text == '\0')
			continue;
		if (write_wrapped(out, "      ", text) == -1)
			return -1;
	}
	return 0;
}

/* Each line of the aligned columns, and below it what is too long to stand beside. */
static int write_table(const struct doc_table *t, FILE *out)
{
	char *lines = NULL, *rest, *line;
	size_t len = 0, row = 0;
	FILE *memory = open_memstream(&lines, &len);
	int status;

	if (memory == NULL)
		return -1;
	status = format_rows(t, memory);
	if (fclose(memory) != 0)
		status = -1;
	if (status == 0 && *t->caption != '\0')
		status = write_wrapped(out, "", t->caption);
	rest = lines;
	while (status == 0 && (line = strsep(&rest, "\n")) != NULL && rest != NULL) {
		fprintf(out, "%s\n", line);
		if (row > 0 && is_prose(t))
			status = write_prose(t, row - 1, out);
		row++;
	}
	free(lines);
	return status;
}

static void write_figures(const struct doc_block *b, FILE *out)
{
	size_t width = 0;

	for (size_t i = 0; i < b->figure_count; i++)
		if (strlen(b->figures[i].value) > width)
			width = strlen(b->figures[i].value);
	for (size_t i = 0; i < b->figure_count; i++)
		fprintf(out, "  %*s  %s\n", (int)width, b->figures[i].value, b->figures[i].label);
}

static int write_block(const struct doc_block *b, FILE *out)
{
	switch (b->kind) {
	case DOC_TEXT:
		return write_wrapped(out, "  ", b->text);
	case DOC_NOTE:
		return write_wrapped(out, "  ", b->text);
	case DOC_COMMAND:
		plain_write_lines(out, "    ", b->text);
		return 0;
	case DOC_TABLE:
		return write_table(&b->table, out);
	case DOC_FIGURES:
		write_figures(b, out);
		return 0;
	case DOC_CHART:
		break;
	}
	return 0;
}

static bool needs_space(const struct doc_section *s, size_t i)
{
	return i > 0 && (s->blocks[i].kind == DOC_TABLE || s->blocks[i - 1].kind == DOC_TABLE ||
	                 s->blocks[i - 1].kind == DOC_FIGURES) &&
	       s->blocks[i].kind != DOC_NOTE && s->blocks[i - 1].kind != DOC_CHART;
}

static int write_section(const struct doc_section *s, FILE *out)
{
	fprintf(out, "\n%s\n", s->title);
	for (size_t i = 0; i < strlen(s->title); i++)
		fputc('-', out);
	fputc('\n', out);
	for (size_t i = 0; i < s->block_count; i++) {
		if (needs_space(s, i))
			fputc('\n', out);
		if (write_block(&s->blocks[i], out) == -1)
			return -1;
	}
	return 0;
}

int document_text(const struct document *d, FILE *out)
{
	plain_write(out, d->title);
	fputc('\n', out);
	plain_write(out, d->subtitle);
	fputc('\n', out);
	if (d->verdict != NULL && write_wrapped(out, "", d->verdict) == -1)
		return -1;
	for (size_t i = 0; i < d->section_count; i++) {
		if (write_section(&d->sections[i], out) == -1) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 0;
}
