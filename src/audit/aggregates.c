#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/counts.h"
#include "audit/spans.h"

static int add(struct audit_aggregates *a, size_t *cap, sqlite3_stmt *stmt, struct error *err)
{
	struct audit_aggregate *all = a->all, *new;

	if (a->count == *cap) {
		*cap = *cap == 0 ? 32 : *cap * 2;
		all = reallocarray(all, *cap, sizeof(*all));
		if (all == NULL)
			return error_set(err, "no memory to read the audit log");
		a->all = all;
	}
	new = &all[a->count];
	*new = (struct audit_aggregate){ .packets = (uint64_t)sqlite3_column_int64(stmt, 2),
		                             .first = sqlite3_column_int64(stmt, 3),
		                             .last = sqlite3_column_int64(stmt, 4) };
	if (audit_column_address(stmt, 1, &new->source) == -1)
		return error_set(err, "the audit log is damaged: a row of table aggregate has no address");
	new->endpoint = strdup((const char *)sqlite3_column_text(stmt, 0));
	if (new->endpoint == NULL)
		return error_set(err, "no memory to read the audit log");
	a->count++;
	return 0;
}

int audit_aggregates_read(sqlite3 *db, time_us from, time_us to, struct audit_aggregates *a, struct error *err)
{
	sqlite3_stmt *stmt;
	size_t cap = 0;
	int rc, result = 0;

	*a = (struct audit_aggregates){ NULL, 0 };
	if (sqlite3_prepare_v2(db, "SELECT e.name, a.source, sum(a.count), min(a.from_time), max(a.to_time)"
	                           " FROM aggregate a CROSS JOIN endpoint e ON e.id = a.endpoint"
	                           " WHERE a.to_time > ?1 AND a.from_time < ?2 AND a.count > 0"
	                           " GROUP BY a.endpoint, a.source", -1, &stmt, NULL) != SQLITE_OK)
		return spans_error(db, err);
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	while (result == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE)
		result = rc == SQLITE_ROW ? add(a, &cap, stmt, err) : spans_error(db, err);
	sqlite3_finalize(stmt);
	if (result == -1)
		audit_aggregates_free(a);
	return result;
}

void audit_aggregates_free(struct audit_aggregates *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->all[i].endpoint);
	free(a->all);
	*a = (struct audit_aggregates){ NULL, 0 };
}
