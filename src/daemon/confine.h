/* hallowd's own sandbox, and what becomes of system calls that a sandbox refuses. */
#ifndef HALLOWD_DAEMON_CONFINE_H
#define HALLOWD_DAEMON_CONFINE_H

#include <jansson.h>

#include "core/error.h"
#include "daemon/daemon.h"
#include "daemon/texts.h"

/* Keeps CAP_NET_ADMIN (sandbox_keep_net_admin), what landlock leaves to hallowd, and its list of system calls.  Needs d's
 * folders, sockets and reaper.  Root without CAP_SYS_ADMIN, as in some containers, cannot have the latter two, and the log
 * says so.  0, or -1 with *err. */
int confine(struct daemon *d, struct error *err);

/* Tells the audit log of system calls that were refused to hallowd itself. */
void confine_tell_refused(struct daemon *d);

/* {"landlock": ABI, "kernel_filters": bool, "system_calls": bool: they are filtered} for `status`, and what is missing for
 * people. */
json_t *confine_status(struct daemon *d, struct texts *problems);

#endif
