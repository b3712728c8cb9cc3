/* The tree over the rows (doc/INTEGRITY.md).  How it is kept small: no row has a number of its leaf, and no hash of it;
 * 2 bytes of it, for finding out which row it is that does not fit, and 32 bytes for 256 rows. */
#include "audit/schema.h"

#include "audit/view_sql.h"

const char schema_tree[] =
	/* Runs: the leaves from `first` on are rows of one kind (integrity/leaf.h), in this order:
	 *   connection, ending, revision, event, retirement: the `count` rows from `id` on, by id
	 *   tally: the rows of one hour and part, by endpoint and verdict; id: hour * 65536 + part
	 *   aggregate, segment: those that `ids` lists, `id` being the first; see audit/varint.h
	 * A run ends where a row of another kind comes between. */
	"CREATE TABLE leaves (\n"
	"  first INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id INTEGER NOT NULL, count INTEGER NOT NULL, ids BLOB\n"
	") STRICT;"

	/* Tiles of up to 256 entries.  id: level * 2^56 + number.  Level 0: the first two bytes of each leaf's hash, for
	 * finding a row.  Level n > 0: hashes of the complete subtrees of 256^n leaves. */
	"CREATE TABLE tile (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;"

	/* Hashes of complete subtrees, smaller than 256 leaves, of which all rows are deleted.  id: first leaf * 8 +
	 * height. */
	"CREATE TABLE retired (id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;"

	/* What was to be deleted because it was old: `count` leaves of one kind from `first` on.  leaf: this row's own. Only
	 * what a signed checkpoint covers may be missing. */
	"CREATE TABLE retirement (\n"
	"  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind INTEGER NOT NULL, first INTEGER NOT NULL,\n"
	"  count INTEGER NOT NULL, leaf INTEGER NOT NULL\n"
	") STRICT;"

	/* Signed notes; of those of one size the newest.  time: that the note says. */
	"CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, time INTEGER NOT NULL, note TEXT NOT NULL) STRICT;"

	/* One row: log: random, names this log.  edge: hashes of the tree's complete subtrees, the largest first.  hour,
	 * part: of tally, that may still change.  commits: how many there were. */
	"CREATE TABLE tree (\n"
	"  id INTEGER PRIMARY KEY CHECK (id = 1), log TEXT NOT NULL, size INTEGER NOT NULL, edge BLOB NOT NULL,\n"
	"  hour INTEGER NOT NULL, part INTEGER NOT NULL, commits INTEGER NOT NULL\n"
	") STRICT;"
	"INSERT INTO tree VALUES (1, lower(hex(randomblob(8))), 0, x'', 0, 0, 0);"

	/* Hashes of what may still change, see audit/open_rows.h. */
	"CREATE TABLE open_rows (kind INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;"

	/* An hour that is over does not change; where the clock went back into it, its next part begins. */
	"DROP VIEW tallies;"
	"ALTER TABLE tally RENAME TO tally_1;"
	"CREATE TABLE tally (\n"
	"  hour INTEGER NOT NULL, part INTEGER NOT NULL DEFAULT 0, endpoint INTEGER NOT NULL,\n"
	"  verdict INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, counted INTEGER NOT NULL,\n"
	"  recorded INTEGER NOT NULL, aggregated INTEGER NOT NULL, lost INTEGER NOT NULL,\n"
	"  PRIMARY KEY (hour, part, endpoint, verdict),\n"
	"  CHECK (counted = recorded + aggregated + lost)\n"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO tally SELECT hour, 0, endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost\n"
	"  FROM tally_1;"
	"DROP TABLE tally_1;"
	"UPDATE tree SET hour = coalesce((SELECT max(hour) FROM tally), 0);"
	"CREATE VIEW tallies (endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost) AS SELECT\n"
	"  e.name, " VERDICT("t.verdict") ", " TIME("t.from_time") ", " TIME("t.to_time") ",\n"
	"  t.counted, t.recorded, t.aggregated, t.lost\n"
	"FROM tally t CROSS JOIN endpoint e ON e.id = t.endpoint;";
