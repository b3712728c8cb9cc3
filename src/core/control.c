#include "core/control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c <= 0x7e && c != '%';
}

static int add_word(struct buffer *out, const char *word)
{
	for (; *word != '\0'; word++) {
		unsigned char c = (unsigned char)*word;
		int failed = is_plain(c) ? buffer_add(out, &c, 1) : buffer_printf(out, "%%%02X", c);

		if (failed)
			return -1;
	}
	return 0;
}

static int add_line(struct buffer *out, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((i > 0 && buffer_add(out, " ", 1) != 0) || add_word(out, words[i]) != 0)
			return -1;
	return buffer_add(out, "\n", 1);
}

int control_line_encode(struct buffer *out, const char *const *words, size_t count)
{
	size_t start = out->len;

	if (count == 0 || count > CONTROL_WORDS_MAX) {
		errno = count == 0 ? EINVAL : E2BIG;
		return -1;
	}
	if (add_line(out, words, count) != 0) {
		out->len = start;
		errno = ENOMEM;
		return -1;
	}
	if (out->len - start > CONTROL_LINE_MAX) {
		out->len = start;
		errno = E2BIG;
		return -1;
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that a "%XX" at `at` stands for; -1 where it is none.  A NUL would end the word: no byte either. */
static int escaped_byte(const char *at)
{
	int high = hex_digit(at[1]);
	int low = high < 0 ? -1 : hex_digit(at[2]);

	return low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

/* Undoes %XX in place. */
static int unescape(char *word)
{
	char *to = word;

	for (const char *at = word; *at != '\0'; at++) {
		int c = (unsigned char)*at;

		if (c == '%') {
			c = escaped_byte(at);
			at += 2;
		} else if (!is_plain((unsigned char)c)) {
			c = -1;
		}
		if (c < 0)
			return -1;
		*to++ = (char)c;
	}
	*to = '\0';
	return 0;
}

int control_line_decode(char *line, char **words, size_t max, size_t *count)
{
	*count = 0;
	for (char *next = line; next != NULL;) {
		char *word = next;
		char *space = strchr(word, ' ');

		next = NULL;
		if (space != NULL) {
			*space = '\0';
			next = space + 1;
		}
		if (*count == max || unescape(word) != 0)
			return -1;
		words[(*count)++] = word;
	}
	return 0;
}
