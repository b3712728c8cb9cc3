/* Access for a time that a person gave (break glass).  The kernel ends each by its own timeout, so that it ends also when
 * hallowd is dead; state_dir/grants keeps what is left of them over a restart. */
#ifndef HALLOWD_DAEMON_GRANTS_H
#define HALLOWD_DAEMON_GRANTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/policy.h"
#include "core/time_text.h"

struct daemon;
struct session;

struct grant {
	uint64_t id;
	char endpoint[NAME_MAX_LENGTH + 1];
	struct prefix source;
	char by[64];
	char reason[256];
	time_us from, until;
	int64_t until_ms; /* time_boot_ms(), which decides while this runs: the wall clock may be set */
};

struct grants {
	struct grant *items; /* by id; owned */
	size_t count;
	uint64_t last_id;    /* the highest ever given */
	unsigned timer;      /* until the first of them ends; 0: none set */
};

void grants_free(struct grants *g); /* and makes it empty */

/* Reads state_dir/grants; also those that have ended since, for grants_expire to tell.  Each has at most what its wall
 * clock says is left, and never more than it was given for.  0 also where there is no such file; -1 with *err where it is
 * damaged or memory ran out: then there are none. */
int grants_load(struct grants *g, int state_fd, struct error *err);

/* Adds those that have time left, and whose endpoint the policy has.  0, or -1 with errno ENOMEM. */
int grants_into_policy(const struct grants *g, struct policy *p);

struct grant_request {
	const char *endpoint;
	struct prefix source;
	int64_t seconds;
	const char *by, *reason;
};

/* Within what the configuration permits: in force, on disk, an event.  0 with *id, or -1 with *err: nothing has changed. */
int grant_make(struct daemon *d, const struct grant_request *request, uint64_t *id, struct error *err);

/* Ends one before its time, unless that would cut `session` (NULL: nobody's). */
int grant_revoke(struct daemon *d, uint64_t id, const char *by, const char *reason, const struct session *session,
                 struct error *err);

/* Drops those whose time is over, with an event each, and waits for the next.  Called inside an operation. */
void grants_expire(struct daemon *d);

/* [{id, source, endpoint, from, until, by, reason, in_force}], of those that have time left. */
json_t *grants_json(const struct daemon *d);

#endif
