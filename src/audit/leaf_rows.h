/* The rows of audit.db as leaves of the tree: each kind's rows in the order of a run (schema_tree.c), with the values that
 * integrity/leaf.h names. */
#ifndef HALLOWD_AUDIT_LEAF_ROWS_H
#define HALLOWD_AUDIT_LEAF_ROWS_H

#include <sqlite3.h>

#include "integrity/leaf.h"

/* How the rows of a run are found. */
enum leaf_order {
	ORDER_BY_ID,  /* from `id` on */
	ORDER_BUCKET, /* all rows of one hour and part */
	ORDER_LISTED  /* the run lists them */
};

/* Of a kind that integrity/leaf.h has. */
enum leaf_order leaf_order(unsigned kind);

struct leaf_rows {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *by_id[LEAF_KINDS], *from_id[LEAF_KINDS]; /* made when first used */
};

/* A row; texts are borrowed from the statement until its next step. */
struct leaf_row {
	int64_t id;
	bool whole; /* false where a value is missing or none of its type, as when a row that it names is gone */
	struct leaf_value values[LEAF_FIELDS_MAX];
};

/* `db` is borrowed until leaf_rows_close. */
void leaf_rows_init(struct leaf_rows *r, sqlite3 *db);
void leaf_rows_close(struct leaf_rows *r);

/* Each returns SQLITE_ROW, SQLITE_DONE (there is none) or an error of SQLite's.
 * get: one row.  first: the first with that id or a later one (ORDER_BY_ID), the first of that bucket
 * (ORDER_BUCKET), after `skip` others; then next.  end ends either, and may be called twice. */
int leaf_rows_get(struct leaf_rows *r, unsigned kind, int64_t id, struct leaf_row *row);
int leaf_rows_first(struct leaf_rows *r, unsigned kind, int64_t id, int64_t skip, struct leaf_row *row);
int leaf_rows_next(struct leaf_rows *r, unsigned kind, struct leaf_row *row);
void leaf_rows_end(struct leaf_rows *r, unsigned kind);

/* An hour of tally and its part as one number, and back. */
#define LEAF_BUCKET(hour, part) ((int64_t)(hour) * 65536 + (part))

#endif
