/* What hallowd-fetch is asked for one origin: its configuration, the secrets that this names, and what is known of its
 * last good answer. */
#ifndef HALLOWD_DAEMON_ORIGIN_REQUEST_H
#define HALLOWD_DAEMON_ORIGIN_REQUEST_H

#include <stdbool.h>

#include "config/config.h"
#include "core/buffer.h"
#include "core/error.h"
#include "daemon/lists.h"

/* Whether the answer can be asked for again under the condition that it has changed. */
bool origin_request_conditional(const struct answer *known);

/* Adds an encoded request to `out`, which is ended with buffer_wipe.  Secrets and certificates are read now.  `known` is
 * the last good answer to the same question, or NULL; `total_ms` the time for the whole answer.
 * 0, or -1 with *err, which names what could not be read and nothing of what it holds. */
int origin_request_encode(struct buffer *out, const struct origin_config *o, const struct answer *known,
                          uint32_t total_ms, struct error *err);

#endif
