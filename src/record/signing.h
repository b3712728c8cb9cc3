/* Has checkpoints of the tree signed by hallowd, and stores them (core/checkpoint_message.h). */
#ifndef HALLOWD_RECORD_SIGNING_H
#define HALLOWD_RECORD_SIGNING_H

#include <stdbool.h>

#include "core/message.h"
#include "record/store.h"

#define SIGNING_FIRST_MS 1000     /* after the start */
#define SIGNING_INTERVAL_MS 60000
#define SIGNING_RETRY_MS 1000     /* when the database does not take what was signed */

struct signing {
	bool told;               /* hallowd has said what it signed last: */
	char log[TREE_LOG_MAX];
	uint64_t size;
	bool asked;              /* and has not answered yet */
	bool wanted;             /* the next is to be asked for now */
	bool kept;               /* because somebody outside asked for it */
	uint64_t commits;        /* that the newest checkpoint of the log covers */
	int64_t due_ms;          /* of the next */
	struct buffer note;      /* signed and not stored yet; empty: none */
	int64_t store_ms;        /* when that is tried again */
};

void signing_free(struct signing *g); /* makes it empty; a zeroed struct is empty */

/* What the log has, after it was opened or begun anew.  0, or -1 with store->err. */
int signing_load(struct signing *g, struct store *s, int64_t now_ms);

/* The next moment at which something is to be done; INT64_MAX: none. */
int64_t signing_due(const struct signing *g, const struct store *s);

/* Whether there is neither a question nor an answer under way. */
bool signing_idle(const struct signing *g);

/* Outside of a transaction, with all of it committed: makes sure that it is on disk, and asks.  0 also where hallowd
 * cannot be asked now; -1 with no memory. */
int signing_ask(struct signing *g, struct store *s, int64_t now_ms, struct buffer *out);

/* Takes in WITNESS, SIGNED or REFUSED.  0, or -1 where it does not fit or there is no memory. */
int signing_take(struct signing *g, struct message *m, int64_t now_ms);

/* Stores what was signed.  A database that refuses is tried again later. */
void signing_store(struct signing *g, struct store *s, int64_t now_ms);

#endif
