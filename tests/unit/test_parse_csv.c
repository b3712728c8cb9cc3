#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NO_ADDRESS "not an IPv4 or IPv6 address"
#define NO_COLUMN "there is no such column in this line"

/* Without a header, the first column; RFC 8805 lists look like this. */
static void first_column(void **state)
{
	static const struct parse_case cases[] = {
		{ "# a geofeed\n192.0.2.0/24,US,US-AL,Alabaster,\n2001:db8::/32,PL,,,\n",
		  "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
		{ "192.0.2.0/24", "192.0.2.0/24 ; 1 rows, widest 24" },
		{ "192.0.2.0/24,\r\n\r\n \r\n192.0.3.0/24,x\r\n", "192.0.2.0/23 ; 2 rows, widest 24" },
		{ "192.0.2.0/24,US # why\n192.0.3.0/24 # office, home\n", "192.0.2.0/23 ; 2 rows, widest 24" },
		{ " 192.0.2.1 , x\n\t# y\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "\"192.0.2.1\",\"a, \"\"b\"\"\nc\"\n\" 192.0.2.2\t\" ,x\n",
		  "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "\xef\xbb\xbf\"192.0.2.1\"\r\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "cidr,where\n192.0.2.1,x\n", "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 1 'cidr' " NO_ADDRESS },
		{ "192.0.2.1,x\n,x\n192.0.2.2;x\n",
		  "192.0.2.1/32 ; 1 rows, 2 bad, widest 32 ; 2 '' empty; an address or a prefix was expected"
		  " ; 3 '192.0.2.2;x' " NO_ADDRESS },
		{ "192.0.2.1,\"a\nb\nc\"\nNone,x\n", "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 4 'None' " NO_ADDRESS },
		{ "192.0.2.1\n\"192.0.2.2\"x,1\n",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 2 '192.0.2.2' text behind the closing quote of a field" },
		{ "192.0.2.1\n192.0.2\"2\n", "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 2 '192.0.2\"2' " NO_ADDRESS },
		{ "192.0.2.1\n192.0.2.2\r192.0.2.3\n",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 2 '192.0.2.2?192.0.2.3' " NO_ADDRESS },
	};

	(void)state;
	CHECK(FORMAT_CSV, "", cases);
	CHECK(FORMAT_CSV, "1", cases);
}

static void by_number(void **state)
{
	static const struct parse_case cases[] = {
		{ "a,192.0.2.1\n\"b,c\",192.0.2.2,x\n", "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "C#,192.0.2.1\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "a,192.0.2.1\nb\n\nc,\n",
		  "192.0.2.1/32 ; 1 rows, 2 bad, widest 32 ; 2 'b?' " NO_COLUMN
		  " ; 4 '' empty; an address or a prefix was expected" },
	};

	(void)state;
	CHECK(FORMAT_CSV, "2", cases);
}

static void by_name(void **state)
{
	static const struct parse_case cases[] = {
		{ "# x\nid, cidr \n1,192.0.2.1\n2,192.0.2.2\n", "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "\"cidr\"\n192.0.2.1\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "id,CIDR\n1,192.0.2.1\n",
		  "error: select: line 1 should name the columns, but none of its 2 is 'cidr'" },
		{ "\n192.0.2.1,192.0.2.2,192.0.2.3\n",
		  "error: select: line 2 should name the columns, but none of its 3 is 'cidr'" },
		{ "cidr,cidr\n", "error: select: line 1 names column 'cidr' twice" },
		{ "id,cidr\n", "error: holds no entry" },
		{ "# x\n", "error: holds no entry: a line of column names was expected" },
	};

	(void)state;
	CHECK(FORMAT_CSV, "cidr", cases);
}

static void no_list(void **state)
{
	static const struct parse_case cases[] = {
		{ "# a\n", "error: holds no entry" },
		{ "192.0.2.1,x\n192.0.2.2,\"y\nz", "error: is not CSV: line 2: a quoted field has no closing quote" },
		{ "\"", "error: is not CSV: line 1: a quoted field has no closing quote" },
		{ "x,\n", "error: none of its 1 rows is a prefix; the first, line 1: “x”: " NO_ADDRESS },
	};
	static const struct parse_case columns[] = {
		{ "192.0.2.1", "error: select: '0' is no column; they count from 1" },
	};
	static const struct parse_case large[] = {
		{ "192.0.2.1", "error: select: '99999999999999999999' is no column; they count from 1" },
	};

	(void)state;
	CHECK(FORMAT_CSV, "", cases);
	CHECK(FORMAT_CSV, "0", columns);
	CHECK(FORMAT_CSV, "99999999999999999999", large);
}

int test_csv(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_column),
		cmocka_unit_test(by_number),
		cmocka_unit_test(by_name),
		cmocka_unit_test(no_list),
	};

	return cmocka_run_group_tests_name("parse csv", tests, NULL, NULL);
}
