/* hallowd-keep: a process with no capability that does nothing but hold copies of hallowd's sockets, so that the kernel
 * table stays owned and logged packets wait in the NFLOG socket's buffer while hallowd is dead and being started again.
 * Not used under systemd, whose file descriptor store does the same.
 *
 * It listens on RUN_DIR/keep.sock, answers only the user that started it and root, and ends by itself when told to, or
 * within a second or so when that socket's name or folder has been removed or replaced, since then nobody can ever
 * ask it again.  As it has become another user by then, RUN_DIR should be one that all may search (mode 0711 or 0755,
 * say): where it may not, it notices only the removal of the folder. */
#ifndef HALLOWD_KEEP_KEEP_H
#define HALLOWD_KEEP_KEEP_H

#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"

#define KEEP_SOCKET "keep.sock"
#define KEEP_NAME_MAX 32
#define KEEP_MAX 8

struct kept {
	char name[KEEP_NAME_MAX]; /* "owner", "nflog"; not empty, with its NUL */
	int fd;
};

/* --- hallowd's side.  `run_dirfd` is RUN_DIR, opened to read or with O_PATH.  Needs /proc. --- */

/* Starts a keeper (fork, setsid, exec of `program`, an absolute path), waits until it listens, 5 seconds at most.  It
 * drops all privileges itself, and has none of the caller's environment.  A keeper that was there before loses the
 * name and ends.
 * 0 with *pid, a child of the caller's to reap; -1 with nothing left behind. */
int keep_start(int run_dirfd, const char *program, pid_t *pid, struct error *err);

/* Gives it copies, each replacing the one of the same name; all of them or, on failure, none.
 * -1 with errno: ENOENT or ECONNREFUSED where no keeper is there, ENOSPC where it would hold more than KEEP_MAX. */
int keep_put(int run_dirfd, const struct kept *fds, size_t count, struct error *err);

/* Takes copies of all that it holds (close-on-exec).  0 with *count (0..max) and its *pid (NULL: not asked for);
 * -1 with errno ENOENT or ECONNREFUSED where no keeper is there, E2BIG where it holds more than `max`. */
int keep_take(int run_dirfd, struct kept *fds, size_t max, size_t *count, pid_t *pid, struct error *err);

/* Ends it; returns when it has let go of everything or, with -1, 2 seconds have passed.  The name is removed.
 * 0 also where none is there. */
int keep_stop(int run_dirfd, struct error *err);

/* --- the keeper's own side --- */

/* What hallowd-keep inherits. */
#define KEEP_LISTEN_FD 3
#define KEEP_RUN_DIR_FD 4

/* Said on standard error as soon as it serves; from then on standard error goes where standard output does. */
#define KEEP_READY "ready\n"

/* Runs until it ends.  0, or -1 with *err where it cannot serve.  `owner` is who may ask, beside root.
 * Ignores SIGINT, SIGHUP and SIGPIPE; SIGTERM ends the process. */
int keep_run(int listen_fd, int run_dirfd, uid_t owner, struct error *err);

#endif
