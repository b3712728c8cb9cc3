#include "integrity/note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#define PRIVATE "PRIVATE+KEY+"
#define DASH "\xe2\x80\x94 " /* how a line with a signature begins: an em dash and a space */
#define ED25519 1
#define TIME "time "
#define OPEN "open "
#define KEPT "kept"

_Static_assert(NOTE_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES && NOTE_SEED_SIZE == crypto_sign_SEEDBYTES &&
               NOTE_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519");

/* --- base64 */

/* Just `size` bytes.  libsodium 1.0.18 takes some bytes above 127 for letters of base64 where char is signed, so they
 * are looked at first. */
static bool decode(const char *text, size_t len, void *out, size_t size)
{
	size_t used;

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || strchr(BASE64, text[i]) == NULL)
			return false;
	return sodium_base642bin(out, size, text, len, NULL, &used, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       used == size;
}

const char *hash_format(const struct hash *h, char out[HASH_TEXT_MAX])
{
	return sodium_bin2base64(out, HASH_TEXT_MAX, h->bytes, HASH_SIZE, sodium_base64_VARIANT_ORIGINAL);
}

bool hash_parse(struct hash *h, const char *text, size_t len)
{
	return decode(text, len, h->bytes, HASH_SIZE);
}

/* --- keys */

static bool name_valid(const char *name, size_t len)
{
	if (len == 0 || len >= NOTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || (unsigned char)name[i] >= 0x7f || name[i] == '+')
			return false;
	return true;
}

static void set_id(struct note_key *k)
{
	unsigned char text[NOTE_NAME_MAX + 2 + NOTE_PUBLIC_SIZE];
	size_t len = strlen(k->name);
	struct hash h;

	memcpy(text, k->name, len);
	text[len++] = '\n';
	text[len++] = ED25519;
	memcpy(text + len, k->public, NOTE_PUBLIC_SIZE);
	hash_bytes(text, len + NOTE_PUBLIC_SIZE, &h);
	memcpy(k->id, h.bytes, NOTE_ID_SIZE);
}

static int set_name(struct note_key *k, const char *name, size_t len, struct error *err)
{
	if (!name_valid(name, len))
		return error_set(err, "the name of a key is 1 to %d letters, without a space or '+'", NOTE_NAME_MAX - 1);
	memcpy(k->name, name, len);
	k->name[len] = '\0';
	return 0;
}

int note_signer_make(struct note_signer *s, const char *name, struct error *err)
{
	memset(s, 0, sizeof(*s));
	if (sodium_init() == -1)
		return error_set(err, "libsodium finds no randomness");
	if (set_name(&s->key, name, strlen(name), err) == -1)
		return -1;
	crypto_sign_keypair(s->key.public, s->secret);
	set_id(&s->key);
	return 0;
}

void note_signer_wipe(struct note_signer *s)
{
	sodium_memzero(s, sizeof(*s));
}

static const char *format(const char *before, const struct note_key *k, const unsigned char *bytes,
                          char out[NOTE_KEY_MAX])
{
	unsigned char typed[1 + NOTE_PUBLIC_SIZE];
	char text[sodium_base64_ENCODED_LEN(sizeof(typed), sodium_base64_VARIANT_ORIGINAL)];

	typed[0] = ED25519;
	memcpy(typed + 1, bytes, NOTE_PUBLIC_SIZE);
	sodium_bin2base64(text, sizeof(text), typed, sizeof(typed), sodium_base64_VARIANT_ORIGINAL);
	snprintf(out, NOTE_KEY_MAX, "%s%s+%02x%02x%02x%02x+%s", before, k->name, k->id[0], k->id[1], k->id[2], k->id[3],
	         text);
	sodium_memzero(typed, sizeof(typed));
	sodium_memzero(text, sizeof(text));
	return out;
}

const char *note_signer_format(const struct note_signer *s, char out[NOTE_KEY_MAX])
{
	return format(PRIVATE, &s->key, s->secret, out);
}

const char *note_key_format(const struct note_key *k, char out[NOTE_KEY_MAX])
{
	return format("", k, k->public, out);
}

/* "NAME+ID+KEY": the name, and the bytes of ID and KEY. */
static int parse(const char *text, struct note_key *k, unsigned char id[NOTE_ID_SIZE],
                 unsigned char bytes[NOTE_PUBLIC_SIZE], struct error *err)
{
	const char *plus = strchr(text, '+'), *key;
	unsigned char typed[1 + NOTE_PUBLIC_SIZE];
	size_t used, len;
	bool good;

	if (plus == NULL || set_name(k, text, (size_t)(plus - text), err) == -1)
		return error_set(err, "no key; expected NAME+ID+KEY");
	key = plus + 1 + 2 * NOTE_ID_SIZE;
	if (strlen(plus + 1) <= 2 * NOTE_ID_SIZE || *key != '+' ||
	    sodium_hex2bin(id, NOTE_ID_SIZE, plus + 1, 2 * NOTE_ID_SIZE, NULL, &used, NULL) != 0 || used != NOTE_ID_SIZE)
		return error_set(err, "no key: the id behind its name is not 8 hexadecimal digits");
	len = strcspn(key + 1, " \r\n");
	good = decode(key + 1, len, typed, sizeof(typed)) && key[1 + len + strspn(key + 1 + len, " \r\n")] == '\0';
	if (good)
		memcpy(bytes, typed + 1, NOTE_PUBLIC_SIZE);
	if (good && typed[0] != ED25519)
		error_set(err, "a key of type %u; expected 1, Ed25519", typed[0]);
	else if (!good)
		error_set(err, "no key: what stands behind its id is not 33 bytes in base64");
	good = good && typed[0] == ED25519;
	sodium_memzero(typed, sizeof(typed));
	return good ? 0 : -1;
}

static int check_id(const struct note_key *k, const unsigned char id[NOTE_ID_SIZE], struct error *err)
{
	if (memcmp(k->id, id, NOTE_ID_SIZE) == 0)
		return 0;
	return error_set(err, "the key's id does not belong to its name and bytes; was it copied whole?");
}

int note_key_parse(struct note_key *k, const char *text, struct error *err)
{
	unsigned char id[NOTE_ID_SIZE];

	memset(k, 0, sizeof(*k));
	if (parse(text, k, id, k->public, err) == -1)
		return -1;
	set_id(k);
	return check_id(k, id, err);
}

int note_signer_parse(struct note_signer *s, const char *text, struct error *err)
{
	unsigned char id[NOTE_ID_SIZE], seed[NOTE_SEED_SIZE];
	int result = -1;

	memset(s, 0, sizeof(*s));
	if (strncmp(text, PRIVATE, strlen(PRIVATE)) != 0)
		return error_set(err, "no private key; expected " PRIVATE "NAME+ID+KEY");
	if (parse(text + strlen(PRIVATE), &s->key, id, seed, err) == 0) {
		crypto_sign_seed_keypair(s->key.public, s->secret, seed);
		set_id(&s->key);
		result = check_id(&s->key, id, err);
	}
	sodium_memzero(seed, sizeof(seed));
	if (result == -1)
		note_signer_wipe(s);
	return result;
}

bool note_key_equal(const struct note_key *a, const struct note_key *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(a->public, b->public, NOTE_PUBLIC_SIZE) == 0;
}

/* --- notes */

/* Where the last empty line of `note` begins: behind the text's last newline.  What is not followed by a signature is a
 * text with an empty line in it. */
size_t note_text(const char *note, size_t len)
{
	const size_t dash = strlen(DASH);

	if (len > NOTE_MAX || len == 0 || note[len - 1] != '\n')
		return 0;
	for (size_t i = len - 1; i > 0; i--)
		if (note[i - 1] == '\n' && note[i] == '\n')
			return len - i > dash && memcmp(note + i + 1, DASH, dash) == 0 ? i : 0;
	return 0;
}

int note_sign(struct buffer *note, const struct note_signer *s)
{
	size_t text = note_text((const char *)note->data, note->len);
	unsigned char signature[NOTE_ID_SIZE + crypto_sign_BYTES];
	char base64[sodium_base64_ENCODED_LEN(sizeof(signature), sodium_base64_VARIANT_ORIGINAL)];
	bool first = text == 0;

	if (first)
		text = note->len;
	memcpy(signature, s->key.id, NOTE_ID_SIZE);
	crypto_sign_detached(signature + NOTE_ID_SIZE, NULL, note->data, text, s->secret);
	sodium_bin2base64(base64, sizeof(base64), signature, sizeof(signature), sodium_base64_VARIANT_ORIGINAL);
	return buffer_printf(note, "%s" DASH "%s %s\n", first ? "\n" : "", s->key.name, base64);
}

/* A line "— NAME BASE64" by that key. */
static bool line_signs(const char *line, size_t len, const char *text, size_t text_len, const struct note_key *k)
{
	unsigned char signature[NOTE_ID_SIZE + crypto_sign_BYTES];
	size_t name = strlen(k->name), dash = strlen(DASH);

	if (len <= dash + name + 1 || memcmp(line, DASH, dash) != 0 || memcmp(line + dash, k->name, name) != 0 ||
	    line[dash + name] != ' ')
		return false;
	return decode(line + dash + name + 1, len - dash - name - 1, signature, sizeof(signature)) &&
	       memcmp(signature, k->id, NOTE_ID_SIZE) == 0 &&
	       crypto_sign_verify_detached(signature + NOTE_ID_SIZE, (const unsigned char *)text, text_len, k->public) == 0;
}

bool note_signed_by(const char *note, size_t len, const struct note_key *k)
{
	size_t text = note_text(note, len);
	const char *at = note + text + 1, *end = note + len;

	if (text == 0)
		return false;
	while (at < end) {
		size_t line = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at);

		if (line_signs(at, line, note, text, k))
			return true;
		at += line + 1;
	}
	return false;
}

/* --- checkpoints */

int checkpoint_encode(const struct checkpoint *c, struct buffer *out)
{
	char root[HASH_TEXT_MAX], open[HASH_TEXT_MAX], time[TIME_TEXT_MAX];

	return buffer_printf(out, "%s\n%llu\n%s\n" TIME "%s\n" OPEN "%llu %s\n%s", c->origin, (unsigned long long)c->size,
	                     hash_format(&c->root, root), time_format(c->time, 1, time), (unsigned long long)c->commits,
	                     hash_format(&c->open, open), c->kept ? KEPT "\n" : "");
}

struct line {
	const char *text;
	size_t len;
};

/* The next line of the text, which ends in a newline; false at its end. */
static bool next_line(const char **at, const char *end, struct line *l)
{
	if (*at == end)
		return false;
	l->text = *at;
	l->len = (size_t)((const char *)memchr(*at, '\n', (size_t)(end - *at)) - *at);
	*at += l->len + 1;
	return true;
}

/* Decimal without leading zeros, below 2^63. */
static bool parse_number(const char *text, size_t len, uint64_t *n)
{
	*n = 0;
	if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*n = *n * 10 + (uint64_t)(text[i] - '0');
	}
	return *n >> 63 == 0;
}

static bool parse_time(const char *text, size_t len, time_us *time)
{
	char copy[TIME_TEXT_MAX], again[TIME_TEXT_MAX];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return time_parse(time, copy, 0) == 0 && strcmp(time_format(*time, 1, again), copy) == 0;
}

static bool parse_open(const char *text, size_t len, struct checkpoint *c)
{
	const char *space = memchr(text, ' ', len);
	size_t number = space == NULL ? len : (size_t)(space - text);

	return space != NULL && parse_number(text, number, &c->commits) &&
	       hash_parse(&c->open, space + 1, len - number - 1);
}

static bool begins(const struct line *l, const char *word)
{
	return l->len >= strlen(word) && memcmp(l->text, word, strlen(word)) == 0;
}

/* `*seen`: a bit for each line that must be there. */
static bool parse_more(const struct line *l, struct checkpoint *c, unsigned *seen)
{
	if (begins(l, TIME)) {
		*seen |= 1;
		return parse_time(l->text + strlen(TIME), l->len - strlen(TIME), &c->time);
	}
	if (begins(l, OPEN)) {
		*seen |= 2;
		return parse_open(l->text + strlen(OPEN), l->len - strlen(OPEN), c);
	}
	if (begins(l, KEPT) && l->len == strlen(KEPT))
		c->kept = true;
	return l->len > 0;
}

int checkpoint_parse(struct checkpoint *c, const char *note, size_t len, struct error *err)
{
	size_t text = note_text(note, len);
	const char *at = note, *end = note + text;
	unsigned seen = 0;
	struct line l;

	memset(c, 0, sizeof(*c));
	if (text == 0)
		return error_set(err, "no signed checkpoint: there is no text, an empty line, and a signature");
	if (!next_line(&at, end, &l) || l.len == 0 || l.len >= sizeof(c->origin) || memchr(l.text, '\0', l.len) != NULL)
		return error_set(err, "no checkpoint: its first line does not name a log");
	memcpy(c->origin, l.text, l.len);
	if (!next_line(&at, end, &l) || !parse_number(l.text, l.len, &c->size))
		return error_set(err, "no checkpoint: its second line is not a number of leaves");
	if (!next_line(&at, end, &l) || !hash_parse(&c->root, l.text, l.len))
		return error_set(err, "no checkpoint: its third line is not 32 bytes in base64");
	while (next_line(&at, end, &l))
		if (!parse_more(&l, c, &seen))
			return error_set(err, "no checkpoint: a line behind the third is damaged");
	return seen == 3 ? 0 : error_set(err, "no checkpoint of hallowd's: a line 'time' or 'open' is missing");
}
