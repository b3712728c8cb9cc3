/* systemd, where it started us: readiness, watchdog and the file descriptor store (sd_notify(3), sd_listen_fds(3)).
 * Each call does nothing elsewhere. */
#ifndef HALLOWD_DAEMON_SERVICE_H
#define HALLOWD_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and LISTEN_* once, and removes them from the environment. */
void service_open(void);

bool service_has_store(void); /* sockets may be left with systemd */

/* A socket that was left there under `name` by an earlier run; the caller's from then on.  -1 for none. */
int service_take_fd(const char *name);
void service_store_fd(const char *name, int fd); /* a copy of it, in place of what it holds under that name */

/* What sd_notify(3) calls READY, STATUS, RELOADING, STOPPING and WATCHDOG; `status` is one line for people. */
void service_ready(const char *status);
void service_status(const char *status);
void service_reloading(void);
void service_stopping(void);
void service_watchdog(void);
int64_t service_watchdog_ms(void); /* how often it wants to hear of us; 0: not at all */

#endif
