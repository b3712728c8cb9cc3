#include "daemon/texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep(struct texts *t, char *text)
{
	char **bigger = reallocarray(t->items, t->count + 1, sizeof(*bigger));

	if (bigger == NULL) {
		free(text);
		return -1;
	}
	t->items = bigger;
	t->items[t->count++] = text;
	return 0;
}

int texts_add(struct texts *t, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	return len == -1 ? -1 : keep(t, text);
}

int texts_copy(struct texts *to, const struct texts *from)
{
	texts_free(to);
	for (size_t i = 0; i < from->count; i++)
		if (texts_add(to, "%s", from->items[i]) == -1) {
			texts_free(to);
			return -1;
		}
	return 0;
}

bool texts_equal(const struct texts *a, const struct texts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

void texts_free(struct texts *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i]);
	free(t->items);
	*t = (struct texts)TEXTS_INIT;
}
