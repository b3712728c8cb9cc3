/* What hallowd asks of hallowd-notify, and the answer.  One request for each process: it runs the command and ends. */
#ifndef HALLOWD_CORE_NOTIFY_MESSAGE_H
#define HALLOWD_CORE_NOTIFY_MESSAGE_H

#include "core/message.h"

#define NOTIFY_WORDS_MAX 64

struct notify_request {
	char **words;       /* the command; the first is an absolute path */
	size_t word_count;  /* 1..NOTIFY_WORDS_MAX */
	char *text;         /* for its standard input */
	uint32_t limit_ms;  /* then it is ended, with all that it started */
};

/* encode: 0, or -1 with errno.  decode: 0 with everything owned by the struct; -1 where the message does not fit, then
 * nothing is owned. */
int notify_request_encode(struct buffer *out, const struct notify_request *r);
int notify_request_decode(struct message *m, struct notify_request *r);
void notify_request_free(struct notify_request *r);

/* How it went: "" where the command ended with status 0, else what is wrong. */
int notify_result_encode(struct buffer *out, const char *trouble);
int notify_result_decode(struct message *m, char **trouble); /* *trouble is the caller's */

#endif
