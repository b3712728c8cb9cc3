#include "integrity/hash.h"

#include <nettle/sha2.h>

void hash_bytes(const void *data, size_t len, struct hash *out)
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, len, data);
	sha256_digest(&c, HASH_SIZE, out->bytes);
}

void hash_leaf(const void *data, size_t len, struct hash *out)
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, 1, (const unsigned char *)"\0");
	sha256_update(&c, len, data);
	sha256_digest(&c, HASH_SIZE, out->bytes);
}

void hash_node(const struct hash *left, const struct hash *right, struct hash *out)
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, 1, (const unsigned char *)"\1");
	sha256_update(&c, HASH_SIZE, left->bytes);
	sha256_update(&c, HASH_SIZE, right->bytes);
	sha256_digest(&c, HASH_SIZE, out->bytes);
}
