#include "core/prefix.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }; /* RFC 4291, 2.5.5.2 */

static bool is_mapped(const struct address *a)
{
	return a->family == AF_INET6 && memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static struct address unmapped(const struct address *a)
{
	struct address v4 = { .family = AF_INET };

	memcpy(v4.bytes, a->bytes + 12, 4);
	return v4;
}

/* The bits of byte `i` that stand before `length`. */
static uint8_t network_mask(unsigned i, unsigned length)
{
	unsigned before = i * 8;

	if (length >= before + 8)
		return 0xff;
	if (length <= before)
		return 0;
	return (uint8_t)(0xff << (8 - (length - before)));
}

/* Clears the bits behind `length`; whether any was set. */
static bool clear_host_bits(struct address *a, unsigned length)
{
	bool any = false;

	for (unsigned i = length / 8; i < address_size(a->family); i++) {
		uint8_t kept = a->bytes[i] & network_mask(i, length);

		any |= kept != a->bytes[i];
		a->bytes[i] = kept;
	}
	return any;
}

/* A decimal number 0..max without a sign or leading zeros, all of the text.  0, or -1. */
static int parse_length(unsigned *length, const char *text, size_t len, unsigned max)
{
	unsigned v = 0;

	if (len == 0 || len > 3 || (text[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';

		if (digit > 9)
			return -1;
		v = v * 10 + digit;
	}
	if (v > max)
		return -1;
	*length = v;
	return 0;
}

/* Why there is no address: a scope id is told apart, since people do write it. */
static enum prefix_parse bad_address(const char *text, size_t len)
{
	const char *percent = memchr(text, '%', len);
	struct address ignored;

	if (percent != NULL && address_parse_bytes(&ignored, text, (size_t)(percent - text)) == 0)
		return PREFIX_SCOPED;
	return PREFIX_BAD_ADDRESS;
}

enum prefix_parse prefix_parse(struct prefix *p, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	size_t address_len = slash != NULL ? (size_t)(slash - text) : len;
	struct address a;
	unsigned length, max;
	bool mapped, host_bits;

	if (address_parse_bytes(&a, text, address_len) < 0)
		return bad_address(text, address_len);
	max = address_size(a.family) * 8;
	length = max;
	if (slash != NULL && parse_length(&length, slash + 1, len - address_len - 1, max) < 0)
		return PREFIX_BAD_LENGTH;

	mapped = is_mapped(&a) && length >= 96;
	if (mapped) {
		a = unmapped(&a);
		length -= 96;
	}
	host_bits = clear_host_bits(&a, length);
	p->addr = a;
	p->length = (uint8_t)length;
	if (host_bits)
		return PREFIX_HOST_BITS;
	return mapped ? PREFIX_MAPPED : PREFIX_OK;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum prefix_parse parse_ends(struct range *r, const char *text, size_t first_len, const char *last,
                                    size_t last_len)
{
	struct range found;
	bool mapped;

	if (address_parse_bytes(&found.first, text, first_len) < 0)
		return bad_address(text, first_len);
	if (address_parse_bytes(&found.last, last, last_len) < 0)
		return bad_address(last, last_len);
	mapped = is_mapped(&found.first) && is_mapped(&found.last);
	if (mapped) {
		found.first = unmapped(&found.first);
		found.last = unmapped(&found.last);
	}
	if (found.first.family != found.last.family || address_compare(&found.first, &found.last) > 0)
		return PREFIX_BAD_RANGE;
	*r = found;
	return mapped ? PREFIX_MAPPED : PREFIX_OK;
}

enum prefix_parse range_parse(struct range *r, const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len);
	const char *last, *end = text + len;
	size_t first_len;

	if (dash == NULL) {
		struct prefix p;
		enum prefix_parse result = prefix_parse(&p, text, len);

		if (result == PREFIX_OK || result == PREFIX_HOST_BITS || result == PREFIX_MAPPED)
			prefix_range(&p, r);
		return result;
	}
	first_len = (size_t)(dash - text);
	while (first_len > 0 && is_blank(text[first_len - 1]))
		first_len--;
	last = dash + 1;
	while (last < end && is_blank(*last))
		last++;
	return parse_ends(r, text, first_len, last, (size_t)(end - last));
}

const char *prefix_parse_text(enum prefix_parse result)
{
	switch (result) {
	case PREFIX_OK:
		return "well formed";
	case PREFIX_HOST_BITS:
		return "host bits are set behind the prefix length";
	case PREFIX_MAPPED:
		return "an IPv4 address written as IPv4-mapped IPv6";
	case PREFIX_BAD_ADDRESS:
		return "not an IPv4 or IPv6 address";
	case PREFIX_BAD_LENGTH:
		return "the prefix length is not a number from 0 to 32 (IPv4) or 128 (IPv6)";
	case PREFIX_SCOPED:
		return "an address with a scope id (\"%interface\") holds on one link only and is no prefix";
	case PREFIX_BAD_RANGE:
		return "the range ends before it begins, or its ends are of two address families";
	}
	return "unknown";
}

const char *prefix_format(const struct prefix *p, char out[PREFIX_TEXT_MAX])
{
	char *at;

	address_format(&p->addr, out);
	/* By hand and not by snprintf(): lists of half a million are printed with it. */
	at = out + strlen(out);
	*at++ = '/';
	if (p->length >= 100)
		*at++ = '1';
	if (p->length >= 10)
		*at++ = (char)('0' + p->length / 10 % 10);
	*at++ = (char)('0' + p->length % 10);
	*at = '\0';
	return out;
}

void prefix_range(const struct prefix *p, struct range *r)
{
	struct address last = p->addr;

	for (unsigned i = p->length / 8u; i < address_size(last.family); i++)
		last.bytes[i] |= (uint8_t)~network_mask(i, p->length);
	r->first = p->addr;
	r->last = last;
}

bool prefix_contains(const struct prefix *p, const struct address *a)
{
	unsigned whole = p->length / 8u;

	if (a->family != p->addr.family || memcmp(a->bytes, p->addr.bytes, whole) != 0)
		return false;
	return p->length % 8 == 0 || (a->bytes[whole] & network_mask(whole, p->length)) == p->addr.bytes[whole];
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = address_compare(&a->addr, &b->addr);

	return order != 0 ? order : a->length - b->length;
}
