/* Connections that were only seen, as rows.  They are in no tally: the kernel counted none of them. */
#ifndef HALLOWD_RECORD_MIRRORED_H
#define HALLOWD_RECORD_MIRRORED_H

#include "record/store.h"

/* In the transaction that is open.  0, or -1 with s->err. */
int mirrored_write(struct store *s, const struct audit_mirrored_batch *b);

#endif
