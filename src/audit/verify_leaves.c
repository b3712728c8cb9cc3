/* Reads the rows in the order of their leaves, 256 at a time, and compares what follows from them with what is kept. */
#include <stdlib.h>
#include <string.h>

#include "audit/verify_stream.h"

#define PROGRESS_LEAVES 65536

/* --- a leaf */

/* The announcement itself may be believed when its leaf is: verify_checkpoints sees to that. */
static int note_retirement(struct stream *s, int64_t id, uint64_t leaf)
{
	struct verify *v = s->v;
	struct verify_retirement *grown = verify_grow(v->retirements, v->retirement_count, sizeof(*grown));
	struct leaf_row row;
	char sql[80];
	uint64_t said, kind = 0;
	int rc;

	if (grown == NULL)
		return SQLITE_NOMEM;
	v->retirements = grown;
	sqlite3_snprintf(sizeof(sql), sql, "SELECT leaf FROM retirement WHERE id = %lld", (long long)id);
	rc = verify_count(v, sql, &said);
	sqlite3_snprintf(sizeof(sql), sql, "SELECT kind FROM retirement WHERE id = %lld", (long long)id);
	if (rc == SQLITE_OK)
		rc = verify_count(v, sql, &kind);
	if (rc == SQLITE_OK && said != leaf)
		return verify_bad(v, LEAF_RETIREMENT, id, "it says that it is leaf %llu, and is %llu", (unsigned long long)said,
		                  (unsigned long long)leaf);
	if (rc == SQLITE_OK)
		rc = leaf_rows_get(&s->rows, LEAF_RETIREMENT, id, &row);
	if (rc == SQLITE_ROW)
		grown[v->retirement_count++] = (struct verify_retirement){ (unsigned)kind, (uint64_t)row.values[3].number,
			                                                       (uint64_t)row.values[4].number, leaf };
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int take_leaf(struct stream *s, uint64_t leaf)
{
	size_t at = (size_t)(leaf - s->block.first);
	struct place *p = &s->places[at];
	struct hash h;
	int rc = verify_rows_take(s, &p->id, &h);

	if (rc != SQLITE_ROW)
		return rc;
	p->live = true;
	p->kind = s->run.kind;
	s->live++;
	leaf_block_put(&s->block, leaf, 0, &h);
	if (!verify_mark_is(s, at, &h) && s->suspect == LEAF_BLOCK_LEAVES)
		s->suspect = at;
	s->v->leaves_of[p->kind]++;
	rc = p->kind == LEAF_RETIREMENT ? note_retirement(s, p->id, leaf) : SQLITE_OK;
	if (rc == SQLITE_OK && ++s->run.used == s->run.count)
		rc = verify_rows_end_run(s);
	return rc;
}

/* --- leaves without rows */

static int note_gap(struct stream *s, uint64_t first, uint64_t end)
{
	struct verify *v = s->v;
	struct verify_gap *grown;

	v->result->retired += end - first;
	if (v->gap_count > 0 && v->gaps[v->gap_count - 1].end == first) {
		v->gaps[v->gap_count - 1].end = end;
		return SQLITE_OK;
	}
	grown = verify_grow(v->gaps, v->gap_count, sizeof(*grown));
	if (grown == NULL)
		return SQLITE_NOMEM;
	v->gaps = grown;
	grown[v->gap_count++] = (struct verify_gap){ first, end };
	return SQLITE_OK;
}

/* The hashes that were kept of leaves of this block. */
static int take_retired(struct stream *s)
{
	sqlite3_stmt *stmt;
	struct hash h;
	int rc = sqlite3_prepare_v2(s->v->db, "SELECT id, hash FROM retired WHERE id BETWEEN ?1 AND ?2", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, (int64_t)s->block.first * 8);
	sqlite3_bind_int64(stmt, 2, (int64_t)(s->block.first + LEAF_BLOCK_LEAVES) * 8 - 1);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);

		if (sqlite3_column_bytes(stmt, 1) == HASH_SIZE)
			memcpy(h.bytes, sqlite3_column_blob(stmt, 1), HASH_SIZE);
		if (sqlite3_column_bytes(stmt, 1) == HASH_SIZE && leaf_block_put(&s->block, (uint64_t)id / 8, (unsigned)id % 8, &h))
			continue;
		rc = verify_bad(s->v, 0, 0, "the hash that is kept of retired leaves from %lld on makes no sense",
		                (long long)id / 8);
		break;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- a block */

static int load_marks(struct stream *s)
{
	sqlite3_stmt *stmt = s->source.tile;
	int rc;

	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, TREE_TILE_ID(0, s->block.first / LEAF_BLOCK_LEAVES));
	rc = sqlite3_step(stmt);
	s->mark_count = 0;
	s->mark_tiles += rc == SQLITE_ROW;
	s->mark_bytes += rc == SQLITE_ROW ? (uint64_t)sqlite3_column_bytes(stmt, 0) : 0;
	if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(stmt, 0) <= sizeof(s->marks)) {
		s->mark_count = (size_t)sqlite3_column_bytes(stmt, 0) / TREE_MARK_SIZE;
		if (s->mark_count > 0)
			memcpy(s->marks, sqlite3_column_blob(stmt, 0), s->mark_count * TREE_MARK_SIZE);
		s->mark_bytes -= (uint64_t)sqlite3_column_bytes(stmt, 0) % TREE_MARK_SIZE;
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_places(struct stream *s, uint64_t end)
{
	uint64_t leaf = s->block.first;
	int rc = SQLITE_OK;

	while (leaf < end && rc == SQLITE_OK) {
		uint64_t until = !s->has_run || s->run.first > end ? end : s->run.first;

		if (s->has_run && s->run.first + s->run.used < leaf)
			return verify_tell(s, 0, 0, "the runs of leaves overlap");
		if (s->has_run && s->run.first + s->run.used == leaf) {
			rc = take_leaf(s, leaf++);
		} else {
			rc = note_gap(s, leaf, until);
			leaf = until;
		}
	}
	return rc;
}

/* Whether the leaves of a block that is not full yet are those at the tree's edge. */
static bool is_edge(const struct stream *s, uint64_t end)
{
	uint64_t at = s->block.first;

	for (unsigned height = LEAF_BLOCK_HEIGHT; height-- > 0;) {
		const struct hash *h;

		if ((end >> height & 1) == 0)
			continue;
		h = leaf_block_get(&s->block, at, height);
		if (h == NULL || !hash_equal(h, &s->v->tree.edge.complete[height]))
			return false;
		at += UINT64_C(1) << height;
	}
	return true;
}

static int block_hash(struct stream *s, uint64_t end, struct hash *top, bool *fits)
{
	const struct hash *computed;
	int rc;

	if (end - s->block.first < LEAF_BLOCK_LEAVES) {
		*fits = is_edge(s, end);
		return SQLITE_OK;
	}
	rc = tree_source_entry(&s->source, 1, s->block.first / LEAF_BLOCK_LEAVES, top);
	computed = leaf_block_get(&s->block, s->block.first, LEAF_BLOCK_HEIGHT);
	*fits = rc == SQLITE_ROW && (s->live == 0 || (computed != NULL && hash_equal(computed, top)));
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int judge_block(struct stream *s, uint64_t end, bool combined, struct hash *top)
{
	unsigned long long first = s->block.first, last = end - 1;
	bool fits;
	int rc = block_hash(s, end, top, &fits);

	if (rc != SQLITE_OK)
		return rc;
	if (!fits && s->suspect < LEAF_BLOCK_LEAVES)
		return verify_tell_suspect(s);
	if (!fits)
		return verify_bad(s->v, 0, 0, "the hashes that are kept over leaves %llu to %llu are not those of their rows",
		                  first, last);
	if (!combined)
		return verify_bad(s->v, 0, 0, "a hash that is kept of retired leaves among %llu to %llu was changed", first,
		                  last);
	if (s->suspect < LEAF_BLOCK_LEAVES || (s->live > 0 && s->mark_count != end - s->block.first))
		return verify_bad(s->v, 0, 0, "the marks of leaves %llu to %llu were changed", first, last);
	return SQLITE_OK;
}

/* Roots of earlier sizes that end in this block. */
static void take_wanted(struct stream *s, uint64_t end)
{
	struct verify *v = s->v;

	for (; v->wanted_at < v->wanted_count && v->wanted[v->wanted_at].size <= end; v->wanted_at++) {
		struct verify_wanted *w = &v->wanted[v->wanted_at];
		struct merkle m = s->edge;
		const struct hash *h = NULL;

		for (unsigned height = LEAF_BLOCK_HEIGHT + 1; height-- > 0;) {
			if (w->size - m.size < UINT64_C(1) << height)
				continue;
			h = leaf_block_get(&s->block, m.size, height);
			if (h == NULL)
				break;
			merkle_add_subtree(&m, height, h, NULL, NULL);
		}
		w->known = m.size == w->size;
		if (w->known)
			merkle_root(&m, &w->root);
	}
}

static void completed(void *ctx, unsigned height, const struct hash *h)
{
	struct stream *s = ctx;
	struct hash kept;
	unsigned level = height / 8;
	uint64_t n = s->block.first >> height;
	int rc;

	if (height % 8 != 0 || level >= TREE_LEVELS || s->trouble != SQLITE_OK)
		return;
	rc = tree_source_entry(&s->source, level, n, &kept);
	if (rc == SQLITE_ROW && hash_equal(&kept, h))
		return;
	s->trouble = rc != SQLITE_ROW && rc != SQLITE_DONE ? rc :
		verify_bad(s->v, 0, 0, "the hash that is kept over leaves %llu to %llu was changed",
		           (unsigned long long)n << height, ((unsigned long long)(n + 1) << height) - 1);
}

static int read_block(struct stream *s, uint64_t first, uint64_t end)
{
	struct hash top;
	bool combined;
	int rc;

	leaf_block_begin(&s->block, first);
	memset(s->places, 0, sizeof(s->places));
	s->live = 0;
	s->suspect = LEAF_BLOCK_LEAVES;
	rc = load_marks(s);
	if (rc == SQLITE_OK)
		rc = read_places(s, end);
	if (rc == SQLITE_OK && s->live < end - first)
		rc = take_retired(s);
	if (rc != SQLITE_OK)
		return rc;
	combined = leaf_block_combine(&s->block);
	rc = judge_block(s, end, combined, &top);
	if (rc != SQLITE_OK)
		return rc;
	if (end - first == LEAF_BLOCK_LEAVES)
		leaf_block_put(&s->block, first, LEAF_BLOCK_HEIGHT, &top); /* it is not known yet where all of it is retired */
	take_wanted(s, end);
	if (end - first == LEAF_BLOCK_LEAVES)
		merkle_add_subtree(&s->edge, LEAF_BLOCK_HEIGHT, &top, completed, s);
	return s->trouble;
}

/* --- all of it */

static void tell_progress(struct stream *s, uint64_t done)
{
	const struct verify_request *q = s->v->request;

	if (q->progress == NULL || done < s->told + PROGRESS_LEAVES)
		return;
	s->told = done;
	q->progress(q->ctx, done, s->v->tree.edge.size);
}

static int read_all(struct stream *s)
{
	uint64_t size = s->v->tree.edge.size;
	int rc = runs_next(&s->runs, &s->run);

	s->has_run = rc == SQLITE_ROW;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
	for (uint64_t first = 0; first < size && rc == SQLITE_OK; first += LEAF_BLOCK_LEAVES) {
		rc = read_block(s, first, size - first < LEAF_BLOCK_LEAVES ? size : first + LEAF_BLOCK_LEAVES);
		tell_progress(s, first);
	}
	if (rc == SQLITE_OK && s->has_run)
		return verify_bad(s->v, s->run.kind, s->run.id, "it is a leaf behind the end of the tree");
	for (unsigned height = LEAF_BLOCK_HEIGHT; height <= MERKLE_HEIGHT_MAX && rc == SQLITE_OK; height++)
		if ((size >> height & 1) != 0 && !hash_equal(&s->edge.complete[height], &s->v->tree.edge.complete[height]))
			return verify_bad(s->v, 0, 0, "the edge of the tree was changed");
	return rc == SQLITE_OK ? verify_extra(s) : rc;
}

int verify_leaves(struct verify *v)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return SQLITE_NOMEM;
	s->v = v;
	leaf_rows_init(&s->rows, v->db);
	rc = verify_names_load(v);
	if (rc == SQLITE_OK)
		rc = tree_source_init(&s->source, v->db);
	if (rc == SQLITE_OK)
		rc = runs_begin(&s->runs, v->db, 0);
	if (rc == SQLITE_OK)
		rc = read_all(s);
	for (unsigned kind = 0; kind < LEAF_KINDS; kind++)
		v->result->rows += v->leaves_of[kind];
	verify_rows_close(s);
	tree_source_close(&s->source);
	free(s);
	return rc;
}
