/* What went wrong with a request, in words for a person, with nothing of the URL but the host. */
#ifndef HALLOWD_FETCH_DESCRIBE_H
#define HALLOWD_FETCH_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "core/error.h"

/* "404 Not Found" (RFC 9110, 15, and 429); the number alone for others.  Returns out. */
const char *describe_status(char *out, size_t size, long status);

/* "60 s", or "1500 ms".  Returns out. */
const char *describe_ms(char *out, size_t size, unsigned long ms);

/* Whether a failed transfer may well go through a little later: no connection, no answer in time, or half of one. */
bool describe_passing(CURLcode code);

/* Sets the text for a failed transfer, which went by way of a proxy or not.  `details` is what CURLOPT_ERRORBUFFER got.
 * Always returns -1. */
int describe_failure(struct error *err, CURL *easy, CURLcode code, const char *host, bool by_proxy,
                     const char *details);

#endif
