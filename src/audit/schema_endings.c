/* What became of connections.
 *
 * A row of `connection` is never changed, so the end of one is a row of its own.  `open_connection` holds the keys of
 * those whose end is waited for: few, so that a recorder that is started anew finds them without a scan.  An allowed
 * connection that is in neither is one whose end nobody watched for: recorded by version 1, or where the kernel tells
 * no ends. */
#include "audit/schema.h"
#include "audit/view_sql.h"

/* Connections of version 1 of which the end may still come; more are not worth waiting for. */
#define CARRIED_OVER "10000"

const char schema_endings[] =
	/* time: of the end, or when it was found to be over.  duration_ms: NULL where it ended while nobody watched; then
	 * the other numbers are NULL too.  packets: both ways.  bytes_in: from the source. */
	"CREATE TABLE ending (\n"
	"  id INTEGER PRIMARY KEY, connection INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL, packets INTEGER,\n"
	"  bytes_in INTEGER, bytes_out INTEGER, duration_ms INTEGER\n"
	") STRICT;"

	"CREATE TABLE open_connection (id INTEGER PRIMARY KEY) STRICT;"
	"INSERT INTO open_connection SELECT c.id FROM\n"
	"  (SELECT id, decision, source_port FROM connection ORDER BY id DESC LIMIT " CARRIED_OVER ") c\n"
	"  JOIN decision d ON d.id = c.decision WHERE d.verdict = 0 AND c.source_port IS NOT NULL;"

	/* via: 0 the kernel's own verdict; 1 what the policy says of traffic that was only seen. */
	"CREATE TABLE decision_2 (\n"
	"  id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, reason TEXT NOT NULL,\n"
	"  list TEXT NOT NULL, revision ANY NOT NULL, via INTEGER NOT NULL DEFAULT 0,\n"
	"  UNIQUE (endpoint, verdict, reason, list, revision, via)\n"
	") STRICT;"
	"INSERT INTO decision_2 SELECT id, endpoint, verdict, reason, list, revision, 0 FROM decision;"
	"DROP VIEW connections;"
	"DROP TABLE decision;"
	"ALTER TABLE decision_2 RENAME TO decision;"

	/* As in version 1, with what became of it; the LEFT JOINs cost nothing where their columns are not asked for. */
	"CREATE VIEW connections (\n"
	"  id, time, endpoint, verdict, reason, source, source_port, destination, destination_port, protocol, list,\n"
	"  revision, packets, bytes_in, bytes_out, duration_ms, state, via\n"
	") AS SELECT\n"
	"  c.id, " TIME("c.id + c.skew") ", e.name, " VERDICT("d.verdict") ", d.reason,\n"
	"  " ADDRESS("c.source") ", c.source_port + 32768,\n"
	"  " ADDRESS("t.destination") ", nullif(t.port, -1), " PROTOCOL("t.protocol") ",\n"
	"  nullif(d.list, ''), nullif(d.revision, ''), x.packets, x.bytes_in, x.bytes_out, x.duration_ms,\n"
	"  CASE WHEN d.verdict <> 0 OR d.via <> 0 THEN NULL WHEN o.id IS NOT NULL THEN 'open'\n"
	"    WHEN x.duration_ms IS NOT NULL THEN 'closed' ELSE 'unknown' END,\n"
	"  " VIA("d.via") "\n"
	"FROM connection c CROSS JOIN decision d ON d.id = c.decision CROSS JOIN endpoint e ON e.id = d.endpoint\n"
	"  CROSS JOIN target t ON t.id = c.target LEFT JOIN ending x ON x.connection = c.id\n"
	"  LEFT JOIN open_connection o ON o.id = c.id;";
