/* Which packets are the first of a connection, for a source that does not end: what was seen is forgotten again.
 * A TCP or SCTP connection counts once where its first packet is sent again within three minutes; packets of UDP belong
 * together until none has come for three to six minutes.  In a flood of new ones that is shorter, so that memory is
 * bounded. */
#ifndef HALLOWD_CAPTURE_RECENT_PACKETS_H
#define HALLOWD_CAPTURE_RECENT_PACKETS_H

#include "capture/first_packets.h"

#define RECENT_MS 180000
#define RECENT_MOST (1u << 17) /* connections in each of the two; some 14 MiB */

struct recent_packets {
	struct first_packets now, before;
	int64_t since_ms; /* when `now` was begun */
};

void recent_packets_free(struct recent_packets *r); /* makes it empty; a zeroed struct is empty */

/* As first_packets_see. */
int recent_packets_see(struct recent_packets *r, const struct ip_header *h, int64_t now_ms);

#endif
