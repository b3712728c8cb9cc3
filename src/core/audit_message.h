/* What hallowd tells hallowd-record, and what comes back.
 *
 * hallowd-record inherits: CHILD_SOCKET_FD, the socket to hallowd; RECORD_NFLOG_FD, the bound NFLOG socket;
 * RECORD_CONNTRACK_FD, the socket that tells of the ends of connections, where the kernel has it; and its working
 * directory is the folder that audit.db is in (daemon/folders.h).
 *
 * EVENT, REVISION and MIRRORED carry a sequence number that grows by one for each, over all runs of hallowd.  The
 * recorder stores the highest number that it committed in the same transaction as the rows, ignores what it has already,
 * and answers ACK with that number after the commit; hallowd keeps each message (in memory and in state_dir/spool) until then.
 * So each is recorded exactly once, whoever dies when.  POLICY, READING and SYNC have sequence 0: they are told anew
 * after a restart. */
#ifndef HALLOWD_CORE_AUDIT_MESSAGE_H
#define HALLOWD_CORE_AUDIT_MESSAGE_H

#include "core/message.h"
#include "core/time_text.h"

#define RECORD_NFLOG_FD 4
#define RECORD_CONNTRACK_FD 5

/* How the kernel's log prefixes name a decision; at most 127 bytes (NF_LOG_PREFIXLEN, linux/netfilter/nf_log.h):
 *   h:a:ENDPOINT:LIST  new connection allowed, source on LIST
 *   h:o:ENDPOINT       new connection allowed because the endpoint is only observed; it would have been denied
 *   h:g:ENDPOINT:ID    new connection allowed by the grant of that number
 *   h:d:ENDPOINT       packet denied, source not listed
 *   h:e:AGENT          packet denied that an agent sent to where it may not reach
 *   h:u:ENDPOINT       packet denied because nothing could be recorded; the source is listed, or has a grant
 * They explain themselves, so that packets logged under an older configuration are still recorded right. */
#define LOG_PREFIX_ALLOW "h:a:"
#define LOG_PREFIX_OBSERVE "h:o:"
#define LOG_PREFIX_GRANT "h:g:"
#define LOG_PREFIX_DENY "h:d:"
#define LOG_PREFIX_EGRESS "h:e:"
#define LOG_PREFIX_UNRECORDED "h:u:"

struct audit_event {
	time_us time;
	char *kind;    /* start, stop, reload, refresh, held, ... see `events` in interface.md */
	char *subject; /* a list, an endpoint, a program; "" for none */
	char *detail;  /* a JSON object as text */
};

struct audit_revision {
	char *list;
	uint64_t revision;  /* from 1, growing by one */
	time_us time;       /* of the kernel's commit */
	uint64_t entries;   /* after the change */
	char *added;        /* JSON array of CIDR */
	char *removed;
	char *origins;      /* JSON array: name, state, sha256, bytes, entries, http_status, fetched_at */
	char *decided_by;   /* "guards", or "user NAME" */
	char *reason;       /* "" for none */
};

enum coverage_state { COVERAGE_ENFORCED, COVERAGE_OBSERVED, COVERAGE_UNPROTECTED };

struct audit_policy_list {
	char *name;
	uint64_t revision; /* in force from the policy's time on */
};

struct audit_policy_endpoint {
	char *name;
	char *kind;
	char *mode;      /* "enforce" or "observe" */
	char *where;     /* "203.0.113.10, 2001:db8::10 port 6443 tcp", for people */
	char *owner;     /* "" for none */
	char *reason;
	uint8_t state;   /* enum coverage_state: what is true of it from `time` on */
	struct audit_policy_list *lists; /* in the order of `allow` */
	size_t list_count;
};

/* The policy in force.  Sent at the start, after each change, and to each new recorder. */
struct audit_policy {
	time_us time;        /* of the kernel's commit; packets from then on were judged by it */
	char *epoch;         /* names the life of the kernel table: counters of one epoch never go back */
	uint8_t continued;   /* 1: the table of this same epoch was in force since the last heartbeat (READING), so that time
	                        was covered by what was told before: at a start that finds it in force, and at each change
	                        while hallowd runs; 0: that time was unprotected.  A policy that is told again is known by
	                        its time. */
	int64_t retention_seconds; /* older connections, aggregates and tallies are deleted; 0: kept for ever */
	uint64_t max_bytes;        /* the oldest of these are deleted while audit.db holds more; 0: it may grow */
	uint32_t evidence_packets; /* the most that are kept of a denied attempt; 0: none */
	uint64_t evidence_size;    /* bytes of all that are kept */
	struct audit_policy_endpoint *endpoints;
	size_t endpoint_count;
};

enum counter_kind {
	COUNTER_ALLOW, /* new connections allowed, listed or observed */
	COUNTER_DENY,  /* packets denied, all of them */
	COUNTER_OVER   /* of those: neither logged nor in the dynamic set, because both were full */
};

struct audit_counter {
	char *endpoint;
	uint8_t kind;      /* enum counter_kind */
	uint64_t packets;  /* since the counter was made */
	uint64_t handle;   /* of the kernel's object: another one says that it was made anew, from zero; 0 where not known */
};

/* One element of the kernel's dynamic set: denied packets that were not logged one by one. */
struct audit_denied {
	char *endpoint;    /* "" where no endpoint has this destination any more */
	struct address source, destination;
	uint8_t protocol;  /* IPPROTO_* */
	uint16_t port;     /* destination, host byte order */
	uint64_t packets;  /* since the element was made; it goes away an hour after its last packet */
};

/* What the kernel has counted, read at `time`.  Absolute: the recorder keeps the last reading and works out the growth,
 * in the same transaction as the rows, so a reading may be lost or told twice.  The counters are read first and the dynamic
 * sets after them, so that no packet is counted and not yet found.  Worth taking just before a change of
 * the policy and before a teardown, since a counter that is removed takes with it what was not read yet. */
struct audit_reading {
	time_us time;      /* before the first counter was read */
	char *epoch;
	struct audit_counter *counters;
	size_t counter_count;
	struct audit_denied *denied;
	size_t denied_count;
};

/* A connection that was only seen, and what the policy said of it. */
struct audit_mirrored {
	time_us time;
	struct address source, destination;
	uint16_t source_port, destination_port; /* host byte order */
	uint8_t protocol;  /* IPPROTO_* */
	bool denied;
	char *endpoint;
	char *reason;      /* as the view `connections` has it */
	char *list;        /* one name, or several joined by ',', or "grant:ID" */
	char *revision;    /* likewise, numbers; "" for a grant */
};

#define MIRRORED_MAX 1024 /* in one message */

struct audit_mirrored_batch {
	struct audit_mirrored *rows;
	size_t count;
};

/* encode: 0, or -1 with errno.  decode: 0 with everything owned by the struct; -1 where the message does not fit, then
 * nothing is owned. */
int audit_event_encode(struct buffer *out, uint64_t seq, const struct audit_event *e);
int audit_event_decode(struct message *m, struct audit_event *e);
void audit_event_free(struct audit_event *e);
int audit_revision_encode(struct buffer *out, uint64_t seq, const struct audit_revision *r);
int audit_revision_decode(struct message *m, struct audit_revision *r);
void audit_revision_free(struct audit_revision *r);
int audit_mirrored_encode(struct buffer *out, uint64_t seq, const struct audit_mirrored_batch *b);
int audit_mirrored_decode(struct message *m, struct audit_mirrored_batch *b);
void audit_mirrored_free(struct audit_mirrored_batch *b);
int audit_policy_encode(struct buffer *out, const struct audit_policy *p);
int audit_policy_decode(struct message *m, struct audit_policy *p);
void audit_policy_free(struct audit_policy *p);
int audit_reading_encode(struct buffer *out, const struct audit_reading *r);
int audit_reading_decode(struct message *m, struct audit_reading *r);
void audit_reading_free(struct audit_reading *r);

/* SYNC{u64 id}: answer SYNCED{u64 id} once all that the kernel had logged and hallowd had said before it is
 *               committed and the tallies of the last READING are settled.
 * STOP{u64 0}:  the same, then exit 0.
 * READY{u64 last committed sequence}: sent once, when the database is open.
 * ACK{u64 committed sequence, u64 rows recorded so far by this process, u64 netlink messages lost so far, u64
 *     milliseconds: how old the oldest packet is that may wait to be committed, 0 where none does}.
 * DUMP{u64 number}: hallowd is to ask the kernel for a dump of connection tracking on the conntrack socket, with this as
 *               the netlink sequence number; the answer comes on that socket, in line with the ends.  Only hallowd may ask.
 * STALLED{u64 1}: the database takes nothing, as on a full disk; it is tried again and again.  {u64 0}: it does again. */
/* SYNC, SYNCED, READY, DUMP, STALLED; STOP with 0. */
int audit_number_encode(struct buffer *out, enum message_type type, uint64_t number);
int audit_number_decode(struct message *m, uint64_t *number);
struct audit_ack {
	uint64_t seq, recorded, lost, behind_ms;
};
int audit_ack_encode(struct buffer *out, const struct audit_ack *a);
int audit_ack_decode(struct message *m, struct audit_ack *a);

#endif
