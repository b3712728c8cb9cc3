#include "parse/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

/* Length of the UTF-8 character at `s` with its code point, or 0 where there is none. */
static size_t utf8_next(const unsigned char *s, size_t len, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need, i;
	uint32_t p;

	if (s[0] < 0x80) {
		*point = s[0];
		return 1;
	}
	need = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || need > len)
		return 0;
	p = s[0] & (0x7fu >> need);
	for (i = 1; i < need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		p = p << 6 | (s[i] & 0x3fu);
	}
	if (p < least[need] || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
		return 0;
	*point = p;
	return need;
}

static bool harmless(uint32_t p)
{
	if (p < 0x20 || (p >= 0x7f && p <= 0x9f))
		return false;
	if (p == 0x061c || p == 0x200e || p == 0x200f || p == 0xfeff)
		return false;
	return !(p >= 0x2028 && p <= 0x202e) && !(p >= 0x2066 && p <= 0x2069);
}

const char *clean_text(char *out, size_t size, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, fits = 0, at = 0;

	while (at < len) {
		uint32_t point = 0;
		size_t n = utf8_next(s + at, len - at, &point);
		bool keep = n > 0 && harmless(point);
		size_t add = keep ? n : 1;

		if (used + add > size - 1) {
			memcpy(out + fits, ELLIPSIS, sizeof(ELLIPSIS));
			return out;
		}
		if (keep)
			memcpy(out + used, s + at, n);
		else
			out[used] = '?';
		used += add;
		at += n > 0 ? n : 1;
		if (used + strlen(ELLIPSIS) <= size - 1)
			fits = used;
	}
	out[used] = '\0';
	return out;
}

void clean_invalid(char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t point;
		size_t n = utf8_next((const unsigned char *)text + at, len - at, &point);

		if (n == 0)
			text[at] = '?';
		at += n > 0 ? n : 1;
	}
}
