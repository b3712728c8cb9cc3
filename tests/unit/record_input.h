/* What the tests of hallowd-record feed it: logged packets as the kernel sends them, and hallowd's messages. */
#ifndef HALLOWD_TESTS_UNIT_RECORD_INPUT_H
#define HALLOWD_TESTS_UNIT_RECORD_INPUT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/audit_message.h"
#include "integrity/note.h"
#include "record/recorder.h"

/* --- logged packets */

struct logged {
	const char *prefix;
	const char *source, *destination; /* of one family */
	uint16_t source_port, destination_port;
	uint8_t protocol;
	time_us time; /* 0: the message has no timestamp */
	uint32_t seq;
};

/* One NFULNL_MSG_PACKET with this prefix, payload and so on.  Its length. */
size_t logged_raw(unsigned char *out, const char *prefix, const void *payload, size_t len, time_us time, uint32_t seq);
size_t logged_packet(unsigned char *out, const struct logged *l);

/* --- a recorder in a folder of its own, whose NFLOG socket is one end of a pair */

#define DAY INT64_C(1795478400000000) /* 2026-11-24T00:00:00Z */
#define SECONDS(n) ((time_us)(n) * US_PER_SECOND)
#define HOURS(n) SECONDS((n) * 3600)

struct rig {
	char folder[64];
	int home;
	int kernel, socket; /* the kernel's end of the pair, and the recorder's */
	int kernel_ends, ends; /* the same of the one for ends of connections */
	uint32_t seq;       /* of the next logged packet */
	uint64_t message;   /* of hallowd's last message */
	int64_t now_ms;     /* grows with each settling */
	time_us drained;    /* what the clock says when a drain begins: half a second after the last reading */
	bool tampered;      /* rig_run was used: the tree need not be whole */
	struct recorder r;
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* As kill -9 and a new process: what was not committed is gone, the socket stays. */
void rig_restart(struct rig *g);

/* The kernel logs `count` packets from 192.0.2.1 and on to 203.0.113.10 port 443, a millisecond apart from `time`. */
void rig_log(struct rig *g, const char *prefix, time_us time, unsigned count);
void rig_lose(struct rig *g, unsigned count); /* it would have, but the socket was full */

/* What connection tracking tells of a connection to 203.0.113.10 port 443: number `which` (from 0) of a rig_log. */
struct tracked {
	unsigned which;
	time_us start, stop;     /* 0: not noted */
	uint64_t packets_in, bytes_in, packets_out, bytes_out; /* packets_in 0: not counted */
	uint32_t dump;           /* 0: it has ended; else it is in the dump of that number */
};

void rig_tell(struct rig *g, const struct tracked *t);

/* The recorder may ask for a dump, long after the last: its number, or 0.  And how the kernel ends it: 0, or an errno. */
uint32_t rig_dump(struct rig *g);
void rig_dump_ends(struct rig *g, uint32_t number, int refusal);

/* Takes in the message in `b`, which is emptied. */
void rig_take(struct rig *g, struct buffer *b);
void rig_event(struct rig *g, uint64_t seq, const char *kind);
void rig_revision(struct rig *g, const char *list, uint64_t revision, time_us time);

/* An endpoint "web", enforced, with lists "a" and "b" of these revisions (0: without it); `state` of the coverage. */
void rig_policy(struct rig *g, const char *epoch, time_us time, bool continued, uint64_t a, uint64_t b);
void rig_policy_of(struct rig *g, const char *epoch, time_us time, bool continued,
                   struct audit_policy_endpoint *endpoints, size_t count);

struct counters {
	uint64_t allow, deny, over; /* of "web" */
};

/* A reading of the counters of "web" and, where `denied_packets` > 0, one element of the dynamic set. */
void rig_reading(struct rig *g, const char *epoch, time_us time, struct counters c, uint64_t denied_packets);

/* Drains and tries to commit: what recorder_commit says. */
int rig_try(struct rig *g);
/* Drains, and commits without settling. */
void rig_commit(struct rig *g);
/* Drains long after all readings came, and commits: they are settled. */
void rig_settle(struct rig *g);

/* A checkpoint of the log as it is, as hallowd signs it; the caller frees `note`. */
void rig_sign(struct rig *g, const struct note_signer *signer, struct buffer *note);

/* The first row of `sql` has these columns, joined by '|'. */
void rig_expect(struct rig *g, const char *sql, const char *expected);
void rig_run(struct rig *g, const char *sql);

#endif
