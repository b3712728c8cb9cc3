/* A packet that the kernel logged, as NFLOG tells it (linux/netfilter/nfnetlink_log.h). */
#ifndef HALLOWD_RECORD_PACKET_H
#define HALLOWD_RECORD_PACKET_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ip_header.h"
#include "core/time_text.h"

struct packet {
	time_us time;         /* of the packet, or TIME_UNKNOWN */
	const char *prefix;   /* of the log rule, without a NUL; borrowed from the message */
	size_t prefix_len;
	const void *payload;  /* from the IP header on, as far as it was copied; borrowed; NULL: none */
	size_t payload_len;
	uint32_t seq;         /* NFULA_SEQ, where `numbered` */
	bool numbered;
	bool readable;        /* the fields below are filled in; false where the payload is no IP header that is whole */
	uint8_t protocol;     /* behind IPv6 extension headers; where they were cut off, the first that was */
	struct address source, destination;
	/* Host byte order; PORT_UNKNOWN for other protocols, later fragments, and where they were cut off. */
	int32_t source_port, destination_port;
};

#define TIME_UNKNOWN INT64_MIN

/* The message at *offset of a datagram, and *offset moved behind it; NULL where none is left that is whole.  `data`
 * is aligned for struct nlmsghdr. */
const struct nlmsghdr *packet_message(const void *data, size_t len, size_t *offset);

/* 0, or -1 where the message is no logged packet.  Reads no byte beyond the message's own length, whatever is in it. */
int packet_decode(struct packet *p, const struct nlmsghdr *message);

#endif
