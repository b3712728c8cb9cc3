/* What hallowd asks of hallowd-observe, and what comes back.
 *
 * hallowd-observe inherits: CHILD_SOCKET_FD, the socket to hallowd; OBSERVE_PACKET_FD, a packet socket (packet(7),
 * SOCK_RAW) that is bound to the interface for no protocol yet, so that nothing comes before the filter is there.
 * It gets one OBSERVE_REQUEST.  Then it sends OBSERVED again and again, or one OBSERVE_REFUSED and ends. */
#ifndef HALLOWD_CORE_OBSERVE_MESSAGE_H
#define HALLOWD_CORE_OBSERVE_MESSAGE_H

#include "core/message.h"
#include "core/time_text.h"

#define OBSERVE_PACKET_FD 4
#define OBSERVED_MAX 256 /* connections in one message */

/* The first packet of a connection. */
struct observed {
	time_us time;
	struct address source, destination;
	uint16_t source_port, destination_port; /* host byte order */
	uint8_t protocol;                       /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
};

struct observed_batch {
	bool down;      /* the interface is */
	uint64_t lost;  /* frames that fitted the filter and found no room, since the message before */
	struct observed rows[OBSERVED_MAX];
	size_t count;
};

/* encode: 0, or -1 with errno.  decode: 0, or -1 where the message does not fit.  *text is the caller's. */
int observe_request_encode(struct buffer *out, const char *filter);
int observe_request_decode(struct message *m, char **text);
int observe_refused_encode(struct buffer *out, const char *why);
int observe_refused_decode(struct message *m, char **text);
int observed_encode(struct buffer *out, const struct observed_batch *b);
int observed_decode(struct message *m, struct observed_batch *b);

#endif
