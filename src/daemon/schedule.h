/* When lists are refreshed on their own: at their interval, sooner after a failure, each time a little later by chance. */
#ifndef HALLOWD_DAEMON_SCHEDULE_H
#define HALLOWD_DAEMON_SCHEDULE_H

#include <stdbool.h>

#include "daemon/daemon.h"

/* Sets the list's next time, after a refresh whose outcome is in s->failures. */
void schedule_next(struct list_state *s);

/* Refreshes the list `ms` milliseconds from now, or before. */
void schedule_soon(struct daemon *d, struct list_state *s, int64_t ms);

/* Sets a time for lists that have none yet, `at_once` or after their interval, and starts the timer.  To be called again
 * after a new configuration. */
void schedule_start(struct daemon *d, bool at_once);

/* To be called now and then.  Where the wall clock was set since the last call, by which the age of the origins' answers is
 * counted, lists with an interval are refreshed within a few seconds, and it returns true. */
bool schedule_check_clock(struct daemon *d);

#endif
