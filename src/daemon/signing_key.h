/* The key that signs checkpoints: looked up for each signature, and wiped after it.
 *
 * state_dir/audit.pub holds the public keys of all that ever signed, one a line, the newest last (integrity/note.h has
 * the form); it is root's.  A key that is not the newest there signs nothing until the change itself is signed, by both:
 * by `audit.previous_key`, or by 'hallowctl rotate-key' for a key in a file. */
#ifndef HALLOWD_DAEMON_SIGNING_KEY_H
#define HALLOWD_DAEMON_SIGNING_KEY_H

#include "config/config.h"
#include "integrity/note.h"

#define SIGNING_KEY_FILE "audit.key" /* in state_dir, where the configuration names none */
#define PUBLIC_KEYS_FILE "audit.pub"
#define PUBLIC_KEYS_MAX 256

struct signing_keys {
	int state_fd;
	const char *state_dir;
	const struct audit_config *config;
	/* Tells an event of the audit log; `note` is what both keys signed, NULL for a first key. */
	void (*changed)(void *ctx, const struct note_key *old, const struct note_key *new, const char *note, const char *why);
	void *ctx;
};

/* The key to sign with; made, with the mode 0600, where none ever was and its reference names a file that is not there.
 * 0 with *s, to be wiped; -1 with *err, which has nothing of a key in it. */
int signing_key_load(const struct signing_keys *k, struct note_signer *s, struct error *err);

/* At the start, before hallowd may write in its own folders only: makes the file of a key that is not there, as
 * signing_key_load would.  0, or -1 with *err. */
int signing_key_prepare(const struct signing_keys *k, struct error *err);

/* Another key in the same file, which must be in a folder of hallowd's; the old one is overwritten.  0, or -1 with *err. */
int signing_key_rotate(const struct signing_keys *k, const char *why, struct error *err);

/* Whether the note is signed by one of the keys in audit.pub. */
bool signing_key_knows(int state_fd, const char *note, size_t len);

#endif
