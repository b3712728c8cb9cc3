/* The parts that errors are made of: the nearest name, and values as they may be shown. */
#include "test_config.h"

#include <string.h>

#include "config/complaint.h"
#include "config/suggest.h"

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} table[] = {
		{ "", "", 0 }, { "a", "", 1 }, { "", "abc", 3 }, { "abc", "abc", 0 }, { "abc", "abd", 1 },
		  { "abc", "acb", 1 },
		{ "abc", "ABC", 0 }, { "kitten", "sitting", 3 }, { "ca", "abc", 3 }, { "lists", "list", 1 },
		  { "ab", "ba", 1 },
	};
	char longest[SUGGEST_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(suggest_distance(table[i].a, table[i].b), table[i].distance);
		assert_int_equal(suggest_distance(table[i].b, table[i].a), table[i].distance);
	}
	memset(longest, 'a', sizeof(longest));
	longest[SUGGEST_NAME_MAX] = '\0';
	assert_int_equal(suggest_distance(longest, longest), 0);
	assert_int_equal(suggest_distance(longest, ""), SUGGEST_NAME_MAX);
	longest[SUGGEST_NAME_MAX] = 'a';
	longest[SUGGEST_NAME_MAX + 1] = '\0';
	assert_true(suggest_distance(longest, longest) == SIZE_MAX);
}

static const char *nearest(const char *wrong)
{
	static const char *const names[] = { "url", "file", "builtin", "format", "select", "on", "retention" };
	struct suggestion s;

	suggest_begin(&s, wrong);
	for (size_t i = 0; i < COUNT(names); i++)
		suggest_consider(&s, names[i]);
	return s.best;
}

static void only_slips_are_suggested(void **state)
{
	char text[SUGGEST_TEXT_MAX];
	struct suggestion s;

	(void)state;
	assert_string_equal(nearest("ulr"), "url");
	assert_string_equal(nearest("URL"), "url");
	assert_string_equal(nearest("fiel"), "file");
	assert_string_equal(nearest("built-in"), "builtin");
	assert_string_equal(nearest("retensoin"), "retention");
	assert_null(nearest("uri-of-it"));
	assert_string_equal(nearest("om"), "on");
	assert_null(nearest("o"));
	assert_null(nearest("xyz"));
	assert_null(nearest("flie2x"));
	suggest_begin(&s, "ulr");
	assert_string_equal(suggest_text(&s, text), "");
	suggest_consider(&s, "url");
	assert_string_equal(suggest_text(&s, text), "; did you mean 'url'?");
}

static void values_as_shown(void **state)
{
	char out[SHOWN_MAX];

	(void)state;
	assert_string_equal(shown("abc", out), "'abc'");
	assert_string_equal(shown("", out), "''");
	assert_string_equal(shown("a\nb\x1b[0m\x7f", out), "'a?b?[0m?'");
	assert_string_equal(shown("a\xc2\x9b" "b", out), "'a??b'");
	assert_string_equal(shown("@office", out), "'@office'");
	assert_null(strstr(shown("me:pw@host", out), "pw"));
	assert_null(strstr(shown("https://pw", out), "pw"));
	assert_string_equal(shown("123456789012345678901234567890123456789012345678", out),
	                    "'123456789012345678901234567890123456789012345678'");
	assert_string_equal(shown("1234567890123456789012345678901234567890123456789", out),
	                    "'123456789012345678901234567890123456789012345678...'");
	/* Cut between characters, not within one. */
	assert_string_equal(shown("12345678901234567890123456789012345678901234567\xc3\xa4", out),
	                    "'12345678901234567890123456789012345678901234567...'");
}

static void complaints_keep_the_first(void **state)
{
	struct complaints c = COMPLAINTS_INIT;
	struct buffer out = BUFFER_INIT;

	(void)state;
	for (unsigned i = 100; i > 0; i--)
		complain(&c, (struct place){ i, 1 }, "error %u", i);
	assert_int_equal(c.total, 100);
	assert_int_equal(c.kept_count, COMPLAINTS_SHOWN);
	assert_string_equal(c.kept[0].text, "error 1");
	assert_string_equal(c.kept[COMPLAINTS_SHOWN - 1].text, "error 20");
	assert_true(complaint_would_show(&c, (struct place){ 19, 9 }));
	assert_false(complaint_would_show(&c, (struct place){ 20, 1 }));
	complain(&c, (struct place){ 1, 1 }, "at the same place");
	assert_string_equal(c.kept[1].text, "at the same place");
	assert_int_equal(complaints_write(&c, "f", &out), 0);
	assert_non_null(strstr(buffer_str(&out), "f:1:1: error 1\nf:1:1: at the same place\nf:2:1: error 2\n"));
	assert_non_null(strstr(buffer_str(&out), "f: 81 more errors, not shown here\n"));
	buffer_free(&out);
	complaints_free(&c);
	assert_int_equal(c.total, 0);
}

int test_config_suggest(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(only_slips_are_suggested),
		cmocka_unit_test(values_as_shown),
		cmocka_unit_test(complaints_keep_the_first),
	};

	return cmocka_run_group_tests_name("config: suggestions", tests, NULL, NULL);
}
