#include "export/sink.h"

#include <errno.h>
#include <string.h>

#include "core/file.h"

#define MICRO_DIGITS 6

static void flush(struct sink *out)
{
	if (out->failed == 0 && write_all(out->fd, out->data, out->len) != 0)
		out->failed = errno;
	out->len = 0;
}

void sink_bytes(struct sink *out, const char *data, size_t len)
{
	while (len > 0) {
		size_t room = sizeof(out->data) - out->len, part = len < room ? len : room;

		memcpy(out->data + out->len, data, part);
		out->len += part;
		data += part;
		len -= part;
		if (out->len == sizeof(out->data))
			flush(out);
	}
}

void sink_text(struct sink *out, const char *text)
{
	sink_bytes(out, text, strlen(text));
}

void sink_char(struct sink *out, char c)
{
	sink_bytes(out, &c, 1);
}

/* By hand and not by snprintf(): ten million rows have a hundred million numbers. */
void sink_number(struct sink *out, int64_t n)
{
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		digits[--at] = '-';
	sink_bytes(out, digits + at, sizeof(digits) - at);
}

/* Rows that follow one another are mostly of one second. */
void sink_time(struct sink *out, time_us t)
{
	int64_t micro = t % US_PER_SECOND, second = t / US_PER_SECOND;
	char text[TIME_TEXT_MAX], end[MICRO_DIGITS + 2];

	if (micro < 0) {
		micro += US_PER_SECOND;
		second--;
	}
	if (out->second != second || out->second_text[0] == '\0') {
		time_format(second * US_PER_SECOND, 0, text);
		text[strlen(text) - 1] = '.'; /* in place of the Z */
		memcpy(out->second_text, text, sizeof(text));
		out->second = second;
	}
	sink_text(out, out->second_text);
	for (int i = MICRO_DIGITS - 1; i >= 0; i--) {
		end[i] = (char)('0' + micro % 10);
		micro /= 10;
	}
	end[MICRO_DIGITS] = 'Z';
	sink_bytes(out, end, MICRO_DIGITS + 1);
}

int sink_finish(struct sink *out)
{
	flush(out);
	errno = out->failed;
	return out->failed == 0 ? 0 : -1;
}
