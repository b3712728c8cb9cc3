/* 256 leaves and the hashes above them, of which some are computed from rows and some were kept when rows were deleted. */
#ifndef HALLOWD_AUDIT_LEAF_BLOCK_H
#define HALLOWD_AUDIT_LEAF_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "integrity/hash.h"

#define LEAF_BLOCK_LEAVES 256
#define LEAF_BLOCK_HEIGHT 8

struct leaf_block {
	uint64_t first; /* leaf */
	bool known[LEAF_BLOCK_HEIGHT + 1][LEAF_BLOCK_LEAVES]; /* [height][number] */
	struct hash nodes[LEAF_BLOCK_HEIGHT + 1][LEAF_BLOCK_LEAVES];
};

/* The block that begins at leaf `first`, a multiple of LEAF_BLOCK_LEAVES; no hash of it is known. */
void leaf_block_begin(struct leaf_block *b, uint64_t first);

/* Puts in the hash of the complete subtree of 2^height leaves from `first` on.  False where it does not lie in the
 * block, or there is one already. */
bool leaf_block_put(struct leaf_block *b, uint64_t first, unsigned height, const struct hash *h);

/* Computes all that follows from what was put in.  False where that is another hash than one that was put in. */
bool leaf_block_combine(struct leaf_block *b);

/* The hash of a subtree as above; NULL where it is not known. */
const struct hash *leaf_block_get(const struct leaf_block *b, uint64_t first, unsigned height);

#endif
