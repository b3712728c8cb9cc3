#include <string.h>

#include "audit/address_sql.h"

#define OFFSET INT64_C(2147483648)

/* 0, or -1 where the value is no stored address. */
static int stored(sqlite3_value *value, struct address *a)
{
	sqlite3_int64 number;

	memset(a, 0, sizeof(*a));
	if (sqlite3_value_type(value) == SQLITE_INTEGER) {
		number = sqlite3_value_int64(value) + OFFSET;
		if (number < 0 || number > UINT32_MAX)
			return -1;
		a->family = AF_INET;
		for (int i = 0; i < 4; i++)
			a->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
		return 0;
	}
	if (sqlite3_value_type(value) != SQLITE_BLOB || sqlite3_value_bytes(value) != 16)
		return -1;
	a->family = AF_INET6;
	memcpy(a->bytes, sqlite3_value_blob(value), 16);
	return 0;
}

int audit_bind_address(sqlite3_stmt *stmt, int parameter, const struct address *a)
{
	sqlite3_int64 number;

	if (a->family == AF_INET6)
		return sqlite3_bind_blob(stmt, parameter, a->bytes, 16, SQLITE_TRANSIENT);
	number = (sqlite3_int64)a->bytes[0] << 24 | (sqlite3_int64)a->bytes[1] << 16 | (sqlite3_int64)a->bytes[2] << 8 |
	         (sqlite3_int64)a->bytes[3];
	return sqlite3_bind_int64(stmt, parameter, number - OFFSET);
}

int audit_column_address(sqlite3_stmt *stmt, int column, struct address *a)
{
	return stored(sqlite3_column_value(stmt, column), a);
}

static void ip(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	char text[ADDRESS_TEXT_MAX];
	struct address a;

	(void)count;
	if (stored(values[0], &a) == -1)
		return;
	sqlite3_result_text(ctx, address_format(&a, text), -1, SQLITE_TRANSIENT);
}

int address_sql_register(sqlite3 *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	return sqlite3_create_function_v2(db, "ip", 1, flags, NULL, ip, NULL, NULL, NULL);
}
