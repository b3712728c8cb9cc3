/* SHA-256 as the tree uses it (FIPS 180-4; RFC 6962, section 2.1).
 *
 * Two sources give it, and a program links one: hash_nettle.c, which is five times as fast where the processor has
 * instructions for it, for those that hash each row; hash_sodium.c for hallowd, which hashes a few nodes a minute and
 * maps no library more than it has. */
#ifndef HALLOWD_INTEGRITY_HASH_H
#define HALLOWD_INTEGRITY_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define HASH_SIZE 32

struct hash {
	unsigned char bytes[HASH_SIZE];
};

/* SHA-256 of `len` bytes. */
void hash_bytes(const void *data, size_t len, struct hash *out);

/* Of a leaf: SHA-256 of 0x00 and the bytes.  Of a node: SHA-256 of 0x01, left and right; `out` may be either. */
void hash_leaf(const void *data, size_t len, struct hash *out);
void hash_node(const struct hash *left, const struct hash *right, struct hash *out);

static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}

#endif
