/* The runs of leaves (schema_tree.c), one after the other, as readers of the tree need them. */
#ifndef HALLOWD_AUDIT_RUNS_H
#define HALLOWD_AUDIT_RUNS_H

#include <sqlite3.h>

#include "audit/leaf_rows.h"

struct run {
	uint64_t first, count;
	unsigned kind;
	int64_t id; /* of its first row */
	/* While its rows are read: */
	uint64_t used;
	struct buffer ids; /* where it lists them; owned */
	size_t at;
	int64_t last;
};

struct runs {
	sqlite3_stmt *stmt;
};

/* Begins with the run that has the leaf `from`, or the first behind it.  Each returns SQLITE_OK or an error; next:
 * SQLITE_ROW with *run (which it reuses: a zeroed one at first, run_free at the end), SQLITE_DONE; SQLITE_CORRUPT
 * where a run makes no sense. */
int runs_begin(struct runs *r, sqlite3 *db, uint64_t from);
int runs_next(struct runs *r, struct run *run);
void runs_end(struct runs *r);
void run_free(struct run *run);

/* The next row's id of a run that lists them; false where the list ends too early. */
bool run_next_id(struct run *run, int64_t *id);

#endif
