/* Small pieces of JSON that hallowd's answers and audit rows share (jansson). */
#ifndef HALLOWD_DAEMON_JSON_TEXT_H
#define HALLOWD_DAEMON_JSON_TEXT_H

#include <jansson.h>

#include "core/prefix_set.h"
#include "core/time_text.h"
#include "daemon/lists.h"
#include "daemon/texts.h"

/* Each returns a new reference, NULL without memory. */
json_t *json_prefixes(const struct prefix_set *s); /* ["192.0.2.0/24", ...] */
/* The same as text, without an object for each prefix: a long list would take hundreds of megabytes.  The caller frees it. */
char *json_prefixes_text(const struct prefix_set *s);
json_t *json_texts(const struct texts *t);
json_t *json_time(time_us t);                      /* RFC 3339; null for 0 */
json_t *json_text_or_null(const char *text);       /* null for "" */

/* For the audit log: what each origin answered, [{name, state, sha256, bytes, entries, http_status, fetched_at}]. */
json_t *json_origin_evidence(const struct list_state *s);

/* The same state for people: "ok", "failed", "never". */
const char *origin_state_text(const struct origin_state *o);

#endif
