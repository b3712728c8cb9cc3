/* reload --confirm: a configuration that goes back by itself unless somebody confirms it in time, also when hallowd is
 * killed meanwhile (kept_config.h).  A boot counts as not confirmed. */
#ifndef HALLOWD_DAEMON_CONFIRM_H
#define HALLOWD_DAEMON_CONFIRM_H

#include "daemon/daemon.h"

#define CONFIRM_MIN 1            /* seconds */
#define CONFIRM_MAX (24 * 3600)

/* Before `next` is put in force for `seconds`: what is needed to go back is on disk afterwards.  0 with *t, or -1. */
int confirm_begin(struct daemon *d, const struct config *next, const char *by, int64_t seconds, struct tried *t,
                  struct error *err);
void confirm_abandon(struct daemon *d); /* it was not put in force after all */

/* `t` is in force from now on. */
void confirm_wait(struct daemon *d, const struct tried *t);

/* d->lists->config is in force for good: it is kept as the last good one. */
void confirm_settle(struct daemon *d);

/* The start has put in force what start_config chose. */
void confirm_started(struct daemon *d);

/* The configuration before is in force again. */
void confirm_went_back(struct daemon *d);

/* A person confirms.  0, or -1 with *err where nothing waits, or it cannot be kept. */
int confirm_keep(struct daemon *d, const char *by, struct error *err);

/* When what waits goes back; wall clock. */
time_us confirm_until(const struct tried *t);

#endif
