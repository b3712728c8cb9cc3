/* Why the tables are as they are:
 *
 * A row of `connection` is small, because there are very many: endpoint, verdict, reason, list and revision are one
 * number (`decision`), destination, port and protocol another (`target`), both few and shared.  Sources are many and
 * mostly seen once in a flood, so they stand in the row: as an integer of four bytes for IPv4, and as 16 bytes for
 * IPv6.  The time is the key of the row (see audit.h), which saves both a column and an index.  A row takes 24
 * bytes in a flood of IPv4, and the index by time is in it.
 *
 * The views turn numbers into text in SQL alone, so that any sqlite3 shows them. */
#include "audit/schema.h"

#include "audit/audit.h"
#include "audit/tree.h"
#include "audit/view_sql.h"

/* Times are in microseconds since 1970. */
static const char tables_1[] =
	/* As last told by a policy; `present` is 1 where the last policy had it. */
	"CREATE TABLE endpoint (\n"
	"  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, mode TEXT NOT NULL,\n"
	"  place TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL, lists TEXT NOT NULL, present INTEGER NOT NULL\n"
	") STRICT;"

	/* verdict: 0 allow, 1 deny.  list: the one that let it in; else all of the endpoint's, joined by ','; '' where it
	 * has none.  revision: the number of one list, or the text of several joined by ','. */
	"CREATE TABLE decision (\n"
	"  id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, reason TEXT NOT NULL,\n"
	"  list TEXT NOT NULL, revision ANY NOT NULL, UNIQUE (endpoint, verdict, reason, list, revision)\n"
	") STRICT;"

	/* port: -1 where the packet did not show it. */
	"CREATE TABLE target (\n"
	"  id INTEGER PRIMARY KEY, destination ANY NOT NULL, port INTEGER NOT NULL, protocol INTEGER NOT NULL,\n"
	"  UNIQUE (destination, port, protocol)\n"
	") STRICT;"

	/* source_port: less 32768, so that it always fits two bytes; NULL where the packet did not show it. */
	"CREATE TABLE connection (\n"
	"  id INTEGER PRIMARY KEY, skew INTEGER NOT NULL, source ANY NOT NULL, source_port INTEGER,\n"
	"  decision INTEGER NOT NULL, target INTEGER NOT NULL\n"
	") STRICT;"
	"CREATE INDEX connection_skewed ON connection (skew) WHERE skew < -1000000;"

	/* One row for each element of the kernel's dynamic set and hour in which it grew.  kernel: the element's own
	 * count when it was last read; live: 1 on the newest row of an element that may still grow. */
	"CREATE TABLE aggregate (\n"
	"  id INTEGER PRIMARY KEY, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, endpoint INTEGER NOT NULL,\n"
	"  source ANY NOT NULL, target INTEGER NOT NULL, count INTEGER NOT NULL, kernel INTEGER NOT NULL, live INTEGER\n"
	") STRICT;"
	"CREATE INDEX aggregate_live ON aggregate (live) WHERE live = 1;"

	"CREATE TABLE revision (\n"
	"  id INTEGER PRIMARY KEY, list TEXT NOT NULL, revision INTEGER NOT NULL, time INTEGER NOT NULL,\n"
	"  entries INTEGER NOT NULL, added TEXT NOT NULL, removed TEXT NOT NULL, origins TEXT NOT NULL,\n"
	"  decided_by TEXT NOT NULL, reason TEXT NOT NULL\n"
	") STRICT;"
	"CREATE INDEX revision_time ON revision (list, time);"

	"CREATE TABLE event (\n"
	"  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL\n"
	") STRICT;"

	/* state: enum coverage_state. */
	"CREATE TABLE segment (\n"
	"  id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL,\n"
	"  state INTEGER NOT NULL\n"
	") STRICT;"
	"CREATE INDEX segment_endpoint ON segment (endpoint, id);"

	/* hour: since 1970, in which the interval ended. */
	"CREATE TABLE tally (\n"
	"  hour INTEGER NOT NULL, endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, from_time INTEGER NOT NULL,\n"
	"  to_time INTEGER NOT NULL, counted INTEGER NOT NULL, recorded INTEGER NOT NULL, aggregated INTEGER NOT NULL,\n"
	"  lost INTEGER NOT NULL, PRIMARY KEY (hour, endpoint, verdict), CHECK (counted = recorded + aggregated + lost)\n"
	") STRICT, WITHOUT ROWID;"

	/* What the recorder must not forget between a reading of the kernel's counters and the next: see record/tally.h. */
	"CREATE TABLE pool (\n"
	"  endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, handle INTEGER NOT NULL, kernel INTEGER NOT NULL,\n"
	"  recorded INTEGER NOT NULL, aggregated INTEGER NOT NULL, next INTEGER NOT NULL, late INTEGER NOT NULL,\n"
	"  carried INTEGER NOT NULL, PRIMARY KEY (endpoint, verdict)\n"
	") STRICT, WITHOUT ROWID;"

	/* One row: how far the recorder has come.  seq: of hallowd's messages.  nflog_socket: inode of the socket that
	 * nflog_seq is of.  unreported: lost netlink messages that no event has named yet.  baseline: 1 where the
	 * counters were counted by a log before this one.  last_id: of connection, also where the row is gone. */
	"CREATE TABLE state (\n"
	"  id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, nflog_socket INTEGER NOT NULL,\n"
	"  nflog_seq INTEGER NOT NULL, unreported INTEGER NOT NULL, epoch TEXT NOT NULL, reading_time INTEGER NOT NULL,\n"
	"  drained_time INTEGER NOT NULL, baseline INTEGER NOT NULL, last_id INTEGER NOT NULL\n"
	") STRICT;"
	"INSERT INTO state VALUES (1, 0, 0, 0, 0, '', 0, 0, 0, 0);"

	/* CROSS JOIN keeps SQLite from looking for rows by way of the small tables. */
	"CREATE VIEW connections (\n"
	"  id, time, endpoint, verdict, reason, source, source_port, destination, destination_port, protocol, list,\n"
	"  revision, packets, bytes_in, bytes_out, duration_ms\n"
	") AS SELECT\n"
	"  c.id, " TIME("c.id + c.skew") ", e.name, " VERDICT("d.verdict") ", d.reason,\n"
	"  " ADDRESS("c.source") ", c.source_port + 32768,\n"
	"  " ADDRESS("t.destination") ", nullif(t.port, -1), " PROTOCOL("t.protocol") ",\n"
	"  nullif(d.list, ''), nullif(d.revision, ''), NULL, NULL, NULL, NULL\n"
	"FROM connection c CROSS JOIN decision d ON d.id = c.decision CROSS JOIN endpoint e ON e.id = d.endpoint\n"
	"  CROSS JOIN target t ON t.id = c.target;"

	"CREATE VIEW aggregates (\n"
	"  from_time, to_time, endpoint, source, destination, destination_port, protocol, count\n"
	") AS SELECT\n"
	"  " TIME("a.from_time") ", " TIME("a.to_time") ", e.name, " ADDRESS("a.source") ",\n"
	"  " ADDRESS("t.destination") ", nullif(t.port, -1), " PROTOCOL("t.protocol") ", a.count\n"
	"FROM aggregate a CROSS JOIN endpoint e ON e.id = a.endpoint CROSS JOIN target t ON t.id = a.target\n"
	"WHERE a.count > 0;"

	"CREATE VIEW list_revisions (\n"
	"  list, revision, time, added, removed, origins, decided_by, reason, entries\n"
	") AS SELECT list, revision, " TIME("time") ", added, removed, origins, decided_by, reason, entries FROM revision;"

	"CREATE VIEW events (time, kind, subject, detail) AS\n"
	"SELECT " TIME("time") ", kind, subject, detail FROM event;"

	"CREATE VIEW coverage (endpoint, from_time, to_time, state) AS SELECT\n"
	"  e.name, " TIME("s.from_time") ", " TIME("s.to_time") ",\n"
	"  CASE s.state WHEN 0 THEN 'enforced' WHEN 1 THEN 'observed' ELSE 'unprotected' END\n"
	"FROM segment s CROSS JOIN endpoint e ON e.id = s.endpoint;"

	"CREATE VIEW tallies (endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost) AS SELECT\n"
	"  e.name, " VERDICT("t.verdict") ", " TIME("t.from_time") ", " TIME("t.to_time") ",\n"
	"  t.counted, t.recorded, t.aggregated, t.lost\n"
	"FROM tally t CROSS JOIN endpoint e ON e.id = t.endpoint;"

	"CREATE VIEW endpoints (name, kind, mode, place, owner, reason, lists, present) AS\n"
	"SELECT name, kind, mode, place, owner, reason, lists, present FROM endpoint WHERE kind <> '';";

/* Step n leads from version n to n + 1, part by part.  A step that was released is never changed; each later one gets its
 * own. */
static const char *const version_1[] = { tables_1, NULL };
static const char *const version_2[] = { schema_endings, schema_tree, schema_counts, schema_migrated, NULL };

/* fill: what SQL alone cannot do, after it; an error of SQLite's, or SQLITE_OK. */
static const struct step {
	const char *const *parts;
	int (*fill)(sqlite3 *db);
} steps[] = { { version_1, NULL }, { version_2, tree_begin } };

#define CURRENT ((int)(sizeof(steps) / sizeof(steps[0])))

int schema_current(void)
{
	return CURRENT;
}

/* The first column of the first row of `sql`. */
static int number(sqlite3 *db, const char *sql, int *value)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		*value = sqlite3_column_int(stmt, 0);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : -1;
}

int schema_version(sqlite3 *db, int *version, struct error *err)
{
	int application, tables;

	if (number(db, "PRAGMA user_version", version) == -1 || number(db, "PRAGMA application_id", &application) == -1 ||
	    number(db, "SELECT count(*) FROM sqlite_schema", &tables) == -1)
		return error_set(err, "%s: %s", AUDIT_FILE, sqlite3_errmsg(db));
	if (application != AUDIT_APPLICATION_ID && (tables > 0 || *version != 0))
		return error_set(err, "%s is a SQLite database but no audit log of hallowd's; move it away", AUDIT_FILE);
	if (*version > CURRENT)
		return error_set(err, "%s has version %d, written by a later hallowd; this one knows up to %d", AUDIT_FILE,
		                 *version, CURRENT);
	return 0;
}

static int run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static int update_from(sqlite3 *db, int version)
{
	char stamp[96];

	for (; version < CURRENT; version++) {
		for (const char *const *part = steps[version].parts; *part != NULL; part++)
			if (run(db, *part) == -1)
				return -1;
		if (steps[version].fill != NULL && steps[version].fill(db) != SQLITE_OK)
			return -1;
	}
	sqlite3_snprintf(sizeof(stamp), stamp, "PRAGMA user_version = %d; PRAGMA application_id = %d", CURRENT,
	                 AUDIT_APPLICATION_ID);
	return run(db, stamp);
}

int schema_update(sqlite3 *db, struct error *err)
{
	int version;

	if (schema_version(db, &version, err) == -1)
		return -1;
	if (version == CURRENT)
		return 0;
	if (run(db, "BEGIN IMMEDIATE") == 0 && update_from(db, version) == 0 && run(db, "COMMIT") == 0)
		return 0;
	error_set(err, "%s cannot be brought from version %d to %d: %s", AUDIT_FILE, version, CURRENT, sqlite3_errmsg(db));
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}
