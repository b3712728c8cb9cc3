/* Which leaf a row is. */
#ifndef HALLOWD_AUDIT_LEAF_FIND_H
#define HALLOWD_AUDIT_LEAF_FIND_H

#include <sqlite3.h>
#include <stdint.h>

/* SQLITE_ROW with *leaf; SQLITE_DONE where no leaf is of it (it may still change, or is not there); or an error.  Not
 * for LEAF_TALLY, of which one id is several rows. */
int leaf_find(sqlite3 *db, unsigned kind, int64_t id, uint64_t *leaf);

#endif
