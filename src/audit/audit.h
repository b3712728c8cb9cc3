/* audit.db: its schema, and how it is opened.  hallowd-record writes it; hallowctl reads it. */
#ifndef HALLOWD_AUDIT_AUDIT_H
#define HALLOWD_AUDIT_AUDIT_H

#include <sqlite3.h>

#include "core/address.h"
#include "core/error.h"

#define AUDIT_FILE "audit.db"
#define AUDIT_APPLICATION_ID 0x68616c6c /* "hall": PRAGMA application_id of an audit log */

/* The views (connections, aggregates, list_revisions, events, coverage, tallies, and endpoints) are the contract; the
 * tables beneath are described in schema.c.  What a reader that must be quick has to know of them:
 *
 * - An id of `connection` is the time of its packet in microseconds since 1970, or the previous id + 1 where that is
 *   later; `skew` (never positive) is what makes the time of it: time = id + skew.  Rows are so in order of time
 *   without an index: `id >= FROM` finds all rows from FROM on, in the view as well, and AUDIT_IN_PERIOD those of a
 *   period.
 * - An IPv4 address is an integer, its value less 2^31 (so that all have four bytes and sort as addresses do); an
 *   IPv6 address is a blob of 16 bytes: each prefix is a BETWEEN.  audit_bind_address and audit_column_address
 *   convert. */

/* Rows c of `connection` with FROM <= time < TO, where ?1 and ?2 are FROM and TO in microseconds.  Found by key,
 * those after which the clock stepped back by a partial index. */
#define AUDIT_IN_PERIOD \
	"(c.id BETWEEN ?1 AND ?2 + 1000000 OR c.skew < -1000000) AND c.id + c.skew >= ?1 AND c.id + c.skew < ?2"

/* For the recorder, with state_dir as its working directory, which it may reach only from inside (the path to it may be
 * closed to it): opens or makes AUDIT_FILE, WAL, synchronous=NORMAL, schema brought up to date in one transaction.
 * A file that is damaged (also one that a check of at most two seconds finds so) is set aside and a new one begun, see
 * audit_begin_anew.  -1 where neither could be done, or the file is no audit log, or one of a later version. */
int audit_open_writer(sqlite3 **db, struct error *err);

/* Closes *db (NULL: nothing is open), renames AUDIT_FILE and what belongs to it to AUDIT_FILE.damaged-TIME, and opens
 * a new one that begins with the event `damaged`, which holds the new name (null where there was no file) and `why`.
 * 0, or -1 with *err and *db NULL. */
int audit_begin_anew(sqlite3 **db, const char *why, struct error *err);

/* For readers: opens STATE_DIR/audit.db read-only, with a busy timeout; never creates or changes it.
 * -1 with errno ENOENT where there is no audit log yet, EBADMSG where it is damaged. */
int audit_open_reader(sqlite3 **db, const char *state_dir, struct error *err);

/* The same for a program that has state_dir as its working directory and may not walk the path to it. */
int audit_open_reader_here(sqlite3 **db, struct error *err);

/* An address as it is stored.  bind: SQLITE_OK or sqlite3_bind's error; the bytes are copied.  column: 0, or -1 where
 * it holds none.  Every connection that the functions above open has the SQL function ip(STORED), which gives the
 * text; the views do not need it. */
int audit_bind_address(sqlite3_stmt *stmt, int parameter, const struct address *a);
int audit_column_address(sqlite3_stmt *stmt, int column, struct address *a);

#endif
