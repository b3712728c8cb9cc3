/* hallowd-notify: runs the command of `notify` without privileges.
 *
 * It is started before hallowd is confined, since what a command needs nobody can list, and a sandbox is inherited.
 * A program of its own, since hallowd as root can give up its user only by exec, and so that whatever the command does
 * cannot hold hallowd up. */
#ifndef HALLOWD_NOTIFY_NOTIFY_H
#define HALLOWD_NOTIFY_NOTIFY_H

#include "core/error.h"
#include "core/notify_message.h"

/* Runs until hallowd closes the socket.  Each byte on it brings the socket of one run (SCM_RIGHTS), on which a child receives
 * the request and answers it.  0, or -1 with *err. */
int notify_run(int socket_fd, struct error *err);

/* Runs the command with the text as its standard input, the first 4096 bytes that it prints on our standard error and the
 * rest thrown away, and an environment of PATH alone, in a process group of its own, which is killed when the time is
 * over.  `trouble` says what is wrong, "" for nothing. */
void notify_command(const struct notify_request *r, struct error *trouble);

#endif
