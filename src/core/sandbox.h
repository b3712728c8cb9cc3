/* Giving up privileges.  Each function fails closed: a caller that gets -1 must exit.
 * Sources: capabilities(7), prctl(2), landlock(7), seccomp(2); linux/capability.h, linux/landlock.h, linux/seccomp.h */
#ifndef HALLOWD_CORE_SANDBOX_H
#define HALLOWD_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/error.h"

/* For hallowd, once its sockets and folders are open.  Afterwards CAP_NET_ADMIN is all that the effective and permitted
 * sets hold, the inheritable and ambient sets are empty, and the process cannot be dumped (RLIMIT_CORE 0,
 * non-dumpable) or traced by others of its user.
 * -1 also where the process has no CAP_NET_ADMIN to keep.
 *
 * What that means for the children that it starts with exec depends on its user:
 * - Not root (systemd: a user of its own with ambient CAP_NET_ADMIN): no_new_privs is set, children get no capability.
 * - Root: the kernel gives a program that root execs the whole bounding set back.  That is what children need to become
 *   another user, so no_new_privs is not set, and the bounding set is cut down to CAP_NET_ADMIN, CAP_SETUID, CAP_SETGID
 *   and CAP_SETPCAP (those of them that it had).  A child holds these from its exec until it has called sandbox_child,
 *   first thing in its main; and whoever takes over this process can get them by exec. */
int sandbox_keep_net_admin(struct error *err);

/* The user that a child becomes when it is started by root: `hallowd`, else `nobody`, as /etc/passwd has them.
 * What children must write has to belong to that user.  -1 where there is neither, or it is root by another name. */
struct sandbox_user {
	const char *name; /* static */
	uid_t uid;
	gid_t gid;
};
int sandbox_user(struct sandbox_user *user, struct error *err);

/* For a child, first thing in main: when it is root, becomes sandbox_user (supplementary groups emptied) and empties
 * the bounding set; whoever it is, drops every capability from the effective, permitted, inheritable and ambient
 * sets, sets no_new_privs, non-dumpable, and RLIMIT_CORE 0.  -1 unless all of that is then so; root that cannot
 * change its user never goes on.  (A child that is not root may keep a bounding set, which without capabilities and
 * with no_new_privs gives nothing.) */
int sandbox_child(struct error *err);

/* What paths may be opened from now on, and whether sockets may be made; no_new_privs is set.  What is open stays open.
 * Paths (landlock): SANDBOX_NO_FILES none; SANDBOX_WORKING_FOLDER regular files and folders below the working
 * directory, to read, write, make, rename and remove; SANDBOX_READ_ONLY any, to read.
 * tcp false: no new socket of any family (seccomp: socket(2) fails with EACCES, io_uring_setup(2) with ENOSYS), and no
 * TCP bind or connect with an inherited one (landlock).
 * Where the kernel's landlock (from 6.12 on) can, the process cannot signal processes outside nor reach abstract
 * sockets.
 * What the kernel does not offer is told in the log and passed by; what it offers and refuses is an error.
 * A build with AddressSanitizer can read /proc all the same, since its search for leaks needs that.
 * Only the calling thread and its children to come are restricted: call it before there are threads. */
enum sandbox_files { SANDBOX_NO_FILES, SANDBOX_WORKING_FOLDER, SANDBOX_READ_ONLY };
int sandbox_restrict(enum sandbox_files files, bool tcp, struct error *err);

/* RLIMIT_AS and RLIMIT_CPU, hard and soft; 0 leaves one as it is, and a lower limit that is there already stays.
 * A build with AddressSanitizer leaves RLIMIT_AS alone, since its shadow memory takes terabytes of address space. */
int sandbox_limits(uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err);

#endif
