/* What the parts of verify share.  Each part returns SQLITE_OK, an error of SQLite's, or VERIFY_BAD, when the finding
 * is in v->result: the first one ends it. */
#ifndef HALLOWD_AUDIT_VERIFY_STATE_H
#define HALLOWD_AUDIT_VERIFY_STATE_H

#include "audit/block.h"
#include "audit/open_rows.h"
#include "audit/tree.h"
#include "audit/verify.h"

#define VERIFY_BAD 1000 /* no code of SQLite's */

/* A tree of an earlier size whose root is wanted. */
struct verify_wanted {
	uint64_t size;
	struct hash root;
	bool known;
};

/* Leaves without rows. */
struct verify_gap {
	uint64_t first, end;
};

struct verify_retirement {
	unsigned kind; /* of the rows */
	uint64_t first, count, leaf;
};

/* Rows of one decision or of one endpoint, for the sums. */
struct verify_names {
	struct buffer *bytes; /* by id: the bytes of a leaf that it stands for; empty where there is none */
	uint64_t *rows;       /* by id: how many connections name it */
	size_t count;
};

/* The block that the rows which come past are in, or that comes next. */
struct verify_blocks {
	sqlite3_stmt *stmt;     /* owned; stands on it */
	bool there;
	bool any, between;      /* there was one; the rows behind one have come */
	int64_t first_id, last_id;
	struct block_row *rows; /* of it, so far; owned */
	size_t count;
	char found[256];        /* what does not fit; "" where all does */
};

struct verify {
	sqlite3 *db;
	const struct verify_request *request;
	struct verify_result *result;
	struct tree tree; /* as the database says it is */
	struct verify_wanted *wanted; /* by size; owned */
	size_t wanted_count, wanted_at;
	struct verify_gap *gaps;
	size_t gap_count;
	struct verify_retirement *retirements;
	size_t retirement_count;
	struct verify_names decisions, targets;
	struct verify_blocks blocks;
	uint64_t leaves_of[LEAF_KINDS];
};

/* Sets the finding; always VERIFY_BAD.  kind 0: of no row. */
int verify_bad(struct verify *v, unsigned kind, int64_t id, const char *what, ...) __attribute__((format(printf, 4, 5)));

/* How `prove` calls a row. */
void verify_row_name(unsigned kind, int64_t id, char out[VERIFY_ROW_MAX]);

/* Room for one more in an array that doubles at powers of two; NULL: no memory. */
void *verify_grow(void *array, size_t count, size_t size);

/* The number that `sql` gives: SQLITE_OK, or an error of SQLite's. */
int verify_count(struct verify *v, const char *sql, uint64_t *n);

int verify_schema(struct verify *v);      /* tables, views and triggers are ours, and no others are there */
int verify_leaves(struct verify *v);      /* every row, every hash; v->wanted get their roots */
int verify_blocks_begin(struct verify *v); /* before verify_leaves */
int verify_blocks_row(struct verify *v, const struct block_row *row); /* each, by id */
int verify_blocks_end(struct verify *v);   /* when all rows are what was recorded */
void verify_blocks_free(struct verify *v); /* at the end, whatever the finding */
int verify_open_rows(struct verify *v);    /* rows that are no leaves yet: their number and hash */
int verify_sums(struct verify *v);         /* after verify_leaves: tallies against the rows that came past */
int verify_ends(struct verify *v);         /* connections whose end is waited for can have one */
int verify_want(struct verify *v);        /* before verify_leaves: which roots the checkpoints need */
int verify_checkpoints(struct verify *v); /* after it */

/* A connection's bytes, from its raw columns; a leaf of which a name is missing gets other bytes. */
int verify_names_load(struct verify *v);
void verify_names_free(struct verify *v);

#endif
