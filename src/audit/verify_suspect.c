/* Which row does not fit, and why: by the marks, two bytes of each leaf's hash. */
#include <string.h>

#include "audit/verify_stream.h"

bool verify_mark_is(const struct stream *s, size_t at, const struct hash *h)
{
	return at < s->mark_count && memcmp(s->marks + at * TREE_MARK_SIZE, h->bytes, TREE_MARK_SIZE) == 0;
}

static const struct hash *leaf_at(const struct stream *s, size_t at)
{
	return at < LEAF_BLOCK_LEAVES && s->places[at].live ? &s->block.nodes[0][at] : NULL;
}

/* How many rows are missing at the suspect place, when what stands there belongs further on; 0: it does not. */
static size_t missing(const struct stream *s)
{
	const struct hash *h = leaf_at(s, s->suspect), *next = leaf_at(s, s->suspect + 1);

	for (size_t at = s->suspect + 1; at < s->mark_count; at++)
		if (verify_mark_is(s, at, h) && (next == NULL || at + 1 >= s->mark_count || verify_mark_is(s, at + 1, next)))
			return at - s->suspect;
	return 0;
}

int verify_tell_suspect(struct stream *s)
{
	const struct place *p = &s->places[s->suspect];
	const struct hash *h = leaf_at(s, s->suspect), *next = leaf_at(s, s->suspect + 1);
	unsigned long long leaf = s->block.first + s->suspect;
	size_t gone = missing(s);

	if (next != NULL && verify_mark_is(s, s->suspect, next) && verify_mark_is(s, s->suspect + 1, h))
		return verify_bad(s->v, p->kind, p->id, "it stands where the row behind it belongs (leaf %llu): their order was"
			" changed", leaf);
	if (next != NULL && verify_mark_is(s, s->suspect, next))
		return verify_bad(s->v, p->kind, p->id, "it was inserted: the row behind it is what was recorded as leaf %llu",
		                  leaf);
	if (gone > 0)
		return verify_bad(s->v, p->kind, p->id, "%zu row%s missing in front of it, from leaf %llu on", gone,
		                  gone == 1 ? " is" : "s are", leaf);
	return verify_bad(s->v, p->kind, p->id, "it is not what was recorded as leaf %llu: it was changed", leaf);
}

int verify_tell(struct stream *s, unsigned kind, int64_t id, const char *what)
{
	return s->suspect < LEAF_BLOCK_LEAVES ? verify_tell_suspect(s) : verify_bad(s->v, kind, id, "%s", what);
}
