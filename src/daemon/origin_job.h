/* Asking one origin: its bytes from hallowd-fetch, a file or the built-in lists, then hallowd-parse.
 * hallowd itself never looks into the bytes. */
#ifndef HALLOWD_DAEMON_ORIGIN_JOB_H
#define HALLOWD_DAEMON_ORIGIN_JOB_H

#include "config/config.h"
#include "daemon/lists.h"
#include "daemon/loop.h"
#include "daemon/process.h"

struct origin_job; /* opaque */

/* `good` is NULL where there was no answer or it is no list: then `error` says why.  Called once, from the loop;
 * the job is gone by then.  `good` is the callee's to take from (answer_copy). */
typedef void origin_job_done(void *ctx, const struct origin_config *origin, struct answer *good, const char *error);

/* Starts a job, which ends by itself within the origin's timeout and a bound for the parser.  NULL with errno ENOMEM. */
struct origin_job *origin_job_start(struct loop *loop, struct reaper *reaper, const struct origin_config *origin,
                                    origin_job_done *done, void *ctx);

/* Ends the job's programs and calls nobody; NULL is passed by. */
void origin_job_cancel(struct origin_job *job);

#endif
