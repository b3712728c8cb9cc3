/* Blocks: what a run of rows of `connection` has in it, written when the run is whole, so that a report or a question
 * reads the runs and not the rows.
 *
 * A block covers the rows with first_id <= id <= last_id, at most BLOCK_ROWS of them and all of one day (UTC).  Rows that
 * no block covers (the newest; after a migration the oldest) are read one by one, so counts are exact with or without
 * blocks.  Table `block` has a row for each, table `block_sources` the two long columns of it.  All numbers are LEB128
 * (seven bits a byte, the lowest first; the eighth bit says that more follow).
 *
 *   decisions  For each decision in the block, ascending: its number less that of the one before, rows, IPv4 sources, IPv6
 *              sources, bytes of it in `sources`, bytes of it in `places`.
 *   sources    For each source of a decision, IPv4 before IPv6, ascending:
 *              the address less the one before (an IPv6 address: its 16 bytes); 2 * rows, + 1 where a row's time is not
 *              its id; the earliest row's time less min_time, and where there is more than one row, the latest row's
 *              time less the earliest's; where not all times are ids, for each of these two its id less its time.
 *   places     For each source of more than two rows: the ids of its other rows, ascending, the first less first_id,
 *              each other less the one before. */
#ifndef HALLOWD_AUDIT_BLOCK_H
#define HALLOWD_AUDIT_BLOCK_H

#include <stdint.h>

#include "core/address.h"
#include "core/buffer.h"
#include "core/time_text.h"

#define BLOCK_ROWS 16384
#define BLOCK_DAY (86400 * US_PER_SECOND)

/* A row as a block sees it.  An IPv4 address has zeros behind its four bytes. */
struct block_row {
	int64_t id;
	time_us time;
	int64_t decision;
	struct address source;
};

struct block {
	int64_t first_id, last_id;
	uint64_t rows;
	time_us min_time, max_time;
	struct buffer decisions, sources, places; /* owned */
};

/* Makes the block of these rows (1 to BLOCK_ROWS, ids ascending, no id before its time).  0, or -1 with no memory and
 * *b empty. */
int block_make(struct block *b, const struct block_row *rows, size_t count);
void block_free(struct block *b); /* makes it empty */

/* --- reading */

struct block_bytes {
	const unsigned char *at, *end; /* borrowed */
};

/* What a block says of one decision. */
struct block_decision {
	int64_t decision;
	uint64_t rows, sources4, sources6;
	size_t bytes, place_bytes;
};

/* What it says of one source. */
struct block_source {
	struct address source;
	uint64_t rows;
	time_us first, last;       /* the earliest and the latest */
	int64_t first_id, last_id; /* of those two rows; the same where there is only one */
};

/* The sources of one decision, one after the other. */
struct block_sources {
	struct block_bytes bytes;
	uint64_t left4, left6;
	time_us min_time;
	uint32_t previous;
};

/* The next decision: 1 with *d (whose number goes on from the one that *d holds: 0 at the beginning), 0 at the end, -1
 * where the bytes are none. */
int block_next_decision(struct block_bytes *decisions, struct block_decision *d);

/* Takes the sources of d from the front of `sources`. 0, or -1 where they are not whole. */
int block_take_sources(struct block_sources *s, struct block_bytes *sources, const struct block_decision *d,
                       time_us min_time);
int block_next_source(struct block_sources *s, struct block_source *source); /* as block_next_decision */

/* The next id of `places`: *previous is the one before, first_id at the beginning.  0 with *previous, or -1. */
int block_next_place(struct block_bytes *places, int64_t *previous);

#endif
