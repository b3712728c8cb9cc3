/* The connection through which a person asks, so that no change that they ask for cuts it. */
#ifndef HALLOWD_DAEMON_SESSION_H
#define HALLOWD_DAEMON_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/policy.h"

struct session {
	bool known;          /* false: nobody's connection is to be kept */
	struct address peer; /* where the person is */
	struct address local;
	uint16_t local_port; /* TCP */
};

/* "PEER PORT LOCAL PORT", as sshd(8) sets SSH_CONNECTION.  0, or -1 with *err. */
int session_parse(struct session *s, const char *text, struct error *err);

/* -1 with *err where `now` (NULL: nothing is enforced) lets the session through and `next` would deny it; else 0. */
int session_check(const struct session *s, const struct policy *now, const struct policy *next, struct error *err);

#endif
