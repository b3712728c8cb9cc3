/* Whether at least one agent of each network had its tunnel up within `seen_within`.
 *
 * The kernel remembers when a packet of an established tunnel last left an agent (kernel_read_seen), also while hallowd is
 * dead.  A network goes missing when none of its agents was seen within its own `seen_within`, at the earliest that long
 * after hallowd began to look.  state_dir/presence holds which are missing and since when, so that each is told once. */
#ifndef HALLOWD_DAEMON_PRESENCE_H
#define HALLOWD_DAEMON_PRESENCE_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "daemon/texts.h"

struct presence; /* opaque */

/* Reads what was known before.  0, or -1 with *err (no memory); a damaged file is told in the log and passed by. */
int presence_open(struct daemon *d, struct error *err);
void presence_close(struct presence *p);

/* A configuration is in force: looks at its agents from now on. */
void presence_start(struct daemon *d);

/* For `status`: [{name, network, mode, addresses, tunnel, ...}] and [{name, missing, ...}]; adds a problem for each network
 * that is missing, which sets *missing.  `reading` holds the kernel's counters. */
json_t *presence_agents(struct daemon *d, const struct audit_reading *reading, struct texts *problems);
json_t *presence_networks(struct daemon *d, struct texts *problems, bool *missing);

#endif
