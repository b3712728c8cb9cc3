/* What hallowd asks of hallowd-fetch, and the answer.  The body does not travel in a message: hallowd-fetch writes it
 * to the file that it inherits as FETCH_BODY_FD (a memfd of hallowd's), which the parser then inherits.
 * Nothing of it stands in argv: a URL may hold a secret. */
#ifndef HALLOWD_CORE_FETCH_MESSAGE_H
#define HALLOWD_CORE_FETCH_MESSAGE_H

#include "core/message.h"

#define CHILD_SOCKET_FD 3 /* the socket to hallowd, in every child */
#define FETCH_BODY_FD 4

struct fetch_request {
	char *url;
	uint32_t connect_timeout_ms, first_byte_timeout_ms, total_timeout_ms;
	uint32_t max_redirects;
	uint64_t max_bytes;
	char *ca_file;          /* "" for the system's */
	char *etag;             /* of the last good answer, "" for none */
	char *last_modified;    /* likewise */
	char *user_agent;
};

enum fetch_outcome {
	FETCH_OK,           /* the body is there (status 200) */
	FETCH_NOT_MODIFIED, /* 304 to a request that had an etag or a date */
	FETCH_FAILED        /* `error` says what, without any secret of the URL */
};

struct fetch_result {
	uint8_t outcome;      /* enum fetch_outcome */
	uint32_t http_status; /* 0 where there was none */
	uint64_t bytes;       /* of the body */
	char *content_type;   /* as sent, "" for none */
	char *etag;
	char *last_modified;
	char *error;          /* "" unless FETCH_FAILED */
};

/* encode: 0, or -1 with errno.  decode: 0 with every string owned by the struct; -1 where the message does not fit,
 * then nothing is owned. */
int fetch_request_encode(struct buffer *out, const struct fetch_request *r);
int fetch_request_decode(struct message *m, struct fetch_request *r);
void fetch_request_free(struct fetch_request *r);
int fetch_result_encode(struct buffer *out, const struct fetch_result *r);
int fetch_result_decode(struct message *m, struct fetch_result *r);
void fetch_result_free(struct fetch_result *r);

#endif
