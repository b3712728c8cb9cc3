#include "report/document.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct document *document_new(const struct report *r)
{
	struct document *d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->report = r;
	return d;
}

static void block_free(struct doc_block *b)
{
	for (size_t i = 0; i < b->table.cell_count; i++)
		free(b->table.cells[i].text);
	for (size_t i = 0; i < b->figure_count; i++) {
		free(b->figures[i].value);
		free(b->figures[i].label);
	}
	free(b->table.cells);
	free(b->table.caption);
	free(b->figures);
	free(b->text);
}

void document_free(struct document *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->section_count; i++) {
		for (size_t j = 0; j < d->sections[i].block_count; j++)
			block_free(&d->sections[i].blocks[j]);
		free(d->sections[i].blocks);
	}
	free(d->sections);
	free(d->title);
	free(d->subtitle);
	free(d->verdict);
	free(d);
}

/* Room for one more, zeroed; NULL, with d->failed, where memory lacks. */
static void *grow(struct document *d, void *array, size_t *count, size_t size)
{
	char *grown = d->failed ? NULL : reallocarray(array, *count + 1, size);

	if (grown == NULL) {
		d->failed = true;
		return NULL;
	}
	memset(grown + *count * size, 0, size);
	(*count)++;
	return grown;
}

__attribute__((format(printf, 2, 0))) static char *format(struct document *d, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) != -1)
		return text;
	d->failed = true;
	return NULL;
}

void doc_section(struct document *d, const char *id, const char *title)
{
	struct doc_section *grown = grow(d, d->sections, &d->section_count, sizeof(*grown));

	if (grown == NULL)
		return;
	d->sections = grown;
	grown[d->section_count - 1].id = id;
	grown[d->section_count - 1].title = title;
}

static struct doc_block *last_block(struct document *d)
{
	struct doc_section *s = d->failed ? NULL : &d->sections[d->section_count - 1];

	return s == NULL || s->block_count == 0 ? NULL : &s->blocks[s->block_count - 1];
}

static struct doc_block *add_block(struct document *d, enum doc_kind kind)
{
	struct doc_section *s;
	struct doc_block *grown;

	if (d->failed)
		return NULL;
	s = &d->sections[d->section_count - 1];
	grown = grow(d, s->blocks, &s->block_count, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	s->blocks = grown;
	grown[s->block_count - 1].kind = kind;
	return &grown[s->block_count - 1];
}

void doc_text(struct document *d, enum doc_kind kind, const char *fmt, ...)
{
	struct doc_block *b = add_block(d, kind);
	va_list ap;

	if (b == NULL)
		return;
	va_start(ap, fmt);
	b->text = format(d, fmt, ap);
	va_end(ap);
}

void doc_toned(struct document *d, enum doc_tone tone, const char *fmt, ...)
{
	struct doc_block *b = add_block(d, DOC_TEXT);
	va_list ap;

	if (b == NULL)
		return;
	b->tone = tone;
	va_start(ap, fmt);
	b->text = format(d, fmt, ap);
	va_end(ap);
}

void doc_figure(struct document *d, enum doc_tone tone, const char *label, const char *fmt, ...)
{
	struct doc_block *b = last_block(d);
	struct doc_figure *grown;
	va_list ap;

	if (b == NULL || b->kind != DOC_FIGURES)
		b = add_block(d, DOC_FIGURES);
	if (b == NULL || (grown = grow(d, b->figures, &b->figure_count, sizeof(*grown))) == NULL)
		return;
	b->figures = grown;
	grown += b->figure_count - 1;
	grown->tone = tone;
	va_start(ap, fmt);
	grown->value = format(d, fmt, ap);
	va_end(ap);
	grown->label = strdup(label);
	if (grown->label == NULL)
		d->failed = true;
}

void doc_chart(struct document *d, enum doc_chart chart)
{
	struct doc_block *b = add_block(d, DOC_CHART);

	if (b != NULL)
		b->chart = chart;
}

void doc_table(struct document *d, const char *id, const struct doc_column *columns, size_t count, const char *fmt, ...)
{
	struct doc_block *b = add_block(d, DOC_TABLE);
	va_list ap;

	if (b == NULL)
		return;
	b->table.id = id;
	b->table.columns = columns;
	b->table.column_count = count;
	va_start(ap, fmt);
	b->table.caption = format(d, fmt, ap);
	va_end(ap);
}

void doc_sortable(struct document *d)
{
	struct doc_block *b = last_block(d);

	if (b != NULL)
		b->table.sortable = true;
}

void doc_cell_tone(struct document *d, enum doc_tone tone, const char *text)
{
	struct doc_block *b = last_block(d);
	struct doc_table *t;

	if (b == NULL)
		return;
	t = &b->table;
	if (t->cell_count == t->cell_cap) {
		size_t cap = t->cell_cap == 0 ? 64 : t->cell_cap * 2;
		struct doc_cell *grown = reallocarray(t->cells, cap, sizeof(*grown));

		if (grown == NULL) {
			d->failed = true;
			return;
		}
		t->cells = grown;
		t->cell_cap = cap;
	}
	t->cells[t->cell_count].text = strdup(text != NULL ? text : "");
	t->cells[t->cell_count].tone = tone;
	if (t->cells[t->cell_count].text == NULL)
		d->failed = true;
	else
		t->cell_count++;
}

void doc_cell(struct document *d, const char *text)
{
	doc_cell_tone(d, TONE_PLAIN, text);
}

void doc_cellf(struct document *d, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = format(d, fmt, ap);
	va_end(ap);
	if (text != NULL)
		doc_cell(d, text);
	free(text);
}

void doc_number(struct document *d, uint64_t n)
{
	doc_cellf(d, "%" PRIu64, n);
}

void doc_time(struct document *d, const char *time)
{
	size_t len = strcspn(time, ".");

	if (time[len] == '\0')
		doc_cell(d, time);
	else
		doc_cellf(d, "%.*sZ", (int)len, time);
}

void doc_when(struct document *d, time_us t)
{
	char text[TIME_TEXT_MAX];

	doc_cell(d, time_format(t, 0, text));
}

size_t doc_rows(const struct doc_table *t)
{
	return t->cell_count / t->column_count;
}
