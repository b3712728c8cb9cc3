/* What the views say of lists, people and the daemon itself. */
#include <string.h>

#include "report/query.h"
#include "report/read.h"

static int add_change(struct report *r, sqlite3_stmt *s, struct error *err)
{
	struct report_change *grown = report_grow(r->changes, &r->change_count, sizeof(*grown), err), *c;

	if (grown == NULL)
		return -1;
	r->changes = grown;
	c = &grown[r->change_count - 1];
	c->revision = query_count(s, 1);
	if (report_copy(&c->list, query_text(s, 0), err) == -1 || report_copy(&c->time, query_text(s, 2), err) == -1 ||
	    report_copy(&c->added, query_text(s, 3), err) == -1 ||
	    report_copy(&c->removed, query_text(s, 4), err) == -1 ||
	    report_copy(&c->origins, query_text(s, 5), err) == -1 ||
	    report_copy(&c->decided_by, query_text(s, 6), err) == -1)
		return -1;
	return report_copy(&c->reason, query_text(s, 7), err);
}

int report_read_changes(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	const char *texts[] = { p->from, p->to };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT list, revision, time, added, removed, origins, decided_by, reason FROM list_revisions"
	                " WHERE time >= ?1 AND time < ?2 ORDER BY time, list, revision",
	                texts, 2, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (add_change(r, s, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	return rc;
}

static bool decides(const char *kind)
{
	static const char *const kinds[] = { "approved", "rejected", "rollback", "unpinned", "granted", "revoked",
		                             "teardown", "reload", "confirmed", "key-rotated" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i], kind) == 0)
			return true;
	}
	return false;
}

static int add_event(struct report *r, sqlite3_stmt *s, struct error *err)
{
	struct report_event *grown = report_grow(r->events, &r->event_count, sizeof(*grown), err), *e;

	if (grown == NULL)
		return -1;
	r->events = grown;
	e = &grown[r->event_count - 1];
	e->is_decision = decides(query_text(s, 1));
	if (report_copy(&e->time, query_text(s, 0), err) == -1 || report_copy(&e->kind, query_text(s, 1), err) == -1 ||
	    report_copy(&e->subject, query_text(s, 2), err) == -1)
		return -1;
	return report_copy(&e->detail, query_text(s, 3), err);
}

int report_read_events(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err)
{
	const char *texts[] = { p->from, p->to };
	sqlite3_stmt *s;
	int rc;

	if (query_start(db, &s,
	                "SELECT time, kind, subject, detail FROM events WHERE time >= ?1 AND time < ?2 ORDER BY time",
	                texts, 2, err) == -1)
		return -1;
	while ((rc = query_next(s, err)) == 1) {
		if (add_event(r, s, err) == -1) {
			rc = -1;
			break;
		}
	}
	sqlite3_finalize(s);
	return rc;
}
