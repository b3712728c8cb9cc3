/* run_dir/control.sock, where hallowctl asks; core/control.h has the protocol. */
#ifndef HALLOWD_DAEMON_CONTROL_H
#define HALLOWD_DAEMON_CONTROL_H

#include "daemon/daemon.h"

int control_open(struct daemon *d, struct control **c, struct error *err); /* replaces a name that a dead daemon left */
void control_close(struct control *c, int run_fd); /* removes the name; whoever still waits is left without an answer */

#endif
