#include "audit/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/schema.h"
#include "audit/tree_source.h"
#include "audit/verify_state.h"

void verify_row_name(unsigned kind, int64_t id, char out[VERIFY_ROW_MAX])
{
	if (kind == LEAF_CONNECTION)
		snprintf(out, VERIFY_ROW_MAX, "%lld", (long long)id);
	else
		snprintf(out, VERIFY_ROW_MAX, "%s:%lld", leaf_shape(kind)->name, (long long)id);
}

int verify_bad(struct verify *v, unsigned kind, int64_t id, const char *what, ...)
{
	struct verify_result *r = v->result;
	va_list ap;

	r->row[0] = '\0';
	if (kind != 0)
		verify_row_name(kind, id, r->row);
	r->is_connection = kind == LEAF_CONNECTION;
	va_start(ap, what);
	vsnprintf(r->what, sizeof(r->what), what, ap);
	va_end(ap);
	return VERIFY_BAD;
}

void *verify_grow(void *array, size_t count, size_t size)
{
	return (count & (count - 1)) != 0 ? array : reallocarray(array, count == 0 ? 1 : count * 2, size);
}

int verify_count(struct verify *v, const char *sql, uint64_t *n)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*n = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* --- the tables and views themselves */

#define SCHEMA "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name, type"

static bool same_text(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	const char *x = (const char *)sqlite3_column_text(a, column), *y = (const char *)sqlite3_column_text(b, column);

	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static int compare_schema(struct verify *v, sqlite3_stmt *ours, sqlite3_stmt *theirs)
{
	int a, b;

	do {
		const char *name;

		a = sqlite3_step(ours);
		b = sqlite3_step(theirs);
		name = b == SQLITE_ROW ? (const char *)sqlite3_column_text(theirs, 0)
		                       : (const char *)sqlite3_column_text(ours, 0);
		if (a != b || (a == SQLITE_ROW && (!same_text(ours, theirs, 0) || !same_text(ours, theirs, 1))))
			return b != SQLITE_ROW && b != SQLITE_DONE ? b :
				verify_bad(v, 0, 0, "the tables and views are not those of an audit log of this version: look at %s",
				           name == NULL ? "them" : name);
	} while (a == SQLITE_ROW);
	return a == SQLITE_DONE ? SQLITE_OK : a;
}

/* A view that hides rows is a change of the log too. */
int verify_schema(struct verify *v)
{
	sqlite3 *fresh = NULL;
	sqlite3_stmt *ours = NULL, *theirs = NULL;
	struct error err;
	int rc = sqlite3_open_v2(":memory:", &fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK && schema_update(fresh, &err) == -1)
		rc = SQLITE_NOMEM;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(fresh, SCHEMA, -1, &ours, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(v->db, SCHEMA, -1, &theirs, NULL);
	if (rc == SQLITE_OK)
		rc = compare_schema(v, ours, theirs);
	sqlite3_finalize(ours);
	sqlite3_finalize(theirs);
	sqlite3_close(fresh);
	return rc;
}

/* --- rows that may still change */

static const char *const open_names[OPEN_KINDS] = {
	"endpoint", "decision", "target", "aggregate that still grow", "segment that still grow",
	"tally of the hour that is not over", "pool", "state", "tree",
};

int verify_open_rows(struct verify *v)
{
	for (unsigned kind = 0; kind < OPEN_KINDS; kind++) {
		struct hash h;
		int rc = open_rows_hash(&v->tree.open, kind, &h);

		if (rc != SQLITE_OK)
			return rc;
		if (!hash_equal(&h, &v->tree.open.hashes[kind]))
			return verify_bad(v, 0, 0, "the rows of %s are not as the last commit left them", open_names[kind]);
	}
	return SQLITE_OK;
}

/* --- in order */

static int every_row(struct verify *v)
{
	int rc = verify_schema(v);

	if (rc == SQLITE_OK)
		rc = verify_want(v);
	if (rc == SQLITE_OK)
		rc = verify_blocks_begin(v);
	if (rc == SQLITE_OK)
		rc = verify_leaves(v);
	if (rc == SQLITE_OK)
		rc = verify_open_rows(v);
	if (rc == SQLITE_OK)
		rc = verify_checkpoints(v);
	if (rc == SQLITE_OK)
		rc = verify_sums(v);
	if (rc == SQLITE_OK)
		rc = verify_ends(v);
	return rc == SQLITE_OK ? verify_blocks_end(v) : rc;
}

/* Roots from the hashes that are kept, and from rows only where a size is in the midst of 256. */
static int roots_of_tiles(struct verify *v)
{
	struct tree_source source;
	int rc = tree_source_init(&source, v->db);

	for (size_t i = 0; i < v->wanted_count && rc == SQLITE_OK; i++) {
		struct verify_wanted *w = &v->wanted[i];

		w->known = merkle_root_at(&source.merkle, w->size, &w->root) == 0;
		rc = source.code;
	}
	tree_source_close(&source);
	return rc;
}

static int only_hashes(struct verify *v)
{
	int rc = verify_schema(v);

	v->result->rows = v->tree.edge.size;
	if (rc == SQLITE_OK)
		rc = verify_want(v);
	if (rc == SQLITE_OK)
		rc = roots_of_tiles(v);
	if (rc == SQLITE_OK)
		rc = verify_open_rows(v);
	return rc == SQLITE_OK ? verify_checkpoints(v) : rc;
}

static void free_all(struct verify *v)
{
	tree_close(&v->tree);
	verify_names_free(v);
	verify_blocks_free(v);
	free(v->wanted);
	free(v->gaps);
	free(v->retirements);
}

/* Damage is a finding; that it cannot be read at all is none. */
static int outcome(struct verify *v, int rc, struct error *err)
{
	v->result->ok = rc == SQLITE_OK;
	if (rc == SQLITE_OK || rc == VERIFY_BAD)
		return 0;
	if ((rc & 0xff) != SQLITE_CORRUPT && (rc & 0xff) != SQLITE_NOTADB)
		return error_set(err, "%s cannot be read: %s", AUDIT_FILE, sqlite3_errstr(rc));
	verify_bad(v, 0, 0, "the file is damaged: %s", sqlite3_errcode(v->db) == SQLITE_OK ? "what its tables say does not"
		" fit together" : sqlite3_errmsg(v->db));
	return 0;
}

static int verify(sqlite3 *db, const struct verify_request *request, struct verify_result *result,
                  int (*parts)(struct verify *v), struct error *err)
{
	struct verify v = { .db = db, .request = request, .result = result };
	int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	memset(result, 0, sizeof(*result));
	if (rc == SQLITE_OK)
		rc = tree_init(&v.tree, db);
	result->leaves = v.tree.edge.size;
	if (rc == SQLITE_OK)
		rc = parts(&v);
	rc = outcome(&v, rc, err);
	free_all(&v);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int audit_verify(sqlite3 *db, const struct verify_request *request, struct verify_result *result, struct error *err)
{
	return verify(db, request, result, every_row, err);
}

int audit_verify_quick(sqlite3 *db, const struct verify_request *request, struct verify_result *result,
                       struct error *err)
{
	return verify(db, request, result, only_hashes, err);
}
