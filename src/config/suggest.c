#include "config/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment, three rows of the table at a time. */
size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][SUGGEST_NAME_MAX + 1] = { { 0 } };
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t alen = strlen(a), blen = strlen(b);

	if (alen > SUGGEST_NAME_MAX || blen > SUGGEST_NAME_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= blen; j++)
		last[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t *swap = before;

		now[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			now[j] = least(last[j], now[j - 1]) + 1;
			now[j] = least(now[j], last[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = swap;
	}
	return last[blen];
}

void suggest_begin(struct suggestion *s, const char *wrong)
{
	s->wrong = wrong;
	s->best = NULL;
	s->distance = SIZE_MAX;
}

static size_t slip(const char *wrong)
{
	size_t len = strlen(wrong);

	if (len < 2)
		return 0;
	return len < 3 ? 1 : least(len / 3, 3);
}

void suggest_consider(struct suggestion *s, const char *name)
{
	size_t distance = suggest_distance(s->wrong, name);

	if (distance <= slip(s->wrong) && distance < s->distance) {
		s->best = name;
		s->distance = distance;
	}
}

const char *suggest_text(const struct suggestion *s, char out[SUGGEST_TEXT_MAX])
{
	out[0] = '\0';
	if (s->best != NULL)
		snprintf(out, SUGGEST_TEXT_MAX, "; did you mean '%s'?", s->best);
	return out;
}
