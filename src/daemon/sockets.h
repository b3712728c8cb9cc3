/* The sockets that must outlive hallowd: the netlink socket that owns the kernel table, the bound NFLOG socket, and the
 * one that tells of the ends of connections.
 * A second holder keeps copies of them: systemd's file descriptor store where it started us, else hallowd-keep. */
#ifndef HALLOWD_DAEMON_SOCKETS_H
#define HALLOWD_DAEMON_SOCKETS_H

#include "core/error.h"
#include "daemon/daemon.h"

/* Takes what an earlier run left, and opens what it did not: d->kernel, d->nflog_fd and, where the kernel
 * has it, d->conntrack_fd. */
int sockets_open(struct daemon *d, const struct config *c, struct error *err);

/* Only d->kernel, with a socket of its own. */
int sockets_open_kernel(struct daemon *d, const struct config *c, struct error *err);

/* Gives copies to the holder; starts hallowd-keep where that is it, and again when it dies. */
int sockets_leave(struct daemon *d, struct error *err);

/* hallowd stops on purpose, or enforcement ended: nobody needs to hold them.  (systemd drops its store by itself.) */
void sockets_release(struct daemon *d);

#endif
