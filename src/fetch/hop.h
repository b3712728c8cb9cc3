/* One request and its answer, which may be a redirect to another. */
#ifndef HALLOWD_FETCH_HOP_H
#define HALLOWD_FETCH_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "core/error.h"
#include "core/fetch_message.h"
#include "fetch/body.h"

struct hop {
	CURL *easy;                      /* borrowed, as are the next four */
	const struct fetch_request *request;
	struct body *body;
	struct curl_slist *headers;
	int64_t deadline;                /* time_monotonic_ms for the whole fetch */
	const char *host;                /* of this hop's URL */
	bool trusted;                    /* it goes where the request itself goes, and may see its credentials */

	/* While it runs. */
	bool answered;                   /* a first header came */
	bool begun;                      /* a first byte of the body came */
	bool stopped;                    /* by one of our own limits: `why` says which */
	bool passing;                    /* it failed in a way that may pass: struct fetch_result */
	struct error why;
	char details[CURL_ERROR_SIZE];
};

/* The header lines of one hop: what compression is taken, the conditions that the request gives and, where the hop is
 * trusted, its token and headers.  NULL without memory; hop_headers_free. */
struct curl_slist *hop_headers(const struct fetch_request *q, bool trusted);
void hop_headers_free(struct curl_slist *list); /* overwrites them; NULL is passed by */

/* Requests `url`.  0 with *status: the whole answer is there (the body of a 200 in `body`, any other body thrown away).
 * -1 with *err, and *status where the answer had come to that, else 0. */
int hop_run(struct hop *h, const char *url, long *status, struct error *err);

/* Whether a value may be sent as a header's: not empty, only visible ASCII and spaces. */
bool hop_header_safe(const char *value);

#endif
