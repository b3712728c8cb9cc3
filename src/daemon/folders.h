/* state_dir, run_dir and the lock, opened while hallowd still has the privileges that it started with. */
#ifndef HALLOWD_DAEMON_FOLDERS_H
#define HALLOWD_DAEMON_FOLDERS_H

#include "core/error.h"
#include "daemon/daemon.h"

/* As root: where state_dir belongs to the user that hallowd's unit runs as, becomes that user, so that what is there can be
 * used, and what is made can be used by the unit afterwards.  run_dir is made for it. */
int folders_become_owner(const struct config *c, struct error *err);

/* Makes what is missing.  Where hallowd is root, state_dir is given to the group of the user that the recorder becomes,
 * with the sticky bit: it may make audit.db there, and can neither remove nor rename what is root's. */
int folders_make(struct daemon *d, const struct config *c, struct error *err);

/* The same without run_dir. */
int folders_make_state(struct daemon *d, const struct config *c, struct error *err);

/* Opens what is there, for looking only. */
int folders_open(struct daemon *d, const struct config *c, struct error *err);

/* What the recorder works in, with the lock held: *fd, the caller's to close.  That is state_dir where hallowd is root.
 * Where it is not, its own files and the recorder's belong to the same user, and a sandbox cannot take single folders out of
 * one that it lets write in: then the recorder gets state_dir/audit, and state_dir/audit.db is a link into it (a database that
 * stood there is moved, with its journal). */
int folders_open_recorder(int state_fd, int *fd, struct error *err);

/* Takes state_dir/lock; waits up to `wait_ms`, since a refresh by cron may be at work. */
int folders_lock(struct daemon *d, int wait_ms, struct error *err);

#endif
