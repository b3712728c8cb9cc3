/* What goes over keep.sock: one packet and one answer for each connection, of one fixed size, descriptors beside it. */
#ifndef HALLOWD_KEEP_PACKET_H
#define HALLOWD_KEEP_PACKET_H

#include <stdint.h>

#include "keep/keep.h"

enum keep_verb { KEEP_PUT = 1, KEEP_TAKE, KEEP_STOP };

struct keep_packet {
	uint32_t verb;   /* enum keep_verb; the same in the answer */
	int32_t result;  /* of an answer: 0 or an errno */
	int64_t pid;     /* of an answer: the keeper's */
	uint32_t count;  /* descriptors that travel with this packet */
	uint32_t zero;
	char names[KEEP_MAX][KEEP_NAME_MAX]; /* the first `count` are theirs */
};

/* Sends the packet with p->count descriptors.  0, or -1 with errno. */
int keep_packet_send(int sock, const struct keep_packet *p, const int *fds);

/* Receives one packet and fills in p->count descriptors (close-on-exec, now the caller's).
 * 0; -1 with errno (EAGAIN: the socket's timeout; ECONNRESET: the other end has gone; EBADMSG: it is no packet), then
 * no descriptor is left open. */
int keep_packet_receive(int sock, struct keep_packet *p, int fds[KEEP_MAX]);

/* Closes the first `count`. */
void keep_close_all(const int *fds, size_t count);

#endif
