/* Rows that may still change are no leaves yet: counters that go on, the hour that is not over.  So that a change by
 * somebody else shows in them too, the hash of all of them is kept as of the last commit, for each kind apart, and a checkpoint
 * holds the hash of these hashes.
 *
 * The hash of a kind is built row by row: h = SHA-256(h, row), from 32 bytes of zero, over the rows in the order of
 * their key; a row is the values of its columns, each a byte for its type (SQLITE_INTEGER ... SQLITE_NULL) and a
 * number (8 bytes, the most significant first) or a length (likewise) and the bytes.  Kinds that only grow
 * (OPEN_DECISION, OPEN_TARGET) take in each new row as it comes, which is the same. */
#ifndef HALLOWD_AUDIT_OPEN_ROWS_H
#define HALLOWD_AUDIT_OPEN_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "integrity/hash.h"

enum open_kind {
	OPEN_ENDPOINT,
	OPEN_DECISION,
	OPEN_TARGET,
	OPEN_AGGREGATE, /* that an element of the kernel's set may still make grow */
	OPEN_SEGMENT,   /* the newest of each endpoint */
	OPEN_TALLY,     /* of the hour that is not over */
	OPEN_POOL,
	OPEN_STATE,
	OPEN_TREE,      /* but for what the leaves say: its name, the hour, the number of commits */
	OPEN_KINDS
};

_Static_assert(OPEN_KINDS == 9, "verify_extra.c says so too");

#define OPEN_BIT(kind) (1u << (kind))
#define OPEN_ALL (OPEN_BIT(OPEN_KINDS) - 1)

struct open_rows {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *all[OPEN_KINDS], *save; /* made when first used */
	struct hash hashes[OPEN_KINDS];
	struct buffer row; /* scratch */
	int64_t newer_than[OPEN_KINDS]; /* of kinds that only grow: rows to take in have a higher id */
};

/* Each returns SQLITE_OK or an error of SQLite's. */
int open_rows_init(struct open_rows *o, sqlite3 *db);
void open_rows_close(struct open_rows *o);

/* The hash of a kind as the rows are now. */
int open_rows_hash(struct open_rows *o, enum open_kind kind, struct hash *h);

/* Loads what is kept; computes and keeps the hashes of the kinds in `kinds` (OPEN_BIT). */
int open_rows_load(struct open_rows *o);
int open_rows_save(struct open_rows *o, unsigned kinds);

/* What a checkpoint says: the hash of all hashes, one after the other. */
void open_rows_sum(const struct hash hashes[OPEN_KINDS], struct hash *sum);

#endif
