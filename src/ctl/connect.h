/* The two ways to hallowd.  Either ends in a descriptor from which its answer is read to the end. */
#ifndef HALLOWD_CTL_CONNECT_H
#define HALLOWD_CTL_CONNECT_H

#include <sys/types.h>

#include "ctl/ctl.h"

struct connection {
	int fd;
	pid_t child; /* 0: a running daemon answers */
};

/* To the daemon's socket in `run_dir`.  -1 with errno ENOENT or ECONNREFUSED where none listens. */
int connect_daemon(const char *run_dir, struct connection *c, struct error *err);

/* Runs `hallowd -c FILE --once WORD...`; its standard error is ours. */
int connect_once(const char *config_path, const char *const *words, size_t count, struct connection *c,
                 struct error *err);

/* Closes, and waits for the child.  0; -1 where it could not be started, or was ended by a signal. */
int connect_close(struct connection *c, struct error *err);

#endif
