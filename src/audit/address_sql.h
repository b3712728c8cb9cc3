/* The SQL function ip(), inside src/audit only. */
#ifndef HALLOWD_AUDIT_ADDRESS_SQL_H
#define HALLOWD_AUDIT_ADDRESS_SQL_H

#include "audit/audit.h"

int address_sql_register(sqlite3 *db); /* SQLITE_OK or an error */

#endif
