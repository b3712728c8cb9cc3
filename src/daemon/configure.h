/* Taking up a configuration, at the start and at a reload: all of it, or nothing. */
#ifndef HALLOWD_DAEMON_CONFIGURE_H
#define HALLOWD_DAEMON_CONFIGURE_H

#include "daemon/daemon.h"
#include "daemon/session.h"

/* `error` is NULL where it is in force, else says why the one before stays (or, at the start, why hallowd cannot start).
 * exit_code is that of the contract. */
typedef void configured(void *ctx, int exit_code, const char *error);

/* Takes up the lists that were loaded at the start: those of which nothing is known are fetched first, then the kernel is
 * made to match in one transaction.  A list that could not be fetched does not keep hallowd from starting: it lets nobody
 * in until it is. */
void configure_start(struct daemon *d, configured *done, void *ctx);

/* Reads the configuration anew, as one operation.  Here a new list that cannot be fetched is a failure, since what it is
 * for would be cut off.  Enforcement that was torn down is put back.  `session` (NULL: nobody's) must not be cut by it.
 * `confirm` > 0: it goes back by itself after so many seconds, unless it is confirmed (confirm.h). */
void configure_reload(struct daemon *d, const char *by, const struct session *session, int64_t confirm,
                      configured *done, void *ctx);

/* Puts the last good configuration in force again, as one operation, because what was tried was not confirmed. */
void configure_back(struct daemon *d, configured *done, void *ctx);

/* What hallowd stands on while it runs has to be as it was.  0, or -1 with *err. */
int configure_check_fixed(const struct daemon *d, const struct config *next, struct error *err);

#endif
