/* The event loop: file descriptors, and timers on CLOCK_BOOTTIME, so that they go on during a sleep and do not move when
 * the wall clock is set. */
#ifndef HALLOWD_DAEMON_LOOP_H
#define HALLOWD_DAEMON_LOOP_H

#include <stdint.h>

struct loop; /* opaque */

typedef void loop_ready(void *ctx, short revents);
typedef void loop_timer(void *ctx);

struct loop *loop_new(void); /* NULL with errno ENOMEM */
void loop_free(struct loop *l); /* closes no fd; NULL is passed by */

/* Calls `ready` when poll(2) reports one of `events` (or an error) for fd.  Replaces what was watched for it.
 * 0, or -1 with errno ENOMEM.  The fd stays the caller's, who calls loop_unwatch before closing it. */
int loop_watch(struct loop *l, int fd, short events, loop_ready *ready, void *ctx);
void loop_unwatch(struct loop *l, int fd); /* also where it is not watched */

/* Calls `timer` once, `ms` milliseconds from now.  An id > 0, or 0 with errno ENOMEM. */
unsigned loop_after(struct loop *l, int64_t ms, loop_timer *timer, void *ctx);
void loop_cancel(struct loop *l, unsigned id); /* 0 and ids that have fired are passed by */

/* Runs until loop_stop.  0, or -1 with errno when poll fails. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
