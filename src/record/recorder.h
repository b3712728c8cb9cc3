/* What hallowd told and what the kernel logged, turned into rows, a transaction at a time.
 *
 * All that is taken in stays in memory until it is committed, and is tried again when the database refuses: what the
 * database says is loaded anew then, so that memory never runs ahead of it.  While it refuses, nothing is read from
 * the NFLOG socket, whose buffer holds what comes. */
#ifndef HALLOWD_RECORD_RECORDER_H
#define HALLOWD_RECORD_RECORDER_H

#include "record/coverage.h"
#include "record/decision.h"
#include "record/denied.h"
#include "record/endings.h"
#include "record/nflog.h"
#include "record/policies.h"
#include "record/signing.h"
#include "record/store.h"
#include "record/tally.h"

/* A reading is settled when all is read that was logged until so long after it came, at the earliest. */
#define SETTLE_MS 500
#define READINGS_KEPT 8
#define REPORT_DELAY_MS 1000     /* a loss is told so long after it was seen, with what follows it at once */
#define REPORT_INTERVAL_MS 60000 /* and then at most so often */
#define NEVER INT64_MAX          /* as a time in milliseconds */

struct waiting_reading {
	struct audit_reading reading;
	int64_t due_ms;
};

struct recorder {
	struct store store;
	struct nflog nflog;
	struct evidence evidence;
	struct conntrack conntrack;
	struct opens opens;
	struct log_prefixes prefixes;
	struct policies policies;
	struct pools pools;
	struct elements elements;
	struct coverage coverage;
	struct decider decider;
	struct signing signing;
	struct buffer pending;   /* whole messages that are not committed yet: EVENT, REVISION, MIRRORED, POLICY */
	struct waiting_reading readings[READINGS_KEPT]; /* not settled yet, oldest first */
	size_t reading_count;
	bool loaded;             /* what is kept in memory of the database is as the database has it */
	uint64_t recorded;       /* rows of connections committed by this process */
	uint64_t committed_seq;
	bool retiring;           /* the last step of retention was not the end */
	bool awaiting_signature; /* and the next can delete nothing before hallowd has signed what was announced */
	int64_t report_due_ms, next_report_ms; /* of lost messages: due NEVER where there is nothing to tell */
	time_us stalled_since;   /* the database refuses; 0: it does not */
	struct error stall;      /* why, at first */
};

/* The sockets that hallowd passes on; borrowed. */
struct sources {
	int nflog;
	int conntrack; /* -1, or no socket: nobody tells of the end of a connection */
};

/* Opens the database in the working directory.  0, or -1 with *err. */
int recorder_init(struct recorder *r, const struct sources *sources, struct error *err);
void recorder_free(struct recorder *r);

/* Takes in a message of hallowd's: EVENT, REVISION, MIRRORED, POLICY or READING; `bytes` is the whole of it, header included.
 * 0, or -1 with *err where it does not fit or there is no memory: this process cannot go on then. */
int recorder_take(struct recorder *r, struct message *m, const unsigned char *bytes, size_t len, int64_t now_ms,
                  struct error *err);

/* There is something to commit that a message brought, or rows. */
bool recorder_has_work(const struct recorder *r);

/* The next moment at which something is due by itself; NEVER for none. */
int64_t recorder_due(const struct recorder *r);

/* Up to when everything that the kernel logged has been read. */
struct reached {
	int64_t ms;   /* as time_monotonic_ms; -1: not known */
	time_us time; /* the same moment on the clock */
};

/* Reads from the socket what fits a batch.  It was either found empty, then all is read up to the moment when this
 * began, or up to the newest packet in the batch, since packets come in order.  0, or -1 with *err: this process
 * cannot go on. */
int recorder_drain(struct recorder *r, int64_t now_ms, bool *drained, struct reached *reached, struct error *err);

/* One transaction with everything that was taken in and read; readings that were due by `reached` are settled.  0, or
 * -1: nothing was committed, r->store.err says why; it may be called again with the same.  Where r->store.db is NULL
 * then, a damaged file could not be replaced: this process cannot go on. */
int recorder_commit(struct recorder *r, const struct reached *reached, int64_t now_ms);

/* To be called when all has been read up to `reached` and nothing is left to commit.  The number to have hallowd ask the
 * kernel for a dump with, where one is due; else 0. */
uint32_t recorder_rest(struct recorder *r, const struct reached *reached, bool drained, int64_t now_ms);

/* One step of what has time: putting rows into blocks that are in none yet, deleting what is older than the latest policy
 * allows.  Only when there is no other work. */
int recorder_retain(struct recorder *r, bool *more);

#endif
