/* Packets in files that Wireshark opens: pcapng (the IETF's draft-ietf-opsawg-pcapng), of which this is what evidence needs: a
 * section header, one interface of raw IP packets of both families, and a block for each packet, with a comment.  Written in
 * this host's byte order, which the format allows; read back only in the same. */
#ifndef HALLOWD_AUDIT_PCAPNG_H
#define HALLOWD_AUDIT_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/time_text.h"

#define PCAPNG_COMMENT_MAX 128

struct pcapng_packet {
	time_us time;
	const unsigned char *data; /* from the IP header on; borrowed */
	uint32_t len;              /* of data */
	uint32_t original;         /* how long it was on the wire */
	char comment[PCAPNG_COMMENT_MAX]; /* "": none */
};

/* How many bytes pcapng_add appends. */
size_t pcapng_size(const struct pcapng_packet *p);

/* Append what a file begins with, and a packet.  0, or -1 with errno ENOMEM. */
int pcapng_begin(struct buffer *out, uint32_t longest);
int pcapng_add(struct buffer *out, const struct pcapng_packet *p);

/* The next packet, whose data is in `block` until the next call.  1; 0 at the end of the file; -1 where it was cut off, or is
 * no such file, whatever its bytes are. */
int pcapng_next(FILE *f, struct buffer *block, struct pcapng_packet *p);

#endif
