#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NO_ADDRESS "not an IPv4 or IPv6 address"
#define NO_ARRAY "; an array of strings was expected, or a select that says where the prefixes are"
#define NO_STRING "not a string; a string with a prefix was expected"

static void arrays(void **state)
{
	static const struct parse_case cases[] = {
		{ "[\"192.0.2.1\", \"2001:db8::/32\"]", "192.0.2.1/32 2001:db8::/32 ; 2 rows, widest 32/32" },
		{ "\xef\xbb\xbf [\"192.0.2.0-192.0.2.3\"]\r\n", "192.0.2.0/30 ; 1 rows, widest 30" },
		{ "[\"192.0.2.1\", \"None\"]",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 0 'element 2: None' " NO_ADDRESS },
		{ "[\"192.0.2.1\", null, 7, {\"a\": [1]}]",
		  "192.0.2.1/32 ; 1 rows, 3 bad, widest 32 ; 0 'element 2: null' " NO_STRING
		  " ; 0 'element 3: 7' " NO_STRING " ; 0 'element 4: {\"a\":[1]}' " NO_STRING },
		{ "[\" 192.0.2.1\", \"192.0.2.2\\t\\r\\n\", \"192.0.2.3\\u0000\", \" \"]",
		  "192.0.2.1/32 192.0.2.2/32 ; 2 rows, 2 bad, widest 32 ; 0 'element 3: 192.0.2.3?' " NO_ADDRESS
		  " ; 0 'element 4: ' empty; an address or a prefix was expected" },
		{ "[\"192.0.2.1\", \"a\\nhallowd: all is well\"]",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 0 'element 2: a?hallowd: all is well'"
		  " more than one word; one address or prefix alone was expected" },
	};

	(void)state;
	CHECK(FORMAT_JSON, "", cases);
}

static void no_list(void **state)
{
	static const struct parse_case cases[] = {
		{ "", "error: the answer is empty" },
		{ "[]", "error: holds no entry" },
		{ "[1]", "error: none of its 1 rows is a prefix; the first, element 1: 1: " NO_STRING },
		{ "{\"a\": []}", "error: holds one object" NO_ARRAY },
		{ "\"192.0.2.1\"", "error: holds one string" NO_ARRAY },
		{ "null", "error: holds one null" NO_ARRAY },
		{ "[\"192.0.2.1\"", "error: is not JSON: Unfinished JSON term at EOF at line 1*" },
		{ "[\"192.0.2.1\",\n\"192.0.2", "error: is not JSON: Unfinished string at EOF at line 2*" },
		{ "[\"192.0.2.1\"]\n[\"192.0.2.2\"]", "error: holds more than one JSON value; one was expected" },
		{ "[\"192.0.2.1\"] x", "error: is not JSON: Invalid *" },
		{ "192.0.2.1\n", "error: is not JSON: Invalid numeric literal at line 2*" },
		{ "[\"192.0.2.1\x01\"]", "error: line 1 holds the control character 0x01; text in UTF-8 was expected" },
	};

	(void)state;
	CHECK(FORMAT_JSON, "", cases);
}

static void selects(void **state)
{
	static const char clouds[] = "{\"prefixes\": [{\"ip\": \"192.0.2.0/24\"}, {\"ip6\": \"2001:db8::/32\"}]}";
	static const struct {
		const char *select, *expected;
	} cases[] = {
		{ ".prefixes[] | .ip // .ip6", "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
		{ ".prefixes[].ip",
		  "192.0.2.0/24 ; 1 rows, 1 bad, widest 24 ; 0 'output 2: null' " NO_STRING },
		{ ".prefixes[].ip | strings", "192.0.2.0/24 ; 1 rows, widest 24" },
		{ ".nothing[]?", "error: select found nothing in it" },
		{ "empty", "error: select found nothing in it" },
		{ ".prefixes[", "error: select: syntax error, unexpected *" },
		{ "nosuch(1)", "error: select: nosuch/1 is not defined*" },
		{ ".prefixes.ip", "error: select: Cannot index array with *" },
		{ ".prefixes[].ip | error", "error: select: 192.0.2.0/24" },
		{ "error({a: 1})", "error: select: {\"a\":1}" },
		{ "error(\"a\\nb\")", "error: select: a?b" },
		{ "\"192.0.2.1\", halt", "error: select: the program called halt; it must end by itself" },
		{ "\"192.0.2.1\", (\"x\" | halt_error)",
		  "error: select: the program called halt; it must end by itself" },
		{ "input", "error: select: input: there is no other input than '.'" },
		{ "inputs", "error: select: input: there is no other input than '.'" },
		{ ".prefixes[0].ip | debug", "192.0.2.0/24 ; 1 rows, widest 24" },
		{ "import \"a\" as a; .", "error: select: *" },
		{ "include \"a\"; .", "error: select: *" },
		{ "import \"a\" as $a; $a", "error: select: *" },
		{ "$ENV.PATH, env.PATH, \"192.0.2.1\"", "192.0.2.1/32 ; 1 rows, 2 bad, widest 32*" },
		{ "repeat(\"192.0.2.1\")", "error: holds more than 1000 rows, which is the limit" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_parse_bytes(FORMAT_JSON, cases[i].select, clouds, strlen(clouds), cases[i].expected);
}

static void terraform(void **state)
{
	static const struct parse_case cases[] = {
		{ "{\"version\": 4, \"resources\": [{\"mode\": \"data\", \"type\": \"humanitec_source_ip_ranges\","
		  "\"instances\": [{\"attributes\": {\"id\": \"x\","
		  "\"cidr_blocks\": [\"34.141.184.227/32\", \"34.141.77.162/32\"]}}]}]}",
		  "34.141.77.162/32 34.141.184.227/32 ; 2 rows, widest 32" },
	};

	(void)state;
	CHECK(FORMAT_JSON, ".resources[] | select(.type == \"humanitec_source_ip_ranges\") | "
	      ".instances[].attributes.cidr_blocks[]", cases);
}

int test_json(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays),
		cmocka_unit_test(no_list),
		cmocka_unit_test(selects),
		cmocka_unit_test(terraform),
	};

	return cmocka_run_group_tests_name("parse json", tests, NULL, NULL);
}
