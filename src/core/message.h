/* Messages between hallowd's programs: a fixed header and a payload of typed fields, over a stream socket.
 *
 * Header, host byte order (both ends are on one host, built from one tree):
 *   u32 length of the payload, u16 type, u16 zero, u64 sequence
 * A payload is fields in a fixed order for each type; there are no optional fields.
 *   u8/u32/u64/i64  as they are;  string, bytes  u32 length and the bytes;  address  u8 4 or 6 and the bytes;
 *   prefix set  u32 count4, u32 count6 and the ranges (struct range4, struct range6);  array  u32 count and the items
 * A reader checks every bound; whatever does not fit sets `bad` and reads as zero or empty from there on. */
#ifndef HALLOWD_CORE_MESSAGE_H
#define HALLOWD_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/prefix_set.h"

#define MESSAGE_HEADER_SIZE 16
#define MESSAGE_MAX_DEFAULT (1u << 20)
#define MESSAGE_MAX_LIST (256u << 20) /* a parse result or a revision of a very long list */

enum message_type {
	MSG_FETCH_REQUEST = 1, /* hallowd -> hallowd-fetch, see fetch_message.h */
	MSG_FETCH_RESULT,
	MSG_PARSE_REQUEST, /* hallowd -> hallowd-parse, see parse_message.h */
	MSG_PARSE_RESULT,
	MSG_EVENT, /* hallowd -> hallowd-record, see audit_message.h */
	MSG_REVISION,
	MSG_POLICY,
	MSG_READING,
	MSG_SYNC,
	MSG_STOP,
	MSG_READY, /* hallowd-record -> hallowd */
	MSG_ACK,
	MSG_SYNCED,
	MSG_STALLED,
	MSG_NOTIFY_REQUEST, /* hallowd -> hallowd-notify, see notify_message.h */
	MSG_NOTIFY_RESULT,
	MSG_METRICS_ASK, /* hallowd-metrics -> hallowd, without payload */
	MSG_METRICS_STATUS, /* the answer: string, the result of `status` as JSON */
	MSG_RESOLVE_REQUEST, /* hallowd -> hallowd-resolve, see resolve_message.h */
	MSG_RESOLVE_RESULT,
	MSG_WITNESS, /* see checkpoint_message.h */
	MSG_CHECKPOINT,
	MSG_SIGN,
	MSG_SIGNED,
	MSG_REFUSED,
	MSG_DUMP, /* hallowd-record -> hallowd */
	MSG_OBSERVE_REQUEST, /* hallowd -> hallowd-observe, see observe_message.h */
	MSG_OBSERVE_REFUSED,
	MSG_OBSERVED,
	MSG_MIRRORED, /* hallowd -> hallowd-record, see audit_message.h */
	MSG_TYPE_END /* no message: one more than the last */
};

/* Writing: start, put fields, end.  Errors (no memory; EMSGSIZE: longer than a u32 can say) stick and are told by
 * message_end. */
struct message_writer {
	struct buffer *out;
	size_t start;
	int error; /* errno of the first failure, or 0 */
};

void message_begin(struct message_writer *w, struct buffer *out, enum message_type type, uint64_t seq);
void put_u8(struct message_writer *w, uint8_t v);
void put_u32(struct message_writer *w, uint32_t v);
void put_u64(struct message_writer *w, uint64_t v);
void put_i64(struct message_writer *w, int64_t v);
void put_string(struct message_writer *w, const char *s); /* NULL is written as "" */
void put_bytes(struct message_writer *w, const void *data, size_t len);
void put_count(struct message_writer *w, size_t count);                /* u32: so many items follow */
void put_address(struct message_writer *w, const struct address *a);   /* u8 4 or 6, and 4 or 16 bytes */
void put_prefix_set(struct message_writer *w, const struct prefix_set *s);
int message_end(struct message_writer *w); /* 0, or -1 with errno; then the buffer is as it was before message_begin */

/* Reading. */
struct message {
	enum message_type type;
	uint64_t seq;
	const unsigned char *at, *end; /* what is left of the payload; borrowed */
	bool bad;
};

uint8_t get_u8(struct message *m);
uint8_t get_choice(struct message *m, uint8_t last);   /* an enum or flag as u8: above `last` is bad */
uint32_t get_u32(struct message *m);
uint16_t get_port(struct message *m);                  /* a port that travels as u32: above 65535 is bad */
uint64_t get_u64(struct message *m);
int64_t get_i64(struct message *m);
/* A copy that the caller frees; "" where bad; NULL: no memory, bad is set.  A string with a NUL byte inside is bad. */
char *get_string(struct message *m);
const unsigned char *get_bytes(struct message *m, size_t *len); /* borrowed; never NULL, where bad with *len 0 */
/* A count of items that follow, each of at least `least` (> 0) bytes: more than can be left is bad and reads as 0, so
 * that an array for them may be allocated at once. */
size_t get_count(struct message *m, size_t least);
void get_address(struct message *m, struct address *a);
/* s is replaced; it must arrive normalized, else bad: then -1 and s is empty. */
int get_prefix_set(struct message *m, struct prefix_set *s);
/* True when every byte was read and nothing was bad: call it last. */
bool message_done(const struct message *m);

/* Takes one whole message from the front of `in`.  1 with *m filled in and *used set to its bytes (consume them when
 * done with m); 0 when more bytes are needed; -1 with errno EBADMSG when the header is no header or the payload is
 * longer than max. */
int message_next(struct buffer *in, size_t max, struct message *m, size_t *used);

/* Blocking helpers for the small programs: read or write one whole message on a socket.
 * message_receive: 1 with a message (its bytes live in `in`, which is emptied first), 0 at end of file, -1 with *err.
 * Memory grows with what arrives, not with what a header claims.  message_send never raises SIGPIPE. */
int message_receive(int fd, size_t max, struct buffer *in, struct message *m, struct error *err);
int message_send(int fd, const struct buffer *out, struct error *err);

#endif
