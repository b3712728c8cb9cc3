/* run_dir/control.sock, where hallowctl asks; core/control.h has the protocol. */
#ifndef HALLOWD_DAEMON_CONTROL_H
#define HALLOWD_DAEMON_CONTROL_H

#include "daemon/daemon.h"

/* Makes the socket, under another name: to be done before anything is changed in the kernel, so that a start that fails
 * here leaves no trace there. */
int control_open(struct daemon *d, struct control **c, struct error *err);

/* Gives it its name, also where a dead daemon left one, and answers from now on. */
int control_listen(struct control *c, struct error *err);
void control_close(struct control *c, int run_fd); /* removes the name; whoever still waits is left without an answer */

#endif
