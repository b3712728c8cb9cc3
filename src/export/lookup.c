#include "export/lookup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "report/query.h"

#define SLOTS 1024 /* a number stands in slot number % SLOTS, or nowhere */

struct lookup {
	sqlite3_stmt *decision, *target;
	struct decision decisions[SLOTS];
	struct target targets[SLOTS];
};

static const char decision_sql[] =
	"SELECT e.name, d.verdict, d.reason, d.list, d.revision, d.via"
	" FROM decision d CROSS JOIN endpoint e ON e.id = d.endpoint WHERE d.id = ?1";
static const char target_sql[] = "SELECT destination, port, protocol FROM target WHERE id = ?1";

int lookup_open(struct lookup **lookup, sqlite3 *db, struct error *err)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return error_errno(err, ENOMEM, "the audit log cannot be read");
	if (query_start(db, &l->decision, decision_sql, NULL, 0, err) == -1 ||
	    query_start(db, &l->target, target_sql, NULL, 0, err) == -1) {
		lookup_free(l);
		return -1;
	}
	*lookup = l;
	return 0;
}

static void forget(struct decision *d)
{
	free(d->endpoint);
	free(d->reason);
	free(d->list);
	free(d->revision);
	*d = (struct decision){ .id = 0 };
}

void lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	sqlite3_finalize(lookup->decision);
	sqlite3_finalize(lookup->target);
	for (size_t i = 0; i < SLOTS; i++)
		forget(&lookup->decisions[i]);
	free(lookup);
}

/* Steps `stmt` to the row of that id.  0, or -1. */
static int find(sqlite3_stmt *stmt, int64_t id, const char *what, struct error *err)
{
	int got;

	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, id);
	got = query_next(stmt, err);
	if (got == 0)
		error_set(err, "the audit log is damaged: %s %lld, which rows refer to, is not there", what, (long long)id);
	return got == 1 ? 0 : -1;
}

/* Takes over what the statement found.  0, or -1 where memory ran out. */
static int keep_decision(struct decision *d, sqlite3_stmt *row)
{
	d->endpoint = strdup(query_text(row, 0));
	d->allowed = sqlite3_column_int(row, 1) == 0;
	d->reason = strdup(query_text(row, 2));
	d->list = strdup(query_text(row, 3));
	d->one_revision = sqlite3_column_type(row, 4) == SQLITE_INTEGER;
	d->revision = strdup(query_text(row, 4));
	d->seen_only = sqlite3_column_int(row, 5) != 0;
	return d->endpoint && d->reason && d->list && d->revision ? 0 : -1;
}

const struct decision *lookup_decision(struct lookup *lookup, int64_t id, struct error *err)
{
	struct decision *d = &lookup->decisions[(uint64_t)id % SLOTS];

	if (d->endpoint != NULL && d->id == id)
		return d;
	forget(d);
	if (find(lookup->decision, id, "decision", err) == -1)
		return NULL;
	if (keep_decision(d, lookup->decision) == -1) {
		forget(d);
		error_errno(err, ENOMEM, "the audit log cannot be read");
		return NULL;
	}
	d->id = id;
	return d;
}

static void write_protocol(struct target *t)
{
	switch (t->protocol) {
	case IPPROTO_TCP:
		strcpy(t->protocol_text, "tcp");
		break;
	case IPPROTO_UDP:
		strcpy(t->protocol_text, "udp");
		break;
	case IPPROTO_SCTP:
		strcpy(t->protocol_text, "sctp");
		break;
	default:
		snprintf(t->protocol_text, sizeof(t->protocol_text), "%d", t->protocol);
	}
}

const struct target *lookup_target(struct lookup *lookup, int64_t id, struct error *err)
{
	struct target *t = &lookup->targets[(uint64_t)id % SLOTS];

	if (t->text[0] != '\0' && t->id == id)
		return t;
	t->text[0] = '\0';
	if (find(lookup->target, id, "target", err) == -1)
		return NULL;
	if (audit_column_address(lookup->target, 0, &t->address) == -1) {
		error_set(err, "the audit log is damaged: target %lld holds no address", (long long)id);
		return NULL;
	}
	t->id = id;
	t->port = sqlite3_column_int(lookup->target, 1); /* -1: EXPORT_UNKNOWN */
	t->protocol = sqlite3_column_int(lookup->target, 2);
	write_protocol(t);
	address_format(&t->address, t->text);
	return t;
}
