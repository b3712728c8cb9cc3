/* From the ends that the kernel told to rows of `ending`. */
#ifndef HALLOWD_RECORD_ENDINGS_H
#define HALLOWD_RECORD_ENDINGS_H

#include "record/conntrack.h"

/* There is something to write. */
bool endings_wait(const struct conntrack *c, const struct opens *o);

/* Writes the ends whose connections are known, and those that a finished dump shows to be over.  0, or -1 with
 * store->err; what was read stays until endings_committed. */
int endings_write(struct conntrack *c, struct opens *o, struct store *s);

/* The transaction was committed, or refused. */
void endings_committed(struct conntrack *c);
void endings_refused(struct conntrack *c, int64_t now_ms);

/* All rows of packets from before `reached_ms` are in `opens`: an end that waited until then is none of ours. */
void endings_drop_strangers(struct conntrack *c, int64_t reached_ms);

#endif
