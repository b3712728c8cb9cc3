#include "core/seeded_hash.h"

#include <string.h>
#include <sys/random.h>

#include "core/time_text.h"

uint64_t seeded_hash_seed(void)
{
	uint64_t seed;

	/* Early in a boot there is no randomness yet; a table that is merely hard to guess does then. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)time_now();
	return seed | 1;
}

uint64_t seeded_hash_add(uint64_t h, uint64_t value)
{
	h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 divided by the golden ratio */
	return h ^ h >> 29;
}

uint64_t seeded_hash_address(uint64_t h, const struct address *a)
{
	uint64_t parts[2] = { 0, 0 };

	memcpy(parts, a->bytes, address_size(a->family));
	h = seeded_hash_add(h, parts[0]);
	return a->family == AF_INET ? h : seeded_hash_add(h, parts[1]);
}
