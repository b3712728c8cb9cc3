/* Proofs as files, to be checked far from the audit log: JSON.
 *
 *   inclusion    {"hallowd_proof": "inclusion", "row": {"row": KIND, the fields of integrity/leaf.c ...}, "leaf": N,
 *                 "path": [HASH...], "checkpoint": NOTE, "key": KEY}
 *   consistency  {"hallowd_proof": "consistency", "old": NOTE, "path": [HASH...], "checkpoint": NOTE, "key": KEY}
 *
 * Hashes are in base64, keys and notes as in integrity/note.h.  `key` is only what the maker says; whoever checks a
 * proof should know the key from elsewhere. */
#ifndef HALLOWD_CTL_PROOF_FILE_H
#define HALLOWD_CTL_PROOF_FILE_H

#include <jansson.h>

#include "core/error.h"
#include "integrity/leaf.h"
#include "integrity/merkle.h"
#include "integrity/note.h"

#define PROOF_MAX (64u << 20) /* bytes of a proof; a revision may be long */

/* A row as JSON, with its kind; NULL where a text in it is not UTF-8, or there is no memory. */
json_t *proof_row(unsigned kind, const struct leaf_value *values);

/* Back to the bytes of its leaf, appended to `bytes`.  0, or -1 with *err. */
int proof_row_bytes(const json_t *row, struct buffer *bytes, struct error *err);

/* The hashes of a path as an array of texts; a new reference. */
json_t *proof_path(const struct merkle_path *path);

/* Who made it, and what it is about, once it holds. */
struct proof_result {
	bool inclusion;
	struct checkpoint checkpoint, old; /* old: of consistency */
	uint64_t leaf;                     /* of inclusion */
	const json_t *row;                 /* likewise; borrowed from the proof */
	struct note_key key;               /* that signed it */
	bool key_given;                    /* it is one of `keys`; else only the proof names it */
};

/* Whether the proof holds.  With no keys, that which the proof names is taken.  0, or -1 with *err, which says why not. */
int proof_check(const json_t *proof, const struct note_key *keys, size_t key_count, struct proof_result *result,
                struct error *err);

#endif
