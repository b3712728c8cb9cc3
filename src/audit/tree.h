/* The tree of audit.db as its writer sees it: rows become leaves in the transaction that writes them, and what the tree keeps is
 * written at its end.
 *
 * A struct tree is what the database says as of the last commit, and what was appended since; after a transaction
 * that failed it is loaded anew. */
#ifndef HALLOWD_AUDIT_TREE_H
#define HALLOWD_AUDIT_TREE_H

#include <sqlite3.h>

#include "audit/leaf_rows.h"
#include "audit/open_rows.h"
#include "core/error.h"
#include "integrity/merkle.h"

#define TREE_LOG_MAX 17    /* of the log's name, with its NUL */
#define TREE_BLOCK 256     /* leaves below a hash that is kept */
#define TREE_LEVELS 8      /* of tiles; 0 holds marks */
#define TREE_MARK_SIZE 2   /* bytes of a leaf's hash that are kept, to tell which row does not fit */
#define TREE_RUN_MOST 65536 /* leaves of a run, so that the way to one in its middle is short */

#define TREE_LIST_MOST 1024 /* of one that is listed: the list is written anew with each commit */

#define TREE_TILE_ID(level, n) ((int64_t)(level) << 56 | (int64_t)(n))

struct tree_tile {
	uint64_t n;
	size_t count; /* of entries */
	bool changed;
	unsigned char bytes[TREE_BLOCK * HASH_SIZE];
};

struct tree_run {
	uint64_t first, count;
	unsigned kind; /* 0: none yet */
	int64_t id, last; /* of the first row and of the last one */
	struct buffer ids;
	bool changed;
};

struct tree {
	sqlite3 *db; /* borrowed */
	char log[TREE_LOG_MAX];
	struct merkle edge;
	int64_t hour, part; /* of tally, that may still change */
	uint64_t commits;
	struct tree_tile tiles[TREE_LEVELS];
	struct tree_run run;
	struct leaf_rows rows;
	struct open_rows open;
	unsigned touched;   /* OPEN_BIT of the kinds that changed in this transaction */
	struct buffer bytes; /* scratch */
	sqlite3_stmt *put_tile, *put_run, *put_tree;
	int trouble;        /* an error of SQLite's from inside of an append; SQLITE_OK: none */
};

/* Each returns SQLITE_OK or an error of SQLite's, SQLITE_CORRUPT also where what is read does not fit together.
 * init borrows the database, which must be of the current version, and loads; load reads anew after a rollback.
 * close may be called for a zeroed struct. */
int tree_init(struct tree *t, sqlite3 *db);
int tree_load(struct tree *t);
void tree_close(struct tree *t);

/* In a transaction: appends the row of that kind and id, which is read from the database; for LEAF_TALLY all rows
 * of a bucket (LEAF_BUCKET). */
int tree_append(struct tree *t, unsigned kind, int64_t id);

/* The same for bytes that are known already (leaf_encode). */
int tree_append_bytes(struct tree *t, unsigned kind, int64_t id, const void *bytes, size_t len);

/* Where the hour of tally that may change is another one than `hour`: it becomes leaves, and `hour` begins, or its
 * next part. */
int tree_turn_hour(struct tree *t, int64_t hour);

/* Deletes old rows, in a transaction, in the order of their leaves, and keeps the hashes that the tree still needs.  Only
 * what a row of `retirement` announced goes, and only when a signed checkpoint covers that row; what is old and not
 * announced yet is announced now.  So somebody who deletes rows by hand cannot pass that off as this. */
struct tree_retire {
	int64_t before;       /* rows with an earlier time are old; of tally, hours that ended by then */
	uint64_t most;        /* of rows to delete */
	uint64_t announce;    /* most of rows to announce */
	int64_t now;
	uint64_t signed_size; /* leaves that the newest checkpoint covers */
	bool at_once;         /* nobody signs: what is announced is deleted */
};
int tree_retire(struct tree *t, unsigned kind, const struct tree_retire *q, uint64_t *deleted, uint64_t *announced);

/* Writes the run that the next leaf may continue. */
int tree_write_run(struct tree *t);

/* The last thing in a transaction. */
int tree_flush(struct tree *t);

/* Makes leaves of all rows of a log that had no tree, which was just made.  In a transaction. */
int tree_begin(sqlite3 *db);

#endif
