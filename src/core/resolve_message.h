/* What hallowd asks of hallowd-resolve, and the answer. */
#ifndef HALLOWD_CORE_RESOLVE_MESSAGE_H
#define HALLOWD_CORE_RESOLVE_MESSAGE_H

#include "core/message.h"

#define RESOLVE_MOST 1024 /* addresses of one answer; one with more is a failure */

struct resolve_request {
	char *name;          /* a host name; it is asked for as it is, without search domains */
	uint32_t timeout_ms; /* for both families together */
};

enum resolve_outcome {
	RESOLVE_ADDRESSES, /* at least one */
	RESOLVE_NONE,      /* the servers say that the name, or an address of this family, does not exist */
	RESOLVE_FAILED     /* no answer, or none that is one */
};

struct resolve_family {
	uint8_t outcome;  /* enum resolve_outcome */
	uint32_t ttl;     /* seconds: the least of the addresses' and of the aliases' that lead to them */
	char *error;      /* "" for RESOLVE_ADDRESSES */
};

struct resolve_result {
	struct resolve_family v4, v6;
	struct prefix_set addresses; /* of both */
};

/* encode: 0, or -1 with errno.  decode: 0 with everything owned by the struct; -1 where the message does not fit, then
 * nothing is owned. */
int resolve_request_encode(struct buffer *out, const struct resolve_request *r);
int resolve_request_decode(struct message *m, struct resolve_request *r);
void resolve_request_free(struct resolve_request *r);
int resolve_result_encode(struct buffer *out, const struct resolve_result *r);
int resolve_result_decode(struct message *m, struct resolve_result *r);
void resolve_result_free(struct resolve_result *r);

#endif
