/* Checkpoints: who signed them, and whether the tree has in it what they say. */
#include <stdlib.h>
#include <string.h>

#include "audit/verify_state.h"

/* --- which roots are wanted */

static int want(struct verify *v, uint64_t size)
{
	struct verify_wanted *grown;

	if (size > v->tree.edge.size)
		return SQLITE_OK; /* told when it is its turn */
	grown = verify_grow(v->wanted, v->wanted_count, sizeof(*grown));
	if (grown == NULL)
		return SQLITE_NOMEM;
	v->wanted = grown;
	grown[v->wanted_count++] = (struct verify_wanted){ .size = size };
	return SQLITE_OK;
}

static int compare_wanted(const void *a, const void *b)
{
	const struct verify_wanted *x = a, *y = b;

	return (x->size > y->size) - (x->size < y->size);
}

static int want_noted(struct verify *v)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < v->request->note_count && rc == SQLITE_OK; i++) {
		const struct verify_note *n = &v->request->notes[i];
		struct checkpoint c;

		if (checkpoint_parse(&c, n->note, n->len, NULL) == 0)
			rc = want(v, c.size);
	}
	return rc;
}

int verify_want(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = want_noted(v);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(v->db, "SELECT size FROM checkpoint ORDER BY size", -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = want(v, (uint64_t)sqlite3_column_int64(stmt, 0));
		if (rc != SQLITE_OK)
			break;
	}
	sqlite3_finalize(stmt);
	if (v->wanted_count > 1)
		qsort(v->wanted, v->wanted_count, sizeof(*v->wanted), compare_wanted);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static const struct verify_wanted *root_at(const struct verify *v, uint64_t size)
{
	const struct verify_wanted wanted = { .size = size };

	return v->wanted_count == 0 ? NULL
	                            : bsearch(&wanted, v->wanted, v->wanted_count, sizeof(*v->wanted), compare_wanted);
}

/* --- judging them */

static bool is_signed(const struct verify *v, const char *note, size_t len)
{
	for (size_t i = 0; i < v->request->key_count; i++)
		if (note_signed_by(note, len, &v->request->keys[i]))
			return true;
	return false;
}

/* "NAME/LOG" */
static bool is_of_this_log(const struct verify *v, const struct checkpoint *c)
{
	const char *slash = strrchr(c->origin, '/');

	return slash != NULL && strcmp(slash + 1, v->tree.log) == 0;
}

/* A checkpoint that `name` has, against the rows. */
static int judge(struct verify *v, const char *name, const char *note, size_t len, struct checkpoint *c)
{
	const struct verify_wanted *w;
	struct error err;

	if (checkpoint_parse(c, note, len, &err) == -1)
		return verify_bad(v, 0, 0, "%s: %s", name, err.text);
	if (!is_signed(v, note, len))
		return verify_bad(v, 0, 0, "%s: it has no good signature of a key that is known: it was changed, or the keys"
			" are not its", name);
	if (!is_of_this_log(v, c))
		return verify_bad(v, 0, 0, "%s: it is of another log, %s; this one is %s", name, c->origin, v->tree.log);
	if (c->size > v->tree.edge.size)
		return verify_bad(v, 0, 0, "%s: it was made over %llu rows, and there are %llu: the end was cut off, or this is"
			" an older copy", name, (unsigned long long)c->size, (unsigned long long)v->tree.edge.size);
	w = root_at(v, c->size);
	if (w != NULL && w->known && !hash_equal(&w->root, &c->root))
		return verify_bad(v, 0, 0, "%s: the first %llu rows are not those that it was made over", name,
		                  (unsigned long long)c->size);
	return SQLITE_OK;
}

/* That of the same size in the log says the same, since hallowd signed it when it was shown that it does. */
static int judge_by_stored(struct verify *v, const char *name, const struct checkpoint *c)
{
	struct checkpoint stored = { .size = 0 };
	const char *note;
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, "SELECT note FROM checkpoint WHERE size = ?1", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, (int64_t)c->size);
	rc = sqlite3_step(stmt);
	note = (const char *)sqlite3_column_text(stmt, 0);
	if (rc == SQLITE_ROW && note != NULL)
		checkpoint_parse(&stored, note, strlen(note), NULL);
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (stored.size == c->size && hash_equal(&stored.root, &c->root))
		return SQLITE_OK;
	return verify_bad(v, 0, 0, "%s: it cannot be checked any more, since rows were deleted as old in the midst of those"
		" that it was made over; one that was made with 'hallowctl checkpoint' can", name);
}

static int judge_noted(struct verify *v)
{
	for (size_t i = 0; i < v->request->note_count; i++) {
		const struct verify_note *n = &v->request->notes[i];
		const struct verify_wanted *w;
		struct checkpoint c;
		int rc = judge(v, n->name, n->note, n->len, &c);

		if (rc != SQLITE_OK)
			return rc;
		w = root_at(v, c.size);
		if (w == NULL || !w->known)
			rc = judge_by_stored(v, n->name, &c);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

static int judge_stored(struct verify *v, sqlite3_stmt *stmt)
{
	const char *note = (const char *)sqlite3_column_text(stmt, 1);
	struct checkpoint *c = &v->result->newest;
	char name[64];
	int rc;

	sqlite3_snprintf(sizeof(name), name, "checkpoint %lld of the log", (long long)sqlite3_column_int64(stmt, 0));
	if (note == NULL)
		return SQLITE_NOMEM;
	rc = judge(v, name, note, (size_t)sqlite3_column_bytes(stmt, 1), c);
	if (rc == SQLITE_OK && (int64_t)c->size != sqlite3_column_int64(stmt, 0))
		rc = verify_bad(v, 0, 0, "%s: it was made over %llu rows", name, (unsigned long long)c->size);
	if (rc == SQLITE_OK && c->time != sqlite3_column_int64(stmt, 2))
		rc = verify_bad(v, 0, 0, "%s: it was signed at another time than the log says", name);
	v->result->checkpoints++;
	return rc;
}

/* What may still change is as the newest checkpoint says, where nothing was committed since. */
static int judge_open(struct verify *v)
{
	const struct checkpoint *c = &v->result->newest;
	struct hash sum;

	open_rows_sum(v->tree.open.hashes, &sum);
	if (c->commits > v->tree.commits)
		return verify_bad(v, 0, 0, "the newest checkpoint was made after %llu commits, and there were %llu: this is an"
			" older copy", (unsigned long long)c->commits, (unsigned long long)v->tree.commits);
	if (v->result->checkpoints == 0 || c->commits < v->tree.commits || hash_equal(&sum, &c->open))
		return SQLITE_OK;
	return verify_bad(v, 0, 0, "rows that may still change are not as the newest checkpoint says");
}

/* --- what was deleted because it was old */

static bool announced(const struct verify *v, uint64_t leaf, uint64_t *end)
{
	for (size_t i = 0; i < v->retirement_count; i++) {
		const struct verify_retirement *r = &v->retirements[i];

		if ((v->result->checkpoints > 0 && r->leaf >= v->result->newest.size) || leaf < r->first || leaf - r->first >= r->count)
			continue;
		*end = r->first + r->count;
		return true;
	}
	return false;
}

static int judge_gaps(struct verify *v)
{
	for (size_t i = 0; i < v->gap_count; i++)
		for (uint64_t leaf = v->gaps[i].first, end; leaf < v->gaps[i].end; leaf = end)
			if (!announced(v, leaf, &end))
				return verify_bad(v, 0, 0, "leaf %llu has no row, and no checkpoint covers that it was deleted because it"
					" was old", (unsigned long long)leaf);
	return SQLITE_OK;
}

int verify_checkpoints(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, "SELECT size, note, time FROM checkpoint ORDER BY size", -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = judge_stored(v, stmt);
		if (rc != SQLITE_OK)
			break;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		rc = judge_open(v);
	if (rc == SQLITE_OK)
		rc = judge_gaps(v);
	return rc == SQLITE_OK ? judge_noted(v) : rc;
}
