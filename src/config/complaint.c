#include "config/complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

#define SHOWN_BYTES 48

static bool stands_before(struct place a, struct place b)
{
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

bool complaint_would_show(const struct complaints *c, struct place at)
{
	return c->kept_count < COMPLAINTS_SHOWN || stands_before(at, c->kept[c->kept_count - 1].at);
}

/* Behind all that stand at the same place or before it, so that the order among equals is that of their coming. */
static void keep(struct complaints *c, struct complaint new)
{
	size_t i;

	if (c->kept_count == COMPLAINTS_SHOWN)
		free(c->kept[--c->kept_count].text);
	for (i = c->kept_count; i > 0 && stands_before(new.at, c->kept[i - 1].at); i--)
		c->kept[i] = c->kept[i - 1];
	c->kept[i] = new;
	c->kept_count++;
}

void complain(struct complaints *c, struct place at, const char *fmt, ...)
{
	char *text;
	va_list ap;

	c->total++;
	if (!complaint_would_show(c, at))
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text == NULL) {
		c->out_of_memory = true;
		return;
	}
	keep(c, (struct complaint){ .at = at, .text = text });
}

int complaints_write(const struct complaints *c, const char *path, struct buffer *out)
{
	size_t more = c->total - c->kept_count;

	for (size_t i = 0; i < c->kept_count; i++) {
		const struct complaint *k = &c->kept[i];

		if (buffer_printf(out, "%s:%u:%u: %s\n", path, k->at.line, k->at.column, k->text) != 0)
			return -1;
	}
	if (c->out_of_memory)
		return buffer_printf(out, "%s: the check is not complete: out of memory\n", path);
	if (more > 0)
		return buffer_printf(out, "%s: %zu more error%s, not shown here\n", path, more, number_plural(more));
	return 0;
}

void complaints_free(struct complaints *c)
{
	for (size_t i = 0; i < c->kept_count; i++)
		free(c->kept[i].text);
	*c = (struct complaints)COMPLAINTS_INIT;
}

static bool may_hold_secret(const char *text)
{
	return strstr(text, "://") != NULL || (text[0] != '\0' && strchr(text + 1, '@') != NULL);
}

/* The longest run of whole UTF-8 characters in the first `max` bytes. */
static size_t cut_length(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	len = max;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

size_t text_control(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	if ((p[0] > 0 && p[0] < 0x20) || p[0] == 0x7f)
		return 1;
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

const char *shown(const char *text, char out[SHOWN_MAX])
{
	size_t len = cut_length(text, SHOWN_BYTES);

	if (may_hold_secret(text)) {
		snprintf(out, SHOWN_MAX, "this (not shown: it may hold a secret)");
		return out;
	}
	snprintf(out, SHOWN_MAX, "'%.*s%s'", (int)len, text, text[len] != '\0' ? "..." : "");
	for (char *p = out; *p != '\0'; p++)
		for (size_t n = text_control(p); n > 0; n--)
			p[n - 1] = '?';
	return out;
}
