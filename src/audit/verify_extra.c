/* What is there and should not be: rows that no leaf is of, hashes that the tree has no use for. */
#include "audit/verify_stream.h"

static int extra_by_id(struct stream *s, unsigned kind)
{
	struct cursor *c = &s->cursors[kind];
	int rc = c->begun ? SQLITE_OK : verify_rows_advance(s, kind);

	if (rc != SQLITE_OK || !c->there)
		return rc;
	return verify_bad(s->v, kind, c->id, "it was inserted: no leaf is of it");
}

static int extra_by_count(struct verify *v, unsigned kind, const char *sql)
{
	uint64_t n;
	int rc = verify_count(v, sql, &n);

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
	rc = verify_count(s->v, "SELECT count(*) FROM tile", &n);
	if (rc == SQLITE_OK)
		rc = verify_count(s->v, "SELECT coalesce(sum(length(hashes)), 0) FROM tile", &found);
	if (rc == SQLITE_OK && (n != tiles || found != bytes))
		rc = verify_bad(s->v, 0, 0, "there are more hashes in table tile than the tree has");
	if (rc == SQLITE_OK)
		rc = verify_count(s->v, "SELECT sum(iif(kind BETWEEN 0 AND 8 AND length(hash) = 32, 1, 100)) FROM open_rows", &n);
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
	rc = verify_count(v, sql, &n);
	if (rc == SQLITE_OK && n > 0)
		rc = verify_bad(v, 0, 0, "hashes are kept of retired leaves that never were");
	return rc;
}

int verify_extra(struct stream *s)
{
	int rc = extra_rows(s);

	if (rc == SQLITE_OK)
		rc = stray_tiles(s);
	return rc == SQLITE_OK ? stray_hashes(s->v) : rc;
}
