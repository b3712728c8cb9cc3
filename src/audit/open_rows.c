#include "audit/open_rows.h"

#include <errno.h>
#include <string.h>

static const char *const selects[OPEN_KINDS] = {
	[OPEN_ENDPOINT] = "SELECT * FROM endpoint ORDER BY id",
	[OPEN_DECISION] = "SELECT * FROM decision WHERE id > ?1 ORDER BY id",
	[OPEN_TARGET] = "SELECT * FROM target WHERE id > ?1 ORDER BY id",
	[OPEN_AGGREGATE] = "SELECT * FROM aggregate WHERE live = 1 ORDER BY id",
	[OPEN_SEGMENT] = "SELECT s.* FROM endpoint e CROSS JOIN segment s"
	                 " ON s.id = (SELECT max(id) FROM segment WHERE endpoint = e.id) ORDER BY e.id",
	[OPEN_TALLY] = "SELECT y.* FROM tree CROSS JOIN tally y ON y.hour = tree.hour AND y.part = tree.part"
	               " ORDER BY y.endpoint, y.verdict",
	[OPEN_POOL] = "SELECT * FROM pool ORDER BY endpoint, verdict",
	[OPEN_STATE] = "SELECT * FROM state",
	[OPEN_TREE] = "SELECT log, hour, part, commits FROM tree",
};

static bool only_grows(enum open_kind kind)
{
	return kind == OPEN_DECISION || kind == OPEN_TARGET;
}

int open_rows_init(struct open_rows *o, sqlite3 *db)
{
	memset(o, 0, sizeof(*o));
	o->db = db;
	return sqlite3_prepare_v3(db, "INSERT OR REPLACE INTO open_rows VALUES (?1, ?2)", -1, SQLITE_PREPARE_PERSISTENT,
	                          &o->save, NULL);
}

void open_rows_close(struct open_rows *o)
{
	for (size_t i = 0; i < OPEN_KINDS; i++)
		sqlite3_finalize(o->all[i]);
	sqlite3_finalize(o->save);
	buffer_free(&o->row);
	memset(o, 0, sizeof(*o));
}

/* --- rows as bytes */

static int put_number(struct buffer *out, int64_t n)
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)n >> (56 - 8 * i));
	return buffer_add(out, bytes, sizeof(bytes));
}

static int put_column(struct buffer *out, sqlite3_stmt *stmt, int column)
{
	unsigned char type = (unsigned char)sqlite3_column_type(stmt, column);
	const void *bytes;
	size_t len;

	if (buffer_add(out, &type, 1) == -1)
		return -1;
	if (type == SQLITE_INTEGER)
		return put_number(out, sqlite3_column_int64(stmt, column));
	if (type == SQLITE_NULL)
		return 0;
	bytes = sqlite3_column_blob(stmt, column);
	len = (size_t)sqlite3_column_bytes(stmt, column);
	return put_number(out, (int64_t)len) == -1 ? -1 : buffer_add(out, bytes, len);
}

/* h = SHA-256(h, row) */
static int take_in(struct buffer *row, sqlite3_stmt *stmt, struct hash *h)
{
	row->len = 0;
	if (buffer_add(row, h->bytes, HASH_SIZE) == -1)
		return SQLITE_NOMEM;
	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		if (put_column(row, stmt, i) == -1)
			return SQLITE_NOMEM;
	hash_bytes(row->data, row->len, h);
	return SQLITE_OK;
}

/* Takes in all rows of the kind, or those of which the id is higher than *newest, which then is the last one's. */
static int take_in_rows(struct open_rows *o, enum open_kind kind, int64_t *newest, struct hash *h)
{
	sqlite3_stmt **stmt = &o->all[kind];
	int rc = SQLITE_OK;

	if (*stmt == NULL)
		rc = sqlite3_prepare_v3(o->db, selects[kind], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc != SQLITE_OK)
		return rc;
	if (only_grows(kind))
		sqlite3_bind_int64(*stmt, 1, *newest);
	while ((rc = sqlite3_step(*stmt)) == SQLITE_ROW) {
		*newest = sqlite3_column_int64(*stmt, 0);
		rc = take_in(&o->row, *stmt, h);
		if (rc != SQLITE_OK)
			break;
	}
	sqlite3_reset(*stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int open_rows_hash(struct open_rows *o, enum open_kind kind, struct hash *h)
{
	int64_t newest = INT64_MIN;

	memset(h, 0, sizeof(*h));
	return take_in_rows(o, kind, &newest, h);
}

/* --- what is kept */

static int load(struct open_rows *o, sqlite3_stmt *stmt)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int kind = sqlite3_column_int(stmt, 0);

		if (kind < 0 || kind >= OPEN_KINDS || sqlite3_column_bytes(stmt, 1) != HASH_SIZE)
			continue; /* not ours; verify says so */
		memcpy(o->hashes[kind].bytes, sqlite3_column_blob(stmt, 1), HASH_SIZE);
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int newest_id(sqlite3 *db, const char *sql, int64_t *id)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*id = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int open_rows_load(struct open_rows *o)
{
	sqlite3_stmt *stmt;
	int rc;

	memset(o->hashes, 0, sizeof(o->hashes));
	rc = sqlite3_prepare_v2(o->db, "SELECT kind, hash FROM open_rows", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = load(o, stmt);
	sqlite3_finalize(stmt);
	if (rc == SQLITE_OK)
		rc = newest_id(o->db, "SELECT coalesce(max(id), -1) FROM decision", &o->newer_than[OPEN_DECISION]);
	if (rc == SQLITE_OK)
		rc = newest_id(o->db, "SELECT coalesce(max(id), -1) FROM target", &o->newer_than[OPEN_TARGET]);
	return rc;
}

static int save(struct open_rows *o, enum open_kind kind)
{
	int rc;

	sqlite3_bind_int(o->save, 1, (int)kind);
	sqlite3_bind_blob(o->save, 2, o->hashes[kind].bytes, HASH_SIZE, SQLITE_STATIC);
	rc = sqlite3_step(o->save);
	sqlite3_reset(o->save);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int open_rows_save(struct open_rows *o, unsigned kinds)
{
	for (unsigned kind = 0; kind < OPEN_KINDS; kind++) {
		int rc;

		if ((kinds & OPEN_BIT(kind)) == 0)
			continue;
		if (only_grows(kind))
			rc = take_in_rows(o, kind, &o->newer_than[kind], &o->hashes[kind]);
		else
			rc = open_rows_hash(o, kind, &o->hashes[kind]);
		if (rc == SQLITE_OK)
			rc = save(o, kind);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

void open_rows_sum(const struct hash hashes[OPEN_KINDS], struct hash *sum)
{
	hash_bytes(hashes, OPEN_KINDS * sizeof(hashes[0]), sum);
}
