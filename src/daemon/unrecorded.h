/* audit.on_failure: deny: no new connection to an enforced endpoint while nothing can be recorded. */
#ifndef HALLOWD_DAEMON_UNRECORDED_H
#define HALLOWD_DAEMON_UNRECORDED_H

#include "daemon/daemon.h"

/* Looks at the recorder several times a second, and closes and opens the policy in one transaction each; both are
 * events. */
void unrecorded_watch(struct daemon *d);

#endif
