/* Any bytes as a note, as the text of a key and as a proof that check-proof reads.  The key of the seed corpus signed two
 * checkpoints and nothing else, and its private half was thrown away: so what holds by it is of these, and of the three
 * rows that they cover. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/proof_file.h"

#define KEY "gate/hallowd+88049be8+AeYyE7G2ZUNCf05FzKWTxUCi3HIVjWf5sjNCf9SwqOnz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_one_of(const struct hash *h, const char *const *texts, size_t count)
{
	char text[HASH_TEXT_MAX];

	hash_format(h, text);
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, texts[i]) == 0)
			return true;
	return false;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Nothing of what was read is shown as it came. */
static void must_be_clean(const struct error *err)
{
	for (const char *at = err->text; *at != '\0'; at++)
		must((unsigned char)*at >= ' ' && *at != 0x7f);
}

static void must_be_signed_one(const struct checkpoint *c)
{
	static const char *const roots[] = { "AHMN+eSybihpByMYKZwReISMLxYXQjrXGAiDmqInQ74=",
		                                 "ni6QIy64WR/jH0oGG5LPUzDZxYtbpHhqOjtdSJ9N3b0=" };

	must(strcmp(c->origin, "gate/hallowd/073ab130ca9b19c6") == 0);
	must(c->size == 2 || c->size == 3);
	must(is_one_of(&c->root, &roots[c->size - 2], 1));
	must(c->commits == c->size && c->kept == (c->size == 3));
}

static void as_note(const char *note, size_t len, const struct note_key *key)
{
	struct checkpoint c, again;
	struct error err = { "" };
	struct buffer text = BUFFER_INIT;
	bool is_signed = note_signed_by(note, len, key);

	must(note_text(note, len) < len || len == 0);
	must(!is_signed || note_text(note, len) > 0);
	if (checkpoint_parse(&c, note, len, &err) == -1) {
		must(!is_signed);
		must_be_clean(&err);
		return;
	}
	if (is_signed)
		must_be_signed_one(&c);
	/* As it would be written, with a signature that is none, it says the same. */
	must(checkpoint_encode(&c, &text) == 0 && buffer_printf(&text, "\n\xe2\x80\x94 x y\n") == 0);
	must(checkpoint_parse(&again, (const char *)text.data, text.len, &err) == 0);
	must(memcmp(&c, &again, sizeof(c)) == 0);
	buffer_free(&text);
}

static void as_key(const char *text)
{
	char formatted[NOTE_KEY_MAX];
	struct note_signer s, s2;
	struct note_key k, k2;
	struct error err = { "" };

	if (note_key_parse(&k, text, &err) == 0) {
		must(note_key_parse(&k2, note_key_format(&k, formatted), &err) == 0);
		must(note_key_equal(&k, &k2) && memcmp(k.id, k2.id, NOTE_ID_SIZE) == 0);
	} else {
		must_be_clean(&err);
	}
	if (note_signer_parse(&s, text, &err) == 0) {
		must(note_signer_parse(&s2, note_signer_format(&s, formatted), &err) == 0);
		must(memcmp(&s, &s2, sizeof(s)) == 0);
	} else {
		must_be_clean(&err);
	}
}

static void must_be_recorded(const json_t *row, uint64_t leaf)
{
	static const char *const leaves[] = { "HxztCZxXmF28kNi8pKMEICh9pgvMuQT89KDWANeW8LI=",
		                                  "GAsTNJltlJFtL9giQKOm8XFQB9loBEeRwklKCPZp2nc=",
		                                  "dYtZFbczoXrOI1536lG/CHOPjcYUmfU0l3u/Cbdwp+M=" };
	struct buffer bytes = BUFFER_INIT;
	struct error err;
	struct hash h;

	must(leaf < 3 && proof_row_bytes(row, &bytes, &err) == 0);
	hash_leaf(bytes.data, bytes.len, &h);
	must(is_one_of(&h, &leaves[leaf], 1));
	buffer_free(&bytes);
}

static void as_proof(const char *text, size_t len, const struct note_key *key)
{
	json_t *proof = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct proof_result r;
	struct error err = { "" };

	if (proof == NULL)
		return;
	if (proof_check(proof, key, 1, &r, &err) == 0) {
		must(r.key_given);
		must_be_signed_one(&r.checkpoint);
		if (r.inclusion)
			must_be_recorded(r.row, r.leaf);
		else
			must_be_signed_one(&r.old);
	} else {
		must_be_clean(&err);
	}
	proof_check(proof, NULL, 0, &r, &err); /* by the key that it names itself */
	json_decref(proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct note_key key;
	struct error err;

	must(text != NULL && note_key_parse(&key, KEY, &err) == 0);
	as_note((const char *)data, size, &key);
	as_key(text);
	as_proof((const char *)data, size, &key);
	free(text);
	return 0;
}
