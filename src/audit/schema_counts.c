/* Tables of blocks, see block.h.  The short columns, which are read for every block, are apart from the long ones. */
#include "audit/schema.h"

const char schema_counts[] =
	"CREATE TABLE block (\n"
	"  id INTEGER PRIMARY KEY, first_id INTEGER NOT NULL, rows INTEGER NOT NULL, min_time INTEGER NOT NULL,\n"
	"  max_time INTEGER NOT NULL, decisions BLOB NOT NULL\n"
	") STRICT;"
	"CREATE TABLE block_sources (id INTEGER PRIMARY KEY, sources BLOB NOT NULL, places BLOB NOT NULL) STRICT;";
