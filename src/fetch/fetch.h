/* hallowd-fetch: gets the bytes of one origin over HTTP or HTTPS, without privileges, and looks into none of them.
 *
 * A proxy is one that the request names; nothing of the environment is used.  No cookies, no netrc, no user:password in
 * a URL.  TLS 1.2 or newer; http and https only; never from https to http.
 *
 * Token, headers and client certificate go to the request's own scheme, host and port alone, not to where a redirect
 * leads.  The pinned key is asked of every https server on the way, beside a valid certificate. */
#ifndef HALLOWD_FETCH_FETCH_H
#define HALLOWD_FETCH_FETCH_H

#include "core/error.h"
#include "core/fetch_message.h"

/* Carries out one request; every limit in it must be more than 0 (max_redirects may be 0).  The body of a 200 goes to
 * body_fd, from its start, decompressed; on any other outcome body_fd is left empty.  Fills in *r (fetch_result_free);
 * without memory for that its strings may be NULL, which the encoder takes for "".
 *
 * What counts as one whole answer: as long as Content-Length says, or ended as chunked transfer coding ends it, and a
 * complete gzip stream where it came as one.  A server that gives neither a length nor chunks ends its answer by
 * closing the connection, which nobody can tell from a cut-off one (RFC 9112, 8); it is taken for whole.  (libcurl does
 * not ask for the close_notify that TLS would end with, since too many servers leave it out.) */
void fetch_url(const struct fetch_request *q, int body_fd, struct fetch_result *r);

/* The program.  Gives up every privilege, takes one request from the socket, carries it out, sends one result.
 * 0, or -1 with *err where there was no request that it could answer. */
#define FETCH_MEMORY (UINT64_C(512) << 20)
#define FETCH_CPU_SECONDS 60
int fetch_confine(struct error *err); /* the first half of fetch_run: gives up what it may */
int fetch_run(int socket_fd, int body_fd, struct error *err);

#endif
