#include "audit/leaf_rows.h"

#include <string.h>

#include "audit/audit.h"
#include "audit/view_sql.h"

#define PORT(t) "nullif(" t ".port, -1)"
#define TARGET "t.destination, " PORT("t") ", " PROTOCOL("t.protocol")
#define STATE(s) "CASE " s " WHEN 0 THEN 'enforced' WHEN 1 THEN 'observed' WHEN 2 THEN 'unprotected' END"

/* The columns are the fields of integrity/leaf.c, in their order.  Rows that others name are joined from the left: where
 * one is gone, the row must still be seen. */
static const struct {
	enum leaf_order order;
	const char *select, *key;
} kinds[LEAF_KINDS] = {
	[LEAF_CONNECTION] = { ORDER_BY_ID,
		"SELECT c.id, c.id + c.skew, c.source, c.source_port + 32768, " TARGET ", e.name, " VERDICT("d.verdict") ","
		" d.reason, d.list, d.revision, " VIA("d.via") " FROM connection c LEFT JOIN decision d ON d.id = c.decision"
		" LEFT JOIN endpoint e ON e.id = d.endpoint LEFT JOIN target t ON t.id = c.target", "c.id" },
	[LEAF_ENDING] = { ORDER_BY_ID,
		"SELECT x.id, x.connection, x.time, x.packets, x.bytes_in, x.bytes_out, x.duration_ms FROM ending x", "x.id" },
	[LEAF_AGGREGATE] = { ORDER_LISTED,
		"SELECT a.id, a.from_time, a.to_time, e.name, a.source, " TARGET ", a.count FROM aggregate a"
		" LEFT JOIN endpoint e ON e.id = a.endpoint LEFT JOIN target t ON t.id = a.target", "a.id" },
	[LEAF_TALLY] = { ORDER_BUCKET,
		"SELECT y.hour, y.part, e.name, CASE y.verdict WHEN 0 THEN 'allow' WHEN 1 THEN 'deny' END, y.from_time, y.to_time, y.counted, y.recorded,"
		" y.aggregated, y.lost FROM tally y LEFT JOIN endpoint e ON e.id = y.endpoint", "" },
	[LEAF_SEGMENT] = { ORDER_LISTED,
		"SELECT s.id, e.name, s.from_time, s.to_time, " STATE("s.state") " FROM segment s"
		" LEFT JOIN endpoint e ON e.id = s.endpoint", "s.id" },
	[LEAF_REVISION] = { ORDER_BY_ID,
		"SELECT r.id, r.list, r.revision, r.time, r.entries, r.added, r.removed, r.origins, r.decided_by, r.reason"
		" FROM revision r", "r.id" },
	[LEAF_EVENT] = { ORDER_BY_ID, "SELECT v.id, v.time, v.kind, v.subject, v.detail FROM event v", "v.id" },
	[LEAF_RETIREMENT] = { ORDER_BY_ID,
		"SELECT m.id, m.time, CASE m.kind WHEN 1 THEN 'connection' WHEN 2 THEN 'ending' WHEN 3 THEN 'aggregate'"
		" WHEN 4 THEN 'tally' END, m.first, m.count FROM retirement m", "m.id" },
};

enum leaf_order leaf_order(unsigned kind)
{
	return kinds[kind].order;
}

void leaf_rows_init(struct leaf_rows *r, sqlite3 *db)
{
	memset(r, 0, sizeof(*r));
	r->db = db;
}

void leaf_rows_close(struct leaf_rows *r)
{
	for (size_t i = 0; i < LEAF_KINDS; i++) {
		sqlite3_finalize(r->by_id[i]);
		sqlite3_finalize(r->from_id[i]);
	}
	memset(r, 0, sizeof(*r));
}

static int prepare(struct leaf_rows *r, sqlite3_stmt **stmt, const char *select, const char *where, const char *key,
                   const char *rest)
{
	char sql[1024];

	if (*stmt != NULL)
		return SQLITE_OK;
	sqlite3_snprintf(sizeof(sql), sql, "%s WHERE %s%s%s", select, key, where, rest);
	return sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

static void take_text(sqlite3_stmt *stmt, int column, struct leaf_value *v)
{
	v->text = (const char *)sqlite3_column_text(stmt, column);
	v->len = v->text == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column);
}

/* False where the column holds none of the type. */
static bool take_value(sqlite3_stmt *stmt, int column, enum leaf_type type, struct leaf_value *v)
{
	int is = sqlite3_column_type(stmt, column);

	*v = (struct leaf_value){ .address.family = AF_INET, .text = "" };
	switch (type) {
	case LEAF_NUMBER:
	case LEAF_TIME:
		v->number = sqlite3_column_int64(stmt, column);
		return is == SQLITE_INTEGER;
	case LEAF_OPTIONAL:
		v->set = is != SQLITE_NULL;
		v->number = sqlite3_column_int64(stmt, column);
		return is == SQLITE_INTEGER || is == SQLITE_NULL;
	case LEAF_TEXT:
		take_text(stmt, column, v);
		return v->text != NULL;
	case LEAF_ADDRESS:
		return audit_column_address(stmt, column, &v->address) == 0;
	}
	return false;
}

static int take(sqlite3_stmt *stmt, unsigned kind, struct leaf_row *row)
{
	const struct leaf_shape *shape = leaf_shape(kind);
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW)
		return rc;
	row->whole = true;
	for (size_t i = 0; i < shape->count; i++)
		if (!take_value(stmt, (int)i, shape->fields[i].type, &row->values[i]))
			row->whole = false;
	row->id = kind == LEAF_TALLY ? LEAF_BUCKET(row->values[0].number, row->values[1].number) : row->values[0].number;
	return SQLITE_ROW;
}

int leaf_rows_get(struct leaf_rows *r, unsigned kind, int64_t id, struct leaf_row *row)
{
	sqlite3_stmt **stmt = &r->by_id[kind];
	int rc = prepare(r, stmt, kinds[kind].select, " = ?1", kinds[kind].key, "");

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_reset(*stmt);
	sqlite3_bind_int64(*stmt, 1, id);
	return take(*stmt, kind, row);
}

int leaf_rows_first(struct leaf_rows *r, unsigned kind, int64_t id, int64_t skip, struct leaf_row *row)
{
	sqlite3_stmt **stmt = &r->from_id[kind];
	bool bucket = kinds[kind].order == ORDER_BUCKET;
	int rc;

	if (bucket)
		rc = prepare(r, stmt, kinds[kind].select, "y.hour = ?1 AND y.part = ?3", "",
		             " ORDER BY y.endpoint, y.verdict LIMIT -1 OFFSET ?2");
	else
		rc = prepare(r, stmt, kinds[kind].select, " >= ?1 ORDER BY 1 LIMIT -1 OFFSET ?2", kinds[kind].key, "");
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_reset(*stmt);
	sqlite3_bind_int64(*stmt, 1, bucket ? id / 65536 : id);
	sqlite3_bind_int64(*stmt, 2, skip);
	if (bucket)
		sqlite3_bind_int64(*stmt, 3, id % 65536);
	return take(*stmt, kind, row);
}

int leaf_rows_next(struct leaf_rows *r, unsigned kind, struct leaf_row *row)
{
	return take(r->from_id[kind], kind, row);
}

void leaf_rows_end(struct leaf_rows *r, unsigned kind)
{
	sqlite3_reset(r->by_id[kind]);
	sqlite3_reset(r->from_id[kind]);
}
