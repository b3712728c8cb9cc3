/* The list of connections whose end is waited for, against the rows.  Which of them are in it nothing proves: where nobody
 * watched, an end that did not come and one that was not waited for look alike.  But none may be in it that cannot be. */
#include "audit/verify_state.h"

#define CANNOT_BE \
	"SELECT o.id, CASE WHEN c.id IS NULL THEN 'there is no such row' WHEN x.id IS NOT NULL THEN 'its end is recorded'" \
	" ELSE 'it was not let in' END FROM open_connection o LEFT JOIN connection c ON c.id = o.id" \
	" LEFT JOIN decision d ON d.id = c.decision LEFT JOIN ending x ON x.connection = o.id" \
	" WHERE c.id IS NULL OR x.id IS NOT NULL OR d.verdict IS NOT 0 OR d.via IS NOT 0 ORDER BY o.id LIMIT 1"

int verify_ends(struct verify *v)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(v->db, CANNOT_BE, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = verify_bad(v, LEAF_CONNECTION, sqlite3_column_int64(stmt, 0), "table open_connection says that it is open, and"
			" %s", (const char *)sqlite3_column_text(stmt, 1));
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
