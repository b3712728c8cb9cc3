/* Whatever changes something goes through one queue: one after the other, never a half state. */
#ifndef HALLOWD_DAEMON_OPERATION_H
#define HALLOWD_DAEMON_OPERATION_H

#include "daemon/daemon.h"

typedef void operation_run(struct daemon *d, void *ctx);

/* Runs `run` when all operations before it have ended; maybe at once.  It ends when operation_end is called, once, from
 * within `run` or later.  0, or -1 with errno ENOMEM: then `run` is not called. */
int operation_submit(struct daemon *d, operation_run *run, void *ctx);
void operation_end(struct daemon *d);

#endif
