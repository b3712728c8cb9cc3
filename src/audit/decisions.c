#include <stdlib.h>
#include <string.h>

#include "audit/counts.h"
#include "audit/spans.h"

static char *text(sqlite3_stmt *stmt, int column)
{
	const unsigned char *t = sqlite3_column_text(stmt, column);

	return strdup(t == NULL ? "" : (const char *)t);
}

static int add(struct audit_decisions *d, size_t *cap, sqlite3_stmt *stmt)
{
	struct audit_decision *all = d->all, *new;

	if (d->count == *cap) {
		*cap = *cap == 0 ? 32 : *cap * 2;
		all = reallocarray(all, *cap, sizeof(*all));
		if (all == NULL)
			return -1;
		d->all = all;
	}
	new = &all[d->count++];
	*new = (struct audit_decision){ .id = sqlite3_column_int64(stmt, 0),
		                            .endpoint = text(stmt, 1),
		                            .deny = sqlite3_column_int(stmt, 2) != 0,
		                            .reason = text(stmt, 3),
		                            .list = text(stmt, 4),
		                            .revision = text(stmt, 5),
		                            .mirrored = sqlite3_column_int(stmt, 6) != 0 };
	return new->endpoint == NULL || new->reason == NULL || new->list == NULL || new->revision == NULL ? -1 : 0;
}

int audit_decisions_read(sqlite3 *db, struct audit_decisions *d, struct error *err)
{
	sqlite3_stmt *stmt;
	size_t cap = 0;
	int rc, result = 0;

	*d = (struct audit_decisions){ NULL, 0 };
	if (sqlite3_prepare_v2(db, "SELECT d.id, e.name, d.verdict, d.reason, d.list, d.revision, d.via FROM decision d"
	                           " JOIN endpoint e ON e.id = d.endpoint ORDER BY d.id", -1, &stmt, NULL) != SQLITE_OK)
		return spans_error(db, err);
	while (result == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW)
			result = spans_error(db, err);
		else if (add(d, &cap, stmt) == -1)
			result = error_set(err, "no memory to read the audit log");
	}
	sqlite3_finalize(stmt);
	if (result == -1)
		audit_decisions_free(d);
	return result;
}

void audit_decisions_free(struct audit_decisions *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->all[i].endpoint);
		free(d->all[i].reason);
		free(d->all[i].list);
		free(d->all[i].revision);
	}
	free(d->all);
	*d = (struct audit_decisions){ NULL, 0 };
}

const struct audit_decision *audit_decision(const struct audit_decisions *d, int64_t id)
{
	size_t low = 0, high = d->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->all[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < d->count && d->all[low].id == id ? &d->all[low] : NULL;
}
