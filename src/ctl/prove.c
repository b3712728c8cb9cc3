/* Proofs for somebody who does not have the audit log: that a row is in it, and that a checkpoint continues another. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/leaf_find.h"
#include "audit/tree_source.h"
#include "core/file.h"
#include "core/number.h"
#include "ctl/daemon.h"
#include "ctl/keys.h"
#include "ctl/proof_file.h"

enum { OUTPUT, CONSISTENCY };

static const struct verb_option options[] = {
	[OUTPUT] = { "output", "FILE", "where the proof goes; else standard output" },
	[CONSISTENCY] = { "consistency", "FILE", "in place of a row: that the log continues this checkpoint" },
	{ NULL, NULL, NULL },
};

/* The newest checkpoint of the log over more than `leaf` leaves. */
struct signed_tree {
	struct checkpoint checkpoint;
	struct buffer note;
};

static int database_error(sqlite3 *db)
{
	return ctl_fail(EXIT_FAILED, "the audit log cannot be read: %s", sqlite3_errmsg(db));
}

/* "123", or "event:5". */
static int parse_row(const char *text, unsigned *kind, int64_t *id)
{
	const char *colon = strchr(text, ':');
	char name[32] = "connection";

	if (colon != NULL)
		snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
	*kind = leaf_kind_named(name);
	if (*kind == 0 || *kind == LEAF_TALLY || number_parse_i64(id, colon == NULL ? text : colon + 1) == -1)
		return ctl_fail(EXIT_USAGE, "'%s' names no row; expected the id of a connection, or as event:5, revision:2,"
		                " ending:1795478400000000, aggregate:3 or segment:1", text);
	return 0;
}

/* 1 with the newest checkpoint, 0 where there is none, or -1. */
static int read_newest(sqlite3 *db, struct signed_tree *t)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		const char *note = (const char *)sqlite3_column_text(stmt, 0);

		t->note.len = 0;
		if (note == NULL || buffer_add(&t->note, note, strlen(note)) == -1)
			rc = SQLITE_NOMEM;
		else if (checkpoint_parse(&t->checkpoint, note, strlen(note), NULL) == -1)
			rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/* A checkpoint over at least `size` leaves: where there is none yet, hallowd is asked for one. */
static int need_checkpoint(struct ctl *ctl, sqlite3 *db, uint64_t size, struct signed_tree *t)
{
	static const char *const words[] = { "checkpoint" };
	json_t *result = NULL;
	int found = read_newest(db, t), code = 0;

	if (found != -1 && (found == 0 || t->checkpoint.size < size) && daemon_runs(ctl)) {
		code = daemon_ask_result(ctl, words, 1, JSON_OBJECT, &result);
		json_decref(result);
		found = read_newest(db, t);
	}
	if (code != 0)
		return code;
	if (found == -1)
		return database_error(db);
	if (found == 0 || t->checkpoint.size < size)
		return ctl_fail(EXIT_FAILED, "no checkpoint covers it yet, and hallowd does not run that could sign one");
	return 0;
}

static const char *key_text(struct ctl *ctl, const struct buffer *note, char out[NOTE_KEY_MAX])
{
	struct keys keys = { NULL, 0 };

	out[0] = '\0';
	keys_kept(&keys, ctl->config->state_dir);
	for (size_t i = keys.count; i > 0; i--)
		if (note_signed_by((const char *)note->data, note->len, &keys.all[i - 1]))
			note_key_format(&keys.all[i - 1], out);
	keys_free(&keys);
	return out;
}

static int write_proof(const struct arguments *args, json_t *proof)
{
	char *text = proof == NULL ? NULL : json_dumps(proof, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	const char *path = args->option[OUTPUT];
	struct buffer out = BUFFER_INIT;
	struct error err;
	int code = 0;

	json_decref(proof);
	if (text == NULL || buffer_printf(&out, "%s\n", text) == -1)
		code = ctl_fail(EXIT_FAILED, "the proof cannot be written: there is no memory, or a text is not UTF-8");
	else if (path == NULL)
		fwrite(out.data, 1, out.len, stdout);
	else if (file_write_atomic(AT_FDCWD, path, 0644, out.data, out.len, &err) == -1)
		code = ctl_fail(EXIT_FAILED, "%s", err.text);
	free(text);
	buffer_free(&out);
	return code;
}

/* --- a row */

static json_t *read_row(sqlite3 *db, unsigned kind, int64_t id)
{
	struct leaf_rows rows;
	struct leaf_row row;
	json_t *json = NULL;

	leaf_rows_init(&rows, db);
	if (leaf_rows_get(&rows, kind, id, &row) == SQLITE_ROW && row.whole)
		json = proof_row(kind, row.values);
	leaf_rows_close(&rows);
	return json;
}

static int find_leaf(sqlite3 *db, const char *name, unsigned kind, int64_t id, uint64_t *leaf)
{
	int rc = leaf_find(db, kind, id, leaf);

	if (rc == SQLITE_ROW)
		return 0;
	if (rc != SQLITE_DONE)
		return database_error(db);
	return ctl_fail(EXIT_FAILED, "row %s is not in the tree: there is no such row, or it may still change", name);
}

static int row_path(sqlite3 *db, uint64_t leaf, uint64_t size, struct merkle_path *path)
{
	struct tree_source source;
	int found = -1;

	if (tree_source_init(&source, db) == SQLITE_OK)
		found = merkle_inclusion(&source.merkle, leaf, size, path);
	tree_source_close(&source);
	return found == 0 ? 0 : ctl_fail(EXIT_NOT_VERIFIED, "no proof can be made: rows beside it are missing; 'hallowctl"
	                                                    " verify' says which");
}

static int prove_row(struct ctl *ctl, const struct arguments *args, sqlite3 *db, struct signed_tree *t)
{
	struct merkle_path path;
	struct proof_result result;
	struct error err;
	char key[NOTE_KEY_MAX];
	const char *note;
	uint64_t leaf;
	unsigned kind;
	int64_t id;
	json_t *proof;
	int code = parse_row(args->words[0], &kind, &id);

	if (code != 0 || (code = find_leaf(db, args->words[0], kind, id, &leaf)) != 0 ||
	    (code = need_checkpoint(ctl, db, leaf + 1, t)) != 0 ||
	    (code = row_path(db, leaf, t->checkpoint.size, &path)) != 0)
		return code;
	note = buffer_str(&t->note);
	proof = json_pack("{s:s, s:o, s:I, s:o, s:s, s:s}", "hallowd_proof", "inclusion", "row", read_row(db, kind, id),
	                  "leaf", (json_int_t)leaf, "path", proof_path(&path), "checkpoint", note, "key",
	                  key_text(ctl, &t->note, key));
	/* One that does not hold is not handed out. */
	if (proof != NULL && key[0] != '\0' && proof_check(proof, NULL, 0, &result, &err) == -1) {
		json_decref(proof);
		return ctl_fail(EXIT_NOT_VERIFIED, "%s", err.text);
	}
	return write_proof(args, proof);
}

/* --- two checkpoints */

static int old_path(sqlite3 *db, uint64_t old, uint64_t size, struct merkle_path *path)
{
	struct tree_source source;
	int found = -1;

	if (tree_source_init(&source, db) == SQLITE_OK)
		found = merkle_consistency(&source.merkle, old, size, path);
	tree_source_close(&source);
	return found == 0 ? 0 : ctl_fail(EXIT_FAILED, "no proof can be made from this checkpoint: rows in the midst of it"
	                                              " were deleted as old");
}

static int prove_old(struct ctl *ctl, const struct arguments *args, sqlite3 *db, struct signed_tree *t,
                     struct buffer *old)
{
	struct merkle_path path;
	struct proof_result result;
	struct checkpoint c;
	struct error err;
	char key[NOTE_KEY_MAX];
	const char *before, *after;
	json_t *proof;
	int code = note_read(args->option[CONSISTENCY], old);

	if (code != 0)
		return code;
	if (checkpoint_parse(&c, (const char *)old->data, old->len, &err) == -1)
		return ctl_fail(EXIT_USAGE, "%s: %s", args->option[CONSISTENCY], err.text);
	code = need_checkpoint(ctl, db, 1, t);
	if (code != 0)
		return code;
	if (c.size == 0 || c.size > t->checkpoint.size)
		return ctl_fail(EXIT_NOT_VERIFIED, "%s was made over %llu rows, and the log's newest checkpoint covers %llu",
		                args->option[CONSISTENCY], (unsigned long long)c.size, (unsigned long long)t->checkpoint.size);
	code = old_path(db, c.size, t->checkpoint.size, &path);
	if (code != 0)
		return code;
	before = buffer_str(old);
	after = buffer_str(&t->note);
	proof = json_pack("{s:s, s:s, s:o, s:s, s:s}", "hallowd_proof", "consistency", "old", before, "path",
	                  proof_path(&path), "checkpoint", after, "key", key_text(ctl, &t->note, key));
	if (proof != NULL && key[0] != '\0' && proof_check(proof, NULL, 0, &result, &err) == -1) {
		json_decref(proof);
		return ctl_fail(EXIT_NOT_VERIFIED, "%s", err.text);
	}
	return write_proof(args, proof);
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct signed_tree t = { .note = BUFFER_INIT };
	struct buffer old = BUFFER_INIT;
	sqlite3 *db;
	int code;

	if ((args->count == 1) == (args->option[CONSISTENCY] != NULL))
		return ctl_fail(EXIT_USAGE, "prove needs a ROW, or --consistency FILE");
	code = ctl_audit(ctl, &db);
	if (code != 0)
		return code;
	code = args->count == 1 ? prove_row(ctl, args, db, &t) : prove_old(ctl, args, db, &t, &old);
	sqlite3_close(db);
	buffer_free(&t.note);
	buffer_free(&old);
	return code;
}

const struct verb verb_prove = {
	.name = "prove",
	.words = "ROW",
	.max = 1,
	.summary = "a proof that a row is in the audit log",
	.about = "Writes a proof that holds without the audit log: the row, readable, its place in the tree\n"
	         "over all rows, and a signed checkpoint.  'hallowctl check-proof' checks it, anywhere.\n"
	         "ROW is the id of a connection, as 'log -o json' shows it, or event:ID, revision:ID,\n"
	         "aggregate:ID, segment:ID.  With --consistency: that the log continues an older checkpoint.\n",
	.examples = "  hallowctl prove 1795478400000000 --output proof.json\n"
	            "  hallowctl prove event:17 >proof.json\n"
	            "  hallowctl prove --consistency /mnt/safe/checkpoint --output continued.json\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
