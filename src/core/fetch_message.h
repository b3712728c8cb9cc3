/* What hallowd asks of hallowd-fetch, and the answer.  The body does not travel in a message: hallowd-fetch writes it
 * to the file that it inherits as FETCH_BODY_FD (a memfd of hallowd's), which the parser then inherits.
 * Nothing of it stands in argv or in the environment: URL, token, headers and keys are secrets, or may be.
 * Whoever has an encoded request in a buffer ends it with buffer_wipe. */
#ifndef HALLOWD_CORE_FETCH_MESSAGE_H
#define HALLOWD_CORE_FETCH_MESSAGE_H

#include "core/message.h"

#define CHILD_SOCKET_FD 3 /* the socket to hallowd, in every child */
#define FETCH_BODY_FD 4

struct fetch_header {
	char *name, *value;
};

struct fetch_request {
	char *url;
	uint32_t connect_timeout_ms, first_byte_timeout_ms, total_timeout_ms;
	uint32_t max_redirects;
	uint64_t max_bytes;
	char *proxy;            /* URL, "" for none */
	char *ca;               /* certificates in PEM to trust, "" for the system's */
	char *pinned_key;       /* "sha256//BASE64" of the server's public key, "" for any */
	char *certificate;      /* the client's, in PEM, with what it was signed by; "" for none */
	char *key;              /* its private key, in PEM, not encrypted */
	char *token;            /* for "Authorization: Bearer", "" for none */
	struct fetch_header *headers;
	size_t header_count;
	char *etag;             /* of the last good answer, "" for none */
	char *last_modified;    /* likewise */
	char *user_agent;
};

enum fetch_outcome {
	FETCH_OK,           /* the body is there (status 200) */
	FETCH_NOT_MODIFIED, /* 304 to a request that had an etag or a date */
	FETCH_FAILED        /* `error` says what, without any secret of the request */
};

struct fetch_result {
	uint8_t outcome;      /* enum fetch_outcome */
	bool passing;         /* FETCH_FAILED in a way that may pass: worth another try */
	uint32_t http_status; /* 0 where there was none */
	uint64_t bytes;       /* of the body */
	char *content_type;   /* as sent, "" for none */
	char *etag;
	char *last_modified;
	char *error;          /* "" unless FETCH_FAILED */
};

/* encode: 0, or -1 with errno.  decode: 0 with every string owned by the struct; -1 where the message does not fit,
 * then nothing is owned. */
int fetch_request_encode(struct buffer *out, const struct fetch_request *r); /* reserves before it adds */
int fetch_request_decode(struct message *m, struct fetch_request *r);
void fetch_request_free(struct fetch_request *r); /* overwrites what may be secret */
int fetch_result_encode(struct buffer *out, const struct fetch_result *r);
int fetch_result_decode(struct message *m, struct fetch_result *r);
void fetch_result_free(struct fetch_result *r);

#endif
