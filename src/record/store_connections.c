/* Rows of connections, of which there are very many.  What a statement of SQLite's costs however little it does (its
 * start, its cursors, its end) is half of the price of one row: so rows wait in memory and are written many with one
 * statement. */
#include <string.h>

#include "record/leaves.h"
#include "record/store.h"

#define PORT_OFFSET 32768 /* see audit/schema.c */
#define COLUMNS 6

static void bind_row(sqlite3_stmt *stmt, int first, const struct store_fresh *f)
{
	sqlite3_bind_int64(stmt, first, f->id);
	sqlite3_bind_int64(stmt, first + 1, f->skew);
	audit_bind_address(stmt, first + 2, &f->source);
	if (f->source_port == PORT_UNKNOWN)
		sqlite3_bind_null(stmt, first + 3);
	else
		sqlite3_bind_int(stmt, first + 3, f->source_port - PORT_OFFSET);
	sqlite3_bind_int64(stmt, first + 4, f->decision);
	sqlite3_bind_int64(stmt, first + 5, f->target);
}

static int write_all_at_once(struct store *s)
{
	sqlite3_stmt *stmt = s->statements[ST_CONNECTIONS_ADD];

	for (int i = 0; i < STORE_FRESH; i++)
		bind_row(stmt, 1 + i * COLUMNS, &s->fresh[i]);
	s->fresh_count = 0;
	return store_run(s, stmt);
}

int store_write_fresh(struct store *s)
{
	sqlite3_stmt *stmt = s->statements[ST_CONNECTION_ADD];

	for (size_t i = 0; i < s->fresh_count; i++) {
		bind_row(stmt, 1, &s->fresh[i]);
		if (store_run(s, stmt) == -1)
			return -1;
	}
	s->fresh_count = 0;
	return 0;
}

static int add_to_block(struct store *s, int64_t id, const struct row *row, int64_t decision)
{
	struct block_row in = { .id = id, .time = row->time, .decision = decision, .source.family = row->source.family };

	memcpy(in.source.bytes, row->source.bytes, address_size(row->source.family));
	return blocks_add(&s->blocks, s, &in, s->state.last_id);
}

int store_connection(struct store *s, const struct row *row, int64_t decision, int64_t target)
{
	int64_t id = row->time > s->state.last_id ? row->time : s->state.last_id + 1, skew = row->time - id;

	s->fresh[s->fresh_count++] = (struct store_fresh){ id, skew, decision, target, row->source, row->source_port };
	if ((s->fresh_count == STORE_FRESH && write_all_at_once(s) == -1) || add_to_block(s, id, row, decision) == -1)
		return -1;
	s->state.last_id = id;
	return leaves_connection(s, id, row, decision);
}
