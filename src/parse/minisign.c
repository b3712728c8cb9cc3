#include "parse/minisign.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define KEY_ID_SIZE 8
#define HASH_SIZE 64
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#define TRUSTED "trusted comment: "
#define UNTRUSTED "untrusted comment: "

struct public_key {
	unsigned char algorithm[2], id[KEY_ID_SIZE], key[crypto_sign_PUBLICKEYBYTES];
};

struct signed_part {
	unsigned char algorithm[2], id[KEY_ID_SIZE], signature[crypto_sign_BYTES];
};

struct signature {
	struct signed_part part;
	const char *comment; /* the trusted one's text; borrowed */
	size_t comment_len;
	unsigned char global[crypto_sign_BYTES];
};

struct line {
	const char *text;
	size_t len;
};

/* Just `size` bytes of base64, with its padding.  libsodium 1.0.18 takes some bytes above 127 for letters of base64 where char
 * is signed, so they are looked at first. */
static bool decode(const char *text, size_t len, void *out, size_t size)
{
	size_t used;

	return strspn(text, BASE64) >= len &&
	       sodium_base642bin(out, size, text, len, NULL, &used, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       used == size;
}

static struct line next_line(const char **at)
{
	struct line l = { *at, strcspn(*at, "\n") };

	*at += l.len + ((*at)[l.len] == '\n');
	if (l.len > 0 && l.text[l.len - 1] == '\r')
		l.len--;
	return l;
}

static bool starts_with(const struct line *l, const char *start)
{
	return l->len >= strlen(start) && memcmp(l->text, start, strlen(start)) == 0;
}

static int parse_signature(const char *text, struct signature *s, struct error *err)
{
	struct line lines[4];

	for (size_t i = 0; i < 4; i++)
		lines[i] = next_line(&text);
	if (!starts_with(&lines[0], UNTRUSTED))
		return error_set(err, "has a signature that is none of minisign's: line 1 should begin with '" UNTRUSTED "'");
	if (!decode(lines[1].text, lines[1].len, &s->part, sizeof(s->part)))
		return error_set(err, "has a signature that is damaged in line 2");
	if (!starts_with(&lines[2], TRUSTED))
		return error_set(err, "has a signature without a trusted comment in line 3");
	if (!decode(lines[3].text, lines[3].len, s->global, sizeof(s->global)))
		return error_set(err, "has a signature that is damaged in line 4");
	if (*text != '\0')
		return error_set(err, "has a signature with more than four lines");
	s->comment = lines[2].text + strlen(TRUSTED);
	s->comment_len = lines[2].len - strlen(TRUSTED);
	return 0;
}

/* As minisign shows it: a little-endian number. */
static uint64_t id_number(const unsigned char id[KEY_ID_SIZE])
{
	uint64_t n = 0;

	for (size_t i = KEY_ID_SIZE; i > 0; i--)
		n = n << 8 | id[i - 1];
	return n;
}

/* The key with this id; of two such, the last.  1 where there is one, 0, or -1 with *err. */
static int find_key(const char *keys, const unsigned char id[KEY_ID_SIZE], struct public_key *found, struct error *err)
{
	int result = 0;

	while (*keys != '\0') {
		size_t len = strcspn(keys, " ");
		struct public_key key;

		if (!decode(keys, len, &key, sizeof(key)) || memcmp(key.algorithm, "Ed", 2) != 0)
			return error_set(err, "cannot be verified: '%.*s' in signed_by is no minisign public key",
			                 len < 60 ? (int)len : 60, keys);
		if (memcmp(key.id, id, KEY_ID_SIZE) == 0) {
			*found = key;
			result = 1;
		}
		keys += len + (keys[len] == ' ');
	}
	return result;
}

static bool list_verifies(const struct signature *s, const struct public_key *key, const void *data, size_t len)
{
	unsigned char hash[HASH_SIZE];

	if (memcmp(s->part.algorithm, "Ed", 2) == 0)
		return crypto_sign_verify_detached(s->part.signature, data, len, key->key) == 0;
	if (memcmp(s->part.algorithm, "ED", 2) != 0)
		return false;
	crypto_generichash(hash, sizeof(hash), data, len, NULL, 0);
	return crypto_sign_verify_detached(s->part.signature, hash, sizeof(hash), key->key) == 0;
}

/* libsodium wants what is signed in one piece. */
static int comment_verifies(const struct signature *s, const struct public_key *key, struct error *err)
{
	unsigned char *message = malloc(sizeof(s->part.signature) + s->comment_len);
	int result;

	if (message == NULL)
		return error_set(err, "cannot be verified: no memory");
	memcpy(message, s->part.signature, sizeof(s->part.signature));
	memcpy(message + sizeof(s->part.signature), s->comment, s->comment_len);
	result = crypto_sign_verify_detached(s->global, message, sizeof(s->part.signature) + s->comment_len, key->key);
	free(message);
	return result == 0 ? 0 : error_set(err, "has a signature of which the trusted comment was changed");
}

int minisign_verify(const char *keys, const char *signature, const void *data, size_t len, struct error *err)
{
	struct public_key key;
	struct signature s;
	uint64_t id;

	if (parse_signature(signature, &s, err) == -1)
		return -1;
	id = id_number(s.part.id);
	switch (find_key(keys, s.part.id, &key, err)) {
	case -1:
		return -1;
	case 0:
		return error_set(err, "is signed by key %016" PRIX64 ", which is none of signed_by", id);
	}
	if (!list_verifies(&s, &key, data, len))
		return error_set(err, "is not what key %016" PRIX64 " has signed: the list or its signature was changed, or they "
		                 "do not belong together", id);
	return comment_verifies(&s, &key, err);
}
