#include "integrity/hash.h"

#include <sodium.h>

void hash_bytes(const void *data, size_t len, struct hash *out)
{
	crypto_hash_sha256(out->bytes, data, len);
}

void hash_leaf(const void *data, size_t len, struct hash *out)
{
	crypto_hash_sha256_state c;

	crypto_hash_sha256_init(&c);
	crypto_hash_sha256_update(&c, (const unsigned char *)"\0", 1);
	crypto_hash_sha256_update(&c, data, len);
	crypto_hash_sha256_final(&c, out->bytes);
}

void hash_node(const struct hash *left, const struct hash *right, struct hash *out)
{
	crypto_hash_sha256_state c;

	crypto_hash_sha256_init(&c);
	crypto_hash_sha256_update(&c, (const unsigned char *)"\1", 1);
	crypto_hash_sha256_update(&c, left->bytes, HASH_SIZE);
	crypto_hash_sha256_update(&c, right->bytes, HASH_SIZE);
	crypto_hash_sha256_final(&c, out->bytes);
}
