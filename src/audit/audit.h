/* audit.db: its schema, and how it is opened.  hallowd-record writes it; hallowctl reads it. */
#ifndef HALLOWD_AUDIT_AUDIT_H
#define HALLOWD_AUDIT_AUDIT_H

#include <sqlite3.h>

#include "core/error.h"

#define AUDIT_FILE "audit.db"

/* For the recorder, with state_dir as its working directory, which it may reach only from inside (the path to it may be
 * closed to it): opens or makes AUDIT_FILE, WAL, synchronous=NORMAL, schema brought up to date in one transaction. */
int audit_open_writer(sqlite3 **db, struct error *err);

/* For readers: opens STATE_DIR/audit.db read-only, with a busy timeout; never creates or changes it.
 * -1 with errno ENOENT where there is no audit log yet. */
int audit_open_reader(sqlite3 **db, const char *state_dir, struct error *err);

/* Prints a stored address blob (4 or 16 bytes): registered as SQL function `ip(blob)` on every connection that the
 * functions above open.  The views do not need it: they must work in plain sqlite3. */

#endif
