/* Metrics over HTTP: keeps hallowd-metrics running where the configuration wants it, and answers what it asks. */
#ifndef HALLOWD_DAEMON_METRICS_H
#define HALLOWD_DAEMON_METRICS_H

#include "daemon/daemon.h"

struct metrics; /* opaque */

/* From now on as d->lists->config says: starts, moves or ends it.  What goes wrong is told in the log and by `status`,
 * and tried again; nothing else depends on it. */
void metrics_configure(struct daemon *d);
void metrics_stop(struct daemon *d); /* also where it never began */

/* "" where all is well, or is not wanted. */
const char *metrics_trouble(const struct daemon *d);

#endif
