/* The tree against vectors of certificate transparency's reference, and against RFC 6962's definitions written down plainly. */
#include "test_integrity.h"

#include <string.h>

#include <sodium.h>

#include "integrity/merkle.h"

#define LEAVES 300
#define PAIRS 70 /* trees up to this size: every proof */

/* --- RFC 6962, section 2.1, word for word */

static struct hash leaves[LEAVES];

static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

static struct hash plain_root(uint64_t from, uint64_t to)
{
	struct hash left, right, out;
	uint64_t k;

	if (to == from) {
		hash_bytes("", 0, &out);
		return out;
	}
	if (to - from == 1)
		return leaves[from];
	k = split(to - from);
	left = plain_root(from, from + k);
	right = plain_root(from + k, to);
	hash_node(&left, &right, &out);
	return out;
}

/* A proof that is read as its definition makes it: from its end, since the definition puts what is highest last. */
struct reading {
	const struct hash *path;
	size_t left;
	bool bad; /* it was shorter than its definition */
};

static struct hash last_of(struct reading *r)
{
	static const struct hash none;

	if (r->left == 0) {
		r->bad = true;
		return none;
	}
	return r->path[--r->left];
}

static struct hash plain_included(struct reading *r, const struct hash *leaf, uint64_t index, uint64_t size)
{
	struct hash sibling, below, out;
	uint64_t k;

	if (size == 1 || r->bad)
		return *leaf;
	k = split(size);
	sibling = last_of(r);
	if (index < k) {
		below = plain_included(r, leaf, index, k);
		hash_node(&below, &sibling, &out);
	} else {
		below = plain_included(r, leaf, index - k, size - k);
		hash_node(&sibling, &below, &out);
	}
	return out;
}

static bool plain_inclusion_holds(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *root,
                                  const struct hash *path, size_t count)
{
	struct reading r = { path, count, false };
	struct hash sum;

	if (index >= size)
		return false;
	sum = plain_included(&r, leaf, index, size);
	return !r.bad && r.left == 0 && hash_equal(&sum, root);
}

/* The roots of the old and of the new tree as a consistency proof gives them. */
static void plain_continued(struct reading *r, const struct hash *old_root, uint64_t old, uint64_t size, bool whole,
                            struct hash *before, struct hash *after)
{
	struct hash sibling;
	uint64_t k;

	if (old == size || r->bad) {
		*before = *after = whole ? *old_root : last_of(r);
		return;
	}
	k = split(size);
	sibling = last_of(r);
	if (old <= k) {
		plain_continued(r, old_root, old, k, whole, before, after);
		hash_node(after, &sibling, after);
		return;
	}
	plain_continued(r, old_root, old - k, size - k, false, before, after);
	hash_node(&sibling, before, before);
	hash_node(&sibling, after, after);
}

static bool plain_consistency_holds(uint64_t old, const struct hash *old_root, uint64_t size, const struct hash *root,
                                    const struct hash *path, size_t count)
{
	struct reading r = { path, count, false };
	struct hash before, after;

	if (old == 0 || old > size)
		return false;
	plain_continued(&r, old_root, old, size, true, &before, &after);
	return !r.bad && r.left == 0 && hash_equal(&before, old_root) && hash_equal(&after, root);
}

/* --- helpers */

static int subtree(void *ctx, uint64_t first, unsigned height, struct hash *out)
{
	uint64_t *known = ctx;

	if (first + (UINT64_C(1) << height) > *known)
		return -1;
	*out = plain_root(first, first + (UINT64_C(1) << height));
	return 0;
}

static struct merkle_source source_of(uint64_t *size)
{
	return (struct merkle_source){ subtree, size };
}

static int make_leaves(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEAVES; i++)
		hash_leaf(&i, sizeof(i), &leaves[i]);
	return 0;
}

static struct hash of_hex(const char *hex)
{
	struct hash h;
	size_t len;

	assert_int_equal(sodium_hex2bin(h.bytes, HASH_SIZE, hex, strlen(hex), NULL, &len, NULL), 0);
	assert_int_equal(len, HASH_SIZE);
	return h;
}

static void assert_hash(const struct hash *h, const struct hash *expected)
{
	assert_memory_equal(h->bytes, expected->bytes, HASH_SIZE);
}

static void flip(struct hash *h, unsigned bit)
{
	h->bytes[bit / 8 % HASH_SIZE] ^= (unsigned char)(1u << bit % 8);
}

/* --- vectors */

static int vector_leaves(void **state)
{
	static const unsigned char bytes[] = "\x00" "\x10" "\x20\x21" "\x30\x31" "\x40\x41\x42\x43" "\x50\x51\x52\x53\x54\x55\x56\x57"
		"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f";
	static const size_t lengths[] = { 0, 1, 1, 2, 2, 4, 8, 16 };
	const unsigned char *at = bytes;

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		hash_leaf(at, lengths[i], &leaves[i]);
		at += lengths[i];
	}
	return 0;
}

static void published_roots(void **state)
{
	static const char *const roots[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct merkle m = { 0 };

	(void)state;
	for (uint64_t size = 0; size < COUNT(roots); size++) {
		struct hash expected = of_hex(roots[size]), root;
		struct merkle_source s = source_of(&size);

		merkle_root(&m, &root);
		assert_hash(&root, &expected);
		assert_int_equal(merkle_root_at(&s, size, &root), 0);
		assert_hash(&root, &expected);
		if (size + 1 < COUNT(roots))
			merkle_add(&m, &leaves[size], NULL, NULL);
	}
}

static void assert_path(const struct merkle_path *p, const char *const *expected, size_t count)
{
	assert_int_equal(p->count, count);
	for (size_t i = 0; i < count; i++) {
		struct hash h = of_hex(expected[i]);

		assert_hash(&p->hashes[i], &h);
	}
}

static void published_proofs(void **state)
{
	static const char *const of_first[] = {
		"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
	};
	static const char *const from_six[] = {
		"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	};
	uint64_t size = 8;
	struct merkle_source s = source_of(&size);
	struct merkle_path p;

	(void)state;
	assert_int_equal(merkle_inclusion(&s, 0, 8, &p), 0);
	assert_path(&p, of_first, COUNT(of_first));
	assert_int_equal(merkle_consistency(&s, 6, 8, &p), 0);
	assert_path(&p, from_six, COUNT(from_six));
}

/* --- appending */

static void every_size_has_the_root_of_the_definition(void **state)
{
	struct merkle m = { 0 };

	(void)state;
	for (uint64_t size = 0; size <= LEAVES; size++) {
		struct merkle_source s = source_of(&size);
		struct hash root, expected = plain_root(0, size);

		assert_int_equal(m.size, size);
		merkle_root(&m, &root);
		assert_hash(&root, &expected);
		assert_int_equal(merkle_root_at(&s, size, &root), 0);
		assert_hash(&root, &expected);
		if (size < LEAVES)
			merkle_add(&m, &leaves[size], NULL, NULL);
	}
}

static void an_edge_that_is_saved_is_loaded(void **state)
{
	struct hash saved[MERKLE_PATH_MAX], root, again;
	struct merkle m = { 0 }, loaded;

	(void)state;
	for (uint64_t size = 0; size <= LEAVES; size++) {
		size_t count = merkle_save(&m, saved);

		assert_int_equal(count, __builtin_popcountll(size));
		assert_true(merkle_load(&loaded, size, saved, count));
		assert_int_equal(merkle_save(&loaded, saved), count);
		merkle_root(&m, &root);
		merkle_root(&loaded, &again);
		assert_hash(&again, &root);
		assert_false(merkle_load(&loaded, size, saved, count + 1));
		assert_false(count > 0 && merkle_load(&loaded, size, saved, count - 1));
		if (size == LEAVES)
			break;
		/* And it goes on from there. */
		assert_true(merkle_load(&loaded, size, saved, count));
		merkle_add(&loaded, &leaves[size], NULL, NULL);
		merkle_add(&m, &leaves[size], NULL, NULL);
		merkle_root(&m, &root);
		merkle_root(&loaded, &again);
		assert_hash(&again, &root);
	}
	assert_false(merkle_load(&loaded, UINT64_C(1) << MERKLE_HEIGHT_MAX, saved, 1));
	assert_false(merkle_load(&loaded, UINT64_MAX, saved, MERKLE_PATH_MAX));
}

/* How many subtrees were told of, each of which is what it should be. */
struct told {
	uint64_t size; /* of the tree when what was appended is in it */
	uint64_t count;
};

static void completed(void *ctx, unsigned height, const struct hash *h)
{
	struct told *t = ctx;
	struct hash expected = plain_root(t->size - (UINT64_C(1) << height), t->size);

	assert_hash(h, &expected);
	t->count++;
}

static void whole_subtrees_may_be_appended(void **state)
{
	(void)state;
	for (unsigned most = 0; most <= 8; most++) {
		struct merkle m = { 0 };
		struct told t = { 0, 0 };
		uint64_t larger = 0; /* complete subtrees that what is appended does not bring with it */

		for (uint64_t size = 0; size < LEAVES; size = m.size) {
			unsigned height = 0;
			struct hash h, root, expected;

			/* Not all of the same height: a leaf now and then. */
			while (height < most && size % 3 != 1 && (size >> height & 1) == 0 && size + (UINT64_C(2) << height) <= LEAVES)
				height++;
			t.size = size + (UINT64_C(1) << height);
			h = plain_root(size, t.size);
			merkle_add_subtree(&m, height, &h, completed, &t);
			for (unsigned above = height + 1; t.size % (UINT64_C(1) << above) == 0; above++)
				larger++;
			assert_int_equal(m.size, t.size);
			assert_int_equal(t.count, larger);
			merkle_root(&m, &root);
			expected = plain_root(0, m.size);
			assert_hash(&root, &expected);
		}
		assert_int_equal(m.size, LEAVES);
	}
}

/* --- proofs */

struct proof {
	const struct hash *leaf, *old_root; /* leaf: NULL for a consistency proof */
	uint64_t at, size; /* at: the leaf's index, or the old tree's size */
	struct hash root;
	struct merkle_path path;
};

/* What the checks say, which is also what the definition says. */
static bool holds(const struct proof *p)
{
	bool said, plain;

	if (p->leaf != NULL) {
		said = merkle_check_inclusion(p->leaf, p->at, p->size, &p->root, p->path.hashes, p->path.count);
		plain = plain_inclusion_holds(p->leaf, p->at, p->size, &p->root, p->path.hashes, p->path.count);
	} else {
		said = merkle_check_consistency(p->at, p->old_root, p->size, &p->root, p->path.hashes, p->path.count);
		plain = plain_consistency_holds(p->at, p->old_root, p->size, &p->root, p->path.hashes, p->path.count);
	}
	if (said != plain)
		fail_msg("%s of %llu in %llu: said to be %s", p->leaf != NULL ? "inclusion" : "consistency",
		         (unsigned long long)p->at, (unsigned long long)p->size, said ? "good" : "bad");
	return said;
}

static void refused(const struct proof *p, const char *what)
{
	if (holds(p))
		fail_msg("%s of %llu in %llu holds with %s", p->leaf != NULL ? "inclusion" : "consistency",
		         (unsigned long long)p->at, (unsigned long long)p->size, what);
}

/* `bit` is another one for each proof, so that over all of them each bit of a hash gets its turn. */
static void no_changed_hash_holds(const struct proof *good, unsigned bit)
{
	struct proof p = *good;
	struct hash changed;

	flip(&p.root, bit);
	refused(&p, "another root");
	p = *good;
	if (good->leaf != NULL) {
		changed = *good->leaf;
		p.leaf = &changed;
	} else {
		changed = *good->old_root;
		p.old_root = &changed;
	}
	flip(&changed, bit);
	refused(&p, "another leaf or old root");
	for (size_t i = 0; i < good->path.count; i++) {
		p = *good;
		flip(&p.path.hashes[i], bit + (unsigned)i);
		refused(&p, "a hash of the path changed");
		memmove(&p.path.hashes[i], &good->path.hashes[i + 1], (good->path.count - i - 1) * sizeof(struct hash));
		p.path.count--;
		refused(&p, "a hash of the path left out");
		if (i == 0)
			continue;
		p = *good;
		p.path.hashes[i] = good->path.hashes[i - 1];
		p.path.hashes[i - 1] = good->path.hashes[i];
		refused(&p, "two hashes of the path in the other order");
	}
	for (size_t i = 0; i <= good->path.count; i++) {
		p = *good;
		memmove(&p.path.hashes[i + 1], &p.path.hashes[i], (good->path.count - i) * sizeof(struct hash));
		p.path.hashes[i] = i == 0 ? good->root : good->path.hashes[i - 1];
		p.path.count++;
		refused(&p, "one hash more");
	}
}

/* No other index or old size holds.  A tree of another size may have a path of the same shape, of which the checks say what
 * the definition says: what binds the size is the signed checkpoint, which names it beside the root. */
static void no_changed_number_holds(const struct proof *good)
{
	struct proof p = *good;

	for (uint64_t at = 0; at <= good->size + 1; at++) {
		p.at = at;
		if (at != good->at)
			refused(&p, "another number in front");
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		p.at = good->at ^ UINT64_C(1) << bit;
		refused(&p, "one bit of the number in front");
	}
	p.at = good->at;
	for (p.size = 0; p.size <= PAIRS + 1; p.size++)
		holds(&p);
	for (unsigned bit = 0; bit < 64; bit++) {
		p.size = good->size ^ UINT64_C(1) << bit;
		if (bit > 7)
			refused(&p, "one high bit of the size");
	}
}

static void every_leaf_of_every_tree_is_proved(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= PAIRS; size++)
		for (uint64_t index = 0; index < size; index++) {
			struct merkle_source s = source_of(&size);
			struct proof p = { .leaf = &leaves[index], .at = index, .size = size, .root = plain_root(0, size) };

			assert_int_equal(merkle_inclusion(&s, index, size, &p.path), 0);
			assert_true(holds(&p));
			no_changed_hash_holds(&p, (unsigned)(size * PAIRS + index));
			no_changed_number_holds(&p);
		}
}

static void every_tree_continues_every_smaller_one(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= PAIRS; size++)
		for (uint64_t old = 1; old <= size; old++) {
			struct hash old_root = plain_root(0, old);
			struct merkle_source s = source_of(&size);
			struct proof p = { .old_root = &old_root, .at = old, .size = size, .root = plain_root(0, size) };

			assert_int_equal(merkle_consistency(&s, old, size, &p.path), 0);
			assert_true(holds(&p));
			no_changed_hash_holds(&p, (unsigned)(size * PAIRS + old));
			no_changed_number_holds(&p);
		}
}

static void a_tree_that_was_rewritten_is_no_continuation(void **state)
{
	uint64_t size = PAIRS;
	struct merkle_source s = source_of(&size);
	struct merkle_path p;

	(void)state;
	for (uint64_t old = 1; old <= size; old++) {
		struct hash before = plain_root(0, old), after, kept = leaves[old - 1];

		flip(&leaves[old - 1], 0);
		after = plain_root(0, size);
		assert_int_equal(merkle_consistency(&s, old, size, &p), 0);
		assert_false(merkle_check_consistency(old, &before, size, &after, p.hashes, p.count));
		leaves[old - 1] = kept;
	}
}

static void what_is_not_known_is_not_proved(void **state)
{
	uint64_t known = 40;
	struct merkle_source s = source_of(&known);
	struct merkle_path p;
	struct hash root = leaves[1];

	(void)state;
	assert_int_equal(merkle_root_at(&s, 41, &root), -1);
	assert_int_equal(merkle_inclusion(&s, 3, 41, &p), -1);
	assert_int_equal(merkle_consistency(&s, 3, 41, &p), -1);
	assert_int_equal(merkle_inclusion(&s, 3, 40, &p), 0);
	/* Numbers that no tree has. */
	assert_false(merkle_check_inclusion(&leaves[0], 0, 0, &root, p.hashes, 0));
	assert_false(merkle_check_inclusion(&leaves[0], UINT64_MAX, UINT64_MAX, &root, p.hashes, p.count));
	assert_false(merkle_check_inclusion(&leaves[0], 0, UINT64_MAX, &root, p.hashes, p.count));
	assert_false(merkle_check_consistency(0, &leaves[0], 1, &root, p.hashes, 0));
	assert_false(merkle_check_consistency(0, &leaves[0], 0, &leaves[0], p.hashes, 0));
	assert_false(merkle_check_consistency(1, &leaves[0], UINT64_MAX, &root, p.hashes, p.count));
	assert_false(merkle_check_consistency(UINT64_MAX, &leaves[0], UINT64_MAX, &root, p.hashes, 0));
}

int test_merkle(void)
{
	const struct CMUnitTest vectors[] = {
		cmocka_unit_test(published_roots),
		cmocka_unit_test(published_proofs),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_has_the_root_of_the_definition),
		cmocka_unit_test(an_edge_that_is_saved_is_loaded),
		cmocka_unit_test(whole_subtrees_may_be_appended),
		cmocka_unit_test(every_leaf_of_every_tree_is_proved),
		cmocka_unit_test(every_tree_continues_every_smaller_one),
		cmocka_unit_test(a_tree_that_was_rewritten_is_no_continuation),
		cmocka_unit_test(what_is_not_known_is_not_proved),
	};

	return cmocka_run_group_tests_name("tree: vectors", vectors, vector_leaves, NULL) +
	       cmocka_run_group_tests_name("tree", tests, make_leaves, NULL);
}
