#include "audit/tree_source.h"

#include <string.h>

#include "audit/runs.h"

/* --- a block */

static int put_row(struct tree_source *s, struct leaf_block *b, unsigned kind, const struct leaf_row *row, uint64_t leaf)
{
	struct hash h;

	s->bytes.len = 0;
	if (leaf_encode(kind, row->values, &s->bytes) == -1)
		return SQLITE_NOMEM;
	hash_leaf(s->bytes.data, s->bytes.len, &h);
	return leaf_block_put(b, leaf, 0, &h) ? SQLITE_OK : SQLITE_CORRUPT;
}

static int put_listed(struct tree_source *s, struct leaf_block *b, struct run *run, uint64_t from, uint64_t to)
{
	struct leaf_row row;
	int64_t id;
	int rc = SQLITE_OK;

	for (uint64_t leaf = run->first; leaf < to && rc == SQLITE_OK; leaf++) {
		if (!run_next_id(run, &id))
			return SQLITE_CORRUPT;
		if (leaf < from)
			continue;
		rc = leaf_rows_get(&s->rows, run->kind, id, &row);
		if (rc == SQLITE_ROW)
			rc = put_row(s, b, run->kind, &row, leaf);
		else if (rc == SQLITE_DONE)
			rc = SQLITE_OK; /* gone; who needs its hash will miss it */
		leaf_rows_end(&s->rows, run->kind);
	}
	return rc;
}

static int put_ordered(struct tree_source *s, struct leaf_block *b, const struct run *run, uint64_t from, uint64_t to)
{
	struct leaf_row row;
	int rc = leaf_rows_first(&s->rows, run->kind, run->id, (int64_t)(from - run->first), &row);

	for (uint64_t leaf = from; leaf < to && rc == SQLITE_ROW; leaf++) {
		rc = put_row(s, b, run->kind, &row, leaf);
		if (rc == SQLITE_OK)
			rc = leaf + 1 < to ? leaf_rows_next(&s->rows, run->kind, &row) : SQLITE_DONE;
	}
	leaf_rows_end(&s->rows, run->kind);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_rows(struct tree_source *s, struct leaf_block *b)
{
	struct run run = { .ids = BUFFER_INIT };
	struct runs runs = { NULL };
	int rc = runs_begin(&runs, s->db, b->first);

	while (rc == SQLITE_OK && (rc = runs_next(&runs, &run)) == SQLITE_ROW) {
		uint64_t from = run.first > b->first ? run.first : b->first, to = run.first + run.count;

		rc = SQLITE_OK;
		if (run.first >= b->first + LEAF_BLOCK_LEAVES)
			break;
		if (to > b->first + LEAF_BLOCK_LEAVES)
			to = b->first + LEAF_BLOCK_LEAVES;
		if (from < to)
			rc = leaf_order(run.kind) == ORDER_LISTED ? put_listed(s, b, &run, from, to)
			                                          : put_ordered(s, b, &run, from, to);
	}
	runs_end(&runs);
	run_free(&run);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_retired(struct tree_source *s, struct leaf_block *b)
{
	struct hash h;
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(s->db, "SELECT id, hash FROM retired WHERE id BETWEEN ?1 AND ?2", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, (int64_t)b->first * 8);
	sqlite3_bind_int64(stmt, 2, (int64_t)(b->first + LEAF_BLOCK_LEAVES) * 8 - 1);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);

		if (sqlite3_column_bytes(stmt, 1) != HASH_SIZE)
			break;
		memcpy(h.bytes, sqlite3_column_blob(stmt, 1), HASH_SIZE);
		if (!leaf_block_put(b, (uint64_t)id / 8, (unsigned)id % 8, &h))
			break;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_ROW ? SQLITE_CORRUPT : rc;
}

int tree_source_block(struct tree_source *s, struct leaf_block *b)
{
	uint64_t first = b->first;
	int rc;

	leaf_block_begin(b, first);
	rc = put_rows(s, b);
	if (rc == SQLITE_OK)
		rc = put_retired(s, b);
	if (rc == SQLITE_OK && !leaf_block_combine(b))
		rc = SQLITE_CORRUPT;
	return rc;
}

/* --- any subtree */

int tree_source_entry(struct tree_source *s, unsigned level, uint64_t n, struct hash *h)
{
	size_t at = n % TREE_BLOCK * HASH_SIZE;
	int rc;

	sqlite3_reset(s->tile);
	sqlite3_bind_int64(s->tile, 1, TREE_TILE_ID(level, n / TREE_BLOCK));
	rc = sqlite3_step(s->tile);
	if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(s->tile, 0) < at + HASH_SIZE)
		rc = SQLITE_DONE;
	if (rc == SQLITE_ROW)
		memcpy(h->bytes, (const unsigned char *)sqlite3_column_blob(s->tile, 0) + at, HASH_SIZE);
	sqlite3_reset(s->tile);
	return rc;
}

static int small_subtree(struct tree_source *s, uint64_t first, unsigned height, struct hash *out)
{
	uint64_t begins = first - first % LEAF_BLOCK_LEAVES;
	const struct hash *h;

	if (!s->has_block || s->block.first != begins) {
		s->has_block = false;
		s->block.first = begins;
		s->code = tree_source_block(s, &s->block);
		if (s->code != SQLITE_OK)
			return -1;
		s->has_block = true;
	}
	h = leaf_block_get(&s->block, first, height);
	if (h == NULL)
		return -1;
	*out = *h;
	return 0;
}

static int subtree(void *ctx, uint64_t first, unsigned height, struct hash *out)
{
	struct tree_source *s = ctx;
	struct hash right;
	int rc;

	if (height < 8)
		return small_subtree(s, first, height, out);
	if (height % 8 == 0) {
		rc = tree_source_entry(s, height / 8, first >> height, out);
		s->code = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
		return rc == SQLITE_ROW ? 0 : -1;
	}
	height--;
	if (subtree(ctx, first, height, out) == -1 || subtree(ctx, first + (UINT64_C(1) << height), height, &right) == -1)
		return -1;
	hash_node(out, &right, out);
	return 0;
}

int tree_source_init(struct tree_source *s, sqlite3 *db)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->db = db;
	s->merkle = (struct merkle_source){ subtree, s };
	leaf_rows_init(&s->rows, db);
	rc = sqlite3_prepare_v2(db, "SELECT hashes FROM tile WHERE id = ?1", -1, &s->tile, NULL);
	if (rc != SQLITE_OK)
		tree_source_close(s);
	return rc;
}

void tree_source_close(struct tree_source *s)
{
	leaf_rows_close(&s->rows);
	sqlite3_finalize(s->tile);
	buffer_free(&s->bytes);
	s->tile = NULL;
}
