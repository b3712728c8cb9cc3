/* The connections whose end is waited for, by the addresses and ports that the client dialled.
 *
 * The database holds the same (table open_connection); what is here is loaded from it, also for connections that began
 * before this process. */
#ifndef HALLOWD_RECORD_OPENS_H
#define HALLOWD_RECORD_OPENS_H

#include "record/store.h"

#define OPENS_MOST (1u << 19)                 /* the end of more than so many at once is not waited for */
#define OPENS_TOLERANCE (2 * US_PER_SECOND)   /* between a packet and the start that the kernel noted for it */

/* A connection as its first packet had it, before any translation. */
struct flow {
	struct address source, destination;
	uint16_t source_port, destination_port; /* host byte order */
	uint8_t protocol;
};

struct open {
	struct flow flow;
	uint32_t next;  /* in its bucket: index + 1 */
	uint32_t seen;  /* number of the last dump that had it */
	int64_t id;     /* of the connection */
	time_us time;   /* of its packet */
};

struct opens {
	struct open *all; /* owned; without an order */
	uint32_t count, cap;
	uint32_t *buckets; /* index + 1; a power of two of them, cap */
	uint64_t seed;
	bool waiting;      /* ends are told at all; else nothing is added */
};

void opens_free(struct opens *o); /* makes it empty; a zeroed struct is empty */

/* Each returns 0, or -1 with store->err. */
int opens_load(struct opens *o, struct store *s);
int opens_add(struct opens *o, struct store *s, const struct flow *flow, int64_t id, time_us time);

/* The one with this flow that began at `start` as the kernel has it; TIME_UNKNOWN: the oldest.  NULL for none. */
struct open *opens_find(struct opens *o, const struct flow *flow, time_us start);

/* Takes it out, in the database as well.  The last one takes its place in `all`. */
int opens_remove(struct opens *o, struct store *s, struct open *open);

#endif
