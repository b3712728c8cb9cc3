/* Coverage: what was true of each endpoint at every moment, from the first that it was configured to the last
 * heartbeat.  The segments of an endpoint follow each other without a gap and without an overlap. */
#ifndef HALLOWD_RECORD_COVERAGE_H
#define HALLOWD_RECORD_COVERAGE_H

#include "record/store.h"

/* The newest segment of an endpoint. */
struct segment {
	char *name; /* of the endpoint; owned */
	int64_t endpoint, id;
	time_us from, to;
	enum coverage_state state;
	bool open; /* the endpoint is in the policy in force: heartbeats extend the segment */
};

struct coverage {
	struct segment *all; /* sorted by name; owned */
	size_t count, cap;
};

void coverage_free(struct coverage *c); /* makes it empty; a zeroed struct is empty */

/* Each returns 0, or -1 with store->err. */
int coverage_load(struct coverage *c, struct store *s);

/* Takes in a policy, which may be told again: its endpoints are described, segments end and begin.  The time between
 * a segment's end and the policy was covered as before where the policy says so (`continued`), else unprotected. */
int coverage_policy(struct coverage *c, struct store *s, const struct audit_policy *p);

/* What the policy said was still so at `time`. */
int coverage_heartbeat(struct coverage *c, struct store *s, time_us time);

#endif
