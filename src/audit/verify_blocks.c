/* The blocks (block.h) against the rows, which come past in the order of their ids when their leaves are read.
 *
 * A row that was changed makes its block wrong too, and is what should be named; so what is found here is told last. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify_state.h"

#define BLOCKS "SELECT b.id, b.first_id, b.rows, b.min_time, b.max_time, b.decisions, s.sources, s.places" \
	" FROM block b LEFT JOIN block_sources s ON s.id = b.id ORDER BY b.id"
#define STRAY "SELECT id FROM block_sources WHERE id NOT IN (SELECT id FROM block) LIMIT 1"

static void find(struct verify_blocks *b, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* The first finding stays. */
static void find(struct verify_blocks *b, const char *what, ...)
{
	va_list ap;

	if (b->found[0] != '\0')
		return;
	va_start(ap, what);
	vsnprintf(b->found, sizeof(b->found), what, ap);
	va_end(ap);
}

/* To the next block; b->there says whether there is one. */
static int next_block(struct verify_blocks *b)
{
	int rc = sqlite3_step(b->stmt);
	int64_t before = b->last_id;
	bool first = !b->any;

	b->count = 0;
	b->there = rc == SQLITE_ROW;
	if (!b->there)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	b->any = true;
	b->last_id = sqlite3_column_int64(b->stmt, 0);
	b->first_id = sqlite3_column_int64(b->stmt, 1);
	if (b->first_id > b->last_id || (!first && b->first_id <= before))
		find(b, "table block: the rows from %lld on are counted twice", (long long)b->first_id);
	return SQLITE_OK;
}

int verify_blocks_begin(struct verify *v)
{
	struct verify_blocks *b = &v->blocks;
	int rc = sqlite3_prepare_v2(v->db, BLOCKS, -1, &b->stmt, NULL);

	b->rows = calloc(BLOCK_ROWS, sizeof(*b->rows));
	if (rc == SQLITE_OK && b->rows == NULL)
		rc = SQLITE_NOMEM;
	return rc == SQLITE_OK ? next_block(b) : rc;
}

void verify_blocks_free(struct verify *v)
{
	sqlite3_finalize(v->blocks.stmt);
	free(v->blocks.rows);
}

static bool same_bytes(sqlite3_stmt *stmt, int column, const struct buffer *bytes)
{
	return (size_t)sqlite3_column_bytes(stmt, column) == bytes->len && sqlite3_column_type(stmt, column) != SQLITE_NULL &&
	       (bytes->len == 0 || memcmp(sqlite3_column_blob(stmt, column), bytes->data, bytes->len) == 0);
}

static bool same_block(sqlite3_stmt *stmt, const struct block *b)
{
	return sqlite3_column_int64(stmt, 0) == b->last_id && sqlite3_column_int64(stmt, 1) == b->first_id &&
	       (uint64_t)sqlite3_column_int64(stmt, 2) == b->rows && sqlite3_column_int64(stmt, 3) == b->min_time &&
	       sqlite3_column_int64(stmt, 4) == b->max_time && same_bytes(stmt, 5, &b->decisions) &&
	       same_bytes(stmt, 6, &b->sources) && same_bytes(stmt, 7, &b->places);
}

/* All rows of the block have come past. */
static int judge(struct verify_blocks *b)
{
	struct block made;
	bool same = false;

	if (b->count > 0 && b->found[0] == '\0') {
		if (block_make(&made, b->rows, b->count) == -1)
			return SQLITE_NOMEM;
		same = same_block(b->stmt, &made);
		block_free(&made);
	}
	if (!same)
		find(b, "tables block and block_sources: the counts of rows %lld to %lld are not those of the rows",
		     (long long)b->first_id, (long long)b->last_id);
	return SQLITE_OK;
}

int verify_blocks_row(struct verify *v, const struct block_row *row)
{
	struct verify_blocks *b = &v->blocks;
	int rc = SQLITE_OK;

	while (b->there && row->id > b->last_id && rc == SQLITE_OK) {
		rc = judge(b);
		if (rc == SQLITE_OK)
			rc = next_block(b);
		b->between = true;
	}
	if (rc != SQLITE_OK || !b->there)
		return rc;
	/* Before the first block there are rows where retention cut through one. */
	if (row->id < b->first_id && b->between)
		find(b, "table block: row %lld is missing in the counts", (long long)row->id);
	if (row->id < b->first_id)
		return SQLITE_OK;
	if (b->count == BLOCK_ROWS)
		find(b, "table block: rows %lld to %lld are more than are counted together", (long long)b->first_id,
		     (long long)b->last_id);
	else
		b->rows[b->count++] = *row;
	return SQLITE_OK;
}

static int find_stray(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, STRAY, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		find(&v->blocks, "table block_sources: %lld belongs to no row of table block",
		     (long long)sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int verify_blocks_end(struct verify *v)
{
	struct verify_blocks *b = &v->blocks;
	int rc = SQLITE_OK;

	while (b->there && rc == SQLITE_OK) {
		rc = judge(b);
		if (rc == SQLITE_OK)
			rc = next_block(b);
	}
	if (rc == SQLITE_OK)
		rc = find_stray(v);
	return rc == SQLITE_OK && b->found[0] != '\0' ? verify_bad(v, 0, 0, "%s", b->found) : rc;
}
