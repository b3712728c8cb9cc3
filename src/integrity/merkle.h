/* The Merkle tree of RFC 6962, section 2: its root, proofs that a leaf is in it, and proofs that a tree continues an
 * earlier one.  A tree of no leaves has the root SHA-256(""). */
#ifndef HALLOWD_INTEGRITY_MERKLE_H
#define HALLOWD_INTEGRITY_MERKLE_H

#include <stdint.h>

#include "integrity/hash.h"

#define MERKLE_HEIGHT_MAX 63               /* trees of fewer than 2^63 leaves */
#define MERKLE_PATH_MAX (MERKLE_HEIGHT_MAX + 1)

/* The right edge of a tree: all that appending needs.  A zeroed struct is the tree of no leaves. */
struct merkle {
	uint64_t size;
	struct hash complete[MERKLE_HEIGHT_MAX + 1]; /* [h]: of the complete subtree of 2^h leaves, where bit h of `size` is
	                                                set */
};

/* Called for each larger subtree that what is appended completes: of 2^height leaves, at the tree's new end. */
typedef void merkle_completed(void *ctx, unsigned height, const struct hash *h);

/* Appends a leaf; `completed` may be NULL. */
void merkle_add(struct merkle *m, const struct hash *leaf, merkle_completed *completed, void *ctx);

/* Appends a complete subtree of 2^height leaves; m->size is a multiple of that. */
void merkle_add_subtree(struct merkle *m, unsigned height, const struct hash *h, merkle_completed *completed, void *ctx);

/* Of all leaves that were appended. */
void merkle_root(const struct merkle *m, struct hash *root);

/* The edge as bytes: the hashes that are there, from the largest subtree to the smallest.  The number of them.
 * merkle_load: false where `count` is not what a tree of `size` has. */
size_t merkle_save(const struct merkle *m, struct hash out[MERKLE_PATH_MAX]);
bool merkle_load(struct merkle *m, uint64_t size, const struct hash *in, size_t count);

/* Where the hashes of a whole tree come from: of the complete subtree of 2^height leaves from `first` on, a multiple
 * of that.  0, or -1 where it is not known. */
struct merkle_source {
	int (*subtree)(void *ctx, uint64_t first, unsigned height, struct hash *out);
	void *ctx;
};

struct merkle_path {
	struct hash hashes[MERKLE_PATH_MAX]; /* as in RFC 6962, sections 2.1.1 and 2.1.2 */
	size_t count;
};

/* Each returns 0, or -1 where the source does not know a hash that is needed.  inclusion: index < size.  consistency:
 * 0 < old <= size. */
int merkle_root_at(const struct merkle_source *s, uint64_t size, struct hash *root);
int merkle_inclusion(const struct merkle_source *s, uint64_t index, uint64_t size, struct merkle_path *p);
int merkle_consistency(const struct merkle_source *s, uint64_t old, uint64_t size, struct merkle_path *p);

/* Whether a proof holds; anything that does not fit is false. */
bool merkle_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *root,
                            const struct hash *path, size_t count);
bool merkle_check_consistency(uint64_t old, const struct hash *old_root, uint64_t size, const struct hash *root,
                              const struct hash *path, size_t count);

#endif
