/* Decisions and targets as the bytes that a connection's leaf has of them, so that a million rows need no join. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/verify_state.h"
#include "audit/view_sql.h"

/* Numbers are given out one after the other; more room than that is not made because somebody wrote a large one. */
static int make_room(struct verify *v, struct verify_names *n, const char *table)
{
	sqlite3_stmt *stmt;
	char sql[64];
	int64_t most, highest;
	int rc;

	sqlite3_snprintf(sizeof(sql), sql, "SELECT count(*), max(id) FROM %s", table);
	rc = sqlite3_prepare_v2(v->db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	most = 4 * sqlite3_column_int64(stmt, 0) + 4096;
	highest = sqlite3_column_int64(stmt, 1);
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return rc;
	if (highest < 0 || highest > most)
		return verify_bad(v, 0, 0, "the numbers in table %s make no sense", table);
	n->count = (size_t)highest + 1;
	n->bytes = calloc(n->count, sizeof(n->bytes[0]));
	n->rows = calloc(n->count, sizeof(n->rows[0]));
	return n->bytes == NULL || n->rows == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int put_text(struct buffer *out, sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	if (text == NULL)
		return SQLITE_OK; /* other bytes than any that were hashed */
	if (buffer_reserve(out, len + 4) == -1)
		return SQLITE_NOMEM;
	leaf_put_text(out, text, len);
	return SQLITE_OK;
}

static int put_decision(struct buffer *out, sqlite3_stmt *stmt)
{
	int rc = SQLITE_OK;

	for (int i = 1; i < sqlite3_column_count(stmt) && rc == SQLITE_OK; i++)
		rc = put_text(out, stmt, i);
	return rc;
}

static int put_target(struct buffer *out, sqlite3_stmt *stmt)
{
	struct address destination;

	if (audit_column_address(stmt, 1, &destination) == -1)
		return SQLITE_OK;
	if (buffer_reserve(out, 32) == -1)
		return SQLITE_NOMEM;
	leaf_put_address(out, &destination);
	leaf_put_optional(out, sqlite3_column_type(stmt, 2) != SQLITE_NULL, sqlite3_column_int64(stmt, 2));
	return put_text(out, stmt, 3);
}

static int load(struct verify *v, struct verify_names *n, const char *sql,
                int (*put)(struct buffer *out, sqlite3_stmt *stmt))
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = put(&n->bytes[sqlite3_column_int64(stmt, 0)], stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int verify_names_load(struct verify *v)
{
	int rc = make_room(v, &v->decisions, "decision");

	if (rc == SQLITE_OK)
		rc = load(v, &v->decisions, "SELECT d.id, e.name, " VERDICT("d.verdict") ", d.reason, d.list, d.revision, " VIA("d.via")
		                            " FROM decision d LEFT JOIN endpoint e ON e.id = d.endpoint WHERE d.id >= 0",
		          put_decision);
	if (rc == SQLITE_OK)
		rc = make_room(v, &v->targets, "target");
	if (rc == SQLITE_OK)
		rc = load(v, &v->targets, "SELECT t.id, t.destination, nullif(t.port, -1), " PROTOCOL("t.protocol")
		                          " FROM target t WHERE t.id >= 0", put_target);
	return rc;
}

static void names_free(struct verify_names *n)
{
	for (size_t i = 0; i < n->count && n->bytes != NULL; i++)
		buffer_free(&n->bytes[i]);
	free(n->bytes);
	free(n->rows);
}

void verify_names_free(struct verify *v)
{
	names_free(&v->decisions);
	names_free(&v->targets);
}
