/* Rows become leaves of the tree (audit/tree.h, doc/INTEGRITY.md) in the transaction that writes them.
 *
 * Whoever writes a row that does not change any more calls leaves_append right after it; whoever closes a row
 * that changed until then (an aggregate, a segment), when it is closed.  Rows of `tally` become leaves by themselves,
 * when their hour is over.  Rows are deleted by leaves_retire and in no other way. */
#ifndef HALLOWD_RECORD_LEAVES_H
#define HALLOWD_RECORD_LEAVES_H

#include "record/store.h"

/* Appends the row of that kind (integrity/leaf.h) and id, as the database has it now.  0, or -1 with store->err. */
int leaves_append(struct store *s, enum leaf_kind kind, int64_t id);

/* The same for a row of connection that was just written, from what is in memory. */
int leaves_connection(struct store *s, int64_t id, const struct row *row, int64_t decision);

/* Tallies go into this hour from now on (to the row's `part`, s->tree.part).  Where it is another than before, those of the
 * hour before become leaves.  0, or -1 with store->err. */
int leaves_hour(struct store *s, int64_t hour);

/* In a transaction: the oldest rows of a kind (LEAF_CONNECTION, LEAF_AGGREGATE, LEAF_TALLY) of which the time is before
 * `before` are announced, and at most `most` of what was announced is deleted: see tree_retire.  *deleted: how many went;
 * s->announced says that there are some for a later call, once hallowd has signed.  0, or -1 with store->err. */
#define LEAVES_ANNOUNCED 100000 /* at most, of a kind in one call: each call that announces needs a signature */
int leaves_retire(struct store *s, enum leaf_kind kind, time_us before, unsigned most, int *deleted);

#endif
