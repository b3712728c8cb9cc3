/* Interfaces whose traffic is only seen (audit.observe): a hallowd-observe for each, and what the policy in force says of
 * the connections that it finds, told to the recorder. */
#ifndef HALLOWD_DAEMON_OBSERVE_H
#define HALLOWD_DAEMON_OBSERVE_H

#include "daemon/daemon.h"
#include "daemon/texts.h"

/* Makes the packet sockets: needs CAP_NET_RAW, so before the privileges of the start are given up.  0, or -1 with
 * *err; 0 also with nothing to observe. */
int observe_open(struct daemon *d, const struct config *c, struct error *err);

/* Starts the programs, and goes on starting one that dies.  Its socket stays hallowd's, so that it holds what comes
 * meanwhile. */
void observe_start(struct daemon *d);
void observe_stop(struct daemon *d); /* also where it never began */

/* Adds a text for each interface that is not observed now, or may not be. */
void observe_problems(const struct daemon *d, struct texts *problems);

#endif
