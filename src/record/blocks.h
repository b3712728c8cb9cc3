/* Makes a block (audit/block.h) of each run of rows of `connection` as they come.  The rows of the block that is not whole
 * yet stay in memory; after a start or a rollback they are read again, as are rows that never were in a block, in steps. */
#ifndef HALLOWD_RECORD_BLOCKS_H
#define HALLOWD_RECORD_BLOCKS_H

#include <stdbool.h>

#include "audit/block.h"

#define BLOCKS_STEP_ROWS 8192

struct store;

struct blocks {
	struct block_row *rows; /* room for BLOCK_ROWS; owned; NULL before the first */
	size_t count;
	int64_t upto;           /* each row with an id up to this one is in a block or in `rows` */
};

void blocks_free(struct blocks *b); /* makes it empty; a zeroed struct is empty */

/* Each returns 0, or -1 with store->err. */
int blocks_load(struct blocks *b, struct store *s); /* the rows behind the newest block are not read yet */

/* A row was added behind the one with the id `previous`.  Where rows before it are still to be read, it is read with
 * them. */
int blocks_add(struct blocks *b, struct store *s, const struct block_row *row, int64_t previous);

/* Whether there are rows to read, the newest of which has the id `last`; reads at most BLOCKS_STEP_ROWS of them, inside
 * of a transaction. */
bool blocks_behind(const struct blocks *b, int64_t last);
int blocks_catch_up(struct blocks *b, struct store *s, int64_t last);

#endif
