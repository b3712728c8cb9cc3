/* A document as Markdown with tables (GitHub Flavored Markdown, section 4.10).  What came from outside cannot make a
 * link, an image, HTML or a cell: each punctuation character of ASCII that could is escaped with a backslash (CommonMark,
 * section 2.4). */
#include <errno.h>
#include <string.h>

#include "core/buffer.h"
#include "report/document.h"
#include "report/plain.h"

static int write_escaped(FILE *out, const char *text)
{
	struct buffer b = BUFFER_INIT;
	const char *plain;

	if (plain_add(&b, text) == -1 || (plain = buffer_str(&b)) == NULL) {
		buffer_free(&b);
		return -1;
	}
	for (; *plain != '\0'; plain++) {
		if (strchr("\\`*_[]<>|#~!&", *plain) != NULL)
			fputc('\\', out);
		fputc(*plain, out);
	}
	buffer_free(&b);
	return 0;
}

static int write_row(FILE *out, const struct doc_table *t, size_t row)
{
	for (size_t i = 0; i < t->column_count; i++) {
		fputs("| ", out);
		if (write_escaped(out, t->cells[row * t->column_count + i].text) == -1)
			return -1;
		fputc(' ', out);
	}
	fputs("|\n", out);
	return 0;
}

static int write_table(FILE *out, const struct doc_table *t)
{
	if (*t->caption != '\0') {
		fputs("**", out);
		if (write_escaped(out, t->caption) == -1)
			return -1;
		fputs("**\n\n", out);
	}
	for (size_t i = 0; i < t->column_count; i++)
		fprintf(out, "| %s ", t->columns[i].title);
	fputs("|\n", out);
	for (size_t i = 0; i < t->column_count; i++)
		fputs(t->columns[i].align == ALIGN_RIGHT ? "| ---: " : "| --- ", out);
	fputs("|\n", out);
	for (size_t row = 0; row < doc_rows(t); row++)
		if (write_row(out, t, row) == -1)
			return -1;
	fputc('\n', out);
	return 0;
}

static int write_figures(FILE *out, const struct doc_block *b)
{
	for (size_t i = 0; i < b->figure_count; i++) {
		fputs("- **", out);
		if (write_escaped(out, b->figures[i].value) == -1)
			return -1;
		fprintf(out, "** %s\n", b->figures[i].label);
	}
	fputc('\n', out);
	return 0;
}

static int write_paragraph(FILE *out, const char *text)
{
	int status = write_escaped(out, text);

	fputs("\n\n", out);
	return status;
}

static int write_block(FILE *out, const struct doc_block *b)
{
	switch (b->kind) {
	case DOC_TEXT:
	case DOC_NOTE:
		return write_paragraph(out, b->text);
	case DOC_COMMAND:
		/* An indented block ends with its last indented line, whatever stands in it. */
		plain_write_lines(out, "    ", b->text);
		fputc('\n', out);
		return 0;
	case DOC_TABLE:
		return write_table(out, &b->table);
	case DOC_FIGURES:
		return write_figures(out, b);
	case DOC_CHART:
		break;
	}
	return 0;
}

int document_markdown(const struct document *d, FILE *out)
{
	int status;

	fputs("# ", out);
	status = write_paragraph(out, d->title);
	status |= write_paragraph(out, d->subtitle);
	if (d->verdict != NULL)
		status |= write_paragraph(out, d->verdict);
	for (size_t i = 0; i < d->section_count; i++) {
		fprintf(out, "## %s\n\n", d->sections[i].title);
		for (size_t j = 0; j < d->sections[i].block_count; j++)
			status |= write_block(out, &d->sections[i].blocks[j]);
	}
	if (status != 0)
		errno = ENOMEM;
	return status == 0 ? 0 : -1;
}
