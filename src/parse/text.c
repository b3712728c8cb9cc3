#include "parse/formats.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a comment and the white space around what is left. */
static void trim_line(const char **start, const char **end)
{
	const char *at = *start;

	while (at < *end && is_blank(*at))
		at++;
	*start = at;
	while (at < *end && *at != '#' && *at != ';')
		at++;
	while (at > *start && is_blank(at[-1]))
		at--;
	*end = at;
}

int text_read(const struct source *s, struct rows *rows, struct error *err)
{
	const char *at = s->text, *end = s->text + s->len;
	struct place where = { 0, NULL, 0 };

	if (s->select[0] != '\0')
		return error_set(err, "select: a text list has nothing to select from; leave it out");
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *start = at, *stop = newline ? newline : end;

		where.line++;
		at = newline ? newline + 1 : end;
		trim_line(&start, &stop);
		if (start < stop && rows_add(rows, &where, start, (size_t)(stop - start), err) == -1)
			return -1;
	}
	return 0;
}
