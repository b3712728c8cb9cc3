/* Deleting old rows and keeping what the tree needs of them (tree.h). */
#include <string.h>

#include "audit/runs.h"
#include "audit/tree.h"
#include "audit/tree_source.h"
#include "audit/varint.h"

#define HOUR INT64_C(3600000000)

struct retiring {
	struct tree *t;
	struct tree_source source;
	struct run run; /* of the kind, in work */
};

/* The first number of `sql`, which gets up to three. */
static int ask(sqlite3 *db, const char *sql, int64_t a, int64_t b, int64_t c, int64_t *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, a);
	sqlite3_bind_int64(stmt, 2, b);
	sqlite3_bind_int64(stmt, 3, c);
	rc = sqlite3_step(stmt);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int tell(sqlite3 *db, const char *sql, int64_t a, int64_t b, int64_t c)
{
	int64_t nothing;

	return ask(db, sql, a, b, c, &nothing);
}

/* --- runs of one kind */

/* The run of the kind that has the leaf `from` or the first behind it: SQLITE_ROW, SQLITE_DONE. */
static int find_run(struct retiring *r, unsigned kind, uint64_t from)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(r->t->db, "SELECT first, id, count, ids FROM leaves WHERE kind = ?1 AND first + count > ?2"
	                                      " ORDER BY first LIMIT 1", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int(stmt, 1, (int)kind);
	sqlite3_bind_int64(stmt, 2, (int64_t)from);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		struct buffer ids = r->run.ids;

		ids.len = 0;
		r->run = (struct run){ .first = (uint64_t)sqlite3_column_int64(stmt, 0), .kind = kind,
			                   .id = sqlite3_column_int64(stmt, 1), .count = (uint64_t)sqlite3_column_int64(stmt, 2) };
		if (sqlite3_column_bytes(stmt, 3) > 0 &&
		    buffer_add(&ids, sqlite3_column_blob(stmt, 3), (size_t)sqlite3_column_bytes(stmt, 3)) == -1)
			rc = SQLITE_NOMEM;
		r->run.ids = ids;
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* How many of the run's rows, from its leaf `from` on, are old, one after the other; at most `most`. */
static int count_old(struct retiring *r, uint64_t from, int64_t before, uint64_t most, uint64_t *count)
{
	uint64_t skip = from - r->run.first, left = r->run.count - skip;
	int64_t id, n = 0;
	int rc = SQLITE_OK;

	*count = 0;
	if (left > most)
		left = most;
	if (r->run.kind == LEAF_TALLY) {
		*count = r->run.id / 65536 < before / HOUR ? r->run.count - skip : 0;
		return SQLITE_OK;
	}
	if (r->run.kind == LEAF_ENDING) {
		rc = ask(r->t->db, "SELECT count(*) FROM (SELECT time FROM ending WHERE id >= (SELECT id FROM ending WHERE id >= ?1"
		                   " ORDER BY id LIMIT 1 OFFSET ?3) ORDER BY id LIMIT 5000) WHERE time < ?2", r->run.id, before,
		         (int64_t)skip, &n);
		*count = (uint64_t)n < left ? (uint64_t)n : left;
		return rc;
	}
	if (r->run.kind == LEAF_CONNECTION) {
		rc = ask(r->t->db, "SELECT count(*) FROM (SELECT 1 FROM connection WHERE id >= (SELECT id FROM connection WHERE"
		                   " id >= ?1 ORDER BY id LIMIT 1 OFFSET ?3) AND id < ?2 LIMIT 100000)", r->run.id, before,
		         (int64_t)skip, &n);
		*count = (uint64_t)n < left ? (uint64_t)n : left;
		return rc;
	}
	for (uint64_t i = 0; run_next_id(&r->run, &id) && rc == SQLITE_OK && *count < left; i++) {
		if (i < skip)
			continue;
		rc = ask(r->t->db, "SELECT 1 FROM aggregate WHERE id = ?1 AND to_time < ?2", id, before, 0, &n);
		if (n == 0)
			break;
		++*count;
	}
	return rc;
}

/* --- announcing */

static int announce(struct retiring *r, unsigned kind, uint64_t first, uint64_t count, int64_t now)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(r->t->db, "INSERT INTO retirement (time, kind, first, count, leaf) VALUES (?1, ?2, ?3, ?4,"
	                                      " ?5)", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, now);
	sqlite3_bind_int(stmt, 2, (int)kind);
	sqlite3_bind_int64(stmt, 3, (int64_t)first);
	sqlite3_bind_int64(stmt, 4, (int64_t)count);
	sqlite3_bind_int64(stmt, 5, (int64_t)r->t->edge.size);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? tree_append(r->t, LEAF_RETIREMENT, sqlite3_last_insert_rowid(r->t->db)) : rc;
}

static int announce_old(struct retiring *r, unsigned kind, const struct tree_retire *q, uint64_t from,
                        uint64_t *announced)
{
	uint64_t count = 0;
	int rc = SQLITE_DONE;

	*announced = 0;
	while (*announced < q->announce && (rc = find_run(r, kind, from)) == SQLITE_ROW) {
		if (from < r->run.first)
			from = r->run.first;
		rc = count_old(r, from, q->before, q->announce - *announced, &count);
		if (rc != SQLITE_OK || count == 0)
			return rc;
		rc = announce(r, kind, from, count, q->now);
		if (rc != SQLITE_OK)
			return rc;
		*announced += count;
		from += count;
	}
	return *announced >= q->announce || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- the hashes that stay */

/* Which leaves of the block still have rows, and where a checkpoint ends in it. */
static int mark_block(struct retiring *r, uint64_t first, bool live[LEAF_BLOCK_LEAVES], bool ends[LEAF_BLOCK_LEAVES + 1])
{
	struct run run = { .ids = BUFFER_INIT };
	struct runs runs;
	sqlite3_stmt *stmt;
	int rc = runs_begin(&runs, r->t->db, first);

	while (rc == SQLITE_OK && (rc = runs_next(&runs, &run)) == SQLITE_ROW) {
		for (uint64_t leaf = run.first > first ? run.first : first;
		     leaf < run.first + run.count && leaf < first + LEAF_BLOCK_LEAVES; leaf++)
			live[leaf - first] = true;
		rc = run.first >= first + LEAF_BLOCK_LEAVES ? SQLITE_DONE : SQLITE_OK;
	}
	runs_end(&runs);
	run_free(&run);
	if (rc != SQLITE_DONE)
		return rc;
	rc = sqlite3_prepare_v2(r->t->db, "SELECT size FROM checkpoint WHERE size > ?1 AND size < ?1 + 256", -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, (int64_t)first);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		ends[(uint64_t)sqlite3_column_int64(stmt, 0) - first] = true;
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int keep_hash(struct retiring *r, uint64_t first, unsigned height, const struct hash *h)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(r->t->db, "INSERT INTO retired VALUES (?1, ?2)", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, (int64_t)first * 8 + (int64_t)height);
	sqlite3_bind_blob(stmt, 2, h->bytes, HASH_SIZE, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Keeps the hash of a subtree all of whose leaves are gone, and in the midst of which no checkpoint ends; else of its
 * halves. */
static int keep_subtree(struct retiring *r, const struct leaf_block *b, size_t at, unsigned height,
                        const bool live[LEAF_BLOCK_LEAVES], const bool ends[LEAF_BLOCK_LEAVES + 1])
{
	size_t half = ((size_t)1 << height) / 2;
	const struct hash *h = leaf_block_get(b, b->first + at, height);
	bool whole = height < LEAF_BLOCK_HEIGHT && h != NULL;
	int rc;

	for (size_t i = at; i < at + ((size_t)1 << height) && whole; i++)
		whole = !live[i] && (i == at || !ends[i]);
	if (whole)
		return keep_hash(r, b->first + at, height, h);
	if (height == 0)
		return SQLITE_OK;
	rc = keep_subtree(r, b, at, height - 1, live, ends);
	return rc == SQLITE_OK ? keep_subtree(r, b, at + half, height - 1, live, ends) : rc;
}

/* `b` is the block as it was before rows went. */
static int keep_block(struct retiring *r, const struct leaf_block *b)
{
	bool live[LEAF_BLOCK_LEAVES] = { false }, ends[LEAF_BLOCK_LEAVES + 1] = { false }, any = false, cut = false;
	bool complete = r->t->edge.size - b->first >= LEAF_BLOCK_LEAVES;
	int rc = mark_block(r, b->first, live, ends);

	for (size_t i = 0; i < LEAF_BLOCK_LEAVES; i++) {
		any = any || live[i];
		cut = cut || ends[i];
	}
	if (rc == SQLITE_OK)
		rc = tell(r->t->db, "DELETE FROM retired WHERE id BETWEEN ?1 AND ?2", (int64_t)b->first * 8,
		          (int64_t)(b->first + LEAF_BLOCK_LEAVES) * 8 - 1, 0);
	if (rc == SQLITE_OK && complete && !any)
		rc = tell(r->t->db, "DELETE FROM tile WHERE id = ?1", TREE_TILE_ID(0, b->first / LEAF_BLOCK_LEAVES), 0, 0);
	if (rc != SQLITE_OK || (complete && !any && !cut))
		return rc;
	return keep_subtree(r, b, 0, LEAF_BLOCK_HEIGHT, live, ends);
}

/* --- deleting */

static int shrink_listed(struct retiring *r, uint64_t count)
{
	struct buffer rest = BUFFER_INIT;
	int64_t id, last = 0;
	int rc = SQLITE_OK;

	r->run.at = 0;
	r->run.last = 0;
	for (uint64_t i = 0; run_next_id(&r->run, &id) && rc == SQLITE_OK; i++) {
		if (i < count)
			rc = tell(r->t->db, "DELETE FROM aggregate WHERE id = ?1", id, 0, 0);
		else if (varint_put(&rest, id, &last) == -1)
			rc = SQLITE_NOMEM;
		if (i == count)
			r->run.id = id;
	}
	buffer_free(&r->run.ids);
	r->run.ids = rest;
	return rc;
}

static int delete_rows(struct retiring *r, uint64_t count)
{
	int64_t id = r->run.id;
	int rc;

	if (r->run.kind == LEAF_AGGREGATE)
		return shrink_listed(r, count);
	if (r->run.kind == LEAF_TALLY)
		return tell(r->t->db, "DELETE FROM tally WHERE hour = ?1 AND part = ?2 AND (endpoint, verdict) IN (SELECT endpoint,"
		                      " verdict FROM tally WHERE hour = ?1 AND part = ?2 ORDER BY endpoint, verdict LIMIT ?3)",
		            id / 65536, id % 65536, (int64_t)count);
	if (r->run.kind == LEAF_ENDING) {
		rc = tell(r->t->db, "DELETE FROM ending WHERE id IN (SELECT id FROM ending WHERE id >= ?1 ORDER BY id LIMIT ?2)",
		          id, (int64_t)count, 0);
		return rc == SQLITE_OK ? ask(r->t->db, "SELECT id FROM ending WHERE id >= ?1 ORDER BY id LIMIT 1", id, 0, 0,
		                             &r->run.id) : rc;
	}
	rc = tell(r->t->db, "DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id >= ?1 ORDER BY id"
	                    " LIMIT ?2)", id, (int64_t)count, 0);
	return rc == SQLITE_OK ? ask(r->t->db, "SELECT id FROM connection WHERE id >= ?1 ORDER BY id LIMIT 1", id, 0, 0,
	                             &r->run.id) : rc;
}

static int rewrite_run(struct retiring *r, uint64_t count)
{
	struct tree_run rest = { .first = r->run.first + count, .count = r->run.count - count, .kind = r->run.kind,
		                     .id = r->run.id, .ids = r->run.ids, .changed = true };
	struct tree_run kept = r->t->run;
	int rc = tell(r->t->db, "DELETE FROM leaves WHERE first = ?1", (int64_t)r->run.first, 0, 0);

	if (rc != SQLITE_OK || rest.count == 0)
		return rc;
	r->t->run = rest;
	rc = tree_write_run(r->t);
	r->t->run = kept;
	return rc;
}

/* The first `count` rows of the run, which lie in one block. */
static int retire_in_block(struct retiring *r, uint64_t count)
{
	static struct leaf_block b;
	int rc;

	b.first = r->run.first - r->run.first % LEAF_BLOCK_LEAVES;
	rc = tree_source_block(&r->source, &b);
	if (rc == SQLITE_OK)
		rc = delete_rows(r, count);
	if (rc == SQLITE_OK)
		rc = rewrite_run(r, count);
	return rc == SQLITE_OK ? keep_block(r, &b) : rc;
}

static int delete_announced(struct retiring *r, unsigned kind, uint64_t until, uint64_t most, uint64_t *deleted)
{
	int rc = SQLITE_DONE;

	*deleted = 0;
	while (*deleted < most && (rc = find_run(r, kind, 0)) == SQLITE_ROW && r->run.first < until) {
		uint64_t count = LEAF_BLOCK_LEAVES - r->run.first % LEAF_BLOCK_LEAVES;

		count = count < r->run.count ? count : r->run.count;
		count = count < until - r->run.first ? count : until - r->run.first;
		count = count < most - *deleted ? count : most - *deleted;
		rc = retire_in_block(r, count);
		if (rc != SQLITE_OK)
			return rc;
		*deleted += count;
	}
	return rc == SQLITE_ROW || rc == SQLITE_DONE || rc == SQLITE_OK ? SQLITE_OK : rc;
}

int tree_retire(struct tree *t, unsigned kind, const struct tree_retire *q, uint64_t *deleted, uint64_t *announced)
{
	static const char until[] = "SELECT coalesce(max(first + count), 0) FROM retirement WHERE kind = ?1 AND leaf < ?2";
	struct retiring r = { .t = t };
	int64_t told, covered;
	int rc = tree_source_init(&r.source, t->db);

	*deleted = *announced = 0;
	if (rc == SQLITE_OK)
		rc = ask(t->db, until, kind, INT64_MAX, 0, &told);
	if (rc == SQLITE_OK)
		rc = announce_old(&r, kind, q, (uint64_t)told, announced);
	/* The run that is in work is behind all that is deleted, and is written. */
	if (rc == SQLITE_OK)
		rc = tree_write_run(t);
	if (rc == SQLITE_OK)
		rc = ask(t->db, until, kind, q->at_once ? INT64_MAX : (int64_t)q->signed_size, 0, &covered);
	if (rc == SQLITE_OK)
		rc = delete_announced(&r, kind, (uint64_t)covered, q->most, deleted);
	tree_source_close(&r.source);
	run_free(&r.run);
	return rc;
}
