/* What connection tracking tells on the socket that hallowd passes on: ends of connections, and, when hallowd has asked
 * for a dump on the same socket, those that are still there. */
#ifndef HALLOWD_RECORD_CONNTRACK_H
#define HALLOWD_RECORD_CONNTRACK_H

#include "core/error.h"
#include "record/opens.h"

#define ENDS_MOST 20000       /* so many wait at the most; the socket's buffer keeps the rest */
#define DUMP_PATIENCE_MS 30000 /* a dump that has not ended by then is asked for again */
#define DUMP_AGAIN_MS 1000     /* one that the kernel refused, as while another is under way */
#define DUMP_INTERVAL_MS 600000
#define DUMP_YOUNG_MS 2000     /* one more dump, for what was too young for the first to tell */

/* A connection that the kernel let go of. */
struct end {
	struct flow flow;
	time_us start, stop;  /* as the kernel noted them; TIME_UNKNOWN where it does not */
	time_us heard;
	bool counted;         /* packets and bytes are known */
	uint64_t packets, bytes_in, bytes_out;
	int64_t due_ms;       /* until then, its row may still come */
	bool taken;           /* in the transaction under way */
};

enum dump_state { DUMP_NONE, DUMP_ASKED, DUMP_DONE };

struct conntrack {
	int fd;               /* borrowed; -1: no ends are told */
	struct end *ends;     /* read and not matched or dropped yet; owned */
	size_t count, cap;
	bool known;           /* one of them is of a connection in `opens` */
	uint64_t overruns;    /* ENOBUFS, not yet in an event */
	enum dump_state dump;
	uint32_t dump_seq;    /* of the newest dump that was asked for */
	time_us dump_began;   /* connections from before then are in it, or over */
	bool dump_twice;      /* something was missed, so what is too young for this dump is looked for in another */
	int64_t dump_due_ms;  /* the next one is to be asked for */
	unsigned char *buffer; /* for a datagram; owned */
};

/* 0, or -1 (no memory).  `fd` may be -1, or no socket; then nothing ever comes. */
int conntrack_init(struct conntrack *c, int fd, struct error *err);
void conntrack_free(struct conntrack *c);

/* Reads until nothing waits or ENDS_MOST are there.  Those of a dump are marked in `opens`.  0, or -1 (no memory; the
 * socket failed). */
int conntrack_drain(struct conntrack *c, struct opens *opens, int64_t now_ms, struct error *err);

/* Takes in one datagram: conntrack_drain's inner half, for tests.  0, or -1 (no memory). */
int conntrack_take(struct conntrack *c, struct opens *opens, const void *data, size_t len, int64_t now_ms);

/* The number to ask for a dump with, where one is due; 0: none is. */
uint32_t conntrack_wants_dump(struct conntrack *c, const struct opens *opens, int64_t now_ms);

/* What is known of the dump that was under way is no more, as after a rollback. */
void conntrack_forget_dump(struct conntrack *c, int64_t now_ms);

#endif
