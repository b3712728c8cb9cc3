#include "integrity/leaf.h"

#include <string.h>

#define LONGEST_FIXED 17 /* of a field without text */

static const struct leaf_shape shapes[LEAF_KINDS] = {
	[LEAF_CONNECTION] = { "connection", 13, {
		{ "id", LEAF_NUMBER }, { "time", LEAF_TIME }, { "source", LEAF_ADDRESS }, { "source_port", LEAF_OPTIONAL },
		{ "destination", LEAF_ADDRESS }, { "destination_port", LEAF_OPTIONAL }, { "protocol", LEAF_TEXT },
		{ "endpoint", LEAF_TEXT }, { "verdict", LEAF_TEXT }, { "reason", LEAF_TEXT }, { "list", LEAF_TEXT },
		{ "revision", LEAF_TEXT }, { "via", LEAF_TEXT } } },
	[LEAF_ENDING] = { "ending", 7, {
		{ "id", LEAF_NUMBER }, { "connection", LEAF_NUMBER }, { "time", LEAF_TIME }, { "packets", LEAF_OPTIONAL },
		{ "bytes_in", LEAF_OPTIONAL }, { "bytes_out", LEAF_OPTIONAL }, { "duration_ms", LEAF_OPTIONAL } } },
	[LEAF_AGGREGATE] = { "aggregate", 9, {
		{ "id", LEAF_NUMBER }, { "from_time", LEAF_TIME }, { "to_time", LEAF_TIME }, { "endpoint", LEAF_TEXT },
		{ "source", LEAF_ADDRESS }, { "destination", LEAF_ADDRESS }, { "destination_port", LEAF_OPTIONAL },
		{ "protocol", LEAF_TEXT }, { "count", LEAF_NUMBER } } },
	[LEAF_TALLY] = { "tally", 10, {
		{ "hour", LEAF_NUMBER }, { "part", LEAF_NUMBER }, { "endpoint", LEAF_TEXT }, { "verdict", LEAF_TEXT },
		{ "from_time", LEAF_TIME }, { "to_time", LEAF_TIME }, { "counted", LEAF_NUMBER },
		{ "recorded", LEAF_NUMBER }, { "aggregated", LEAF_NUMBER }, { "lost", LEAF_NUMBER } } },
	[LEAF_SEGMENT] = { "segment", 5, {
		{ "id", LEAF_NUMBER }, { "endpoint", LEAF_TEXT }, { "from_time", LEAF_TIME }, { "to_time", LEAF_TIME },
		{ "state", LEAF_TEXT } } },
	[LEAF_REVISION] = { "revision", 10, {
		{ "id", LEAF_NUMBER }, { "list", LEAF_TEXT }, { "revision", LEAF_NUMBER }, { "time", LEAF_TIME },
		{ "entries", LEAF_NUMBER }, { "added", LEAF_TEXT }, { "removed", LEAF_TEXT }, { "origins", LEAF_TEXT },
		{ "decided_by", LEAF_TEXT }, { "reason", LEAF_TEXT } } },
	[LEAF_EVENT] = { "event", 5, {
		{ "id", LEAF_NUMBER }, { "time", LEAF_TIME }, { "kind", LEAF_TEXT }, { "subject", LEAF_TEXT },
		{ "detail", LEAF_TEXT } } },
	[LEAF_RETIREMENT] = { "retirement", 5, {
		{ "id", LEAF_NUMBER }, { "time", LEAF_TIME }, { "of", LEAF_TEXT }, { "first", LEAF_NUMBER },
		{ "count", LEAF_NUMBER } } },
};

const struct leaf_shape *leaf_shape(unsigned kind)
{
	return kind < LEAF_KINDS && shapes[kind].name != NULL ? &shapes[kind] : NULL;
}

unsigned leaf_kind_named(const char *name)
{
	for (unsigned kind = 1; kind < LEAF_KINDS; kind++)
		if (shapes[kind].name != NULL && strcmp(shapes[kind].name, name) == 0)
			return kind;
	return 0;
}

/* --- fields */

static void put(struct buffer *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len += len;
}

void leaf_put_kind(struct buffer *out, unsigned kind)
{
	out->data[out->len++] = (unsigned char)kind;
}

void leaf_put_number(struct buffer *out, int64_t n)
{
	uint64_t big = __builtin_bswap64((uint64_t)n);

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ || __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, "byte order");
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		big = (uint64_t)n;
	put(out, &big, sizeof(big));
}

void leaf_put_optional(struct buffer *out, bool set, int64_t n)
{
	out->data[out->len++] = set;
	if (set)
		leaf_put_number(out, n);
}

void leaf_put_text(struct buffer *out, const char *text, size_t len)
{
	const unsigned char size[4] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8),
		                            (unsigned char)len };

	put(out, size, sizeof(size));
	put(out, text, len);
}

void leaf_put_address(struct buffer *out, const struct address *a)
{
	unsigned size = address_size(a->family);

	out->data[out->len++] = size == 4 ? 4 : 6;
	put(out, a->bytes, size);
}

/* --- rows */

static int put_value(struct buffer *out, enum leaf_type type, const struct leaf_value *v)
{
	if (buffer_reserve(out, LONGEST_FIXED + (type == LEAF_TEXT ? v->len : 0)) == -1)
		return -1;
	switch (type) {
	case LEAF_NUMBER:
	case LEAF_TIME:
		leaf_put_number(out, v->number);
		break;
	case LEAF_OPTIONAL:
		leaf_put_optional(out, v->set, v->number);
		break;
	case LEAF_TEXT:
		leaf_put_text(out, v->text, v->len);
		break;
	case LEAF_ADDRESS:
		leaf_put_address(out, &v->address);
		break;
	}
	return 0;
}

int leaf_encode(unsigned kind, const struct leaf_value *values, struct buffer *out)
{
	const struct leaf_shape *shape = leaf_shape(kind);

	if (buffer_reserve(out, 1) == -1)
		return -1;
	leaf_put_kind(out, kind);
	for (size_t i = 0; i < shape->count; i++)
		if (put_value(out, shape->fields[i].type, &values[i]) == -1)
			return -1;
	return 0;
}
