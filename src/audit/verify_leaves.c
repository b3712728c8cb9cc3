/* Reads the rows in the order of their leaves, 256 at a time, and compares what follows from them with what is kept. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/leaf_block.h"
#include "audit/runs.h"
#include "audit/tree_source.h"
#include "audit/verify_state.h"

#define PROGRESS_LEAVES 65536

/* The rows of a kind that are found by id, one after the other over all of its runs. */
struct cursor {
	bool begun, there; /* there: `id` and `hash` are of the row that comes next */
	int64_t id;
	struct hash hash;
};

/* What stands at each leaf of the block. */
struct place {
	bool live;
	unsigned kind;
	int64_t id;
};

struct stream {
	struct verify *v;
	struct runs runs;
	struct run run;
	bool has_run;
	struct leaf_rows rows;
	sqlite3_stmt *connections;
	struct cursor cursors[LEAF_KINDS];
	struct buffer bytes;
	struct merkle edge; /* of the blocks before */
	struct leaf_block block;
	struct place places[LEAF_BLOCK_LEAVES];
	size_t live;        /* of them */
	unsigned char marks[LEAF_BLOCK_LEAVES * TREE_MARK_SIZE];
	size_t mark_count;
	size_t suspect;     /* the first place whose mark differs; LEAF_BLOCK_LEAVES: none */
	struct tree_source source;
	int trouble;
	uint64_t told;
	uint64_t mark_tiles, mark_bytes; /* that there should be */
};

/* --- rows */

static int hash_row(struct stream *s, unsigned kind, const struct leaf_row *row, struct hash *h)
{
	s->bytes.len = 0;
	if (leaf_encode(kind, row->values, &s->bytes) == -1)
		return SQLITE_NOMEM;
	hash_leaf(s->bytes.data, s->bytes.len, h);
	if (!row->whole)
		h->bytes[0] ^= 0xff; /* whatever it is, it is not what was recorded */
	return SQLITE_ROW;
}

static const struct buffer *named(struct verify_names *n, int64_t id)
{
	static const struct buffer nothing = BUFFER_INIT;

	if (id < 0 || (uint64_t)id >= n->count)
		return &nothing;
	n->rows[id]++;
	return &n->bytes[id];
}

static void put(struct buffer *out, const struct buffer *more)
{
	if (more->len > 0)
		memcpy(out->data + out->len, more->data, more->len);
	out->len += more->len;
}

/* As record/leaves.c encodes it, and leaf_encode. */
static int hash_connection(struct stream *s, struct cursor *c)
{
	sqlite3_stmt *stmt = s->connections;
	const struct buffer *target = named(&s->v->targets, sqlite3_column_int64(stmt, 5)),
		*decision = named(&s->v->decisions, sqlite3_column_int64(stmt, 4));
	struct block_row in = { .id = sqlite3_column_int64(stmt, 0), .decision = sqlite3_column_int64(stmt, 4) };
	bool good = audit_column_address(stmt, 2, &in.source) == 0;
	struct buffer *out = &s->bytes;
	int rc;

	c->id = in.id;
	in.time = (int64_t)((uint64_t)in.id + (uint64_t)sqlite3_column_int64(stmt, 1));
	rc = good ? verify_blocks_row(s->v, &in) : SQLITE_OK;
	if (rc != SQLITE_OK)
		return rc;
	out->len = 0;
	if (buffer_reserve(out, 64 + target->len + decision->len) == -1)
		return SQLITE_NOMEM;
	leaf_put_kind(out, LEAF_CONNECTION);
	leaf_put_number(out, c->id);
	leaf_put_number(out, in.time);
	if (good)
		leaf_put_address(out, &in.source);
	leaf_put_optional(out, sqlite3_column_type(stmt, 3) != SQLITE_NULL, sqlite3_column_int64(stmt, 3) + 32768);
	put(out, target);
	put(out, decision);
	hash_leaf(out->data, out->len, &c->hash);
	return SQLITE_ROW;
}

static int advance_connections(struct stream *s, struct cursor *c)
{
	int rc = SQLITE_OK;

	if (!c->begun)
		rc = sqlite3_prepare_v2(s->v->db, "SELECT id, skew, source, source_port, decision, target FROM connection"
		                                  " ORDER BY id", -1, &s->connections, NULL);
	if (rc != SQLITE_OK)
		return rc;
	c->begun = true;
	rc = sqlite3_step(s->connections);
	return rc == SQLITE_ROW ? hash_connection(s, c) : rc;
}

/* To the next row; c->there says whether there is one. */
static int advance(struct stream *s, unsigned kind)
{
	struct cursor *c = &s->cursors[kind];
	struct leaf_row row;
	int rc;

	if (kind == LEAF_CONNECTION) {
		rc = advance_connections(s, c);
	} else {
		rc = c->begun ? leaf_rows_next(&s->rows, kind, &row) : leaf_rows_first(&s->rows, kind, INT64_MIN, 0, &row);
		c->begun = true;
		if (rc == SQLITE_ROW) {
			c->id = row.id;
			rc = hash_row(s, kind, &row, &c->hash);
		}
	}
	c->there = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- findings */

static bool mark_is(const struct stream *s, size_t at, const struct hash *h)
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
		if (mark_is(s, at, h) && (next == NULL || at + 1 >= s->mark_count || mark_is(s, at + 1, next)))
			return at - s->suspect;
	return 0;
}

/* Says what is wrong with the block, of which the row at the suspect place does not fit. */
static int tell_suspect(struct stream *s)
{
	const struct place *p = &s->places[s->suspect];
	const struct hash *h = leaf_at(s, s->suspect), *next = leaf_at(s, s->suspect + 1);
	unsigned long long leaf = s->block.first + s->suspect;
	size_t gone = missing(s);

	if (next != NULL && mark_is(s, s->suspect, next) && mark_is(s, s->suspect + 1, h))
		return verify_bad(s->v, p->kind, p->id, "it stands where the row behind it belongs (leaf %llu): their order was"
			" changed", leaf);
	if (next != NULL && mark_is(s, s->suspect, next))
		return verify_bad(s->v, p->kind, p->id, "it was inserted: the row behind it is what was recorded as leaf %llu",
		                  leaf);
	if (gone > 0)
		return verify_bad(s->v, p->kind, p->id, "%zu row%s missing in front of it, from leaf %llu on", gone,
		                  gone == 1 ? " is" : "s are", leaf);
	return verify_bad(s->v, p->kind, p->id, "it is not what was recorded as leaf %llu: it was changed", leaf);
}

/* Something else showed before the block was read to its end; what does not fit in front of that comes first. */
static int tell(struct stream *s, unsigned kind, int64_t id, const char *what)
{
	return s->suspect < LEAF_BLOCK_LEAVES ? tell_suspect(s) : verify_bad(s->v, kind, id, "%s", what);
}

/* --- the rows of a run */

static int begin_run(struct stream *s)
{
	struct cursor *c = &s->cursors[s->run.kind];
	int rc = SQLITE_OK;

	if (leaf_order(s->run.kind) != ORDER_LISTED && s->run.ids.len > 0)
		return tell(s, 0, 0, "a run of leaves lists rows that are found by their order");
	if (leaf_order(s->run.kind) != ORDER_BY_ID)
		return SQLITE_OK;
	if (!c->begun)
		rc = advance(s, s->run.kind);
	if (rc != SQLITE_OK)
		return rc;
	if (c->there && c->id < s->run.id)
		return tell(s, s->run.kind, c->id, "it was inserted: no leaf is of it");
	if (!c->there || c->id > s->run.id)
		return tell(s, s->run.kind, s->run.id, "it is missing");
	return SQLITE_OK;
}

static int take_listed(struct stream *s, int64_t *id, struct hash *h)
{
	unsigned kind = s->run.kind;
	struct leaf_row row;
	int rc;

	if (!run_next_id(&s->run, id) || (s->run.used == 0 && *id != s->run.id))
		return verify_bad(s->v, 0, 0, "the run of leaves from %llu on is damaged", (unsigned long long)s->run.first);
	rc = leaf_rows_get(&s->rows, kind, *id, &row);
	if (rc == SQLITE_ROW)
		rc = hash_row(s, kind, &row, h);
	leaf_rows_end(&s->rows, kind);
	return rc == SQLITE_DONE ? tell(s, kind, *id, "it is missing") : rc;
}

static int take_of_bucket(struct stream *s, int64_t *id, struct hash *h)
{
	struct leaf_row row;
	int rc = s->run.used == 0 ? leaf_rows_first(&s->rows, LEAF_TALLY, s->run.id, 0, &row)
	                          : leaf_rows_next(&s->rows, LEAF_TALLY, &row);

	*id = s->run.id;
	if (rc == SQLITE_ROW)
		rc = hash_row(s, LEAF_TALLY, &row, h);
	return rc == SQLITE_DONE ? tell(s, LEAF_TALLY, s->run.id, "one of its rows is missing") : rc;
}

static int take_next(struct stream *s, int64_t *id, struct hash *h)
{
	struct cursor *c = &s->cursors[s->run.kind];
	int rc;

	if (!c->there)
		return s->suspect < LEAF_BLOCK_LEAVES ? tell_suspect(s)
		                                 : verify_bad(s->v, 0, 0, "the last %s is missing, which is leaf %llu",
		                                              leaf_shape(s->run.kind)->name,
		                                              (unsigned long long)(s->run.first + s->run.used));
	*id = c->id;
	*h = c->hash;
	rc = advance(s, s->run.kind);
	return rc == SQLITE_OK ? SQLITE_ROW : rc;
}

/* SQLITE_ROW with the next row of the run. */
static int take_row(struct stream *s, int64_t *id, struct hash *h)
{
	int rc = s->run.used == 0 ? begin_run(s) : SQLITE_OK;

	if (rc != SQLITE_OK)
		return rc;
	switch (leaf_order(s->run.kind)) {
	case ORDER_BY_ID:
		return take_next(s, id, h);
	case ORDER_BUCKET:
		return take_of_bucket(s, id, h);
	default:
		return take_listed(s, id, h);
	}
}

static int end_run(struct stream *s)
{
	struct leaf_row row;
	int rc = SQLITE_DONE;

	if (s->run.kind == LEAF_TALLY)
		rc = leaf_rows_next(&s->rows, LEAF_TALLY, &row);
	if (rc == SQLITE_ROW)
		return tell(s, LEAF_TALLY, s->run.id, "a row was inserted into this hour");
	if (rc != SQLITE_DONE)
		return rc;
	rc = runs_next(&s->runs, &s->run);
	s->has_run = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int count(struct verify *v, const char *sql, uint64_t *n)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*n = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

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
	rc = count(v, sql, &said);
	sqlite3_snprintf(sizeof(sql), sql, "SELECT kind FROM retirement WHERE id = %lld", (long long)id);
	if (rc == SQLITE_OK)
		rc = count(v, sql, &kind);
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
	int rc = take_row(s, &p->id, &h);

	if (rc != SQLITE_ROW)
		return rc;
	p->live = true;
	p->kind = s->run.kind;
	s->live++;
	leaf_block_put(&s->block, leaf, 0, &h);
	if (!mark_is(s, at, &h) && s->suspect == LEAF_BLOCK_LEAVES)
		s->suspect = at;
	s->v->leaves_of[p->kind]++;
	rc = p->kind == LEAF_RETIREMENT ? note_retirement(s, p->id, leaf) : SQLITE_OK;
	if (rc == SQLITE_OK && ++s->run.used == s->run.count)
		rc = end_run(s);
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
			return tell(s, 0, 0, "the runs of leaves overlap");
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
		return tell_suspect(s);
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

/* --- what is behind the last leaf */

static int extra_by_id(struct stream *s, unsigned kind)
{
	struct cursor *c = &s->cursors[kind];
	int rc = c->begun ? SQLITE_OK : advance(s, kind);

	if (rc != SQLITE_OK || !c->there)
		return rc;
	return verify_bad(s->v, kind, c->id, "it was inserted: no leaf is of it");
}

static int extra_by_count(struct verify *v, unsigned kind, const char *sql)
{
	uint64_t n;
	int rc = count(v, sql, &n);

	if (rc != SQLITE_OK || n == v->leaves_of[kind])
		return rc;
	return verify_bad(v, 0, 0, "table %s has %llu rows that do not change any more, and %llu leaves are of it: rows"
		" were inserted", leaf_shape(kind)->name, (unsigned long long)n, (unsigned long long)v->leaves_of[kind]);
}

static int extra_rows(struct stream *s)
{
	struct verify *v = s->v;
	int rc = SQLITE_OK;

	for (unsigned kind = 1; kind < LEAF_KINDS && rc == SQLITE_OK; kind++)
		if (leaf_shape(kind) != NULL && leaf_order(kind) == ORDER_BY_ID)
			rc = extra_by_id(s, kind);
	if (rc == SQLITE_OK)
		rc = extra_by_count(v, LEAF_TALLY, "SELECT (SELECT count(*) FROM tally) - (SELECT count(*) FROM tree t"
			" CROSS JOIN tally y ON y.hour = t.hour AND y.part = t.part)");
	if (rc == SQLITE_OK)
		rc = extra_by_count(v, LEAF_AGGREGATE, "SELECT count(*) FROM aggregate WHERE live IS NOT 1");
	if (rc == SQLITE_OK)
		rc = extra_by_count(v, LEAF_SEGMENT, "SELECT count(*) - count(DISTINCT endpoint) FROM segment");
	return rc;
}

/* Tiles with more in them than the tree has, which no comparison of an entry shows. */
static int stray_tiles(struct stream *s)
{
	uint64_t tiles = s->mark_tiles, bytes = s->mark_bytes, size = s->v->tree.edge.size, n, found;
	int rc;

	for (unsigned level = 1; level < TREE_LEVELS; level++) {
		uint64_t entries = size >> 8 * level;

		tiles += (entries + TREE_BLOCK - 1) / TREE_BLOCK;
		bytes += entries * HASH_SIZE;
	}
	rc = count(s->v, "SELECT count(*) FROM tile", &n);
	if (rc == SQLITE_OK)
		rc = count(s->v, "SELECT coalesce(sum(length(hashes)), 0) FROM tile", &found);
	if (rc == SQLITE_OK && (n != tiles || found != bytes))
		rc = verify_bad(s->v, 0, 0, "there are more hashes in table tile than the tree has");
	if (rc == SQLITE_OK)
		rc = count(s->v, "SELECT sum(iif(kind BETWEEN 0 AND 8 AND length(hash) = 32, 1, 100)) FROM open_rows", &n);
	if (rc == SQLITE_OK && n != OPEN_KINDS)
		rc = verify_bad(s->v, 0, 0, "table open_rows has other rows than the %d that belong there", OPEN_KINDS);
	return rc;
}

static int stray_hashes(struct verify *v)
{
	char sql[128];
	uint64_t n;
	int rc;

	sqlite3_snprintf(sizeof(sql), sql, "SELECT count(*) FROM retired WHERE id >= %llu OR id < 0",
	                 (unsigned long long)v->tree.edge.size * 8);
	rc = count(v, sql, &n);
	if (rc == SQLITE_OK && n > 0)
		rc = verify_bad(v, 0, 0, "hashes are kept of retired leaves that never were");
	return rc;
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
	if (rc == SQLITE_OK)
		rc = extra_rows(s);
	if (rc == SQLITE_OK)
		rc = stray_tiles(s);
	return rc == SQLITE_OK ? stray_hashes(s->v) : rc;
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
	sqlite3_finalize(s->connections);
	runs_end(&s->runs);
	run_free(&s->run);
	leaf_rows_close(&s->rows);
	tree_source_close(&s->source);
	buffer_free(&s->bytes);
	free(s);
	return rc;
}
