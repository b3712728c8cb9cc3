/* What the parts of verify_leaves share: where it is among the leaves and the rows.  Inside src/audit only; each function
 * returns SQLITE_OK or as verify_state.h says. */
#ifndef HALLOWD_AUDIT_VERIFY_STREAM_H
#define HALLOWD_AUDIT_VERIFY_STREAM_H

#include "audit/leaf_block.h"
#include "audit/leaf_rows.h"
#include "audit/runs.h"
#include "audit/tree_source.h"
#include "audit/verify_state.h"

/* The rows of a kind that are found by id, one after the other over all of its runs. */
struct cursor {
	bool begun, there; /* there: `id` and `hash` are of the row that comes next */
	int64_t id;
	struct hash hash;
};

/* What stands at each leaf of the block. */
struct place {
	bool live;
	unsigned kind;
	int64_t id;
};

struct stream {
	struct verify *v;
	struct runs runs;
	struct run run;
	bool has_run;
	struct leaf_rows rows;
	sqlite3_stmt *connections;
	struct cursor cursors[LEAF_KINDS];
	struct buffer bytes;
	struct merkle edge; /* of the blocks before */
	struct leaf_block block;
	struct place places[LEAF_BLOCK_LEAVES];
	size_t live;        /* of them */
	unsigned char marks[LEAF_BLOCK_LEAVES * TREE_MARK_SIZE];
	size_t mark_count;
	size_t suspect;     /* the first place whose mark differs; LEAF_BLOCK_LEAVES: none */
	struct tree_source source;
	int trouble;
	uint64_t told;
	uint64_t mark_tiles, mark_bytes; /* that there should be */
};

/* --- verify_rows.c: the rows in the order of their leaves */

/* The next row of the run: SQLITE_ROW, or what is wrong. */
int verify_rows_take(struct stream *s, int64_t *id, struct hash *h);

/* All rows of the run were taken: to the next run. */
int verify_rows_end_run(struct stream *s);

/* To the next row of a kind that is found by id; its cursor says whether there is one. */
int verify_rows_advance(struct stream *s, unsigned kind);

void verify_rows_close(struct stream *s);

/* --- verify_suspect.c: which row it is that does not fit */

/* Whether the hash has the mark that is kept at this place of the block. */
bool verify_mark_is(const struct stream *s, size_t at, const struct hash *h);

/* Says what is wrong with the block, of which the row at the suspect place does not fit. */
int verify_tell_suspect(struct stream *s);

/* Something else showed before the block was read to its end; what does not fit in front of that comes first. */
int verify_tell(struct stream *s, unsigned kind, int64_t id, const char *what);

/* --- verify_extra.c: what is there and should not be, when all leaves were read */

int verify_extra(struct stream *s);

#endif
