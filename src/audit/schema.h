/* The tables and views of audit.db, inside src/audit only. */
#ifndef HALLOWD_AUDIT_SCHEMA_H
#define HALLOWD_AUDIT_SCHEMA_H

#include <sqlite3.h>

#include "core/error.h"

/* The version that this program writes, kept as PRAGMA user_version.  0: an empty file. */
int schema_current(void);

/* Brings the open database from its version to the current one, in one transaction.  0 also where nothing is to do.
 * -1 with *err where the file is of a later version or no audit log, or SQLite refused. */
int schema_update(sqlite3 *db, struct error *err);

/* The version of the open database.  0 with *version, or -1 as above. */
int schema_version(sqlite3 *db, int *version, struct error *err);

/* Parts of steps that have a file of their own: SQL. */
extern const char schema_tree[]; /* of version 2: the tree over the rows */
extern const char schema_counts[]; /* of version 2: blocks of rows */
extern const char schema_migrated[]; /* of version 2: that a log was of version 1 */
extern const char schema_endings[]; /* of version 2: what became of connections, and where a row is from */

#endif
