#include "audit/varint.h"

#include <stdint.h>

#define LONGEST 10

int varint_put(struct buffer *out, int64_t value, int64_t *last)
{
	int64_t difference = (int64_t)((uint64_t)value - (uint64_t)*last);
	uint64_t rest = (uint64_t)difference << 1 ^ (difference < 0 ? UINT64_MAX : 0);

	if (buffer_reserve(out, LONGEST) == -1)
		return -1;
	for (; rest > 127; rest >>= 7)
		out->data[out->len++] = (unsigned char)(rest | 128);
	out->data[out->len++] = (unsigned char)rest;
	*last = value;
	return 0;
}

bool varint_get(const unsigned char *bytes, size_t len, size_t *at, int64_t *value, int64_t *last)
{
	uint64_t rest = 0, difference;

	for (unsigned shift = 0; *at < len && shift < 64; shift += 7) {
		unsigned char byte = bytes[(*at)++];

		rest |= (uint64_t)(byte & 127) << shift;
		if ((byte & 128) != 0)
			continue;
		difference = rest >> 1 ^ (uint64_t)-(int64_t)(rest & 1);
		*value = *last = (int64_t)((uint64_t)*last + difference);
		return true;
	}
	return false;
}
