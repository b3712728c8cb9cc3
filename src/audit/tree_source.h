/* The hashes of the tree as the database has them: for proofs.  Those of 256 leaves and more are in tiles; smaller
 * ones are computed from rows, or were kept when the rows were deleted. */
#ifndef HALLOWD_AUDIT_TREE_SOURCE_H
#define HALLOWD_AUDIT_TREE_SOURCE_H

#include "audit/leaf_block.h"
#include "audit/leaf_rows.h"
#include "audit/tree.h"
#include "integrity/merkle.h"

struct tree_source {
	sqlite3 *db; /* borrowed */
	struct leaf_rows rows;
	sqlite3_stmt *tile;
	bool has_block;
	struct leaf_block block; /* the last one that was read */
	struct buffer bytes;
	int code; /* an error of SQLite's; SQLITE_OK where a hash is just not known */
	struct merkle_source merkle; /* ready for merkle_inclusion and the others */
};

/* SQLITE_OK, or an error.  The struct must not be moved.  close may be called for a zeroed struct. */
int tree_source_init(struct tree_source *s, sqlite3 *db);
void tree_source_close(struct tree_source *s);

/* Reads the leaves from b->first on, up to 256, whose rows are there, and the hashes that were kept of others. */
int tree_source_block(struct tree_source *s, struct leaf_block *b);

/* The entry of a tile: SQLITE_ROW with *h, SQLITE_DONE, or an error. */
int tree_source_entry(struct tree_source *s, unsigned level, uint64_t n, struct hash *h);

#endif
