/* What differs between endpoints of two policies, line by line, for a person who reviews it. */
#ifndef HALLOWD_DAEMON_ENDPOINT_CHANGE_H
#define HALLOWD_DAEMON_ENDPOINT_CHANGE_H

#include <jansson.h>

#include "core/policy.h"

/* [{"endpoint": NAME, "change": "added" | "changed" | "removed", "details": [text]}] in the order of `next`, those that go
 * last; then agents likewise.  `now` may be NULL: nothing is known of it, and what `next` has is not told.
 * A new reference, NULL without memory. */
json_t *endpoint_changes(const struct policy *now, const struct policy *next);

#endif
