/* How hallowd-record has a checkpoint signed (doc/INTEGRITY.md).  The recorder, which reads packets of strangers, holds no
 * key: it asks hallowd, which signs a tree only if it is shown that it continues the one that it signed last.
 *
 * hallowd -> hallowd-record:
 *   WITNESS{string log, u64 size}    what was signed last, "" and 0 for nothing: after READY, and after each signature
 *   CHECKPOINT{u64 id}               commit what there is, and have it signed for somebody who asks: answer SYNCED{id}
 *                                    once the signed checkpoint is stored or was refused
 *   SIGNED{bytes note}               to be stored
 *   REFUSED{string why}
 * hallowd-record -> hallowd:
 *   SIGN{...}                        struct checkpoint_request; answered by SIGNED or REFUSED, one after the other */
#ifndef HALLOWD_CORE_CHECKPOINT_MESSAGE_H
#define HALLOWD_CORE_CHECKPOINT_MESSAGE_H

#include "core/message.h"

#define CHECKPOINT_HASH_SIZE 32
#define CHECKPOINT_PATH_MAX 64 /* hashes */

struct checkpoint_request {
	char *log;          /* which: 16 hexadecimal digits; owned */
	uint64_t size;
	unsigned char root[CHECKPOINT_HASH_SIZE];
	uint64_t old;       /* the size that `path` begins at: that signed last; 0: nothing of this log was */
	unsigned char path[CHECKPOINT_PATH_MAX][CHECKPOINT_HASH_SIZE];
	size_t path_count;
	uint64_t commits;
	unsigned char open[CHECKPOINT_HASH_SIZE];
	uint8_t kept;       /* 1: somebody asked for it */
};

/* encode: 0, or -1 with errno.  decode: 0, or -1 where the message does not fit; then nothing is owned. */
int checkpoint_request_encode(struct buffer *out, const struct checkpoint_request *c);
int checkpoint_request_decode(struct message *m, struct checkpoint_request *c);
void checkpoint_request_free(struct checkpoint_request *c);

int witness_encode(struct buffer *out, const char *log, uint64_t size);
int witness_decode(struct message *m, char **log, uint64_t *size); /* *log is owned by the caller */

int signed_encode(struct buffer *out, const void *note, size_t len);
int signed_decode(struct message *m, const unsigned char **note, size_t *len); /* borrowed from the message */
int refused_encode(struct buffer *out, const char *why);
int refused_decode(struct message *m, char **why); /* owned by the caller */

int checkpoint_ask_encode(struct buffer *out, uint64_t id); /* CHECKPOINT */
int checkpoint_ask_decode(struct message *m, uint64_t *id);

#endif
