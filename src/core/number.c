#include "core/number.h"

#include <string.h>

int number_parse_part(uint64_t *n, const char *text, size_t len, uint64_t most)
{
	uint64_t value = 0;

	if (len == 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9' || digit > most || value > (most - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	*n = value;
	return 0;
}

int number_parse(uint64_t *n, const char *text, uint64_t most)
{
	return number_parse_part(n, text, strlen(text), most);
}

int number_parse_i64(int64_t *n, const char *text)
{
	uint64_t value;

	if (number_parse(&value, text, INT64_MAX) == -1)
		return -1;
	*n = (int64_t)value;
	return 0;
}

int number_parse_port(uint16_t *port, const char *text)
{
	uint64_t value;

	if (number_parse(&value, text, UINT16_MAX) == -1)
		return -1;
	*port = (uint16_t)value;
	return 0;
}

const char *number_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

const char *number_entries(uint64_t n)
{
	return n == 1 ? "entry" : "entries";
}
