#include "record/signing.h"

#include <stdlib.h>
#include <string.h>

#include "audit/tree_source.h"
#include "core/checkpoint_message.h"
#include "core/log.h"
#include "integrity/note.h"

void signing_free(struct signing *g)
{
	buffer_free(&g->note);
	memset(g, 0, sizeof(*g));
}

/* --- what the log has */

static int load_newest(struct signing *g, struct store *s, sqlite3_stmt *stmt)
{
	int got = store_step(s, stmt);
	const char *note = got == 1 ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	struct checkpoint c;

	g->commits = 0;
	s->signed_size = 0;
	if (note == NULL || checkpoint_parse(&c, note, strlen(note), NULL) == -1)
		return got == -1 ? -1 : 0; /* verify says what is wrong with it */
	g->commits = c.commits;
	s->signed_size = c.size;
	return 0;
}

int signing_load(struct signing *g, struct store *s, int64_t now_ms)
{
	sqlite3_stmt *stmt;
	int result;

	buffer_free(&g->note);
	g->due_ms = now_ms + SIGNING_FIRST_MS;
	if (store_prepare(s, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", &stmt) == -1)
		return -1;
	result = load_newest(g, s, stmt);
	sqlite3_finalize(stmt);
	return result;
}

bool signing_idle(const struct signing *g)
{
	return !g->asked && !g->wanted && g->note.len == 0;
}

int64_t signing_due(const struct signing *g, const struct store *s)
{
	if (g->note.len > 0)
		return g->store_ms;
	if (!g->told || g->asked || s->db == NULL || s->tree.edge.size == 0)
		return INT64_MAX;
	if (g->wanted)
		return 0;
	return s->tree.commits > g->commits ? g->due_ms : INT64_MAX;
}

/* --- asking */

/* What is signed must outlive a power cut: without this, the end of the log could be lost with synchronous=NORMAL, and the
 * log that is left would contradict what was signed. */
static int sync_journal(struct store *s)
{
	sqlite3_file *file = NULL;
	int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);

	if (rc != SQLITE_OK || file == NULL || file->pMethods == NULL)
		return rc;
	return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* From what hallowd signed last of this log.  SQLITE_OK; SQLITE_NOTFOUND: what is there does not show it. */
static int make_path(struct store *s, uint64_t old, struct merkle_path *path)
{
	struct tree_source source;
	int rc;

	path->count = 0;
	if (old == 0 || old > s->tree.edge.size)
		return SQLITE_OK;
	rc = tree_source_init(&source, s->db);
	if (rc == SQLITE_OK && merkle_consistency(&source.merkle, old, s->tree.edge.size, path) == -1)
		rc = source.code == SQLITE_OK ? SQLITE_NOTFOUND : source.code;
	tree_source_close(&source);
	return rc;
}

static int encode(const struct signing *g, struct store *s, uint64_t old, const struct merkle_path *path,
                  struct buffer *out)
{
	struct checkpoint_request c = { .log = s->tree.log, .size = s->tree.edge.size, .old = old,
		                            .path_count = path->count, .commits = s->tree.commits, .kept = g->kept };
	struct hash root, open;

	merkle_root(&s->tree.edge, &root);
	open_rows_sum(s->tree.open.hashes, &open);
	memcpy(c.root, root.bytes, HASH_SIZE);
	memcpy(c.open, open.bytes, HASH_SIZE);
	memcpy(c.path, path->hashes, path->count * HASH_SIZE);
	return checkpoint_request_encode(out, &c);
}

int signing_ask(struct signing *g, struct store *s, int64_t now_ms, struct buffer *out)
{
	uint64_t old = strcmp(g->log, s->tree.log) == 0 ? g->size : 0;
	struct merkle_path path;
	int rc = sync_journal(s);

	g->due_ms = now_ms + SIGNING_INTERVAL_MS;
	if (rc == SQLITE_OK)
		rc = make_path(s, old, &path);
	/* A path that cannot be shown is no reason not to ask: hallowd refuses, and says so where people look. */
	if (rc == SQLITE_NOTFOUND || (rc & 0xff) == SQLITE_CORRUPT)
		path.count = 0;
	else if (rc != SQLITE_OK)
		log_warning("no checkpoint now: %s: %s", AUDIT_FILE, sqlite3_errstr(rc));
	if (rc != SQLITE_OK && rc != SQLITE_NOTFOUND && (rc & 0xff) != SQLITE_CORRUPT) {
		g->wanted = g->kept = false;
		return 0;
	}
	if (encode(g, s, old, &path, out) == -1)
		return -1;
	g->asked = true;
	g->wanted = g->kept = false;
	return 0;
}

/* --- answers */

static int take_witness(struct signing *g, struct message *m)
{
	char *log;

	if (witness_decode(m, &log, &g->size) == -1)
		return -1;
	g->told = true;
	g->log[0] = '\0';
	if (strlen(log) < sizeof(g->log))
		strcpy(g->log, log);
	free(log);
	return 0;
}

static int take_signed(struct signing *g, struct message *m)
{
	const unsigned char *note;
	size_t len;

	g->asked = false;
	g->store_ms = 0;
	buffer_free(&g->note);
	return signed_decode(m, &note, &len) == -1 ? -1 : buffer_add(&g->note, note, len);
}

static int take_refused(struct signing *g, struct message *m)
{
	char *why;

	g->asked = false;
	if (refused_decode(m, &why) == -1)
		return -1;
	log_warning("hallowd signed no checkpoint: %s", why);
	free(why);
	return 0;
}

int signing_take(struct signing *g, struct message *m, int64_t now_ms)
{
	(void)now_ms;
	switch (m->type) {
	case MSG_WITNESS:
		return take_witness(g, m);
	case MSG_SIGNED:
		return take_signed(g, m);
	default:
		return take_refused(g, m);
	}
}

/* --- storing */

/* Of those that nobody asked for, each of the last day is kept, and of a day before the last. */
static const char prune[] =
	"DELETE FROM checkpoint WHERE size IN (SELECT size FROM (SELECT size, time, note, row_number() OVER"
	" (PARTITION BY time / 86400000000 ORDER BY size DESC) AS place FROM checkpoint WHERE time < ?1)"
	" WHERE place > 1 AND note NOT LIKE '%' || char(10) || 'kept' || char(10) || '%')";

static int insert(struct store *s, const struct checkpoint *c, const struct buffer *note)
{
	sqlite3_stmt *stmt;
	int result;

	if (store_prepare(s, "INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2, ?3)", &stmt) == -1)
		return -1;
	sqlite3_bind_int64(stmt, 1, (int64_t)c->size);
	sqlite3_bind_int64(stmt, 2, c->time);
	sqlite3_bind_text(stmt, 3, (const char *)note->data, (int)note->len, SQLITE_STATIC);
	result = store_run(s, stmt);
	sqlite3_finalize(stmt);
	return result;
}

#define DAY_US INT64_C(86400000000)

/* Once a day, when the first of a new day is stored. */
static int prune_old(struct store *s, time_us now)
{
	sqlite3_stmt *stmt;
	int result;

	if (store_prepare(s, prune, &stmt) == -1)
		return -1;
	sqlite3_bind_int64(stmt, 1, now - DAY_US);
	result = store_run(s, stmt);
	sqlite3_finalize(stmt);
	return result;
}

/* A transaction of its own, which leaves all else as the checkpoint says. */
static int store_note(struct store *s, const struct checkpoint *c, const struct buffer *note)
{
	if (store_begin(s) == -1)
		return -1;
	if (insert(s, c, note) == 0 && (c->time / DAY_US == s->pruned_day || prune_old(s, c->time) == 0) &&
	    store_run(s, store_use(s, ST_COMMIT)) == 0) {
		s->pruned_day = c->time / DAY_US;
		return 0;
	}
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

void signing_store(struct signing *g, struct store *s, int64_t now_ms)
{
	struct checkpoint c;
	struct error err;

	if (g->note.len == 0 || s->db == NULL)
		return;
	if (checkpoint_parse(&c, (const char *)g->note.data, g->note.len, &err) == -1) {
		log_error("what hallowd signed is %s", err.text);
		buffer_free(&g->note);
		return;
	}
	if (store_note(s, &c, &g->note) == -1) {
		g->store_ms = now_ms + SIGNING_RETRY_MS;
		return;
	}
	g->commits = c.commits;
	s->signed_size = c.size;
	buffer_free(&g->note);
}
