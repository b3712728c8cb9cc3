#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jv.h>

#include "core/buffer.h"
#include "parse/yaml_scalar.h"

#define NO_ARRAY "; an array of strings was expected, or a select that says where the prefixes are"
#define NO_STRING "not a string; a string with a prefix was expected"

static void lists(void **state)
{
	static const struct parse_case cases[] = {
		{ "- 192.0.2.1\n- 2001:db8::/32\n", "192.0.2.1/32 2001:db8::/32 ; 2 rows, widest 32/32" },
		{ "---\n# x\n- '192.0.2.1'\n- \"192.0.2.2\"\n...\n", "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "[192.0.2.0/24, \"::1\"]", "192.0.2.0/24 ::1/128 ; 2 rows, widest 24/128" },
		{ "\xef\xbb\xbf- 192.0.2.1\r\n- 192.0.2.2\r\n", "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "- &a 192.0.2.1\n- *a\n", "192.0.2.1/32 ; 2 rows, widest 32" },
		{ "- 192.0.2.1\n- ~\n- 1.5\n- yes\n- {a: b}\n",
		  "192.0.2.1/32 ; 1 rows, 4 bad, widest 32 ; 0 'element 2: null' " NO_STRING
		  " ; 0 'element 3: 1.5' " NO_STRING " ; 0 'element 4: yes' not an IPv4 or IPv6 address"
		  " ; 0 'element 5: {\"a\":\"b\"}' " NO_STRING },
	};

	(void)state;
	CHECK(FORMAT_YAML, "", cases);
}

static void no_list(void **state)
{
	static const struct parse_case cases[] = {
		{ "# only this\n", "error: holds no entry, only comments" },
		{ "[]", "error: holds no entry" },
		{ "a: 1\n", "error: holds one object" NO_ARRAY },
		{ "192.0.2.1\n", "error: holds one string" NO_ARRAY },
		{ "- 192.0.2.1\n---\n- 192.0.2.2\n",
		  "error: YAML line 2, column 1: a second document; one was expected" },
		{ "- 192.0.2.1\n- *b\n",
		  "error: YAML line 2, column 3: an alias of something that is not there, or not complete" },
		{ "- &a [192.0.2.1, *a]\n",
		  "error: YAML line 1, column 18: an alias of something that is not there, or not complete" },
		{ "a: 1\na: 2\n", "error: YAML line 2, column 1: the same key a second time" },
		{ "? [a]\n: 1\n", "error: YAML line 1, column 3: a key that is no word; a scalar was expected" },
		{ "- !!binary x\n", "error: YAML line 1, column 3: a tag that is none of the core schema" },
		{ "- !x {a: b}\n", "error: YAML line 1, column 3: a tag that is none of the core schema" },
		{ "- a\n b: [\n",
		  "error: is not YAML: line 2, column 3: mapping values are not allowed in this context" },
		{ "- \"a\n", "error: is not YAML: line 2, column 1: found unexpected end of stream" },
		{ "- 192.0.2.1\n- \xff\n", "error: is not YAML: byte 14: invalid leading UTF-8 octet" },
	};

	(void)state;
	CHECK(FORMAT_YAML, "", cases);
}

static void selects(void **state)
{
	static const struct parse_case cases[] = {
		{ "ranges:\n  - cidr: 192.0.2.0/24\n  - cidr: 2001:db8::/32\n",
		  "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
		{ "base: &base {cidr: 192.0.2.0/24}\nranges: [*base]\n", "192.0.2.0/24 ; 1 rows, widest 24" },
		{ "ranges: 1\n", "error: select: Cannot iterate over number (1)" },
	};

	(void)state;
	CHECK(FORMAT_YAML, ".ranges[].cidr", cases);
}

static void too_much(void **state)
{
	struct buffer bomb = BUFFER_INIT;
	int i, j;

	(void)state;
	/* Ten of ten of ten …: 10^10 nodes in 700 bytes. */
	buffer_printf(&bomb, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (i = 1; i < 10; i++) {
		buffer_printf(&bomb, "- &a%d [", i);
		for (j = 0; j < 10; j++)
			buffer_printf(&bomb, "%s*a%d", j > 0 ? ", " : "", i - 1);
		buffer_printf(&bomb, "]\n");
	}
	check_parse_bytes(FORMAT_YAML, "[..] | length", (const char *)bomb.data, bomb.len,
	                  "error: YAML line 7, column 43: more nodes than the limit, aliases counted in full");
	bomb.len = 0;
	for (i = 0; i < 101; i++)
		buffer_printf(&bomb, "[");
	check_parse_bytes(FORMAT_YAML, "", (const char *)bomb.data, bomb.len,
	                  "error: YAML line 1, column 101: nested too deep");
	buffer_free(&bomb);
}

static void scalars(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "", "null" },         { "~", "null" },        { "Null", "null" },     { "nULL", "\"nULL\"" },
		{ "true", "true" },     { "FALSE", "false" },   { "yes", "\"yes\"" },   { "0", "0" },
		{ "-19", "-19" },       { "+1", "1" },          { "0o17", "15" },       { "0x1F", "31" },
		{ "0x", "\"0x\"" },     { "1.5", "1.5" },       { ".5", "0.5" },        { "1.", "1" },
		{ ".", "\".\"" },       { "-", "\"-\"" },       { "1e3", "1000" },      { "1e", "\"1e\"" },
		{ "1.2.3", "\"1.2.3\"" }, { "12:30", "\"12:30\"" }, { "192.0.2.1", "\"192.0.2.1\"" },
		{ "1_000", "\"1_000\"" },
		{ "010", "10" },        { ".inf", "1.7976931348623157e+308" }, { "inf", "\"inf\"" }, { ".nan", "null" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jv text = jv_dump_string(yaml_scalar_resolve(cases[i].text, strlen(cases[i].text)), 0);

		assert_string_equal(jv_string_value(text), cases[i].json);
		jv_free(text);
	}
}

int test_yaml(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),    cmocka_unit_test(no_list), cmocka_unit_test(selects),
		cmocka_unit_test(too_much), cmocka_unit_test(scalars),
	};

	return cmocka_run_group_tests_name("parse yaml", tests, NULL, NULL);
}
