/* hallowd --boot: the last good policy in force before there is a network, from what is on disk, then the end. */
#ifndef HALLOWD_DAEMON_BOOT_H
#define HALLOWD_DAEMON_BOOT_H

#include "daemon/daemon.h"

/* Everything is loaded and open.  The process's exit status. */
int boot_run(struct daemon *d);

#endif
