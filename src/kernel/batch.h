/* A transaction of nf_tables (linux/netfilter/nfnetlink.h, NFNL_MSG_BATCH_BEGIN .. END) as one run of bytes. */
#ifndef HALLOWD_KERNEL_BATCH_H
#define HALLOWD_KERNEL_BATCH_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

struct batch {
	struct buffer bytes;
	uint32_t first_seq; /* of BATCH_BEGIN; each message has the next */
	uint32_t seq;       /* of the next message */
	size_t last;        /* where the newest message starts in bytes */
	size_t messages;    /* between BATCH_BEGIN and END */
};

/* Starts a batch whose first message has sequence number `seq`.  Where `generation` is not NULL, the kernel refuses the
 * whole batch with ERESTART unless its ruleset is still of that generation (NFNL_BATCH_GENID).
 * Each function that returns int: 0, or -1 with errno ENOMEM. */
int batch_begin(struct batch *b, uint32_t seq, const uint32_t *generation);

/* Opens a message of nf_tables with at least `room` bytes for its attributes behind the header; at most one is open.
 * `type` is NFT_MSG_*, `flags` what goes beside NLM_F_REQUEST.  NULL with errno ENOMEM. */
struct nlmsghdr *batch_open(struct batch *b, uint16_t type, uint16_t flags, size_t room);

/* The open message is complete. */
void batch_close(struct batch *b, struct nlmsghdr *nlh);

/* Asks for an acknowledgement of the newest message and, where `commit` is true, ends the batch.  The kernel checks a
 * batch without its end, answers, and throws it away. */
int batch_end(struct batch *b, int commit);

void batch_free(struct batch *b);

/* The message with this sequence number, NULL where there is none. */
const struct nlmsghdr *batch_find(const struct batch *b, uint32_t seq);

#define BATCH_TEXT_MAX 512

/* What a message does, for a person: "adding to set list/humanitec/4".  `offset` is the one of the attribute that the
 * kernel found wrong (NLMSGERR_ATTR_OFFS), 0 where it did not say; an element of a set is then named by its key. */
void batch_describe(const struct nlmsghdr *nlh, uint32_t offset, char out[BATCH_TEXT_MAX]);

#endif
