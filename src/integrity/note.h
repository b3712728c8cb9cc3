/* Signed notes and checkpoints, as other transparency logs have them: c2sp.org/signed-note and
 * c2sp.org/tlog-checkpoint.  A checkpoint is a short text:
 *
 *   ORIGIN                  which log: the name of the key that began it, '/' and 16 hexadecimal digits
 *   SIZE                    how many leaves, in decimal
 *   ROOT                    the root of the tree over them, in base64
 *   time TIME               when it was signed, RFC 3339 with microseconds
 *   open NUMBER HASH        how often the log was committed until then, and what the rows that may still change were
 *                           (doc/INTEGRITY.md), base64
 *   kept                    where somebody asked for it
 *   (an empty line)
 *   — NAME SIGNATURE        for each key: base64 of the key's id (4 bytes) and an Ed25519 signature of all above the
 *                           empty line, with its newline
 *
 * Keys are texts too, in the form that programs for such notes share:
 *   public   NAME+ID+KEY               ID: 8 hexadecimal digits; KEY: base64 of 0x01 and 32 bytes
 *   private  PRIVATE+KEY+NAME+ID+KEY   the same with the 32 bytes of the seed */
#ifndef HALLOWD_INTEGRITY_NOTE_H
#define HALLOWD_INTEGRITY_NOTE_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/time_text.h"
#include "integrity/hash.h"

#define NOTE_NAME_MAX 128  /* bytes of a key's name, with its NUL */
#define NOTE_ORIGIN_MAX 192
#define NOTE_KEY_MAX 256   /* of a key as text, with its NUL */
#define NOTE_MAX 4096      /* of a note that is read */
#define NOTE_ID_SIZE 4
#define NOTE_PUBLIC_SIZE 32
#define NOTE_SEED_SIZE 32
#define NOTE_SECRET_SIZE 64

struct note_key {
	char name[NOTE_NAME_MAX];
	unsigned char id[NOTE_ID_SIZE]; /* the first bytes of SHA-256(name, newline, 0x01, public) */
	unsigned char public[NOTE_PUBLIC_SIZE];
};

/* Wiped by its owner with note_signer_wipe, whatever happened. */
struct note_signer {
	struct note_key key;
	unsigned char secret[NOTE_SECRET_SIZE]; /* seed and public key, as libsodium keeps it */
};

/* A new key from the system's randomness.  -1: the name is empty, too long, or has a space, a control character or
 * '+' in it; or there is no randomness. */
int note_signer_make(struct note_signer *s, const char *name, struct error *err);
void note_signer_wipe(struct note_signer *s);

/* Texts of keys.  parse: the whole text but for spaces and newlines at its end; an error says what is wrong and
 * nothing of a private key.  format: returns out; that of a signer is to be wiped. */
int note_signer_parse(struct note_signer *s, const char *text, struct error *err);
const char *note_signer_format(const struct note_signer *s, char out[NOTE_KEY_MAX]);
int note_key_parse(struct note_key *k, const char *text, struct error *err);
const char *note_key_format(const struct note_key *k, char out[NOTE_KEY_MAX]);
bool note_key_equal(const struct note_key *a, const struct note_key *b);

/* Makes the text in `note` (which ends in a newline) a note, or adds a signature to a note. 0, or -1 with errno ENOMEM. */
int note_sign(struct buffer *note, const struct note_signer *s);

/* The text of a note: how many of its bytes are signed.  0: `note` is no note. */
size_t note_text(const char *note, size_t len);

/* Whether the note has a good signature by that key. */
bool note_signed_by(const char *note, size_t len, const struct note_key *k);

struct checkpoint {
	char origin[NOTE_ORIGIN_MAX];
	uint64_t size;
	struct hash root;
	time_us time;
	uint64_t commits;
	struct hash open;
	bool kept;
};

/* Appends the text to be signed.  0, or -1 with errno ENOMEM. */
int checkpoint_encode(const struct checkpoint *c, struct buffer *out);

/* Reads the text of a note; says nothing about its signatures.  Lines behind the third that it does not know are passed by;
 * `time` and `open` must be there. */
int checkpoint_parse(struct checkpoint *c, const char *note, size_t len, struct error *err);

/* Base64 with padding, of a hash. */
#define HASH_TEXT_MAX 45
const char *hash_format(const struct hash *h, char out[HASH_TEXT_MAX]);
bool hash_parse(struct hash *h, const char *text, size_t len);

#endif
