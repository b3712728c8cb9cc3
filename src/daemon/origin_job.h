/* Asking one origin: its bytes from hallowd-fetch, a file or the built-in lists, then hallowd-parse; or the addresses of a
 * name from hallowd-resolve (name_answer.h).
 * A publisher that cannot be reached, does not answer in time, cuts its answer off or has a failure of its own (5xx) is
 * asked again, up to `retries` times, after 0.5 to 1, then 1 to 2, 2 to 4 … 30 seconds, at random.  All tries and delays
 * together take at most twice `timeout`.  Other failures, and what is no list, end the job.
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

/* Starts a job, which ends by itself within twice the origin's timeout and bounds for its programs.
 * `known`, borrowed until the job is gone, is the last good answer to the same question or NULL: where the publisher says
 * that it has not changed since (304), that is the answer, fetched now.
 * NULL with errno ENOMEM. */
struct origin_job *origin_job_start(struct loop *loop, struct reaper *reaper, const struct origin_config *origin,
                                    const struct answer *known, origin_job_done *done, void *ctx);

/* Ends the job's programs and calls nobody; NULL is passed by. */
void origin_job_cancel(struct origin_job *job);

#endif
