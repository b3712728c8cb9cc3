/* Signs checkpoints of the audit log for hallowd-record, which could be taken over by what it reads: only a tree that is
 * shown to continue the one that was signed last.  That one is in state_dir/checkpoint, which is root's. */
#ifndef HALLOWD_DAEMON_SIGNER_H
#define HALLOWD_DAEMON_SIGNER_H

#include <jansson.h>

#include "core/checkpoint_message.h"
#include "daemon/signing_key.h"

#define CHECKPOINT_FILE "checkpoint"

struct signer; /* opaque */

/* What somebody should hear of: key-made, key-rotated, log-begun, checkpoint-refused, as events of the audit log. */
typedef void signer_event(void *ctx, const char *kind, const char *subject, json_t *detail); /* takes it over */

/* The configuration in force: asked for at each signature, since a reload changes it. */
typedef const struct config *signer_config(void *ctx);

/* Reads what was signed last.  `state_fd` and `ctx` are borrowed.  NULL: no memory. */
struct signer *signer_new(int state_fd, signer_config *config, signer_event *event, void *ctx);
void signer_free(struct signer *s);

/* The log and the size that was signed last; "" and 0 for none. */
void signer_last(const struct signer *s, const char **log, uint64_t *size);

/* 0 with the note appended to `note`, or -1 with *err: it was refused, or could not be signed. */
int signer_sign(struct signer *s, const struct checkpoint_request *r, struct buffer *note, struct error *err);

/* 'hallowctl rotate-key': makes another key, which signs from now on; who asked, and why, go into the event.  0, or -1 with
 * *err: the key is as it was. */
int signer_rotate(struct signer *s, const char *by, const char *why, struct error *err);

struct signer_state {
	const char *trouble; /* why the last one was not signed; "" where it was */
	bool refused;        /* because it contradicts what was signed */
	bool has_last;
	struct checkpoint last;
};

/* For `status`; `trouble` is borrowed until the next call. */
void signer_state(const struct signer *s, struct signer_state *state);

#endif
