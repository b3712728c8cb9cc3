/* Since when the rows of a log of version 1 are in a tree, and which of them its retention had deleted by then, as only the
 * tallies tell: an event, which is a leaf as well. */
#include "audit/schema.h"
#include "audit/sums_sql.h"
#include "audit/view_sql.h"

#define NOW "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000"

const char schema_migrated[] =
	SUMS("SELECT decision, count(*) FROM connection GROUP BY 1")
	" INSERT INTO event (time, kind, subject, detail) SELECT " NOW ", 'migrated', 'audit.db',"
	" json_object('from', 1, 'to', 2, 'gone', json((SELECT json_group_array(json_object('endpoint', e.name, 'verdict',"
	" " VERDICT("s.verdict") ", 'recorded', s.recorded, 'aggregated', s.aggregated)) FROM sums s JOIN endpoint e"
	" ON e.id = s.endpoint WHERE s.recorded <> 0 OR s.aggregated <> 0)))"
	" WHERE EXISTS (SELECT 1 FROM state WHERE seq > 0 OR reading_time > 0 OR last_id > 0);";
