/* counted = recorded + aggregated + lost, for each endpoint and verdict.
 *
 * The kernel counts; rows arrive; neither waits for the other.  So both are collected in a pool, and put into a tally
 * when a reading of the counters is settled: when the NFLOG socket was found empty half a second after the reading
 * came, five times what the kernel holds packets back.  All that it had counted and logged has then arrived, so what
 * is missing is lost.  Rows of packets that came after the reading have arrived too; these are carried over, and the
 * next reading, which is taken after they arrived, must count them.  What it does not count, nobody will (the counter
 * was removed meanwhile): then `counted` is raised to what was recorded, since each row is proof of a packet.  So
 * `lost` is never overstated, and what hides behind rows that came early shows one reading later.
 *
 * COUNTER_OVER needs no arithmetic: what was neither logged nor put into the set is missing, and so lost.
 *
 * An epoch is one life of the kernel's table.  Rows of a newer epoch wait until its first reading; rows of an older
 * one, whose counters are gone, are counted as they come. */
#ifndef HALLOWD_RECORD_TALLY_H
#define HALLOWD_RECORD_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "record/policies.h"
#include "record/store.h"

/* A counter of the kernel's as it was last read. */
struct counted {
	uint64_t handle; /* 0: not known */
	uint64_t packets;
};

struct pool {
	char *name; /* of the endpoint; owned */
	int64_t endpoint;
	enum verdict verdict;
	struct counted counter; /* COUNTER_ALLOW or COUNTER_DENY */
	uint64_t recorded;   /* rows of this epoch, not in a tally yet */
	uint64_t aggregated; /* growth of the dynamic set, likewise */
	uint64_t next;       /* rows of a newer epoch */
	uint64_t late;       /* rows of an older one */
	uint64_t carried;    /* recorded + aggregated as the last settling left them */
	/* While a reading is settled: */
	uint64_t grown;
	bool seen;
	bool changed; /* since it was saved */
};

struct tally {
	uint64_t counted, recorded, aggregated, lost;
};

/* How much a counter has grown; it is then at the new value.  Another handle, or a smaller value, is a counter made
 * anew. */
uint64_t counted_grow(struct counted *c, uint64_t handle, uint64_t packets);

/* The tally of what the counter grew by.  after_drain: the reading was taken after all had been read for the one
 * before, so what was carried must be in it. */
void pool_settle(struct pool *p, uint64_t grown, bool after_drain, struct tally *t);

/* The tally of a pool whose counter is gone. */
void pool_close(struct pool *p, struct tally *t);

/* Makes ready for the first reading of a new epoch. */
void pool_new_epoch(struct pool *p);

struct pools {
	struct pool **all; /* sorted by name and verdict; owned */
	size_t count, cap;
};

void pools_free(struct pools *p); /* makes it empty; a zeroed struct is empty */

/* Each returns 0, or -1 with store->err. */
int pools_load(struct pools *p, struct store *s);
int pools_save(struct pools *p, struct store *s); /* those that have changed */
/* The pool of that endpoint and verdict, made where there is none. */
int pools_get(struct pools *p, struct store *s, const char *name, enum verdict verdict, struct pool **pool);

struct elements;

/* Settles one reading, which was sorted in place: tallies, aggregates, and the pools.  `drained`: when the socket was
 * found empty.  A reading of a new epoch first closes the pools of the old one. */
int pools_settle(struct pools *p, struct store *s, struct elements *elements, const struct policies *policies,
                 struct audit_reading *reading, time_us drained);

#endif
