#include "parse_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "parse/guess.h"
#include "parse/parse.h"

static void formats(void **state)
{
	static const struct {
		const char *content_type, *name;
		enum list_format format;
	} cases[] = {
		{ "", "", FORMAT_TEXT },
		{ "text/plain", "x", FORMAT_TEXT },
		{ "application/json", "", FORMAT_JSON },
		{ "application/json; charset=utf-8", "list.txt", FORMAT_JSON },
		{ "Application/JSON;charset=utf-8", "", FORMAT_JSON },
		{ "application/geo+json", "", FORMAT_JSON },
		{ "application/vnd.x+yaml", "", FORMAT_YAML },
		{ "application/jsonx", "", FORMAT_TEXT },
		{ "text/csv", "a.json", FORMAT_CSV },
		{ "application/xml; charset=utf-8", "", FORMAT_XML },
		{ "text/xml", "https://example.org/ranges", FORMAT_XML },
		{ "application/atom+xml", "", FORMAT_XML },
		{ "application/xhtml+xml", "", FORMAT_HTML },
		{ "application/xml", "https://example.org/list.json", FORMAT_JSON }, /* an error of the store's, most likely */
		{ "", "a.xml", FORMAT_XML },
		{ "application/yaml", "", FORMAT_YAML },
		{ "text/html; charset=utf-8", "", FORMAT_HTML },
		{ "text/html", "https://example.org/security", FORMAT_HTML },
		{ "text/html", "https://example.org/list.json", FORMAT_JSON }, /* an error page, most likely */
		{ "text/html", "list.txt", FORMAT_TEXT },
		{ "text/html", "page.htm", FORMAT_HTML },
		{ "text/plain", "https://example.org/ranges.json", FORMAT_JSON },
		{ "application/octet-stream", "/var/x/terraform.tfstate", FORMAT_JSON },
		{ "", "https://example.org/ranges.json?download=1#x", FORMAT_JSON },
		{ "", "https://example.org/ranges?format=.json", FORMAT_TEXT },
		{ "", "/etc/a#b.yaml", FORMAT_YAML },
		{ "", "LIST.YML", FORMAT_YAML },
		{ "", "a.csv", FORMAT_CSV },
		{ "", "a.html", FORMAT_HTML },
		{ "", "a.conf.d/list", FORMAT_TEXT },
		{ "", "json", FORMAT_TEXT },
		{ "", "/json", FORMAT_TEXT },
		{ "", "a.", FORMAT_TEXT },
		{ "", ".json", FORMAT_JSON },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(list_format_name(guess_format(cases[i].content_type, cases[i].name)),
		                    list_format_name(cases[i].format));
}

static void used_format_is_told(void **state)
{
	static char none[] = "", name[] = "x.json", number[] = "";
	struct parse_request q = { .format = FORMAT_GUESS, .select = none, .content_type = number, .name = name,
	                           .max_bytes = 1 << 20, .max_entries = 10 };
	static const char list[] = "[\"192.0.2.1\"]", page[] = "<html><title>Oops</title>";
	struct parse_result r;

	(void)state;
	parse_bytes(&q, list, strlen(list), &r);
	assert_int_equal(r.ok, 1);
	assert_int_equal(r.format, FORMAT_JSON);
	parse_result_free(&r);
	parse_bytes(&q, page, strlen(page), &r);
	assert_int_equal(r.ok, 0);
	assert_int_equal(r.format, FORMAT_JSON);
	assert_string_equal(r.error, "this is an HTML page titled “Oops”, not a list of prefixes");
	parse_result_free(&r);
	q.format = 77;
	parse_bytes(&q, list, strlen(list), &r);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "format number 77 is not known");
	parse_result_free(&r);
}

int test_guess(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(used_format_is_told),
	};

	return cmocka_run_group_tests_name("parse guess", tests, NULL, NULL);
}
