#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse/clean.h"
#include "parse/parse.h"

#define NO_ADDRESS "not an IPv4 or IPv6 address"
#define NO_LENGTH "the prefix length is not a number from 0 to 32 (IPv4) or 128 (IPv6)"
#define MANY_WORDS "more than one word; one address or prefix alone was expected"

static void layout(void **state)
{
	static const struct parse_case cases[] = {
		{ "192.0.2.1\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "192.0.2.1", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "192.0.2.1\r\n192.0.2.2\r\n", "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "\xef\xbb\xbf" "192.0.2.1\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "\n\n \t\n192.0.2.1\n\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "\t 192.0.2.1 \t\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "# a\n; b\n  # c\n192.0.2.1\n#", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "192.0.2.0/24 ; SBL1\n198.51.100.0/24# x", "192.0.2.0/24 198.51.100.0/24 ; 2 rows, widest 24" },
		{ "# Gr\xfc\xdf" "e\n192.0.2.1\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "192.0.2.0\n192.0.2.1\n192.0.2.0\n", "192.0.2.0/31 ; 3 rows, widest 32" },
		{ "2001:DB8::/32\n192.0.2.0/24\n", "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
	};

	(void)state;
	CHECK(FORMAT_TEXT, "", cases);
}

static void edges(void **state)
{
	static const struct parse_case cases[] = {
		{ "0.0.0.0/0", "0.0.0.0/0 ; 1 rows, widest 0" },
		{ "::/0", "::/0 ; 1 rows, widest/0" },
		{ "255.255.255.255", "255.255.255.255/32 ; 1 rows, widest 32" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 ; 1 rows, widest/128" },
		{ "0.0.0.0-255.255.255.255", "0.0.0.0/0 ; 1 rows, widest 0" },
		{ "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0 ; 1 rows, widest/0" },
		{ "192.0.2.0-192.0.2.255", "192.0.2.0/24 ; 1 rows, widest 24" },
		{ "192.0.2.1 - 192.0.2.4", "192.0.2.1/32 192.0.2.2/31 192.0.2.4/32 ; 1 rows, widest 31" },
		{ "192.0.2.7-192.0.2.7", "192.0.2.7/32 ; 1 rows, widest 32" },
		{ "2001:db8::1-2001:db8::2", "2001:db8::1/128 2001:db8::2/128 ; 1 rows, widest/128" },
		{ "10.1.2.3/8", "10.0.0.0/8 ; 1 rows, 1 host bits, widest 8" },
		{ "::ffff:192.0.2.1", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24 ; 1 rows, widest 24" },
	};

	(void)state;
	CHECK(FORMAT_TEXT, "", cases);
}

/* Each beside a good row, so that there is a list at all. */
static void bad_rows(void **state)
{
	static const struct {
		const char *row, *what;
	} rows[] = {
		{ "None", NO_ADDRESS },
		{ "192.0.2", NO_ADDRESS },
		{ "192.0.2.256", NO_ADDRESS },
		{ "192.0.2.1.5", NO_ADDRESS },
		{ "192.0.02.1", NO_ADDRESS },
		{ "0300.0.2.1", NO_ADDRESS },
		{ "0xc0000201", NO_ADDRESS },
		{ "3221225985", NO_ADDRESS },
		{ "-192.0.2.1", NO_ADDRESS },
		{ "/24", NO_ADDRESS },
		{ "example.org", NO_ADDRESS },
		{ "[2001:db8::1]", NO_ADDRESS },
		{ "2001:db8:::1", NO_ADDRESS },
		{ "12345::", NO_ADDRESS },
		{ "192.0.2.1:443", NO_ADDRESS },
		{ "192.0.2.1\r192.0.2.2", NO_ADDRESS },
		{ "{", NO_ADDRESS },
		{ "192.0.2.1/33", NO_LENGTH },
		{ "192.0.2.1/024", NO_LENGTH },
		{ "192.0.2.1/+24", NO_LENGTH },
		{ "192.0.2.1/-1", NO_ADDRESS },
		{ "192.0.2.1/", NO_LENGTH },
		{ "192.0.2.1/24/24", NO_LENGTH },
		{ "192.0.2.1/255.255.255.0", NO_LENGTH },
		{ "2001:db8::/129", NO_LENGTH },
		{ "192.0.2.0/24,192.0.3.0/24", NO_LENGTH },
		{ "192.0.2.1,192.0.2.2", MANY_WORDS },
		{ "192.0.2.1 192.0.2.2", MANY_WORDS },
		{ "192.0.2.1 my office", MANY_WORDS },
		{ "fe80::1%eth0",
		  "an address with a scope id (\"%interface\") holds on one link only and is no prefix" },
		{ "192.0.2.2-192.0.2.1", "the range ends before it begins, or its ends are of two address families" },
		{ "192.0.2.2-2001:db8::1", "the range ends before it begins, or its ends are of two address families" },
		{ "192.0.2.0/24-192.0.2.255", NO_ADDRESS },
		{ "192.0.2.1-", NO_ADDRESS },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char input[256], shown[128], expected[512];
		char *cr;

		snprintf(input, sizeof(input), "# x\n203.0.113.0/24\n%s\n", rows[i].row);
		snprintf(shown, sizeof(shown), "%s", rows[i].row);
		cr = strchr(shown, '\r');
		if (cr)
			*cr = '?';
		snprintf(expected, sizeof(expected), "203.0.113.0/24 ; 1 rows, 1 bad, widest 24 ; 3 '%s' %s", shown,
		         rows[i].what);
		check_parse_bytes(FORMAT_TEXT, "", input, strlen(input), expected);
	}
}

static void no_list(void **state)
{
	static const struct parse_case cases[] = {
		{ "", "error: the answer is empty" },
		{ " \r\n\t\n", "error: the answer is empty" },
		{ "\xef\xbb\xbf", "error: the answer is empty" },
		{ "# nothing\n;\n", "error: holds no entry" },
		{ "Not Found\n", "error: none of its 1 rows is a prefix; the first, line 1: “Not Found”: " MANY_WORDS },
		{ "\n{\"a\": 1}\n",
		  "error: none of its 1 rows is a prefix; the first, line 2: “{\"a\": 1}”: " MANY_WORDS },
		{ "192.0.2.1\n\x01\n", "error: line 2 holds the control character 0x01; text in UTF-8 was expected" },
		{ "192.0.2.1\n\n\x1b[2Jx\n",
		  "error: line 3 holds the control character 0x1b; text in UTF-8 was expected" },
		{ "192.0.2.1\r192.0.2.2\r",
		  "error: none of its 1 rows is a prefix; the first, line 1: “192.0.2.1?192.0.2.2”: " NO_ADDRESS },
	};
	static const char utf16[] = "\xff\xfe" "1\0.\0001\0.\0001\0.\0001\0\n";
	static const char utf16_bare[] = "1\0.\0001\0.\0001\0.\0001\0\n";

	(void)state;
	CHECK(FORMAT_TEXT, "", cases);
	check_parse_bytes(FORMAT_TEXT, "", utf16, sizeof(utf16), "error: this is text in UTF-16; UTF-8 was expected");
	check_parse_bytes(FORMAT_TEXT, "", utf16_bare, sizeof(utf16_bare),
	                  "error: line 1 holds the control character 0x00; text in UTF-8 was expected");
	check_parse_bytes(FORMAT_TEXT, ".[]", "192.0.2.1\n", 10,
	                  "error: select: a text list has nothing to select from; leave it out");
}

/* Pages that archives of published lists are full of. */
static void pages(void **state)
{
	static const struct parse_case cases[] = {
		{ "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
		  "<center><h1>502 Bad Gateway</h1></center>\r\n",
		  "error: this is an HTML page titled “502 Bad Gateway”, not a list of prefixes" },
		{ "\n\n  <!DOCTYPE html>\n<title>\n  Attention\n Required&#10;</title>\n203.0.113.77\n",
		  "error: this is an HTML page titled “Attention? Required”, not a list of prefixes" },
		{ "\xef\xbb\xbf<!-- x --><p>You have been blocked. Your IP:\n203.0.113.77\n",
		  "error: this is an HTML page without a title, not a list of prefixes" },
		{ "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
		  "error: this is an XML document without a title, not a list of prefixes" },
		{ "<h1>Not Found</h1>\n203.0.113.77\n",
		  "error: this is an HTML page without a title, not a list of prefixes" },
		{ "<title>" "0123456789" "0123456789" "0123456789" "0123456789" "0123456789" "0123456789" "0123456789"
		  "0123456789" "0</title>",
		  "error: this is an HTML page titled “0123456789" "0123456789" "0123456789" "0123456789" "0123456789"
		  "0123456789" "0123456789" "0123456" "…”, not a list of prefixes" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_parse(FORMAT_TEXT, "", &cases[i], 1);
		check_parse(FORMAT_JSON, "", &cases[i], 1);
		check_parse(FORMAT_YAML, ".[]", &cases[i], 1);
		check_parse(FORMAT_CSV, "", &cases[i], 1);
	}
}

/* A page in plain text that prints an address: the rows that are none give it away to the guard on bad rows. */
static void plain_page(void **state)
{
	static const struct parse_case cases[] = {
		{ "You have been blocked.\n\nYour address:\n203.0.113.77\n",
		  "203.0.113.77/32 ; 1 rows, 2 bad, widest 32 ; 1 'You have been blocked.' " MANY_WORDS
		  " ; 3 'Your address:' " MANY_WORDS },
	};

	(void)state;
	CHECK(FORMAT_TEXT, "", cases);
}

static void limits(void **state)
{
	static char none[] = "";
	struct parse_request q = { .format = FORMAT_TEXT, .select = none, .content_type = none, .name = none,
	                           .max_bytes = 1 << 20, .max_entries = 3 };
	struct parse_result r;
	static const char three[] = "192.0.2.1\nNone\n192.0.2.3\n", four[] = "192.0.2.1\nNone\n192.0.2.3\n# x\nx\n";

	(void)state;
	parse_bytes(&q, three, strlen(three), &r);
	assert_int_equal(r.ok, 1);
	parse_result_free(&r);
	parse_bytes(&q, four, strlen(four), &r);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "holds more than 3 rows, which is the limit");
	parse_result_free(&r);
}

static void bad_rows_shown(void **state)
{
	static char none[] = "";
	struct parse_request q = { .format = FORMAT_TEXT, .select = none, .content_type = none, .name = none,
	                           .max_bytes = 1 << 20, .max_entries = 100 };
	static const char input[] = "192.0.2.1\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
	struct parse_result r;

	(void)state;
	parse_bytes(&q, input, strlen(input), &r);
	assert_int_equal(r.ok, 1);
	assert_int_equal(r.bad, 12);
	assert_int_equal(r.bad_shown, PARSE_BAD_SHOWN);
	assert_string_equal(r.bad_rows[PARSE_BAD_SHOWN - 1].text, "j");
	parse_result_free(&r);
}

static void clean(void **state)
{
	static const struct {
		const char *dirty, *clean;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a\nb\rc\td\x7f", "a?b?c?d?" },
		{ "\x1b[31mred", "?[31mred" },
		{ "Zürich \xe2\x82\xac \xf0\x9f\x94\xa5", "Zürich € 🔥" },
		{ "\xc3", "?" },
		{ "\xc3(", "?(" },
		{ "\xc0\xaf", "??" },         /* overlong */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" },    /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "\xff\xfe", "??" },
		{ "\xc2\x85x", "?x" },        /* NEL */
		{ "a\xe2\x80\xaetxt", "a?txt" }, /* right-to-left override */
		{ "\xe2\x80\xa8", "?" },      /* line separator */
	};
	char out[CLEAN_ROW_MAX], small[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clean_text(out, sizeof(out), cases[i].dirty, strlen(cases[i].dirty));
		assert_string_equal(out, cases[i].clean);
	}
	assert_string_equal(clean_text(small, sizeof(small), "1234567", 7), "1234567");
	assert_string_equal(clean_text(small, sizeof(small), "12345678", 8), "1234…");
	assert_string_equal(clean_text(small, sizeof(small), "123€5678", 10), "123…");
	assert_string_equal(clean_text(small, sizeof(small), "1234€", 7), "1234€");
	assert_string_equal(clean_text(small, sizeof(small), "a\0b", 3), "a?b");
}

int test_text(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),      cmocka_unit_test(edges),  cmocka_unit_test(bad_rows),
		cmocka_unit_test(no_list),     cmocka_unit_test(pages),  cmocka_unit_test(plain_page),
		cmocka_unit_test(limits),      cmocka_unit_test(bad_rows_shown), cmocka_unit_test(clean),
	};

	return cmocka_run_group_tests_name("parse text", tests, NULL, NULL);
}
