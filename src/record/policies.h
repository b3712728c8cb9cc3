/* The policies that were last in force, to judge a packet by the one of its own time. */
#ifndef HALLOWD_RECORD_POLICIES_H
#define HALLOWD_RECORD_POLICIES_H

#include <stddef.h>

#include "core/audit_message.h"

#define POLICIES_KEPT 16

struct policies {
	struct audit_policy *known[POLICIES_KEPT]; /* by time, oldest first; owned */
	size_t count;
	const struct audit_policy *latest; /* the one that was told last; NULL: none yet */
};

void policies_free(struct policies *p); /* makes it empty; a zeroed struct is empty */

/* Puts the endpoints in order of name, which policy_endpoint needs; policies_add does it. */
void policy_sort(struct audit_policy *p);

/* Takes over what `told` holds and empties it; one of the same time is replaced.  0, or -1 with no memory. */
int policies_add(struct policies *p, struct audit_policy *told);

/* The policy in force at that time; NULL where it is older than all that are known. */
const struct audit_policy *policies_at(const struct policies *p, time_us time);

/* NULL where the policy (which may be NULL) has none of that name. */
const struct audit_policy_endpoint *policy_endpoint(const struct audit_policy *p, const char *name);

#endif
