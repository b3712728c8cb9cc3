/* Deleting what is older than the policy's retention, in small steps between other work, and giving the space back. */
#ifndef HALLOWD_RECORD_RETENTION_H
#define HALLOWD_RECORD_RETENTION_H

#include "record/store.h"

#define RETENTION_STEP_ROWS 5000
#define RETENTION_LONG_STEP_ROWS 20000

/* One step: at most RETENTION_STEP_ROWS rows of each kind go whose time is before `cutoff` (INT64_MIN: none), or that are the
 * oldest while the file's pages in use are more than `max_bytes` (0: any size), in a transaction of its own;
 * RETENTION_LONG_STEP_ROWS where they are more than an eighth beyond it, which a flood has filled faster.  Then pages
 * that are free are given back to the file system, some at a time.  `*more`: there may be more to do.  0, or -1 with
 * s->err and nothing changed. */
int retention_step(struct store *s, time_us cutoff, uint64_t max_bytes, bool *more);

/* After the last step: what was given back leaves the file with the journal's next checkpoint, so that is made now. */
void retention_end(struct store *s);

#endif
