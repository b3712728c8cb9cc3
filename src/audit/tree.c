#include "audit/tree.h"

#include <string.h>

#include "audit/varint.h"
#include "core/log.h"
#include "core/time_text.h"

/* --- loading */

static int prepare(struct tree *t, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

int tree_init(struct tree *t, sqlite3 *db)
{
	int rc;

	memset(t, 0, sizeof(*t));
	t->db = db;
	leaf_rows_init(&t->rows, db);
	rc = open_rows_init(&t->open, db);
	if (rc == SQLITE_OK)
		rc = prepare(t, "INSERT OR REPLACE INTO tile VALUES (?1, ?2)", &t->put_tile);
	if (rc == SQLITE_OK)
		rc = prepare(t, "INSERT OR REPLACE INTO leaves VALUES (?1, ?2, ?3, ?4, ?5)", &t->put_run);
	if (rc == SQLITE_OK)
		rc = prepare(t, "UPDATE tree SET size = ?1, edge = ?2, hour = ?3, part = ?4, commits = ?5", &t->put_tree);
	if (rc == SQLITE_OK)
		rc = tree_load(t);
	if (rc != SQLITE_OK)
		tree_close(t);
	return rc;
}

void tree_close(struct tree *t)
{
	sqlite3_finalize(t->put_tile);
	sqlite3_finalize(t->put_run);
	sqlite3_finalize(t->put_tree);
	leaf_rows_close(&t->rows);
	open_rows_close(&t->open);
	buffer_free(&t->run.ids);
	buffer_free(&t->bytes);
	memset(t, 0, sizeof(*t));
}

static int take_tree(struct tree *t, sqlite3_stmt *stmt)
{
	int bytes = sqlite3_column_bytes(stmt, 2);
	const char *log = (const char *)sqlite3_column_text(stmt, 0);
	int64_t size = sqlite3_column_int64(stmt, 1);
	struct hash edge[MERKLE_PATH_MAX];

	if (log == NULL || strlen(log) >= sizeof(t->log) || size < 0 || bytes % HASH_SIZE != 0 ||
	    (size_t)bytes > sizeof(edge))
		return SQLITE_CORRUPT;
	strcpy(t->log, log);
	if (bytes > 0)
		memcpy(edge, sqlite3_column_blob(stmt, 2), (size_t)bytes);
	t->hour = sqlite3_column_int64(stmt, 3);
	t->part = sqlite3_column_int64(stmt, 4);
	t->commits = (uint64_t)sqlite3_column_int64(stmt, 5);
	return merkle_load(&t->edge, (uint64_t)size, edge, (size_t)bytes / HASH_SIZE) ? SQLITE_OK : SQLITE_CORRUPT;
}

static int take_run(struct tree *t, sqlite3_stmt *stmt)
{
	struct tree_run *run = &t->run;
	const unsigned char *ids = sqlite3_column_blob(stmt, 4);
	size_t len = (size_t)sqlite3_column_bytes(stmt, 4), at = 0;
	int64_t id;

	run->first = (uint64_t)sqlite3_column_int64(stmt, 0);
	run->kind = (unsigned)sqlite3_column_int(stmt, 1);
	run->id = sqlite3_column_int64(stmt, 2);
	run->count = (uint64_t)sqlite3_column_int64(stmt, 3);
	if (leaf_shape(run->kind) == NULL || run->first + run->count != t->edge.size)
		return SQLITE_CORRUPT;
	if (len > 0 && buffer_add(&run->ids, ids, len) == -1)
		return SQLITE_NOMEM;
	run->last = 0;
	while (varint_get(run->ids.data, run->ids.len, &at, &id, &run->last))
		;
	return SQLITE_OK;
}

/* One row of `sql`, which gets `parameter`, is handed to `take`; none is as good. */
static int load_row(struct tree *t, const char *sql, int64_t parameter, int (*take)(struct tree *t, sqlite3_stmt *stmt))
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(t->db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, parameter);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = take(t, stmt);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	sqlite3_finalize(stmt);
	return rc;
}

static size_t entry_size(unsigned level)
{
	return level == 0 ? TREE_MARK_SIZE : HASH_SIZE;
}

static int take_tile(struct tree *t, sqlite3_stmt *stmt)
{
	unsigned level = (unsigned)(sqlite3_column_int64(stmt, 0) >> 56);
	struct tree_tile *tile = &t->tiles[level];

	if ((size_t)sqlite3_column_bytes(stmt, 1) != tile->count * entry_size(level))
		return SQLITE_CORRUPT;
	memcpy(tile->bytes, sqlite3_column_blob(stmt, 1), tile->count * entry_size(level));
	return SQLITE_OK;
}

static int load_tiles(struct tree *t)
{
	int rc = SQLITE_OK;

	for (unsigned level = 0; level < TREE_LEVELS && rc == SQLITE_OK; level++) {
		struct tree_tile *tile = &t->tiles[level];
		uint64_t entries = t->edge.size >> 8 * level;

		*tile = (struct tree_tile){ .n = entries / TREE_BLOCK, .count = entries % TREE_BLOCK };
		if (tile->count > 0)
			rc = load_row(t, "SELECT id, hashes FROM tile WHERE id = ?1", TREE_TILE_ID(level, tile->n), take_tile);
	}
	return rc;
}

int tree_load(struct tree *t)
{
	int rc;

	buffer_free(&t->run.ids);
	memset(&t->run, 0, sizeof(t->run));
	t->touched = 0;
	t->trouble = SQLITE_OK;
	rc = load_row(t, "SELECT log, size, edge, hour, part, commits FROM tree WHERE id = ?1", 1, take_tree);
	if (rc == SQLITE_OK && t->log[0] == '\0')
		rc = SQLITE_CORRUPT; /* there was no row */
	if (rc == SQLITE_OK)
		rc = load_tiles(t);
	if (rc == SQLITE_OK)
		rc = load_row(t, "SELECT first, kind, id, count, ids FROM leaves WHERE first < ?1 ORDER BY first DESC LIMIT 1",
		              INT64_MAX, take_run);
	return rc == SQLITE_OK ? open_rows_load(&t->open) : rc;
}

/* --- writing what is kept */

static int run_done(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_tile(struct tree *t, unsigned level)
{
	struct tree_tile *tile = &t->tiles[level];

	if (!tile->changed)
		return SQLITE_OK;
	tile->changed = false;
	sqlite3_bind_int64(t->put_tile, 1, TREE_TILE_ID(level, tile->n));
	sqlite3_bind_blob(t->put_tile, 2, tile->bytes, (int)(tile->count * entry_size(level)), SQLITE_STATIC);
	return run_done(t->put_tile);
}

int tree_write_run(struct tree *t)
{
	struct tree_run *run = &t->run;

	if (!run->changed)
		return SQLITE_OK;
	run->changed = false;
	sqlite3_bind_int64(t->put_run, 1, (int64_t)run->first);
	sqlite3_bind_int(t->put_run, 2, (int)run->kind);
	sqlite3_bind_int64(t->put_run, 3, run->id);
	sqlite3_bind_int64(t->put_run, 4, (int64_t)run->count);
	if (run->ids.len > 0)
		sqlite3_bind_blob(t->put_run, 5, run->ids.data, (int)run->ids.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(t->put_run, 5);
	return run_done(t->put_run);
}

static int write_tree(struct tree *t)
{
	struct hash edge[MERKLE_PATH_MAX];
	size_t count = merkle_save(&t->edge, edge);

	sqlite3_bind_int64(t->put_tree, 1, (int64_t)t->edge.size);
	sqlite3_bind_blob(t->put_tree, 2, edge, (int)(count * HASH_SIZE), SQLITE_STATIC);
	sqlite3_bind_int64(t->put_tree, 3, t->hour);
	sqlite3_bind_int64(t->put_tree, 4, t->part);
	sqlite3_bind_int64(t->put_tree, 5, (int64_t)++t->commits);
	return run_done(t->put_tree);
}

int tree_flush(struct tree *t)
{
	int rc = tree_write_run(t);

	for (unsigned level = 0; level < TREE_LEVELS && rc == SQLITE_OK; level++)
		rc = write_tile(t, level);
	if (rc == SQLITE_OK)
		rc = write_tree(t);
	if (rc == SQLITE_OK)
		rc = open_rows_save(&t->open, t->touched | OPEN_BIT(OPEN_TREE));
	t->touched = 0;
	return rc;
}

/* --- appending */

/* A full tile is written at once; the next begins. */
static void add_entry(struct tree *t, unsigned level, const struct hash *h)
{
	struct tree_tile *tile = &t->tiles[level];
	size_t size = entry_size(level);

	memcpy(tile->bytes + tile->count * size, h->bytes, size);
	tile->count++;
	tile->changed = true;
	if (tile->count < TREE_BLOCK)
		return;
	if (t->trouble == SQLITE_OK)
		t->trouble = write_tile(t, level);
	tile->n++;
	tile->count = 0;
	tile->changed = false;
}

static void completed(void *ctx, unsigned height, const struct hash *h)
{
	if (height % 8 == 0 && height / 8 < TREE_LEVELS)
		add_entry(ctx, height / 8, h);
}

static bool continues_run(const struct tree_run *run, unsigned kind, int64_t id)
{
	if (run->kind != kind || run->count >= (leaf_order(kind) == ORDER_LISTED ? TREE_LIST_MOST : TREE_RUN_MOST))
		return false;
	return leaf_order(kind) != ORDER_BUCKET || run->id == id;
}

static int begin_run(struct tree *t, unsigned kind, int64_t id)
{
	int rc = tree_write_run(t);
	struct buffer ids = t->run.ids;

	ids.len = 0;
	t->run = (struct tree_run){ .first = t->edge.size, .kind = kind, .id = id, .ids = ids };
	return rc;
}

static int add_to_run(struct tree *t, unsigned kind, int64_t id)
{
	struct tree_run *run = &t->run;
	int rc = continues_run(run, kind, id) ? SQLITE_OK : begin_run(t, kind, id);

	if (rc != SQLITE_OK)
		return rc;
	if (leaf_order(kind) == ORDER_LISTED && varint_put(&run->ids, id, &run->last) == -1)
		return SQLITE_NOMEM;
	run->count++;
	run->changed = true;
	return SQLITE_OK;
}

int tree_append_bytes(struct tree *t, unsigned kind, int64_t id, const void *bytes, size_t len)
{
	struct hash leaf;
	int rc = add_to_run(t, kind, id);

	if (rc != SQLITE_OK)
		return rc;
	hash_leaf(bytes, len, &leaf);
	add_entry(t, 0, &leaf);
	merkle_add(&t->edge, &leaf, completed, t);
	return t->trouble;
}

static int append_row(struct tree *t, unsigned kind, const struct leaf_row *row)
{
	if (!row->whole)
		return SQLITE_CORRUPT;
	t->bytes.len = 0;
	if (leaf_encode(kind, row->values, &t->bytes) == -1)
		return SQLITE_NOMEM;
	return tree_append_bytes(t, kind, row->id, t->bytes.data, t->bytes.len);
}

static int append_bucket(struct tree *t, int64_t bucket)
{
	struct leaf_row row;
	int rc = leaf_rows_first(&t->rows, LEAF_TALLY, bucket, 0, &row);

	while (rc == SQLITE_ROW) {
		rc = append_row(t, LEAF_TALLY, &row);
		if (rc == SQLITE_OK)
			rc = leaf_rows_next(&t->rows, LEAF_TALLY, &row);
	}
	leaf_rows_end(&t->rows, LEAF_TALLY);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int tree_append(struct tree *t, unsigned kind, int64_t id)
{
	struct leaf_row row;
	int rc;

	if (leaf_order(kind) == ORDER_BUCKET)
		return append_bucket(t, id);
	rc = leaf_rows_get(&t->rows, kind, id, &row);
	if (rc == SQLITE_ROW)
		rc = append_row(t, kind, &row);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_CORRUPT;
	leaf_rows_end(&t->rows, kind);
	return rc;
}

/* --- the hour of tally */

/* The first part of the hour that no row has. */
static int take_part(struct tree *t, sqlite3_stmt *stmt)
{
	t->part = sqlite3_column_int64(stmt, 0);
	return SQLITE_OK;
}

int tree_turn_hour(struct tree *t, int64_t hour)
{
	int rc;

	if (hour == t->hour)
		return SQLITE_OK;
	rc = append_bucket(t, LEAF_BUCKET(t->hour, t->part));
	if (rc != SQLITE_OK)
		return rc;
	t->touched |= OPEN_BIT(OPEN_TALLY);
	t->hour = hour;
	return load_row(t, "SELECT coalesce(max(part) + 1, 0) FROM tally WHERE hour = ?1", hour, take_part);
}

/* --- rows from before there was a tree */

#define TELL_EVERY 1000000

/* Oldest first within a kind.  What may still change waits, as ever. */
static const struct {
	unsigned kind;
	const char *sql;
} earlier[] = {
	{ LEAF_REVISION, "SELECT id FROM revision ORDER BY id" },
	{ LEAF_EVENT, "SELECT id FROM event ORDER BY id" },
	{ LEAF_SEGMENT, "SELECT id FROM segment s WHERE id < (SELECT max(id) FROM segment WHERE endpoint = s.endpoint)"
	                " ORDER BY id" },
	{ LEAF_TALLY, "SELECT DISTINCT hour * 65536 + part FROM tally WHERE hour < (SELECT hour FROM tree) ORDER BY 1" },
	{ LEAF_AGGREGATE, "SELECT id FROM aggregate WHERE live IS NULL ORDER BY id" },
	{ LEAF_CONNECTION, "SELECT id FROM connection ORDER BY id" },
};

static int append_earlier(struct tree *t, unsigned kind, const char *sql)
{
	uint64_t told = t->edge.size;
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(t->db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = tree_append(t, kind, sqlite3_column_int64(stmt, 0));
		if (t->edge.size - told < TELL_EVERY)
			continue;
		told = t->edge.size;
		log_notice("the audit log gets its hash tree: %llu rows so far", (unsigned long long)told);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int tree_begin(sqlite3 *db)
{
	struct tree t;
	int rc = tree_init(&t, db);

	for (size_t i = 0; i < sizeof(earlier) / sizeof(earlier[0]) && rc == SQLITE_OK; i++)
		rc = append_earlier(&t, earlier[i].kind, earlier[i].sql);
	t.touched = OPEN_ALL;
	t.open.newer_than[OPEN_DECISION] = t.open.newer_than[OPEN_TARGET] = INT64_MIN; /* all are new to it */
	if (rc == SQLITE_OK)
		rc = tree_flush(&t);
	tree_close(&t);
	return rc;
}
