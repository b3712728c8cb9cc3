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

enum origin_part { ORIGIN_LIST, ORIGIN_SIGNATURE };

#define SIGNATURE_MAX ((size_t)16 * 1024) /* bytes; minisign's are some hundred, its longest comment 8 KiB */

/* Adds an encoded request for the list or for its signature to `out`, which is ended with buffer_wipe.  Secrets and
 * certificates are read now; those that are shown to the server only where it has the list's scheme, host and port.
 * `known` is the last good answer to the same question, or NULL; `total_ms` the time for the whole answer.
 * 0, or -1 with *err, which names what could not be read and nothing of what it holds. */
int origin_request_encode(struct buffer *out, const struct origin_config *o, enum origin_part part,
                          const struct answer *known, uint32_t total_ms, struct error *err);

#endif
