/* What `hallowctl log` asks of the view `connections`. */
#ifndef HALLOWD_CTL_LOG_QUERY_H
#define HALLOWD_CTL_LOG_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "core/error.h"
#include "core/prefix.h"
#include "core/time_text.h"

/* Which connections; "" and NULL: any. */
struct log_filter {
	const char *endpoint, *verdict;
	bool by_source;
	struct prefix source;
	time_us since, until; /* since <= time < until; INT64_MIN and INT64_MAX: no bound */
};

/* The columns of a row, as they are in the view. */
enum {
	LOG_ID, LOG_TIME, LOG_ENDPOINT, LOG_VERDICT, LOG_REASON, LOG_SOURCE, LOG_SOURCE_PORT, LOG_DESTINATION,
	LOG_DESTINATION_PORT, LOG_PROTOCOL, LOG_LIST, LOG_REVISION, LOG_PACKETS, LOG_BYTES_IN, LOG_BYTES_OUT,
	LOG_DURATION_MS, LOG_COLUMNS
};

/* Rows with after < id <= upto that the filter lets through, in order of id; where `limit` is not 0, only the newest so
 * many.  The filter's source must stay until the statement is gone.  0 with *stmt (sqlite3_finalize), or -1. */
int log_query(sqlite3 *db, const struct log_filter *f, int64_t after, int64_t upto, int64_t limit, sqlite3_stmt **stmt,
              struct error *err);

/* The highest id, 0 for none. */
int log_newest(sqlite3 *db, int64_t *id, struct error *err);

/* How many denied attempts that the filter lets through were counted and not recorded one by one. */
int log_aggregated(sqlite3 *db, const struct log_filter *f, uint64_t *count, struct error *err);

/* Whether the audit log has ever known an endpoint of that name: 1 or 0; -1 with *err. */
int log_knows_endpoint(sqlite3 *db, const char *name, struct error *err);

#endif
