/* The front of an IP packet: who talks to whom.  RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 9260. */
#ifndef HALLOWD_CORE_IP_HEADER_H
#define HALLOWD_CORE_IP_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

#define PORT_UNKNOWN (-1)

struct ip_header {
	uint8_t protocol;     /* behind IPv6 extension headers; where they were cut off, the first that was */
	struct address source, destination;
	/* Host byte order; PORT_UNKNOWN for other protocols, later fragments, and where they were cut off. */
	int32_t source_port, destination_port;
	const uint8_t *transport; /* what stands behind, in the caller's bytes; NULL for a later fragment */
	size_t transport_len;
};

/* 0, or -1 where the bytes are no IP header that is whole.  Reads none beyond `len`, whatever they are. */
int ip_header_read(struct ip_header *h, const void *data, size_t len);

#endif
