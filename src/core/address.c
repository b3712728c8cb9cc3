#include "core/address.h"

#include <arpa/inet.h>
#include <string.h>

unsigned address_size(sa_family_t family)
{
	return family == AF_INET ? 4 : 16;
}

struct address address_from4(uint32_t value)
{
	struct address a = { .family = AF_INET };

	a.bytes[0] = (uint8_t)(value >> 24);
	a.bytes[1] = (uint8_t)(value >> 16);
	a.bytes[2] = (uint8_t)(value >> 8);
	a.bytes[3] = (uint8_t)value;
	return a;
}

uint32_t address_to4(const struct address *a)
{
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

/* One decimal number 0..255 without leading zeros; how many bytes it took, 0 for none. */
static size_t scan_octet(uint32_t *octet, const char *text, size_t len)
{
	size_t at = 0;
	uint32_t v = 0;

	while (at < len) {
		unsigned digit = (unsigned char)text[at] - (unsigned)'0';

		if (digit > 9)
			break;
		v = v * 10 + digit;
		at++;
		if (v > 255 || (at > 1 && text[0] == '0'))
			return 0;
	}
	*octet = v;
	return at;
}

size_t address_scan4(uint32_t *value, const char *text, size_t len)
{
	size_t at = 0;
	uint32_t v = 0;

	for (int part = 0; part < 4; part++) {
		uint32_t octet;
		size_t took;

		if (part > 0 && (at >= len || text[at++] != '.'))
			return 0;
		took = scan_octet(&octet, text + at, len - at);
		if (took == 0)
			return 0;
		at += took;
		v = v << 8 | octet;
	}
	*value = v;
	return at;
}

static int parse6(struct address *a, const char *text, size_t len)
{
	char copy[ADDRESS_TEXT_MAX];
	struct address found = { .family = AF_INET6 };

	if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, found.bytes) != 1)
		return -1;
	*a = found;
	return 0;
}

int address_parse_bytes(struct address *a, const char *text, size_t len)
{
	uint32_t value;
	size_t took = address_scan4(&value, text, len);

	if (took == 0)
		return parse6(a, text, len);
	if (took != len)
		return -1;
	*a = address_from4(value);
	return 0;
}

int address_parse(struct address *a, const char *text)
{
	return address_parse_bytes(a, text, strlen(text));
}

static char *write_octet(char *out, unsigned v)
{
	if (v >= 100)
		*out++ = (char)('0' + v / 100);
	if (v >= 10)
		*out++ = (char)('0' + v / 10 % 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

const char *address_format(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	char *at = out;

	if (a->family == AF_INET6) {
		/* glibc's form is that of RFC 5952: lower case, the longest run of zero groups shortened. */
		inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_MAX);
		return out;
	}
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*at++ = '.';
		at = write_octet(at, a->bytes[i]);
	}
	*at = '\0';
	return out;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, address_size(a->family));
}
