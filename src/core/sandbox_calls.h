/* Which system calls a program may make (seccomp, by way of libseccomp).  The lists are in sandbox_table.c.
 *
 * Everything that is not on a program's list is refused: its SIGSYS handler says so on standard error, with the name of the
 * call, and tells the number to whoever started it; then the process is ended by SIGSYS.  hallowd itself is not ended, since
 * it has children to look after: the call fails with EPERM, and hallowd says so.
 * A few calls that libraries try and do without fail quietly, with the errno that the list names.
 * Sources: seccomp(2), seccomp_rule_add(3); linux/seccomp.h, asm-generic/siginfo.h */
#ifndef HALLOWD_CORE_SANDBOX_CALLS_H
#define HALLOWD_CORE_SANDBOX_CALLS_H

#include <stdbool.h>

#include "core/error.h"

/* Where a program tells the number of the call that was refused it: an eventfd, which holds number + 1.  Not open where
 * nobody wants to know. */
#define CHILD_REFUSED_FD 9

/* In hallowd's environment, and handed on by it to its children: with the value "off", system calls are not filtered.  For
 * finding out why something does not work; status and log say that it is so. */
#define SANDBOX_SWITCH "HALLOWD_SECCOMP"
bool sandbox_calls_are_off(void); /* as it was when this was asked first, which sandbox_child does */

bool sandbox_kernel_has_filters(void); /* the kernel has seccomp with filters */

/* Restricts this thread and its children to come to the list of `program` ("hallowd-parse").  no_new_privs is set, but for
 * hallowd itself where it has CAP_SYS_ADMIN.  -1 with *err; then the process should end.
 * Where it is switched off, or the kernel has no seccomp, 0, and the log says so. */
int sandbox_calls(const char *program, struct error *err);

/* A system call of this machine by its number; "system call 1234" for one without a name.  Static until the next call. */
const char *sandbox_call_name(int number);

/* The number of a call that was refused to this process since it was asked last, or -1: of what does not end a process. */
int sandbox_next_refused(void);

#endif
