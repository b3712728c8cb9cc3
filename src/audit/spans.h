/* The rows of `connection` as a row of spans without a gap, each a block or rows that no block covers; inside src/audit. */
#ifndef HALLOWD_AUDIT_SPANS_H
#define HALLOWD_AUDIT_SPANS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "audit/block.h"
#include "core/error.h"

struct span {
	int64_t first_id, last_id;
	bool whole;                   /* a block: the rest is filled in */
	uint64_t rows;
	time_us min_time, max_time;
	struct block_bytes decisions; /* borrowed until the next call */
};

struct spans {
	sqlite3 *db;
	sqlite3_stmt *blocks, *sources; /* owned */
	bool newest_first, held, at_end;
	int64_t after, upto;            /* ids that are still to come: after < id <= upto */
	struct span block;              /* held: the block that the statement stands on, which comes next */
};

/* Of the rows with after < id <= upto; a block may reach beyond these.  Within one read transaction.  0, or -1 with *err
 * and nothing to close. */
int spans_open(struct spans *s, sqlite3 *db, int64_t after, int64_t upto, bool newest_first, struct error *err);
int spans_next(struct spans *s, struct span *span, struct error *err); /* 1, 0 at the end, -1 */
void spans_close(struct spans *s);

/* The long columns of a block, borrowed until the next call.  `places` may be NULL.  0, or -1. */
int spans_sources(struct spans *s, const struct span *span, struct block_bytes *sources, struct block_bytes *places,
                  struct error *err);

int spans_damaged(const struct span *span, struct error *err); /* always -1: its bytes are no block */
int spans_error(sqlite3 *db, struct error *err);               /* always -1: what SQLite says */

#endif
