#include "record/blocks.h"

#include <stdlib.h>

#include "record/store.h"

void blocks_free(struct blocks *b)
{
	free(b->rows);
	*b = (struct blocks){ NULL, 0, 0 };
}

int blocks_load(struct blocks *b, struct store *s)
{
	sqlite3_stmt *stmt;
	int got;

	b->count = 0;
	b->upto = 0;
	if (store_prepare(s, "SELECT id FROM block ORDER BY id DESC LIMIT 1", &stmt) == -1)
		return -1;
	got = store_step(s, stmt);
	if (got == 1)
		b->upto = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return got == -1 ? -1 : 0;
}

static void bind_bytes(sqlite3_stmt *stmt, int parameter, const struct buffer *bytes)
{
	sqlite3_bind_blob64(stmt, parameter, bytes->len > 0 ? bytes->data : (const void *)"", bytes->len, SQLITE_STATIC);
}

static int write_block(struct store *s, const struct block *b)
{
	sqlite3_stmt *stmt = store_use(s, ST_BLOCK_ADD);

	sqlite3_bind_int64(stmt, 1, b->last_id);
	sqlite3_bind_int64(stmt, 2, b->first_id);
	sqlite3_bind_int64(stmt, 3, (int64_t)b->rows);
	sqlite3_bind_int64(stmt, 4, b->min_time);
	sqlite3_bind_int64(stmt, 5, b->max_time);
	bind_bytes(stmt, 6, &b->decisions);
	if (store_run(s, stmt) == -1)
		return -1;
	stmt = store_use(s, ST_BLOCK_SOURCES_ADD);
	sqlite3_bind_int64(stmt, 1, b->last_id);
	bind_bytes(stmt, 2, &b->sources);
	bind_bytes(stmt, 3, &b->places);
	return store_run(s, stmt);
}

/* The rows in memory become a block. */
static int end_block(struct blocks *b, struct store *s)
{
	struct block block;
	int result;

	if (block_make(&block, b->rows, b->count) == -1)
		return store_no_memory(s);
	result = write_block(s, &block);
	block_free(&block);
	b->count = 0;
	return result;
}

static int64_t day(time_us time)
{
	return time / BLOCK_DAY;
}

static int append(struct blocks *b, struct store *s, const struct block_row *row)
{
	if (b->rows == NULL) {
		b->rows = calloc(BLOCK_ROWS, sizeof(*b->rows));
		if (b->rows == NULL)
			return store_no_memory(s);
	}
	if (b->count > 0 && day(row->time) != day(b->rows[0].time) && end_block(b, s) == -1)
		return -1;
	b->rows[b->count++] = *row;
	b->upto = row->id;
	return b->count == BLOCK_ROWS ? end_block(b, s) : 0;
}

int blocks_add(struct blocks *b, struct store *s, const struct block_row *row, int64_t previous)
{
	return blocks_behind(b, previous) ? 0 : append(b, s, row);
}

bool blocks_behind(const struct blocks *b, int64_t last)
{
	return b->upto < last;
}

/* 1 with the row, 0 where there is none, -1. */
static int next_row(struct store *s, sqlite3_stmt *stmt, struct block_row *row)
{
	int got = store_step(s, stmt);

	if (got != 1)
		return got;
	row->id = sqlite3_column_int64(stmt, 0);
	row->time = row->id + sqlite3_column_int64(stmt, 1);
	row->decision = sqlite3_column_int64(stmt, 3);
	if (audit_column_address(stmt, 2, &row->source) == 0)
		return 1;
	s->code = SQLITE_CORRUPT;
	return error_set(&s->err, "%s: a row of table connection has no address", AUDIT_FILE);
}

int blocks_catch_up(struct blocks *b, struct store *s, int64_t last)
{
	sqlite3_stmt *stmt = store_use(s, ST_BLOCK_ROWS);
	struct block_row row;
	int got = 0, rows = 0;

	if (store_write_fresh(s) == -1)
		return -1;
	sqlite3_bind_int64(stmt, 1, b->upto);
	sqlite3_bind_int64(stmt, 2, last);
	while (rows < BLOCKS_STEP_ROWS && (got = next_row(s, stmt, &row)) == 1) {
		rows++;
		if (append(b, s, &row) == -1) {
			got = -1;
			break;
		}
	}
	store_reset(stmt);
	if (got == 0)
		b->upto = last;
	return got == -1 ? -1 : 0;
}
