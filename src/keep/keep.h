/* hallowd-keep: a process with no capability that does nothing but hold copies of hallowd's sockets, so that the kernel
 * table stays owned and logged packets wait in the NFLOG socket's buffer while hallowd is dead and being started again.
 * Not used under systemd, whose file descriptor store does the same.
 *
 * It listens on RUN_DIR/keep.sock, answers only the user that started it and root, and ends by itself when told to, or
 * when that socket's name or folder has been removed, since then nobody can ever ask it again. */
#ifndef HALLOWD_KEEP_KEEP_H
#define HALLOWD_KEEP_KEEP_H

#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"

#define KEEP_SOCKET "keep.sock"
#define KEEP_NAME_MAX 32
#define KEEP_MAX 8

struct kept {
	char name[KEEP_NAME_MAX]; /* "owner", "nflog" */
	int fd;
};

/* --- hallowd's side.  `run_dirfd` is RUN_DIR. --- */

/* Starts a keeper (fork, setsid, exec of `program`), waits until it listens.  It drops all privileges itself.
 * 0 with *pid. */
int keep_start(int run_dirfd, const char *program, pid_t *pid, struct error *err);

/* Gives it copies, each replacing the one of the same name. */
int keep_put(int run_dirfd, const struct kept *fds, size_t count, struct error *err);

/* Takes copies of all that it holds (close-on-exec).  0 with *count (0..max); -1 with errno ENOENT or ECONNREFUSED where
 * no keeper is there. */
int keep_take(int run_dirfd, struct kept *fds, size_t max, size_t *count, pid_t *pid, struct error *err);

/* Ends it; returns when it is gone or 2 seconds have passed.  0 also where none is there. */
int keep_stop(int run_dirfd, struct error *err);

/* --- the keeper's own side: runs until it ends. --- */
int keep_run(int listen_fd, int run_dirfd, uid_t owner);

#endif
