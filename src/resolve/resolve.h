/* hallowd-resolve: the addresses of one name, from the DNS or the hosts file, by c-ares(3). */
#ifndef HALLOWD_RESOLVE_RESOLVE_H
#define HALLOWD_RESOLVE_RESOLVE_H

#include "core/error.h"
#include "core/resolve_message.h"

/* c-ares reads both files of the system; nothing of either gets here but addresses. */
#define RESOLVE_MEMORY ((uint64_t)512 << 20)
#define RESOLVE_CPU_SECONDS 20

/* Asks for both families at once, the servers that /etc/resolv.conf names, each a few times.  What fails is said in the
 * result (resolve_result_free); -1 with *err only where nothing could be asked at all. */
int resolve_name(const struct resolve_request *q, struct resolve_result *r, struct error *err);

/* The whole program: gives up what it may, takes one request from the socket, answers, and is done. */
int resolve_confine(struct error *err); /* the first half of it */
int resolve_run(int socket_fd, struct error *err);

#endif
