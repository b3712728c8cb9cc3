/* Draining the NFLOG socket.  Whatever is not read yet waits in the socket, which outlives this process: so only as
 * much is read as is then committed at once. */
#ifndef HALLOWD_RECORD_NFLOG_H
#define HALLOWD_RECORD_NFLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "record/evidence.h"
#include "record/packet.h"
#include "record/log_prefix.h"

#define BATCH_ROWS 10000 /* a batch is full with so many; the datagram that filled it may bring some hundreds more */

/* A packet to record. */
struct row {
	time_us time;
	struct address source, destination;
	int32_t source_port, destination_port; /* PORT_UNKNOWN: not shown */
	uint16_t prefix;                       /* index into the prefixes */
	uint8_t protocol;
};

struct nflog {
	int fd;             /* borrowed */
	uint64_t socket;    /* its inode: the same socket is known by it after a restart */
	uint32_t last_seq;  /* of the last message that was read */
	bool has_seq;       /* last_seq counts: something was read from this very socket, by this process or one before */
	time_us newest;     /* the last packet time that was read; 0: none */
	uint64_t lost;      /* netlink messages, since this process began: gaps in their sequence */
	uint64_t unreported; /* of these and of earlier processes': not yet in an event */
	uint64_t overruns;  /* ENOBUFS: how often the socket's buffer was full, not yet in an event */
	bool overrun;       /* it was, and no gap has shown yet what that lost */
	uint64_t foreign;   /* packets that a rule of somebody else's sent to our group */
	uint64_t unreadable; /* our packets without an IP header that is whole: they will be told as lost */
	struct row *rows;   /* read and not yet committed; owned */
	size_t count, cap;
	unsigned char *buffer; /* for a datagram; owned */
	struct evidence *evidence; /* offered the denied packets; borrowed; NULL: none is kept */
};

/* 0, or -1 where the descriptor is no socket or there is no memory.  nflog_free leaves the descriptor open. */
int nflog_init(struct nflog *n, int fd, struct error *err);
void nflog_free(struct nflog *n);

/* What an earlier process committed last, so that a gap since then is seen; nothing where that was another socket. */
void nflog_continue(struct nflog *n, uint64_t socket, uint32_t last_seq, uint64_t unreported);

/* The first number that comes says nothing of what was lost before it. */
void nflog_begin_anywhere(struct nflog *n);

/* Reads until the batch is full or nothing waits.  `*drained`: nothing waits.  0, or -1 (no memory; the socket
 * failed). */
int nflog_drain(struct nflog *n, struct log_prefixes *prefixes, bool *drained, struct error *err);

/* Takes in one datagram: nflog_drain's inner half, for tests.  0, or -1 (no memory). */
int nflog_take(struct nflog *n, struct log_prefixes *prefixes, const void *data, size_t len);

/* How many messages were lost since this process began, as far as can be told: the last of them show only when the next
 * packet comes. */
uint64_t nflog_lost(const struct nflog *n);

/* The batch was committed. */
void nflog_committed(struct nflog *n);

#endif
