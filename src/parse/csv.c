#include "parse/formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

struct csv {
	const char *at, *end;
	uint32_t line;         /* of `at` */
	struct buffer scratch; /* a quoted field without its quotes */
};

struct field {
	const char *text; /* into the source, or into scratch: good until the next field is read */
	size_t len;
	bool last;       /* of its record */
	const char *bad; /* what is wrong with it, else NULL */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct csv *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

static bool at_line_end(const struct csv *c)
{
	return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && (c->end - c->at == 1 || c->at[1] == '\n'));
}

static void skip_line(struct csv *c)
{
	const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));

	c->at = newline ? newline + 1 : c->end;
	c->line++;
}

/* Steps over what ends a field: a comma, or, with *last set, a line's end with the comment in front of it. */
static void end_field(struct csv *c, bool *last)
{
	*last = c->at == c->end || *c->at != ',';
	if (*last)
		skip_line(c);
	else
		c->at++;
}

/* A '#' starts a comment where a field or a word of it could start, so "C#" holds none. */
static bool is_comment(const char *start, const char *at)
{
	return *at == '#' && (at == start || is_blank(at[-1]));
}

static void plain_field(struct csv *c, struct field *f)
{
	const char *start = c->at, *stop;

	while (!at_line_end(c) && *c->at != ',' && !is_comment(start, c->at))
		c->at++;
	stop = c->at;
	while (stop > start && is_blank(stop[-1]))
		stop--;
	f->text = start;
	f->len = (size_t)(stop - start);
}

/* Copies what stands between the quotes to scratch; `at` is behind the opening one. */
static int unquote(struct csv *c, struct error *err)
{
	uint32_t opened = c->line;

	c->scratch.len = 0;
	for (;;) {
		const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
		const char *p;

		if (!quote)
			return error_set(err, "is not CSV: line %" PRIu32 ": a quoted field has no closing quote",
			                 opened);
		for (p = c->at; p < quote; p++)
			c->line += *p == '\n';
		if (buffer_add(&c->scratch, c->at, (size_t)(quote - c->at)) == -1)
			return error_set(err, "no memory for a quoted field");
		c->at = quote + 1;
		if (c->at == c->end || *c->at != '"')
			return 0;
		if (buffer_add(&c->scratch, "\"", 1) == -1)
			return error_set(err, "no memory for a quoted field");
		c->at++;
	}
}

static int quoted_field(struct csv *c, struct field *f, struct error *err)
{
	const char *text;

	c->at++;
	if (unquote(c, err) == -1)
		return -1;
	text = buffer_str(&c->scratch);
	if (!text)
		return error_set(err, "no memory for a quoted field");
	f->text = text;
	f->len = c->scratch.len;
	while (f->len > 0 && is_blank(f->text[0])) {
		f->text++;
		f->len--;
	}
	while (f->len > 0 && is_blank(f->text[f->len - 1]))
		f->len--;
	skip_blanks(c);
	if (at_line_end(c) || *c->at == ',' || *c->at == '#')
		return 0;
	f->bad = "text behind the closing quote of a field";
	while (!at_line_end(c) && *c->at != ',')
		c->at++;
	return 0;
}

static int next_field(struct csv *c, struct field *f, struct error *err)
{
	*f = (struct field) { "", 0, false, NULL };
	skip_blanks(c);
	if (c->at < c->end && *c->at == '"') {
		if (quoted_field(c, f, err) == -1)
			return -1;
	} else {
		plain_field(c, f);
	}
	end_field(c, &f->last);
	return 0;
}

/* Goes to the start of the next record, over blank lines and comments; false at the end. */
static bool next_record(struct csv *c)
{
	while (c->at < c->end) {
		const char *start = c->at;

		skip_blanks(c);
		if (!at_line_end(c) && *c->at != '#') {
			c->at = start;
			return true;
		}
		if (c->at < c->end)
			skip_line(c);
	}
	return false;
}

/* Tells the record that starts here to `rows`, by its field number `column` (from 1). */
static int read_record(struct csv *c, uint64_t column, struct rows *rows, struct error *err)
{
	struct place where = { c->line, NULL, 0 };
	const char *start = c->at;
	uint64_t number = 0;
	struct field f;
	bool told = false;

	do {
		int ret = 0;

		if (next_field(c, &f, err) == -1)
			return -1;
		if (++number == column) {
			ret = f.bad ? rows_add_bad(rows, &where, f.text, f.len, f.bad, err) :
			              rows_add(rows, &where, f.text, f.len, err);
			told = true;
		}
		if (ret == -1)
			return -1;
	} while (!f.last);
	if (told)
		return 0;
	return rows_add_bad(rows, &where, start, (size_t)(c->at - start), "there is no such column in this line", err);
}

/* Looks up `name` in the first record, and steps over it. */
static int column_by_name(struct csv *c, const char *name, uint64_t *column, struct error *err)
{
	uint64_t number = 0, found = 0;
	uint32_t line;
	struct field f;

	if (!next_record(c))
		return error_set(err, "holds no entry: a line of column names was expected");
	line = c->line;
	do {
		if (next_field(c, &f, err) == -1)
			return -1;
		number++;
		if (f.len != strlen(name) || memcmp(f.text, name, f.len) != 0)
			continue;
		if (found > 0)
			return error_set(err, "select: line %" PRIu32 " names column '%s' twice", line, name);
		found = number;
	} while (!f.last);
	if (found == 0)
		return error_set(err, "select: line %" PRIu32 " should name the columns, but none of its %" PRIu64
		                 " is '%s'", line, number, name);
	*column = found;
	return 0;
}

static int find_column(struct csv *c, const char *select, uint64_t *column, struct error *err)
{
	*column = 1;
	if (select[0] == '\0')
		return 0;
	if (select[strspn(select, "0123456789")] != '\0')
		return column_by_name(c, select, column, err);
	*column = strlen(select) < 10 ? strtoull(select, NULL, 10) : 0;
	if (*column == 0)
		return error_set(err, "select: '%s' is no column; they count from 1", select);
	return 0;
}

int csv_read(const struct source *s, struct rows *rows, struct error *err)
{
	struct csv c = { s->text, s->text + s->len, 1, BUFFER_INIT };
	uint64_t column;
	int ret;

	ret = find_column(&c, s->select, &column, err);
	while (ret == 0 && next_record(&c))
		ret = read_record(&c, column, rows, err);
	buffer_free(&c.scratch);
	return ret;
}
