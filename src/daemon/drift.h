/* Changes to our table by others: found, told, and repaired. */
#ifndef HALLOWD_DAEMON_DRIFT_H
#define HALLOWD_DAEMON_DRIFT_H

#include "daemon/daemon.h"

/* Where the table has no owner, from now on each change by others is heard of at once.  0, or -1 with *err. */
int drift_watch(struct daemon *d, struct error *err);
void drift_stop(struct daemon *d);

/* Looks by itself: what was not heard of, and a repair that failed.  For every few seconds. */
void drift_check(struct daemon *d);

#endif
