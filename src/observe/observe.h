/* The program hallowd-observe: finds the first packets of connections among the frames of one interface, without
 * privileges. */
#ifndef HALLOWD_OBSERVE_OBSERVE_H
#define HALLOWD_OBSERVE_OBSERVE_H

#include "core/error.h"

/* Until hallowd is gone: 0.  -1 with *err where it cannot go on; hallowd was told why, where it can hear that. */
int observe_run(int socket_fd, int packet_fd, struct error *err);

/* After the filter is in place: no file, no system call but for memory and what was handed over. */
int observe_confine(struct error *err);

#endif
