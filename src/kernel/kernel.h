/* The kernel's side: table `inet hallowd`.  One process owns it through one netlink socket; each change is one
 * transaction. */
#ifndef HALLOWD_KERNEL_KERNEL_H
#define HALLOWD_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/audit_message.h"
#include "core/error.h"
#include "core/policy.h"

#define KERNEL_TABLE "hallowd" /* family inet */

struct kernel; /* opaque */

/* Takes over `owner_fd` (a NETLINK_NETFILTER socket that a holder kept: its table is still owned by it), or opens a new
 * socket where that is -1.  Nothing is changed in the kernel.  The fd belongs to the struct from then on, on failure
 * too. */
int kernel_open(struct kernel **k, int owner_fd, struct error *err);
void kernel_close(struct kernel *k); /* closes the socket; the table stays (persist) */
int kernel_fd(const struct kernel *k); /* for a holder to keep a copy of */

struct kernel_state {
	bool present;        /* the table and its base chain are there, and the table is not dormant */
	bool owned;          /* it has an owner: this socket or another */
	bool persistent;
	uint64_t handle;     /* of the table; a table that is made anew has another */
	char epoch[128];     /* boot id, network namespace and handle: this life of the table; "" where there is none */
};

/* Reads what is there.  0, or -1 (no CAP_NET_ADMIN, no nf_tables). */
int kernel_state(struct kernel *k, struct kernel_state *state, struct error *err);

/* What a change would be, or was.  Owned; kernel_change_free. */
struct kernel_list_change {
	char *list;
	struct prefix_set added, removed;
};

struct kernel_change {
	bool any;                /* false: the kernel has just this already */
	bool table_made;
	bool adopted;            /* this socket became the table's owner; alone, that is no `any` */
	struct kernel_list_change *lists; /* only those that differ */
	size_t list_count;
	char **added, **changed, **removed; /* endpoints */
	size_t added_count, changed_count, removed_count;
	size_t messages, bytes;  /* of the batch */
	time_us committed_at;    /* kernel_apply only: taken right after the commit */
};

void kernel_change_free(struct kernel_change *c);

/* Works out the difference between the policy and what the kernel has (read once, then remembered while this socket
 * owns the table).  Changes nothing. */
int kernel_plan(struct kernel *k, const struct policy *p, struct kernel_change *change, struct error *err);

/* Makes the kernel match in one transaction.  What the kernel refuses is tried again from a fresh reading, a few times,
 * where that may help: the ruleset was not as it was left, or memory was short.  On failure nothing has changed, *err
 * names what was refused and why, and the next call reads the kernel anew.
 * Cost follows the size of the difference.  Only the owner may (see kernel_state); a table without an owner becomes
 * this socket's.  A change of limits.denied_set_size makes the dynamic sets anew: read the counters first. */
int kernel_apply(struct kernel *k, const struct policy *p, struct kernel_change *change, struct error *err);

/* Removes the table.  0 also where there was none. */
int kernel_teardown(struct kernel *k, struct error *err);

/* Forget what was remembered: the next plan or apply reads the kernel. */
void kernel_forget(struct kernel *k);

/* From now on the table is made without an owner, as on kernels before 6.9, where anybody with CAP_NET_ADMIN may change
 * it: each plan or apply then looks whether somebody did.  For tests, and for hosts that must do without. */
void kernel_without_owner(struct kernel *k);

/* Whether the table that kernel_apply makes has an owner, so that nobody else can change it.  True only once a plan or
 * an apply has asked the kernel what it can do. */
bool kernel_has_owner(const struct kernel *k);

/* Counters and the dynamic sets of denied packets, as one reading (audit_reading_free).  `p` names the endpoint that a
 * denied destination belongs to.  The counters are read before the sets, and each key is told once.  A set that changes
 * while it is read may leave an element out; the next reading has it.  An error where the table is not there. */
int kernel_read_counters(struct kernel *k, const struct policy *p, struct audit_reading *reading, struct error *err);

/* When a packet of an established tunnel last went from an agent's address to the end of its tunnel, as the kernel
 * remembers it for AGENT_SEEN_MS (kernel/shape.h).  Nothing where the table knows no agents.  The array is the caller's
 * to free. */
struct kernel_seen {
	struct address agent, tunnel;
	int64_t age_ms; /* at the time of the reading */
};
int kernel_read_seen(struct kernel *k, struct kernel_seen **seen, size_t *count, struct error *err);

/* A bound NFLOG socket for `group`: copy what the rules say, sequence numbers on, queue threshold 512, nlbufsiz 128 KiB, flush
 * after 100 ms, receive buffer of `rcvbuf` bytes (SO_RCVBUFFORCE), non-blocking, close-on-exec.  0 with *fd; -1 (EBUSY:
 * another program has the group, named in the error where it can be found out). */
int nflog_open(uint16_t group, int rcvbuf, int *fd, struct error *err);

/* A socket that an earlier version opened may copy less: from now on as much as the rules say.  No answer comes, since others read
 * from it.  0, or -1 with errno. */
int nflog_copy_all(int fd, uint16_t group);

/* A socket that is told of the end of each tracked connection (group NFNLGRP_CONNTRACK_DESTROY), with a receive buffer
 * of `rcvbuf` bytes (SO_RCVBUFFORCE), non-blocking, close-on-exec.  0 with *fd; -1 (EPERM, or the kernel lacks it). */
int conntrack_open(int rcvbuf, int *fd, struct error *err);

/* Asks the kernel for a dump of all tracked connections on that socket, with `number` as its sequence number; the answer,
 * a refusal too, comes there.  0, or -1 with errno where it could not be sent. */
int conntrack_dump(int fd, uint32_t number);

/* Has this network namespace count packets and bytes of each connection and note when it began and ended, where that
 * may be changed; and whether it does.  Connections that began before go on without. */
void conntrack_count(void);
bool conntrack_counts(void);

/* Appends the ruleset that the policy comes to, as `nft` would list it, less the table's flags: for people, for
 * rules/reference.nft, and to be loaded with `nft -f`.  0, or -1 (why is told in the log). */
int kernel_print(const struct policy *p, struct buffer *out);

#endif
