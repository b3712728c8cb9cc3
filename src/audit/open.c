#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/address_sql.h"
#include "audit/audit.h"
#include "audit/schema.h"
#include "audit/tree.h"
#include "audit/vfs.h"
#include "core/time_text.h"

#define CHECK_LIMIT_MS 2000
#define READER_PATIENCE_MS 5000
#define WRITER_PATIENCE_MS 250 /* short: the recorder has packets to read, and tries again by itself */
#define JOURNAL_KEPT_BYTES "16777216"

/* How an attempt to open ended. */
enum outcome { OPENED, DAMAGED, FAILED };

static enum outcome failed(sqlite3 *db, struct error *err)
{
	int rc = sqlite3_errcode(db) & 0xff;

	error_set(err, "%s: %s", AUDIT_FILE, sqlite3_errmsg(db));
	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? DAMAGED : FAILED;
}

/* SQLite would make the file with the mode 0644; its journals take over the mode of the file. */
static int make_file(struct error *err)
{
	int fd = open(AUDIT_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd != -1) {
		fchmod(fd, 0640);
		close(fd);
		return 0;
	}
	return errno == EEXIST ? 0 : error_errno(err, errno, "%s cannot be made", AUDIT_FILE);
}

static int out_of_time(void *deadline)
{
	return time_monotonic_ms() > *(int64_t *)deadline;
}

/* A first look at the pages.  A long log is not read to its end: what the check did not reach shows when it is used. */
static enum outcome look_at_pages(sqlite3 *db, struct error *err)
{
	int64_t deadline = time_monotonic_ms() + CHECK_LIMIT_MS;
	enum outcome outcome = OPENED;
	sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK)
		return failed(db, err);
	sqlite3_progress_handler(db, 10000, out_of_time, &deadline);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
		error_set(err, "%s: %s", AUDIT_FILE, (const char *)sqlite3_column_text(stmt, 0));
		outcome = DAMAGED;
	} else if (rc != SQLITE_ROW && rc != SQLITE_INTERRUPT) {
		outcome = failed(db, err);
	}
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite3_finalize(stmt);
	return outcome;
}

/* Reads a file of the database to its end: SQLITE_OK, or the error of the read that failed. */
static int read_to_the_end(sqlite3 *db, int which)
{
	static unsigned char bytes[1 << 16];
	sqlite3_file *file = NULL;
	sqlite3_int64 size;
	int rc = sqlite3_file_control(db, "main", which, &file);

	if (rc != SQLITE_OK || file == NULL || file->pMethods == NULL)
		return rc;
	rc = file->pMethods->xFileSize(file, &size);
	for (sqlite3_int64 at = 0; at < size && rc == SQLITE_OK; at += (sqlite3_int64)sizeof(bytes)) {
		sqlite3_int64 len = size - at < (sqlite3_int64)sizeof(bytes) ? size - at : (sqlite3_int64)sizeof(bytes);

		rc = file->pMethods->xRead(file, bytes, (int)len, at);
	}
	return rc;
}

/* SQLite's check calls a page that cannot be read just now damaged too.  That is no reason to begin another log, so
 * what seems damaged is read whole, and looked at once more. */
static enum outcome check(sqlite3 *db, struct error *err)
{
	enum outcome outcome = look_at_pages(db, err);
	int rc;

	if (outcome != DAMAGED)
		return outcome;
	rc = read_to_the_end(db, SQLITE_FCNTL_FILE_POINTER);
	if (rc == SQLITE_OK)
		rc = read_to_the_end(db, SQLITE_FCNTL_JOURNAL_POINTER);
	if (rc == SQLITE_OK)
		return look_at_pages(db, err);
	error_set(err, "%s cannot be read: %s", AUDIT_FILE, sqlite3_errstr(rc));
	return FAILED;
}

/* auto_vacuum must be set before the first table is made; secure_delete costs writes and protects nothing here. */
static const char settings[] =
	"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store ="
	" MEMORY;"
	"PRAGMA secure_delete = OFF; PRAGMA foreign_keys = OFF; PRAGMA journal_size_limit = " JOURNAL_KEPT_BYTES;

static enum outcome prepare(sqlite3 *db, struct error *err)
{
	enum outcome outcome;
	int version, keep = 1;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, WRITER_PATIENCE_MS);
	/* Readers without the right to write in the folder need the journal to be there. */
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (sqlite3_exec(db, settings, NULL, NULL, NULL) != SQLITE_OK || address_sql_register(db) != SQLITE_OK)
		return failed(db, err);
	if (schema_version(db, &version, err) == -1)
		return sqlite3_errcode(db) == SQLITE_OK || sqlite3_errcode(db) >= SQLITE_ROW ? FAILED : failed(db, err);
	outcome = check(db, err);
	if (outcome != OPENED)
		return outcome;
	if (schema_update(db, err) == -1)
		return FAILED;
	return OPENED;
}

/* Without a checkpoint: what is damaged is kept as it was found. */
static void close_as_it_is(sqlite3 **db)
{
	if (*db != NULL)
		sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(*db);
	*db = NULL;
}

static enum outcome open_file(sqlite3 **db, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	enum outcome outcome;

	*db = NULL;
	if (relative_vfs_register() != SQLITE_OK) {
		error_set(err, "SQLite has no VFS for this system");
		return FAILED;
	}
	if (make_file(err) == -1)
		return FAILED;
	if (sqlite3_open_v2(AUDIT_FILE, db, flags, RELATIVE_VFS) == SQLITE_OK)
		outcome = prepare(*db, err);
	else
		outcome = failed(*db, err);
	if (outcome != OPENED)
		close_as_it_is(db);
	return outcome;
}

/* The journal goes first: one that stayed behind would be played into the new file.  Where there is no file any more,
 * *name is empty then. */
static int set_aside(char *name, struct error *err)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	char from[64], to[128];
	bool found = true;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", AUDIT_FILE, parts[i]);
		snprintf(to, sizeof(to), "%s%s", name, parts[i]);
		found = rename(from, to) == 0;
		if (!found && errno != ENOENT)
			return error_errno(err, errno, "the damaged %s cannot be renamed to %s", from, to);
	}
	if (!found)
		*name = '\0';
	return 0;
}

static int append_event(sqlite3 *db, int64_t id)
{
	struct tree tree;
	int rc = tree_init(&tree, db);

	if (rc == SQLITE_OK)
		rc = tree_append(&tree, LEAF_EVENT, id);
	tree.touched |= OPEN_BIT(OPEN_STATE);
	if (rc == SQLITE_OK)
		rc = tree_flush(&tree);
	tree_close(&tree);
	return rc;
}

/* baseline: what the kernel has counted so far is in the log that was set aside. */
static int write_damaged(sqlite3 *db, const char *name, const char *why, struct error *err)
{
	sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE state SET baseline = 1", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "INSERT INTO event (time, kind, subject, detail) VALUES (?1, 'damaged', ?2,"
	                           " json_object('kept_as', nullif(?3, ''), 'reason', ?4))", -1, &stmt, NULL) != SQLITE_OK)
		return error_set(err, "%s: %s", AUDIT_FILE, sqlite3_errmsg(db));
	sqlite3_bind_int64(stmt, 1, time_now());
	sqlite3_bind_text(stmt, 2, AUDIT_FILE, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, why, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		rc = append_event(db, sqlite3_last_insert_rowid(db));
	if (rc != SQLITE_OK || sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		return error_set(err, "%s: %s", AUDIT_FILE, sqlite3_errmsg(db));
	return 0;
}

int audit_begin_anew(sqlite3 **db, const char *why, struct error *err)
{
	char name[sizeof(AUDIT_FILE) + 16 + TIME_TEXT_MAX], when[TIME_TEXT_MAX];

	close_as_it_is(db);
	snprintf(name, sizeof(name), "%s.damaged-%s", AUDIT_FILE, time_format(time_now(), 1, when));
	if (set_aside(name, err) == -1 || open_file(db, err) != OPENED)
		return -1;
	if (write_damaged(*db, name, why, err) == 0)
		return 0;
	sqlite3_close(*db);
	*db = NULL;
	return -1;
}

int audit_open_writer(sqlite3 **db, struct error *err)
{
	struct error damage = { "" };

	switch (open_file(db, &damage)) {
	case OPENED:
		return 0;
	case DAMAGED:
		return audit_begin_anew(db, damage.text, err);
	default:
		return error_set(err, "%s", damage.text);
	}
}

static int close_reader(sqlite3 **db, int why)
{
	sqlite3_close(*db);
	*db = NULL;
	errno = why;
	return -1;
}

static int reader_path(char *path, size_t size, const char *state_dir, struct error *err)
{
	int why;

	if ((size_t)snprintf(path, size, "%s/%s", state_dir, AUDIT_FILE) >= size)
		errno = ENAMETOOLONG;
	else if (access(path, R_OK) == 0)
		return 0;
	why = errno;
	error_errno(err, why, "the audit log %.200s", path);
	errno = why;
	return -1;
}

static bool is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* 0, or an errno with *err: ENOENT for a file that was made and has nothing in it yet. */
static int reader_version(sqlite3 *db, const char *path, struct error *err)
{
	int version;

	if (schema_version(db, &version, err) == -1)
		return is_damage(sqlite3_errcode(db)) ? EBADMSG : EIO;
	if (version == schema_current())
		return 0;
	error_set(err, "%s has version %d, not %d: hallowd-record brings it up to date when hallowd starts", path, version,
	          schema_current());
	return version == 0 ? ENOENT : EIO;
}

static int open_reader(sqlite3 **db, const char *path, const char *vfs, struct error *err)
{
	int why;

	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK ||
	    sqlite3_busy_timeout(*db, READER_PATIENCE_MS) != SQLITE_OK || address_sql_register(*db) != SQLITE_OK ||
	    sqlite3_exec(*db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", NULL, NULL, NULL) != SQLITE_OK) {
		error_set(err, "%s: %s", path, sqlite3_errmsg(*db));
		return close_reader(db, EIO);
	}
	why = reader_version(*db, path, err);
	return why == 0 ? 0 : close_reader(db, why);
}

int audit_open_reader(sqlite3 **db, const char *state_dir, struct error *err)
{
	char path[4096];

	*db = NULL;
	return reader_path(path, sizeof(path), state_dir, err) == -1 ? -1 : open_reader(db, path, NULL, err);
}

int audit_open_reader_here(sqlite3 **db, struct error *err)
{
	*db = NULL;
	if (relative_vfs_register() != SQLITE_OK)
		return error_set(err, "SQLite has no VFS for this system");
	return open_reader(db, AUDIT_FILE, RELATIVE_VFS, err);
}
