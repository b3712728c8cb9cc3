/* The rows as leaves: each kind's in the order in which its runs of leaves have them. */
#include <string.h>

#include "audit/audit.h"
#include "audit/verify_stream.h"

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

int verify_rows_advance(struct stream *s, unsigned kind)
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

/* --- the rows of a run */

static int begin_run(struct stream *s)
{
	struct cursor *c = &s->cursors[s->run.kind];
	int rc = SQLITE_OK;

	if (leaf_order(s->run.kind) != ORDER_LISTED && s->run.ids.len > 0)
		return verify_tell(s, 0, 0, "a run of leaves lists rows that are found by their order");
	if (leaf_order(s->run.kind) != ORDER_BY_ID)
		return SQLITE_OK;
	if (!c->begun)
		rc = verify_rows_advance(s, s->run.kind);
	if (rc != SQLITE_OK)
		return rc;
	if (c->there && c->id < s->run.id)
		return verify_tell(s, s->run.kind, c->id, "it was inserted: no leaf is of it");
	if (!c->there || c->id > s->run.id)
		return verify_tell(s, s->run.kind, s->run.id, "it is missing");
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
	return rc == SQLITE_DONE ? verify_tell(s, kind, *id, "it is missing") : rc;
}

static int take_of_bucket(struct stream *s, int64_t *id, struct hash *h)
{
	struct leaf_row row;
	int rc = s->run.used == 0 ? leaf_rows_first(&s->rows, LEAF_TALLY, s->run.id, 0, &row)
	                          : leaf_rows_next(&s->rows, LEAF_TALLY, &row);

	*id = s->run.id;
	if (rc == SQLITE_ROW)
		rc = hash_row(s, LEAF_TALLY, &row, h);
	return rc == SQLITE_DONE ? verify_tell(s, LEAF_TALLY, s->run.id, "one of its rows is missing") : rc;
}

static int take_next(struct stream *s, int64_t *id, struct hash *h)
{
	struct cursor *c = &s->cursors[s->run.kind];
	int rc;

	if (!c->there)
		return s->suspect < LEAF_BLOCK_LEAVES ? verify_tell_suspect(s)
		                                 : verify_bad(s->v, 0, 0, "the last %s is missing, which is leaf %llu",
		                                              leaf_shape(s->run.kind)->name,
		                                              (unsigned long long)(s->run.first + s->run.used));
	*id = c->id;
	*h = c->hash;
	rc = verify_rows_advance(s, s->run.kind);
	return rc == SQLITE_OK ? SQLITE_ROW : rc;
}

int verify_rows_take(struct stream *s, int64_t *id, struct hash *h)
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

int verify_rows_end_run(struct stream *s)
{
	struct leaf_row row;
	int rc = SQLITE_DONE;

	if (s->run.kind == LEAF_TALLY)
		rc = leaf_rows_next(&s->rows, LEAF_TALLY, &row);
	if (rc == SQLITE_ROW)
		return verify_tell(s, LEAF_TALLY, s->run.id, "a row was inserted into this hour");
	if (rc != SQLITE_DONE)
		return rc;
	rc = runs_next(&s->runs, &s->run);
	s->has_run = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void verify_rows_close(struct stream *s)
{
	sqlite3_finalize(s->connections);
	runs_end(&s->runs);
	run_free(&s->run);
	leaf_rows_close(&s->rows);
	buffer_free(&s->bytes);
}
