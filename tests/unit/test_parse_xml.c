#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NO_ADDRESS "not an IPv4 or IPv6 address"

static void nodes(void **state)
{
	static const struct parse_case cases[] = {
		{ "<?xml version=\"1.0\"?>\n<r><net cidr=\"192.0.2.0/24\"/>\n<net cidr=\" 2001:db8::/32 \"/></r>",
		  "192.0.2.0/24 2001:db8::/32 ; 2 rows, widest 24/32" },
		{ "\xef\xbb\xbf<r>\r\n<net cidr='192.0.2.1'/></r>\r\n", "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "<r>\n<net cidr='192.0.2.1'/>\n<net cidr='None'/></r>",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 3 'None' " NO_ADDRESS },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><r n='\xfc'><net cidr='192.0.2.1'/></r>",
		  "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "<?xml version='1.0' encoding='x-unheard-of'?><r><net cidr='192.0.2.1'/></r>",
		  "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "<!DOCTYPE r SYSTEM 'http://127.0.0.1:9/r.dtd'><r><net cidr='192.0.2.1'/></r>",
		  "192.0.2.1/32 ; 1 rows, widest 32" },
		{ "<r/>", "error: select found nothing in the document, of which the root is <r>" },
		{ "<r xmlns='urn:x'><net cidr='192.0.2.1'/></r>",
		  "error: select found nothing in the document, of which the root is <r>; it has a namespace: "
		  "match elements by *[local-name()='NAME']" },
	};
	static const struct parse_case elements[] = {
		{ "<r xmlns='urn:x'><net>192.0.2.1</net><net><![CDATA[192.0.2.2]]></net><net>192.0.2.3<!-- --></net></r>",
		  "192.0.2.1/32 192.0.2.2/31 ; 3 rows, widest 32" },
		{ "<r><net>192.0.2.1</net><net>192.0.2.<i>2</i></net></r>",
		  "192.0.2.1/32 ; 1 rows, 1 bad, widest 32 ; 1 '192.0.2. 2' more than one word; one address or prefix "
		  "alone was expected" },
	};

	(void)state;
	CHECK(FORMAT_XML, "//net/@cidr", cases);
	CHECK(FORMAT_XML, "//*[local-name()='net']", elements);
}

/* Nothing is read from elsewhere, and nothing grows. */
static void entities(void **state)
{
	static const struct parse_case cases[] = {
		{ "<!DOCTYPE r [<!ENTITY a '192.0.2.1'>]><r><net>&a;</net></r>",
		  "error: is XML that declares entities; a document without them was expected" },
		{ "<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><r><net>&a;</net><net>192.0.2.1</net></r>",
		  "error: is XML that declares entities; a document without them was expected" },
		{ "<!DOCTYPE r [<!ENTITY % a SYSTEM 'file:///etc/hostname'> %a;]><r><net>192.0.2.1</net></r>",
		  "error: is XML that declares entities; a document without them was expected" },
		{ "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		  "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>"
		  "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;'>]><r><net>&f;</net></r>",
		  "error: is *" },
		{ "<r><net>&nosuch;</net></r>", "error: is not XML: line 1: *" },
		{ "<r><net>192.0.2&#46;1</net><net>192.0.2.&#x32;</net></r>",
		  "192.0.2.1/32 192.0.2.2/32 ; 2 rows, widest 32" },
	};

	(void)state;
	CHECK(FORMAT_XML, "//net", cases);
}

static void no_list(void **state)
{
	static const struct parse_case cases[] = {
		{ "<r>\n<net>192.0.2.1</net>\n<net>", "error: is not XML: line 3: *" },
		{ "<r><net>192.0.2.1</r>", "error: is not XML: line 1: *" },
		{ "192.0.2.1\n", "error: is not XML: line 1: *" },
		{ "", "error: the answer is empty" },
		{ "<html><head><title>502 Bad Gateway</title></head><body><net>192.0.2.1</net></body></html>",
		  "error: this is an HTML page titled “502 Bad Gateway”, not a list of prefixes" },
		{ "<!DOCTYPE HTML><title>x</title><net>192.0.2.1", "error: this is an HTML page titled “x”*" },
		{ "<r><net>192.0.2.1</net>\001</r>", "error: line 1 holds the control character 0x01*" },
	};
	static const struct parse_case number[] = {
		{ "<r/>", "error: select: the expression must choose nodes, but its value is a number" },
	};
	static const struct parse_case none[] = {
		{ "<r/>", "error: this is an XML document; where its prefixes are must be said with select, an XPath "
		  "expression" },
	};

	(void)state;
	CHECK(FORMAT_XML, "//net", cases);
	CHECK(FORMAT_XML, "count(//net)", number);
	CHECK(FORMAT_XML, "", none);
}

static void depth(void **state)
{
	char deep[4096];
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof(deep); i += 3)
		memcpy(deep + i, "<a>", 3);
	check_parse_bytes(FORMAT_XML, "//a", deep, i, "error: is not XML: line 1: *");
}

int test_xml(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(entities),
		cmocka_unit_test(no_list),
		cmocka_unit_test(depth),
	};

	return cmocka_run_group_tests_name("parse xml", tests, NULL, NULL);
}
