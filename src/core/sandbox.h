/* Giving up privileges.  Each function fails closed: a caller that gets -1 must exit.
 * Sources: capabilities(7), prctl(2), landlock(7), seccomp(2); linux/capability.h, linux/landlock.h, linux/seccomp.h */
#ifndef HALLOWD_CORE_SANDBOX_H
#define HALLOWD_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/error.h"

/* For hallowd, once its sockets and folders are open.  Afterwards CAP_NET_ADMIN is all that the effective and permitted
 * sets hold, the inheritable and ambient sets are empty (the former not where a filter refuses capset(2)), and the
 * process cannot be dumped (RLIMIT_CORE 0, non-dumpable) or traced by others of its user.
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

/* Root becomes `user` (supplementary groups emptied), with CAP_NET_ADMIN and no other capability: as hallowd's unit starts it. */
int sandbox_become(const struct sandbox_user *user, struct error *err);

/* For a child, first thing in main: when it is root, becomes sandbox_user (supplementary groups emptied) and empties
 * the bounding set; whoever it is, drops every capability from the effective, permitted, inheritable and ambient
 * sets, sets no_new_privs, non-dumpable, and RLIMIT_CORE 0.  -1 unless all of that is then so; root that cannot
 * change its user never goes on.  (A child that is not root may keep a bounding set, which without capabilities and
 * with no_new_privs gives nothing.) */
int sandbox_child(struct error *err);

/* Whether this process may do what asks for CAP_SYS_ADMIN. */
bool sandbox_has_sys_admin(void);

/* What paths may be opened from now on, and whether TCP (landlock); no_new_privs is set.  What is open stays open.  Which
 * system calls may be made at all is the other half: sandbox_calls.h.
 * SANDBOX_NO_FILES: none.  SANDBOX_WORKING_FOLDER: regular files and folders below the working directory, to read, write,
 * make, rename and remove.  SANDBOX_READ_FOLDER: the same, to read.  SANDBOX_WEB: to read, what finding a name's addresses
 * and checking a certificate need.
 * tcp false: no TCP bind or connect.  Where the kernel's landlock (from 6.12 on) can, the process cannot signal processes
 * outside nor reach abstract sockets.
 * What the kernel does not offer is told in the log and passed by; what it offers and refuses is an error.
 * A build with AddressSanitizer can read /proc all the same, since its search for leaks needs that.
 * Only the calling thread and its children to come are restricted: call it before there are threads. */
enum sandbox_files { SANDBOX_NO_FILES, SANDBOX_WORKING_FOLDER, SANDBOX_READ_FOLDER, SANDBOX_WEB };
int sandbox_restrict(enum sandbox_files files, bool tcp, struct error *err);
int sandbox_landlock_abi(void); /* 0: the kernel has none */

/* The same for hallowd, whose children inherit it: it may read all that its user may, since an origin can be any file;
 * write below state_dir and run_dir (-1: none); and execute what is in the folder of its programs.
 * Needs CAP_SYS_ADMIN or no_new_privs; -1 without. */
struct sandbox_daemon_files {
	int state_fd, run_fd;
	const char *programs;
};
int sandbox_restrict_daemon(const struct sandbox_daemon_files *files, struct error *err);

/* RLIMIT_AS and RLIMIT_CPU, hard and soft; 0 leaves one as it is, and a lower limit that is there already stays.
 * A build with AddressSanitizer leaves RLIMIT_AS alone, since its shadow memory takes terabytes of address space. */
int sandbox_limits(uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err);

/* All of it for a child that asks others over the network (hallowd-fetch, hallowd-resolve): sandbox_child, an empty
 * environment, SIGPIPE ignored, SANDBOX_WEB, the limits, and the list of system calls of `program`. */
int sandbox_web_child(const char *program, uint64_t memory_bytes, uint64_t cpu_seconds, struct error *err);

#endif
