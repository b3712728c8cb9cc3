/* What the policy in force says to one connection, for `hallowctl explain`. */
#ifndef HALLOWD_DAEMON_EXPLAIN_H
#define HALLOWD_DAEMON_EXPLAIN_H

#include <jansson.h>

#include "daemon/daemon.h"

/* `destination` is ADDRESS[:PORT][/PROTOCOL], an IPv6 address with a port in brackets.  What is left out is that of the
 * only endpoint that it may mean; a protocol that is left out is tcp where tcp is one of those that it may be.
 * A new reference; NULL with *err where the words are not understood, or may mean several endpoints. */
json_t *explain(const struct daemon *d, const char *source, const char *destination, struct error *err);

#endif
