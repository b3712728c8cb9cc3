/* Keys, signed notes and checkpoints: a note that others have published, round trips, and every change refused. */
#include "test_integrity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integrity/note.h"

/* The example of Go's package golang.org/x/mod/sumdb/note. */
#define PUBLISHED_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PUBLISHED_TEXT "If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define PUBLISHED_NOTE PUBLISHED_TEXT "\n\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN" \
	"1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

#define NAME "gate/hallowd"

static struct note_signer signer, other;

static int make_signers(void **state)
{
	struct error err;

	(void)state;
	return note_signer_make(&signer, NAME, &err) == 0 && note_signer_make(&other, "other", &err) == 0 ? 0 : -1;
}

static int wipe_signers(void **state)
{
	(void)state;
	note_signer_wipe(&signer);
	note_signer_wipe(&other);
	return 0;
}

/* The text, signed by one; the caller frees it. */
static struct buffer signed_text(const char *text, const struct note_signer *s)
{
	struct buffer note = BUFFER_INIT;

	assert_int_equal(buffer_add(&note, text, strlen(text)), 0);
	assert_int_equal(note_sign(&note, s), 0);
	return note;
}

static bool is_signed(const struct buffer *note, const struct note_key *k)
{
	return note_signed_by((const char *)note->data, note->len, k);
}

/* --- keys */

static void keys_come_back(void **state)
{
	char text[NOTE_KEY_MAX], again[NOTE_KEY_MAX];
	struct note_signer s;
	struct note_key k;
	struct error err;

	(void)state;
	assert_int_equal(note_key_parse(&k, note_key_format(&signer.key, text), &err), 0);
	assert_true(note_key_equal(&k, &signer.key));
	assert_memory_equal(k.id, signer.key.id, NOTE_ID_SIZE);
	assert_string_equal(note_key_format(&k, again), text);
	assert_int_equal(note_signer_parse(&s, note_signer_format(&signer, text), &err), 0);
	assert_memory_equal(&s, &signer, sizeof(s));
	assert_false(note_key_equal(&signer.key, &other.key));
	/* As a file has it. */
	assert_int_equal(note_key_parse(&k, PUBLISHED_KEY " \r\n\n", &err), 0);
	assert_string_equal(note_key_format(&k, text), PUBLISHED_KEY);
	note_signer_wipe(&s);
	assert_int_equal(s.secret[0] | s.secret[NOTE_SECRET_SIZE - 1] | s.key.name[0], 0);
}

static void names_are_of_letters(void **state)
{
	static const char *const bad[] = { "", " ", "a b", "a+b", "a\n", "\x7f", "a\tb", "caf\xc3\xa9" };
	char longest[NOTE_NAME_MAX + 1], text[NOTE_KEY_MAX];
	struct note_signer s;
	struct note_key k;
	struct error err;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(note_signer_make(&s, bad[i], &err), -1);
	memset(longest, 'n', sizeof(longest));
	longest[NOTE_NAME_MAX] = '\0';
	assert_int_equal(note_signer_make(&s, longest, &err), -1);
	longest[NOTE_NAME_MAX - 1] = '\0';
	assert_int_equal(note_signer_make(&s, longest, &err), 0);
	assert_int_equal(note_key_parse(&k, note_key_format(&s.key, text), &err), 0);
	assert_string_equal(k.name, longest);
	note_signer_wipe(&s);
}

static void texts_that_are_no_keys(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "no key" },
		{ "+", "no key" },
		{ "PeterNeumann", "no key" },
		{ "PeterNeumann+", "no key" },
		{ "PeterNeumann+c74f20a3", "no key" },
		{ "PeterNeumann+c74f20a3+", "no key" },
		{ "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ " " PUBLISHED_KEY, "no key" },
		{ "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ "PeterNeumann+c74f20ag+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ "PeterNeumann+c74f20a30+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "the key's id" },
		{ "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "the key's id" },
		{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX", "the key's id" },
		{ "PeterNeumann+c74f20a3+AhpcQQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "a key of type 2" },
		{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", "no key" },
		{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==", "no key" },
		{ "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW", "no key" },
		{ "PeterNeumann+c74f20a3+\xc1Rpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no key" },
		{ PUBLISHED_KEY " x", "no key" },
		{ PUBLISHED_KEY "\n" PUBLISHED_KEY, "no key" },
	};
	char text[NOTE_KEY_MAX];
	struct note_signer s;
	struct note_key k;
	struct error err;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (note_key_parse(&k, bad[i].text, &err) == 0)
			fail_msg("\"%s\" is taken for a key", bad[i].text);
		if (strncmp(err.text, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("\"%s\": %s", bad[i].text, err.text);
		/* A public key is no private one. */
		assert_int_equal(note_signer_parse(&s, bad[i].text, &err), -1);
	}
	assert_int_equal(note_signer_parse(&s, PUBLISHED_KEY, &err), -1);
	assert_int_equal(note_key_parse(&k, note_signer_format(&signer, text), &err), -1);
}

/* No bit of a key's text can change, and what is said then has nothing of a private key in it. */
static void a_damaged_key_is_refused(void **state)
{
	char text[NOTE_KEY_MAX], seed[16];
	struct note_signer s;
	struct note_key k;
	struct error err;

	(void)state;
	note_signer_format(&signer, text);
	snprintf(seed, sizeof(seed), "%.12s", text + strlen(text) - 24);
	for (size_t bit = 0; bit < strlen(text) * 8; bit++) {
		size_t at = bit / 8;
		char kept = text[at];

		text[at] = (char)(kept ^ 1 << bit % 8);
		if (text[at] != '\0' && note_signer_parse(&s, text, &err) == 0 && memcmp(&s, &signer, sizeof(s)) != 0)
			fail_msg("byte %zu of the text of a private key may change", at);
		if (memcmp(&s, &signer, sizeof(s)) != 0)
			assert_int_equal(s.secret[0] | s.secret[40], 0);
		assert_null(strstr(err.text, seed));
		text[at] = kept;
	}
	note_key_format(&signer.key, text);
	for (size_t bit = 0; bit < strlen(text) * 8; bit++) {
		char kept = text[bit / 8];

		text[bit / 8] = (char)(kept ^ 1 << bit % 8);
		if (note_key_parse(&k, text, &err) == 0 && !note_key_equal(&k, &signer.key))
			fail_msg("byte %zu of the text of a public key may change", bit / 8);
		text[bit / 8] = kept;
	}
}

/* --- notes */

static void a_published_note_is_good(void **state)
{
	struct note_key k;
	struct error err;

	(void)state;
	assert_int_equal(note_key_parse(&k, PUBLISHED_KEY, &err), 0);
	assert_true(note_signed_by(PUBLISHED_NOTE, strlen(PUBLISHED_NOTE), &k));
	assert_int_equal(note_text(PUBLISHED_NOTE, strlen(PUBLISHED_NOTE)), strlen(PUBLISHED_TEXT));
}

static void a_note_is_signed_by_whom_it_names(void **state)
{
	static const char text[] = "one\n\nthree\n"; /* an empty line within is the text's */
	struct buffer note = signed_text(text, &signer);
	struct note_signer namesake;
	struct error err;

	(void)state;
	assert_int_equal(note_text((const char *)note.data, note.len), strlen(text));
	assert_memory_equal(note.data, text, strlen(text));
	assert_true(is_signed(&note, &signer.key));
	assert_false(is_signed(&note, &other.key));
	/* Another key of the same name: its id is another. */
	assert_int_equal(note_signer_make(&namesake, NAME, &err), 0);
	assert_false(is_signed(&note, &namesake.key));
	/* Or the same, made to fit. */
	memcpy(namesake.key.id, signer.key.id, NOTE_ID_SIZE);
	assert_false(is_signed(&note, &namesake.key));
	note_signer_wipe(&namesake);
	buffer_free(&note);
}

static void two_may_sign(void **state)
{
	struct buffer note = signed_text("text\n", &signer);
	struct buffer alone = signed_text("text\n", &signer);

	(void)state;
	assert_int_equal(note_sign(&note, &other), 0);
	assert_int_equal(note_text((const char *)note.data, note.len), 5);
	assert_memory_equal(note.data, alone.data, alone.len);
	assert_true(is_signed(&note, &signer.key));
	assert_true(is_signed(&note, &other.key));
	assert_false(is_signed(&alone, &other.key));
	/* Damage of the first leaves the second. */
	note.data[alone.len - 10] ^= 1;
	assert_false(is_signed(&note, &signer.key));
	assert_true(is_signed(&note, &other.key));
	buffer_free(&note);
	buffer_free(&alone);
}

static void no_bit_of_a_note_can_change(void **state)
{
	struct buffer note = signed_text("gate/hallowd/1\n18\nroot\n", &signer);

	(void)state;
	for (size_t bit = 0; bit < note.len * 8; bit++) {
		note.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (is_signed(&note, &signer.key))
			fail_msg("bit %zu of byte %zu may change", bit % 8, bit / 8);
		note.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	assert_true(is_signed(&note, &signer.key));
	buffer_free(&note);
}

/* In memory of its own, so that a sanitizer sees a read behind its end. */
static void no_part_of_a_note_is_one(void **state)
{
	struct buffer note = signed_text("one\ntwo\n", &signer);

	(void)state;
	for (size_t len = 0; len < note.len; len++) {
		char *part = malloc(len + (len == 0));

		assert_non_null(part);
		memcpy(part, note.data, len);
		assert_false(note_signed_by(part, len, &signer.key));
		free(part);
	}
	for (size_t cut = 1; cut < note.len; cut++)
		assert_false(note_signed_by((const char *)note.data + cut, note.len - cut, &signer.key));
	buffer_free(&note);
}

static void a_note_has_an_end(void **state)
{
	struct buffer note = BUFFER_INIT;

	(void)state;
	while (note.len < NOTE_MAX)
		assert_int_equal(buffer_add(&note, "0123456789abcde\n", 16), 0);
	assert_int_equal(note_sign(&note, &signer), 0);
	assert_int_equal(note_text((const char *)note.data, note.len), 0);
	assert_false(is_signed(&note, &signer.key));
	buffer_free(&note);
}

/* --- hashes as text */

static void hashes_as_text(void **state)
{
	char text[HASH_TEXT_MAX + 1];
	struct hash h, again;

	(void)state;
	hash_bytes("x", 1, &h);
	hash_format(&h, text);
	assert_int_equal(strlen(text), 44);
	assert_true(hash_parse(&again, text, 44));
	assert_true(hash_equal(&h, &again));
	for (size_t len = 0; len < 44; len++)
		assert_false(hash_parse(&again, text, len));
	assert_false(hash_parse(&again, text, 45));
	text[42]++; /* bits that no byte has */
	assert_false(hash_parse(&again, text, 44));
	text[42]--;
	for (int byte = 0; byte < 256; byte++) {
		text[7] = (char)byte;
		if (hash_parse(&again, text, 44)) {
			char back[HASH_TEXT_MAX];

			assert_memory_equal(hash_format(&again, back), text, 44);
		}
	}
}

/* --- checkpoints */

static const struct checkpoint example = {
	.origin = NAME "/073ab130ca9b19c6", .size = 18, .time = INT64_C(1795681264349357), .commits = 3,
};

static void assert_same_checkpoint(const struct checkpoint *a, const struct checkpoint *b)
{
	assert_string_equal(a->origin, b->origin);
	assert_int_equal(a->size, b->size);
	assert_true(hash_equal(&a->root, &b->root));
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->commits, b->commits);
	assert_true(hash_equal(&a->open, &b->open));
	assert_int_equal(a->kept, b->kept);
}

static void checkpoints_come_back(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 9, 10, 18, 1000000, INT64_MAX };
	struct checkpoint again;
	struct error err;

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		struct checkpoint c = example;
		struct buffer note = BUFFER_INIT;

		c.size = c.commits = sizes[i / 2];
		c.kept = i % 2 == 1;
		hash_bytes(&i, sizeof(i), &c.root);
		hash_bytes(&c, sizeof(c.origin), &c.open);
		assert_int_equal(checkpoint_encode(&c, &note), 0);
		assert_int_equal(note_sign(&note, &signer), 0);
		if (checkpoint_parse(&again, (const char *)note.data, note.len, &err) == -1)
			fail_msg("%s", err.text);
		assert_same_checkpoint(&again, &c);
		buffer_free(&note);
	}
}

#define ORIGIN NAME "/1\n"
#define ROOT "VnfG2g5JE2t31B8bUs8IV357wCHP1ZFumCESeYwN+Kw=\n"
#define TIME_LINE "time 2026-11-26T08:21:04.349357Z\n"
#define OPEN_LINE "open 3 QEy4DW9QObDm4NekrItRGlCmhrV9O+tsJfBj8UWw4vo=\n"

static int parse_signed(struct checkpoint *c, const char *text, struct error *err)
{
	struct buffer note = signed_text(text, &signer);
	int result = checkpoint_parse(c, (const char *)note.data, note.len, err);

	buffer_free(&note);
	return result;
}

static void lines_of_later_versions_are_passed_by(void **state)
{
	struct checkpoint c;
	struct error err;

	(void)state;
	assert_int_equal(parse_signed(&c, ORIGIN "18\n" ROOT TIME_LINE "later 1\n" OPEN_LINE "and so on\n", &err), 0);
	assert_int_equal(c.size, 18);
	assert_int_equal(c.commits, 3);
	assert_false(c.kept);
	assert_int_equal(parse_signed(&c, ORIGIN "18\n" ROOT OPEN_LINE TIME_LINE "kept\n", &err), 0);
	assert_true(c.kept);
	assert_int_equal(parse_signed(&c, ORIGIN "18\n" ROOT OPEN_LINE TIME_LINE "kept by others\n", &err), 0);
	assert_false(c.kept);
}

static void texts_that_are_no_checkpoints(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "\n18\n" ROOT TIME_LINE OPEN_LINE, "*first line*" },
		{ ORIGIN, "*second line*" },
		{ ORIGIN "\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "018\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "+18\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "-1\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "18 \n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "0x12\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "9223372036854775808\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "18446744073709551634\n" ROOT TIME_LINE OPEN_LINE, "*second line*" },
		{ ORIGIN "18\n", "*third line*" },
		{ ORIGIN "18\nVnfG2g5JE2t31B8bUs8IV357wCHP1ZFumCESeYwN+Kw\n" TIME_LINE OPEN_LINE, "*third line*" },
		{ ORIGIN "18\nVnfG2g5JE2t31B8bUs8IV357wCHP1ZFumCESeYwN+A==\n" TIME_LINE OPEN_LINE, "*third line*" },
		{ ORIGIN "18\n" ROOT, "*missing*" },
		{ ORIGIN "18\n" ROOT TIME_LINE, "*missing*" },
		{ ORIGIN "18\n" ROOT OPEN_LINE, "*missing*" },
		{ ORIGIN "18\n" ROOT "time yesterday\n" OPEN_LINE, "*damaged*" },
		{ ORIGIN "18\n" ROOT "time 2026-11-26T08:21:04Z\n" OPEN_LINE, "*damaged*" },
		{ ORIGIN "18\n" ROOT "time 2026-02-30T08:21:04.349357Z\n" OPEN_LINE, "*damaged*" },
		{ ORIGIN "18\n" ROOT TIME_LINE "open\n", "*missing*" },
		{ ORIGIN "18\n" ROOT TIME_LINE "open 3\n", "*damaged*" },
		{ ORIGIN "18\n" ROOT TIME_LINE "open 03 QEy4DW9QObDm4NekrItRGlCmhrV9O+tsJfBj8UWw4vo=\n", "*damaged*" },
		{ ORIGIN "18\n" ROOT TIME_LINE "open 3 QEy4DW9QObDm4NekrItRGlCmhrV9O+tsJfBj8UWw4vo\n", "*damaged*" },
		{ ORIGIN "18\n" ROOT "\n" TIME_LINE OPEN_LINE, "*damaged*" },
	};
	char origin[NOTE_ORIGIN_MAX + sizeof("\n18\n" ROOT TIME_LINE OPEN_LINE)];
	struct checkpoint c;
	struct error err;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char part[32];

		if (parse_signed(&c, bad[i].text, &err) == 0)
			fail_msg("%zu: taken for a checkpoint", i);
		snprintf(part, sizeof(part), "%.*s", (int)strlen(bad[i].error) - 2, bad[i].error + 1);
		if (strstr(err.text, part) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
	for (size_t len = NOTE_ORIGIN_MAX - 1; len <= NOTE_ORIGIN_MAX; len++) {
		memset(origin, 'o', len);
		strcpy(origin + len, "\n18\n" ROOT TIME_LINE OPEN_LINE);
		assert_int_equal(parse_signed(&c, origin, &err), len < NOTE_ORIGIN_MAX ? 0 : -1);
	}
	/* Without a signature it is none. */
	assert_int_equal(checkpoint_parse(&c, origin, strlen(origin), &err), -1);
	assert_int_equal(checkpoint_parse(&c, ORIGIN "18\n" ROOT TIME_LINE OPEN_LINE "\n",
	                                  strlen(ORIGIN "18\n" ROOT TIME_LINE OPEN_LINE "\n"), &err), -1);
	assert_int_equal(checkpoint_parse(&c, "", 0, &err), -1);
}

static void a_zero_byte_ends_no_name(void **state)
{
	struct buffer note = signed_text("gate\n18\n" ROOT TIME_LINE OPEN_LINE, &signer);
	struct checkpoint c;
	struct error err;

	(void)state;
	assert_int_equal(checkpoint_parse(&c, (const char *)note.data, note.len, &err), 0);
	note.data[1] = '\0';
	assert_int_equal(checkpoint_parse(&c, (const char *)note.data, note.len, &err), -1);
	assert_non_null(strstr(err.text, "first line"));
	buffer_free(&note);
}

int test_note(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_back),
		cmocka_unit_test(names_are_of_letters),
		cmocka_unit_test(texts_that_are_no_keys),
		cmocka_unit_test(a_damaged_key_is_refused),
		cmocka_unit_test(a_published_note_is_good),
		cmocka_unit_test(a_note_is_signed_by_whom_it_names),
		cmocka_unit_test(two_may_sign),
		cmocka_unit_test(no_bit_of_a_note_can_change),
		cmocka_unit_test(no_part_of_a_note_is_one),
		cmocka_unit_test(a_note_has_an_end),
		cmocka_unit_test(hashes_as_text),
		cmocka_unit_test(checkpoints_come_back),
		cmocka_unit_test(lines_of_later_versions_are_passed_by),
		cmocka_unit_test(texts_that_are_no_checkpoints),
		cmocka_unit_test(a_zero_byte_ends_no_name),
	};

	return cmocka_run_group_tests_name("notes", tests, make_signers, wipe_signers);
}
