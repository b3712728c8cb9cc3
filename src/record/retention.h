/* Deleting what is older than the policy's retention, in small steps between other work, and giving the space back. */
#ifndef HALLOWD_RECORD_RETENTION_H
#define HALLOWD_RECORD_RETENTION_H

#include "record/store.h"

#define RETENTION_STEP_ROWS 5000

/* One step: at most RETENTION_STEP_ROWS rows of each kind whose time is before `cutoff`, in a transaction of its own.
 * `*more`: there may be more to do.  0, or -1 with s->err and nothing changed. */
int retention_step(struct store *s, time_us cutoff, bool *more);

#endif
