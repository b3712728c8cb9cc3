/* A capture file, read by a process of its own that can open no file and make no socket, since anybody may have made it. */
#ifndef HALLOWD_CAPTURE_READ_FILE_H
#define HALLOWD_CAPTURE_READ_FILE_H

#include "core/address.h"
#include "core/error.h"
#include "core/time_text.h"

/* The first packet of a connection. */
struct captured {
	struct address source, destination;
	uint16_t port;    /* destination, host byte order */
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
};

struct capture {
	struct captured *all; /* in the order of the file; owned */
	size_t count, cap;
	uint64_t packets;
	time_us first, last;  /* of packets; 0 where there is none */
};

void capture_free(struct capture *c); /* makes it empty; a zeroed struct is empty */

/* pcap and pcapng, as libpcap reads them.  0, or -1 with *err: it cannot be opened, is no capture, is of a link type that
 * is not known, or is damaged or cut off, and then how many packets came before that. */
int capture_read(struct capture *c, const char *path, struct error *err);

#endif
