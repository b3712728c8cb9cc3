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
	LOG_DURATION_MS, LOG_STATE, LOG_VIA, LOG_COLUMNS
};

struct log_query {
	sqlite3 *db;
	struct audit_search *search; /* owned */
	sqlite3_stmt *row;           /* owned: one connection by its id */
	bool limited;
	int64_t *newest;             /* limited: ids that are still to come, the next one last; owned */
	size_t newest_count;
};

/* Rows with after < id <= upto that the filter lets through, in order of id; where `limit` is not 0, only the newest so
 * many.  Holds a read transaction until it is closed.  0, or -1 with *err and nothing to close. */
int log_query_open(struct log_query *q, sqlite3 *db, const struct log_filter *f, int64_t after, int64_t upto,
                   int64_t limit, struct error *err);
void log_query_close(struct log_query *q);

/* 1 with *row, whose columns are those above, valid until the next call; 0 at the end; -1 with *err. */
int log_query_next(struct log_query *q, sqlite3_stmt **row, struct error *err);

/* The highest id, 0 for none. */
int log_newest(sqlite3 *db, int64_t *id, struct error *err);

/* How many denied attempts that the filter lets through were counted and not recorded one by one. */
int log_aggregated(sqlite3 *db, const struct log_filter *f, uint64_t *count, struct error *err);

/* Whether the audit log has ever known an endpoint of that name: 1 or 0; -1 with *err. */
int log_knows_endpoint(sqlite3 *db, const char *name, struct error *err);

#endif
