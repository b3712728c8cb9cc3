/* Making the kernel match the lists, and telling the recorder what is in force and what the kernel has counted. */
#ifndef HALLOWD_DAEMON_ENFORCE_H
#define HALLOWD_DAEMON_ENFORCE_H

#include "daemon/daemon.h"
#include "daemon/session.h"

/* The policy that the lists and the grants come to; copies, policy_free. */
int policy_from_lists(const struct lists *lists, const struct grants *grants, struct policy *p, struct error *err);

/* Makes the kernel match d->lists in one transaction, and tells the recorder.  `change` (kernel_change_free) may be NULL.
 * A change that would cut `session` (NULL: nobody's) is refused.
 * While enforcement is torn down the kernel is left alone, and that is no failure.
 * On failure the kernel, the policy and the recorder's view are as they were. */
int enforce(struct daemon *d, const struct session *session, struct kernel_change *change, struct error *err);

/* Removes the table. */
int enforce_end(struct daemon *d, const char *by, const char *reason, struct error *err);

/* Reads state_dir/torn-down; and forgets it, because somebody wants enforcement again. */
void torn_down_load(struct daemon *d);
void torn_down_forget(struct daemon *d);

/* Says in *why that nothing is enforced, since whom, when and what for, and how it is again. */
void torn_down_text(const struct torn_down *t, struct error *why);

/* Tells the recorder what the kernel has counted so far. */
void enforce_tell_counters(struct daemon *d);

#endif
