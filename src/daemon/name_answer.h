/* What a name resolves to, as an origin's answer.
 *
 * An address that the DNS names no more stays for NAME_KEEP seconds since it was last named: whoever asked before, the
 * agent first, goes on using what it was told, and a tunnel need not end because the DNS names its hosts in turn.  Then it
 * goes, and is cut off like any address that leaves a list.
 * A family that could not be asked for keeps the addresses that it had. */
#ifndef HALLOWD_DAEMON_NAME_ANSWER_H
#define HALLOWD_DAEMON_NAME_ANSWER_H

#include "core/resolve_message.h"
#include "daemon/lists.h"

#define NAME_KEEP 3600

/* How soon the name is asked for again, in seconds: its time to live, within these bounds. */
#define NAME_TTL_LEAST 10
#define NAME_TTL_MOST 3600

/* Fills in an empty `a` from the result and what was known (NULL: nothing).  0; 1 where there is no answer: then `why`
 * (of size `size`) says so; -1 with errno ENOMEM. */
int name_answer(struct answer *a, const struct answer *known, const struct resolve_result *r, time_us now, char *why,
                size_t size);

/* When the list is due again: `failures` refreshes in a row have failed.  Milliseconds. */
int64_t name_refresh_ms(const struct answer *good, unsigned failures);

#endif
