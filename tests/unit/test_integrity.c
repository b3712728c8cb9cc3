/* The hash tree and signed notes by themselves: vectors that others have published, and each against a second way to say the
 * same.  Of SHA-256 the program links one source as hallowd's others do, and the other under other names. */
#include "test_integrity.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "integrity/hash.h"

/* src/integrity/hash_sodium.c, see Makefile.am. */
void sodium_hash_bytes(const void *data, size_t len, struct hash *out);
void sodium_hash_leaf(const void *data, size_t len, struct hash *out);
void sodium_hash_node(const struct hash *left, const struct hash *right, struct hash *out);

static void assert_same(const struct hash *a, const struct hash *b)
{
	assert_memory_equal(a->bytes, b->bytes, HASH_SIZE);
}

/* Of every length around the blocks that SHA-256 works on. */
static void both_sources_of_hashes_agree(void **state)
{
	unsigned char data[300];
	struct hash a, b, left, right;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(data); len++) {
		hash_bytes(data, len, &a);
		sodium_hash_bytes(data, len, &b);
		assert_same(&a, &b);
		left = a;
		hash_leaf(data, len, &a);
		sodium_hash_leaf(data, len, &b);
		assert_same(&a, &b);
		right = a;
		hash_node(&left, &right, &a);
		sodium_hash_node(&left, &right, &b);
		assert_same(&a, &b);
	}
}

/* A leaf and a node have a byte in front, so neither passes for the other. */
static void leaves_and_nodes_are_told_apart(void **state)
{
	unsigned char bytes[1 + 2 * HASH_SIZE];
	struct hash left, right, leaf, node, whole;

	(void)state;
	hash_bytes("left", 4, &left);
	hash_bytes("right", 5, &right);
	memcpy(bytes + 1, left.bytes, HASH_SIZE);
	memcpy(bytes + 1 + HASH_SIZE, right.bytes, HASH_SIZE);
	hash_leaf(bytes + 1, sizeof(bytes) - 1, &leaf);
	hash_node(&left, &right, &node);
	assert_false(hash_equal(&leaf, &node));
	bytes[0] = 0;
	hash_bytes(bytes, sizeof(bytes), &whole);
	assert_same(&leaf, &whole);
	bytes[0] = 1;
	hash_bytes(bytes, sizeof(bytes), &whole);
	assert_same(&node, &whole);
	/* The result may be where an operand is. */
	leaf = left;
	hash_node(&leaf, &right, &leaf);
	assert_same(&leaf, &node);
	leaf = right;
	hash_node(&left, &leaf, &leaf);
	assert_same(&leaf, &node);
}

static int test_hash(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sources_of_hashes_agree),
		cmocka_unit_test(leaves_and_nodes_are_told_apart),
	};

	return cmocka_run_group_tests_name("hashes", tests, NULL, NULL);
}

int main(void)
{
	if (sodium_init() == -1)
		return EXIT_FAILURE;
	return test_hash() + test_merkle() + test_note() > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
