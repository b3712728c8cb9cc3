/* Text from outside, made safe for a terminal; and the tables that it stands in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/plain.h"
#include "report/table.h"
#include "test_report.h"

static void is_shown_as(const char *text, const char *shown)
{
	struct buffer b = BUFFER_INIT;
	char *written = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&written, &len);

	assert_int_equal(plain_add(&b, text), 0);
	assert_string_equal(buffer_str(&b), shown);
	plain_write(out, text);
	fclose(out);
	assert_string_equal(written, shown);
	free(written);
	buffer_free(&b);
}

static void ordinary_text_stays(void **state)
{
	(void)state;
	is_shown_as("", "");
	is_shown_as("a ~ z", "a ~ z");
	is_shown_as("f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x94\x92", "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x94\x92");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	is_shown_as("a\033[31mb", "a\\x1b[31mb");
	is_shown_as("\x01\t\r\n\x1f\x7f", "\\x01\\x09\\x0d\\x0a\\x1f\\x7f");
	/* C1, as UTF-8 and as a bare byte: 0x9b is CSI. */
	is_shown_as("\xc2\x9b" "31m", "\\u009b31m");
	is_shown_as("\x9b" "31m", "\\x9b31m");
	is_shown_as("\xc2\x80\xc2\x9f\xc2\xa0", "\\u0080\\u009f\xc2\xa0");
}

static void what_reorders_a_line_is_escaped(void **state)
{
	(void)state;
	is_shown_as("\xe2\x80\xae" "gpj", "\\u202egpj");
	is_shown_as("\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069");
	is_shown_as("\xe2\x80\xa8", "\\u2028");
	is_shown_as("\xd8\x9c\xef\xbb\xbf", "\\u061c\\ufeff");
}

static void what_is_not_utf8_is_escaped(void **state)
{
	(void)state;
	is_shown_as("\xff\xfe", "\\xff\\xfe");
	is_shown_as("\xc0\xaf", "\\xc0\\xaf");                 /* overlong */
	is_shown_as("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	is_shown_as("\xed\xa0\x80", "\\xed\\xa0\\x80");        /* a surrogate */
	is_shown_as("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	is_shown_as("\xf0\x9f\x94", "\\xf0\\x9f\\x94");        /* cut off at the end of the text */
	is_shown_as("\xe2\x82" "x", "\\xe2\\x82x");
}

static void what_is_put_in_is_made_safe_and_nothing_else(void **state)
{
	char *written = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&written, &len);

	(void)state;
	plain_print(out, "%s: %lld and %zu\n", "a\nb\033", -5LL, (size_t)7);
	plain_print(out, "%s%s", "%s", "");
	fclose(out);
	assert_string_equal(written, "a\\x0ab\\x1b: -5 and 7\n%s");
	free(written);
}

static void lines_stay_lines(void **state)
{
	char *written = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&written, &len);

	(void)state;
	plain_write_lines(out, "> ", "one\ntwo\033\n");
	plain_write_lines(out, "> ", "three");
	fclose(out);
	assert_string_equal(written, "> one\n> two\\x1b\n> three\n");
	free(written);
}

int test_plain(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_stays),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(what_reorders_a_line_is_escaped),
		cmocka_unit_test(what_is_not_utf8_is_escaped),
		cmocka_unit_test(lines_stay_lines),
		cmocka_unit_test(what_is_put_in_is_made_safe_and_nothing_else),
	};

	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}

static void prints(const struct table *t, const char *expected)
{
	char *written = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&written, &len);

	assert_int_equal(table_print(t, out, "  "), 0);
	fclose(out);
	assert_string_equal(written, expected);
	free(written);
}

static void columns_are_aligned(void **state)
{
	static const char *const names[] = { "NAME", "N", "LAST" };
	struct table t;

	(void)state;
	table_init(&t, "lrl", false);
	table_header(&t, names);
	table_add(&t, "f\xc3\xbc");
	table_addf(&t, "%d", 1234);
	table_add(&t, "x");
	table_add(&t, "longer-name");
	table_add(&t, NULL);
	table_add(&t, "");
	prints(&t, "  NAME            N  LAST\n"
	           "  f\xc3\xbc           1234  x\n"
	           "  longer-name     -  -\n");
	table_free(&t);
}

static void cells_cannot_colour_themselves(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, "l", true);
	table_add_style(&t, STYLE_BAD, "\033[32mgood");
	prints(&t, "  \033[31m\\x1b[32mgood\033[0m\n");
	table_free(&t);
	table_init(&t, "l", false);
	table_add_style(&t, STYLE_BAD, "bad");
	prints(&t, "  bad\n");
	table_free(&t);
}

static void an_empty_table_prints_nothing(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, "ll", false);
	prints(&t, "");
	table_free(&t);
}

int test_table(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(cells_cannot_colour_themselves),
		cmocka_unit_test(an_empty_table_prints_nothing),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
