/* Which packets are the first of a connection: each counts once, as in the kernel. */
#ifndef HALLOWD_CAPTURE_FIRST_PACKETS_H
#define HALLOWD_CAPTURE_FIRST_PACKETS_H

#include <stdbool.h>

#include "core/ip_header.h"

struct first_packets {
	struct first_key *keys; /* owned; open addressing, a power of two of them */
	size_t count, cap;
	uint64_t seed;
};

void first_packets_free(struct first_packets *f); /* makes it empty; a zeroed struct is empty */

/* 1 where this packet begins a connection: a SYN of TCP or an INIT of SCTP that is not one sent again, or the first packet
 * between two addresses and ports of UDP.  0 where it does not; -1 with no memory. */
int first_packets_see(struct first_packets *f, const struct ip_header *h);

/* Whether first_packets_see has said 1 to this packet, or to one that is the same. */
bool first_packets_saw(const struct first_packets *f, const struct ip_header *h);

#endif
