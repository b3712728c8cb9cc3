#include "report/plain.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ESCAPE_MAX 16

/* Decodes one character of valid UTF-8, and returns its length in bytes; 0 where the bytes are none. */
static size_t utf8_decode(const unsigned char *s, uint32_t *point)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	if (s[0] < 0x80) {
		*point = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	*point = s[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (s[i] & 0x3fU);
	}
	if (*point < smallest[len] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
		return 0;
	return len;
}

/* Control characters, and the ones that reorder or split a line. */
static bool is_unsafe(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c || point == 0x200e ||
	       point == 0x200f || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
	       point == 0xfeff;
}

/* Makes one character of `s` safe: *piece and *piece_len are what to print for it.  Returns how many bytes it had. */
static size_t next_piece(const unsigned char *s, char escape[ESCAPE_MAX], const char **piece, size_t *piece_len)
{
	uint32_t point = 0;
	size_t len = utf8_decode(s, &point);

	if (len > 0 && !is_unsafe(point)) {
		*piece = (const char *)s;
		*piece_len = len;
		return len;
	}
	*piece = escape;
	if (len > 1)
		*piece_len = (size_t)snprintf(escape, ESCAPE_MAX, "\\u%04x", (unsigned)point);
	else
		*piece_len = (size_t)snprintf(escape, ESCAPE_MAX, "\\x%02x", (unsigned)s[0]);
	return len > 0 ? len : 1;
}

int plain_add(struct buffer *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t before = out->len, len;
	char escape[ESCAPE_MAX];
	const char *piece;

	if (s == NULL)
		return 0;
	while (*s != '\0') {
		s += next_piece(s, escape, &piece, &len);
		if (buffer_add(out, piece, len) == -1) {
			out->len = before;
			return -1;
		}
	}
	return 0;
}

void plain_write(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char escape[ESCAPE_MAX];
	const char *piece;
	size_t len;

	while (s != NULL && *s != '\0') {
		s += next_piece(s, escape, &piece, &len);
		fwrite(piece, 1, len, out);
	}
}

void plain_print(FILE *out, const char *fmt, ...)
{
	const char *at;
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt != '\0'; fmt = at) {
		if (strncmp(fmt, "%s", 2) == 0) {
			plain_write(out, va_arg(ap, const char *));
			at = fmt + 2;
		} else if (strncmp(fmt, "%lld", 4) == 0) {
			fprintf(out, "%lld", va_arg(ap, long long));
			at = fmt + 4;
		} else if (strncmp(fmt, "%zu", 3) == 0) {
			fprintf(out, "%zu", va_arg(ap, size_t));
			at = fmt + 3;
		} else {
			at = fmt + 1 + strcspn(fmt + 1, "%");
			fwrite(fmt, 1, (size_t)(at - fmt), out);
		}
	}
	va_end(ap);
}

void plain_write_lines(FILE *out, const char *prefix, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char escape[ESCAPE_MAX];
	const char *piece;
	size_t len;

	fputs(prefix, out);
	while (s != NULL && *s != '\0') {
		if (*s == '\n') {
			s++;
			fputc('\n', out);
			if (*s != '\0')
				fputs(prefix, out);
			else
				return;
			continue;
		}
		s += next_piece(s, escape, &piece, &len);
		fwrite(piece, 1, len, out);
	}
	fputc('\n', out);
}

size_t plain_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}
