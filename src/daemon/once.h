/* hallowd --once: one verb without a running hallowd, for cron and for looking.  The same code decides. */
#ifndef HALLOWD_DAEMON_ONCE_H
#define HALLOWD_DAEMON_ONCE_H

#include "daemon/daemon.h"

#define ONCE_LOCK_WAIT_MS 120000 /* another refresh by cron, or a daemon that is about to answer itself */

bool once_changes(const char *verb); /* it needs the lock and the recorder */
void once_fail(int exit_code, const char *error); /* prints the answer of a verb that could not run */

/* Runs the verb, prints its answer on standard output; the process's exit status: 0 when it was answered. */
int once_run(struct daemon *d, char **words, size_t count);

#endif
