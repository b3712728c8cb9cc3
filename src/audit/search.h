/* Finding connections: which rows have an endpoint, a verdict, a source in a prefix, a time.  Blocks (block.h) say where
 * to look, so the time it takes goes with what is found and with the number of blocks, not with the number of rows. */
#ifndef HALLOWD_AUDIT_SEARCH_H
#define HALLOWD_AUDIT_SEARCH_H

#include <sqlite3.h>
#include <stdbool.h>

#include "core/error.h"
#include "core/prefix.h"
#include "core/time_text.h"

struct audit_filter {
	const char *endpoint, *verdict; /* NULL: any; verdict "allow" or "deny" */
	bool by_source;
	struct prefix source;           /* where by_source */
	time_us since, until;           /* since <= time < until; INT64_MIN and INT64_MAX: no bound */
	int64_t after, upto;            /* after < id <= upto */
};

struct audit_search;

/* The filter is copied, its texts need not stay.  Within one read transaction of the caller's.  0 with *s
 * (audit_search_close), or -1 with *err. */
int audit_search_open(struct audit_search **s, sqlite3 *db, const struct audit_filter *f, bool newest_first,
                      struct error *err);
void audit_search_close(struct audit_search *s);

/* The id of the next connection, ascending (descending with newest_first): 1, 0 where there is no more, -1 with *err. */
int audit_search_next(struct audit_search *s, int64_t *id, struct error *err);

#endif
