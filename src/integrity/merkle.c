#include "integrity/merkle.h"

void merkle_add_subtree(struct merkle *m, unsigned height, const struct hash *h, merkle_completed *completed, void *ctx)
{
	struct hash sum = *h;
	unsigned at = height;

	while ((m->size >> at & 1) != 0) {
		hash_node(&m->complete[at], &sum, &sum);
		at++;
		if (completed != NULL)
			completed(ctx, at, &sum);
	}
	m->complete[at] = sum;
	m->size += UINT64_C(1) << height;
}

void merkle_add(struct merkle *m, const struct hash *leaf, merkle_completed *completed, void *ctx)
{
	merkle_add_subtree(m, 0, leaf, completed, ctx);
}

void merkle_root(const struct merkle *m, struct hash *root)
{
	bool any = false;

	if (m->size == 0)
		hash_bytes("", 0, root);
	for (unsigned height = 0; height <= MERKLE_HEIGHT_MAX && m->size >> height != 0; height++) {
		if ((m->size >> height & 1) == 0)
			continue;
		if (any)
			hash_node(&m->complete[height], root, root);
		else
			*root = m->complete[height];
		any = true;
	}
}

size_t merkle_save(const struct merkle *m, struct hash out[MERKLE_PATH_MAX])
{
	size_t count = 0;

	for (unsigned height = MERKLE_HEIGHT_MAX + 1; height-- > 0;)
		if ((m->size >> height & 1) != 0)
			out[count++] = m->complete[height];
	return count;
}

bool merkle_load(struct merkle *m, uint64_t size, const struct hash *in, size_t count)
{
	size_t at = 0;

	if (size >> MERKLE_HEIGHT_MAX != 0 || (size_t)__builtin_popcountll(size) != count)
		return false;
	*m = (struct merkle){ .size = size };
	for (unsigned height = MERKLE_HEIGHT_MAX + 1; height-- > 0;)
		if ((size >> height & 1) != 0)
			m->complete[height] = in[at++];
	return true;
}

/* --- making proofs */

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

static unsigned log_two(uint64_t n)
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* The largest power of two below n > 1: RFC 6962's k. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << log_two(n - 1);
}

/* MTH of the leaves from `from` to before `to`; `from` is where RFC 6962 would split. */
static int range(const struct merkle_source *s, uint64_t from, uint64_t to, struct hash *out)
{
	struct hash right;
	uint64_t k;

	if (is_power_of_two(to - from))
		return s->subtree(s->ctx, from, log_two(to - from), out);
	k = split(to - from);
	if (range(s, from, from + k, out) == -1 || range(s, from + k, to, &right) == -1)
		return -1;
	hash_node(out, &right, out);
	return 0;
}

int merkle_root_at(const struct merkle_source *s, uint64_t size, struct hash *root)
{
	if (size > 0)
		return range(s, 0, size, root);
	hash_bytes("", 0, root);
	return 0;
}

static int add_range(const struct merkle_source *s, uint64_t from, uint64_t to, struct merkle_path *p)
{
	return range(s, from, to, &p->hashes[p->count++]);
}

/* PATH(index, D[from:to]), RFC 6962, section 2.1.1; `index` counts from the tree's beginning. */
static int inclusion(const struct merkle_source *s, uint64_t index, uint64_t from, uint64_t to, struct merkle_path *p)
{
	uint64_t middle;

	if (to - from == 1)
		return 0;
	middle = from + split(to - from);
	if (index < middle)
		return inclusion(s, index, from, middle, p) == -1 ? -1 : add_range(s, middle, to, p);
	return inclusion(s, index, middle, to, p) == -1 ? -1 : add_range(s, from, middle, p);
}

int merkle_inclusion(const struct merkle_source *s, uint64_t index, uint64_t size, struct merkle_path *p)
{
	p->count = 0;
	return inclusion(s, index, 0, size, p);
}

/* SUBPROOF(old, D[from:to], whole), RFC 6962, section 2.1.2; `old` counts from the tree's beginning. */
static int consistency(const struct merkle_source *s, uint64_t old, uint64_t from, uint64_t to, bool whole,
                       struct merkle_path *p)
{
	uint64_t middle;

	if (old == to)
		return whole ? 0 : add_range(s, from, to, p);
	middle = from + split(to - from);
	if (old <= middle)
		return consistency(s, old, from, middle, whole, p) == -1 ? -1 : add_range(s, middle, to, p);
	return consistency(s, old, middle, to, false, p) == -1 ? -1 : add_range(s, from, middle, p);
}

int merkle_consistency(const struct merkle_source *s, uint64_t old, uint64_t size, struct merkle_path *p)
{
	p->count = 0;
	return consistency(s, old, 0, size, true, p);
}

/* --- checking them: RFC 9162, sections 2.1.3.2 and 2.1.4.2, which say it best for the same tree */

bool merkle_check_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *root,
                            const struct hash *path, size_t count)
{
	uint64_t at, last;
	struct hash sum = *leaf;

	if (index >= size)
		return false;
	at = index;
	last = size - 1;
	for (size_t i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if ((at & 1) != 0 || at == last) {
			hash_node(&path[i], &sum, &sum);
			for (; (at & 1) == 0 && at != 0; at >>= 1)
				last >>= 1;
		} else {
			hash_node(&sum, &path[i], &sum);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && hash_equal(&sum, root);
}

bool merkle_check_consistency(uint64_t old, const struct hash *old_root, uint64_t size, const struct hash *root,
                              const struct hash *path, size_t count)
{
	struct hash before, after;
	uint64_t at, last;
	size_t i = 0;

	if (old == 0 || old > size)
		return false;
	if (old == size)
		return count == 0 && hash_equal(old_root, root);
	at = old - 1;
	last = size - 1;
	for (; (at & 1) != 0; at >>= 1)
		last >>= 1;
	if (is_power_of_two(old))
		before = after = *old_root;
	else if (count == 0)
		return false;
	else
		before = after = path[i++];
	for (; i < count; i++) {
		if (last == 0)
			return false;
		if ((at & 1) != 0 || at == last) {
			hash_node(&path[i], &before, &before);
			hash_node(&path[i], &after, &after);
			for (; (at & 1) == 0 && at != 0; at >>= 1)
				last >>= 1;
		} else {
			hash_node(&after, &path[i], &after);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && hash_equal(&before, old_root) && hash_equal(&after, root);
}
