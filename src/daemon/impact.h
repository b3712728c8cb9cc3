/* What a change of the policy means to people: who is let in no more, and what is protected no more. */
#ifndef HALLOWD_DAEMON_IMPACT_H
#define HALLOWD_DAEMON_IMPACT_H

#include <stddef.h>

#include "core/policy.h"
#include "daemon/texts.h"

/* Sources that some endpoints let in now and would not: `sources` without `except`.  Two sets, because of an endpoint that
 * was only observed it is everybody but a list. */
struct cut_off {
	struct texts endpoints; /* as they are called now */
	struct prefix_set sources, except;
};

struct impact {
	struct cut_off *cuts;
	size_t cut_count;
	struct texts warnings; /* what is protected no more, or denies nothing any more; what lets nobody in */
};

/* Compares by destination, so that an endpoint may change its name.  The cost follows what changed, and not how long the
 * lists are that did not.  0 with *out (impact_free), or -1 with errno ENOMEM. */
int impact_of(const struct policy *now, const struct policy *next, struct impact *out);
void impact_free(struct impact *i);

#endif
