/* Reading rows of audit.db through its views. */
#ifndef HALLOWD_REPORT_QUERY_H
#define HALLOWD_REPORT_QUERY_H

#include <stdint.h>

#include <sqlite3.h>

#include "core/error.h"

/* Prepares `sql` and binds the `count` texts to its parameters 1 to count; NULL binds NULL.  The texts
 * are copied.  0 with *stmt (sqlite3_finalize), or -1. */
int query_start(sqlite3 *db, sqlite3_stmt **stmt, const char *sql, const char *const *texts, int count,
                struct error *err);

/* 1: a row is there; 0: no more; -1: it failed. */
int query_next(sqlite3_stmt *stmt, struct error *err);

/* A column as text, "" for null; valid until the next query_next. */
const char *query_text(sqlite3_stmt *stmt, int column);

/* A column that counts things; null and what is below 0 are 0. */
uint64_t query_count(sqlite3_stmt *stmt, int column);

#endif
