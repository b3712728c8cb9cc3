#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"

#define NO_ADDRESS "not an IPv4 or IPv6 address"
#define MANY_WORDS "more than one word; one address or prefix alone was expected"

static void items(void **state)
{
	static const struct parse_case cases[] = {
		{ "<!DOCTYPE html><title>x</title><ul><li>192.0.2.1<li> <code>192.0.2.2</code>\n</ul>",
		  "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
		{ "<ul><li>&nbsp;192.0.2.0/24\xc2\xa0</li><li>2001:db8&#58;:/32</li></ul>",
		  "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
		/* A footnote's mark must not become part of an address. */
		{ "<ul>\n<li>192.0.2.1\n<li>192.0.2.1<sup>2</sup>\n<li>192.0.2.<b>3</b>",
		  "192.0.2.1/32 ; 1 rows, 2 bad, widest 32 ; 3 '192.0.2.1 2' " MANY_WORDS
		  " ; 4 '192.0.2. 3' " MANY_WORDS },
		{ "<ul><li>192.0.2.1<!-- -->7<li>192.0.2.1<br>192.0.2.2<li>192.0.2.9",
		  "192.0.2.9/32 ; 1 rows, 2 bad, widest 32 ; 1 '192.0.2.1 7' " MANY_WORDS
		  " ; 1 '192.0.2.1 192.0.2.2' " MANY_WORDS },
		{ "<ul>\n<li>192.0.2.1</li>\n<li>34.1.2.3 (Frankfurt)</li>\n<li></li></ul>",
		  "192.0.2.1/32 ; 1 rows, 2 bad, widest 32 ; 3 '34.1.2.3 (Frankfurt)' " MANY_WORDS
		  " ; 4 '' empty; an address or a prefix was expected" },
		{ "<meta charset=windows-1252><ul><li>192.0.2.1</li></ul>", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "<html><head><title>Access denied</title></head><body><p>Your IP: 203.0.113.77</p></body></html>",
		  "error: select found nothing in the page titled “Access denied”" },
		{ "{\"a\": 1}", "error: select found nothing in the page, which has no title" },
		{ "192.0.2.1\n", "error: select found nothing in the page, which has no title" },
		{ "", "error: the answer is empty" },
		{ "<li>x</li>", "error: none of its 1 rows is a prefix; the first, line 1: “x”: " NO_ADDRESS },
	};

	(void)state;
	CHECK(FORMAT_HTML, "//li", cases);
}

static void selects(void **state)
{
	static const char page[] =
		"<!DOCTYPE html>\n<html><head><title>Security</title></head><body>\n"
		"<h3 id=\"other\">Other</h3><ul><li>198.51.100.1</li></ul>\n"
		"<h3 id=\"source-ips\">Source IPs</h3>\n<p>These:</p>\n"
		"<ul>\n<li>34.159.97.57</li>\n<li>35.198.74.96</li>\n</ul>\n"
		"<ul><li>203.0.113.1</li></ul>\n<a data-ip=\"192.0.2.1\" href=\"#\">x</a>\n</body></html>\n";
	static const struct {
		const char *select, *expected;
	} cases[] = {
		{ "//h3[@id='source-ips']/following-sibling::ul[1]/li",
		  "34.159.97.57/32 35.198.74.96/32 ; 2 rows, widest 32" },
		{ "//li/text()",
		  "34.159.97.57/32 35.198.74.96/32 198.51.100.1/32 203.0.113.1/32 ; 4 rows, widest 32" },
		{ "//a/@data-ip", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "//h3[@id='gone']/following-sibling::ul[1]/li",
		  "error: select found nothing in the page titled “Security”" },
		{ "//li[", "error: select: not an XPath expression: //li[" },
		{ "nosuch(//li)", "error: select: the XPath expression cannot be evaluated: nosuch(//li)" },
		{ "count(//li)", "error: select: the expression must choose nodes, but its value is a number" },
		{ "string(//li)", "error: select: the expression must choose nodes, but its value is a string" },
		{ "//li = 'x'", "error: select: the expression must choose nodes, but its value is a boolean" },
		{ "/",
		  "error: none of its 1 rows is a prefix; the first, node 1: : "
		  "neither an element, an attribute nor text" },
		{ "", "error: this is an HTML page titled “Security”; where its prefixes are must be said with select, "
		      "an XPath expression" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_parse_bytes(FORMAT_HTML, cases[i].select, page, strlen(page), cases[i].expected);
}

/* A byte that is wrong in the page's character set must not end the page. */
static void encodings(void **state)
{
	static const char *const heads[] = {
		"", "<meta charset=utf-8>", "<meta charset=us-ascii>",
		"<meta charset=windows-1252>", "<meta charset=shift_jis>", "<meta charset=utf-16>",
		"<meta charset=nosuch>", "<?xml version=\"1.0\" encoding=\"us-ascii\"?>",
		"<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-15\">",
	};
	static const char nul[] = "<li>192.0.2.1\n<li>\0<li>192.0.2.2";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct buffer page = BUFFER_INIT;

		buffer_printf(&page, "<html><head>%s<title>\xfc</title></head>", heads[i]);
		buffer_printf(&page, "<li>192.0.2.1<li>\xe9\x81\xff\xf0\x80<li>192.0.2.2");
		check_parse_bytes(FORMAT_HTML, "//li", (const char *)page.data, page.len,
		                  "192.0.2.1/32 192.0.2.2/32 ; 2 rows, 1 bad, widest 32 ; "
		                  "1 '?" "?" "?" "?" "?' " NO_ADDRESS);
		buffer_free(&page);
	}
	check_parse_bytes(FORMAT_HTML, "//li", nul, sizeof(nul) - 1,
	                  "error: line 2 holds the control character 0x00; text in UTF-8 was expected");
}

/* libxml2 counts lines up to 65535; above, the node's number stands for it. */
static void long_page(void **state)
{
	struct buffer page = BUFFER_INIT;
	int i;

	(void)state;
	buffer_printf(&page, "<p>192.0.2.1</p>");
	for (i = 0; i < 70000; i++)
		buffer_printf(&page, "\n");
	buffer_printf(&page, "<p>x</p>");
	check_parse_bytes(FORMAT_HTML, "//p", (const char *)page.data, page.len,
	                  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 0 'node 2: x' " NO_ADDRESS);
	buffer_free(&page);
}

/* libxml2 gives up at 256 levels; what it had by then is not the list. */
static void deep_page(void **state)
{
	struct buffer page = BUFFER_INIT;
	int i;

	(void)state;
	buffer_printf(&page, "<p>192.0.2.1</p>");
	for (i = 0; i < 300; i++)
		buffer_printf(&page, "<b>");
	buffer_printf(&page, "<p>192.0.2.1</p>");
	check_parse_bytes(FORMAT_HTML, "//p", (const char *)page.data, page.len,
	                  "error: is not HTML that can be read whole: nested too deep, or too large");
	buffer_free(&page);
}

int test_html(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items),
		cmocka_unit_test(selects),
		cmocka_unit_test(encodings),
		cmocka_unit_test(long_page),
		cmocka_unit_test(deep_page),
	};

	return cmocka_run_group_tests_name("parse html", tests, NULL, NULL);
}
