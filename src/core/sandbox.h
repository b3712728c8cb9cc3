/* Giving up privileges.  Each function fails closed: a caller that gets -1 must exit. */
#ifndef HALLOWD_CORE_SANDBOX_H
#define HALLOWD_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* For hallowd, once its sockets and folders are open: keeps CAP_NET_ADMIN (capabilities(7)) in the effective and permitted
 * sets and nothing else; the ambient and inheritable sets are emptied; no new privileges are possible by exec for
 * the process itself unless it is root with children to start (see sandbox_child). */
int sandbox_keep_net_admin(struct error *err);

/* For a child, first thing in main: when it is root, becomes `hallowd`, or `nobody` where there is no such user
 * (supplementary groups emptied); drops every capability from every set, sets no_new_privs, non-dumpable,
 * and RLIMIT_CORE 0. */
int sandbox_child(struct error *err);

/* No file system at all, no TCP connect or bind (landlock; a kernel without it is told in the log and passed by).
 * files: 0 = no access to any path; 1 = read and write below the working directory only; 2 = read anywhere.
 * tcp: whether TCP is allowed. */
enum sandbox_files { SANDBOX_NO_FILES, SANDBOX_WORKING_FOLDER, SANDBOX_READ_ONLY };
int sandbox_restrict(enum sandbox_files files, bool tcp, struct error *err);

/* RLIMIT_AS and RLIMIT_CPU; 0 leaves one as it is. */
int sandbox_limits(uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err);

#endif
