#include "audit/leaf_block.h"

void leaf_block_begin(struct leaf_block *b, uint64_t first)
{
	b->first = first;
	memset(b->known, 0, sizeof(b->known));
}

/* Whether such a subtree lies in the block; then its number at its height. */
static bool place(const struct leaf_block *b, uint64_t first, unsigned height, size_t *at)
{
	if (height > LEAF_BLOCK_HEIGHT || first < b->first || first - b->first >= LEAF_BLOCK_LEAVES ||
	    (first & ((UINT64_C(1) << height) - 1)) != 0)
		return false;
	*at = (size_t)(first - b->first) >> height;
	return true;
}

bool leaf_block_put(struct leaf_block *b, uint64_t first, unsigned height, const struct hash *h)
{
	size_t at;

	if (!place(b, first, height, &at) || b->known[height][at])
		return false;
	b->known[height][at] = true;
	b->nodes[height][at] = *h;
	return true;
}

bool leaf_block_combine(struct leaf_block *b)
{
	bool fits = true;

	for (unsigned height = 0; height < LEAF_BLOCK_HEIGHT; height++)
		for (size_t i = 0; i < (size_t)LEAF_BLOCK_LEAVES >> (height + 1); i++) {
			struct hash *above = &b->nodes[height + 1][i], sum;
			bool was = b->known[height + 1][i];

			if (!b->known[height][2 * i] || !b->known[height][2 * i + 1])
				continue;
			hash_node(&b->nodes[height][2 * i], &b->nodes[height][2 * i + 1], &sum);
			if (was && !hash_equal(&sum, above))
				fits = false;
			*above = sum;
			b->known[height + 1][i] = true;
		}
	return fits;
}

const struct hash *leaf_block_get(const struct leaf_block *b, uint64_t first, unsigned height)
{
	size_t at;

	return place(b, first, height, &at) && b->known[height][at] ? &b->nodes[height][at] : NULL;
}
