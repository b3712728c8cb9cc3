/* Which origins name what, worked out from what each has more and less than what is in force. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "ctl/disagreement.h"
#include "test_ctl.h"

/* Rows as text: "PREFIX NAMED-BY[ +]", where NAMED-BY has y or n for each of the origins and + is in force. */
static void disagree(const char *list, unsigned origins, const char *expected)
{
	json_t *json = json_loads(list, 0, NULL);
	struct buffer b = BUFFER_INIT;
	char text[PREFIX_TEXT_MAX];
	struct disputed *rows;
	size_t count, i;
	unsigned o;

	assert_non_null(json);
	assert_int_equal(disagreement_find(json, &rows, &count), 0);
	for (i = 0; i < count; i++) {
		buffer_printf(&b, "%s ", prefix_format(&rows[i].prefix, text));
		for (o = 0; o < origins; o++)
			buffer_printf(&b, "%s", rows[i].named_by >> o & 1 ? "y" : "n");
		buffer_printf(&b, "%s\n", rows[i].in_force ? " +" : "");
	}
	assert_string_equal(buffer_str(&b), expected);
	buffer_free(&b);
	free(rows);
	json_decref(json);
}

static void origins_that_agree_have_no_rows(void **state)
{
	(void)state;
	disagree("{\"entries\": [\"192.0.2.0/24\"], \"origins\": ["
	         "{\"name\": \"a\", \"state\": \"ok\", \"missing\": [], \"extra\": []},"
	         "{\"name\": \"b\", \"state\": \"ok\", \"missing\": [], \"extra\": []}]}", 2, "");
	disagree("{\"entries\": [\"192.0.2.0/24\"], \"origins\": []}", 0, "");
}

static void what_one_names_more_is_told(void **state)
{
	(void)state;
	disagree("{\"entries\": [\"34.159.97.57/32\"], \"origins\": ["
	         "{\"name\": \"docs\", \"state\": \"ok\", \"missing\": [], \"extra\": []},"
	         "{\"name\": \"provider\", \"state\": \"ok\", \"missing\": [],"
	         " \"extra\": [\"34.91.7.12/32\", \"2001:db8::/64\", \"34.32.134.107/32\"]}]}", 2,
	         "34.32.134.107/32 ny\n34.91.7.12/32 ny\n2001:db8::/64 ny\n");
}

/* agree any: in force, though only one names it. */
static void what_one_misses_is_told(void **state)
{
	(void)state;
	disagree("{\"entries\": [\"192.0.2.0/24\", \"2001:db8::/32\"], \"origins\": ["
	         "{\"name\": \"a\", \"state\": \"ok\", \"missing\": [\"192.0.2.0/25\"], \"extra\": []},"
	         "{\"name\": \"b\", \"state\": \"ok\", \"missing\": [\"2001:db8::/32\"], \"extra\": []}]}", 2,
	         "192.0.2.0/25 ny +\n2001:db8::/32 yn +\n");
}

/* The answers are merged, so that the same addresses come in prefixes of other lengths. */
static void prefixes_that_overlap_are_split(void **state)
{
	(void)state;
	disagree(
	    "{\"entries\": [], \"origins\": ["
	    "{\"name\": \"a\", \"state\": \"ok\", \"missing\": [], \"extra\": [\"10.0.0.0/23\"]},"
	    "{\"name\": \"b\", \"state\": \"ok\", \"missing\": [], \"extra\": [\"10.0.1.0/24\"]},"
	    "{\"name\": \"c\", \"state\": \"ok\", \"missing\": [], \"extra\": [\"10.0.1.128/25\", \"10.0.2.0/24\"]}]}",
	    3, "10.0.0.0/24 ynn\n10.0.1.0/25 yyn\n10.0.1.128/25 yyy\n10.0.2.0/24 nny\n");
}

/* In force is one thing, what the origins say now another: all of them may have dropped it. */
static void what_is_held_is_told(void **state)
{
	(void)state;
	disagree(
	    "{\"entries\": [\"192.0.2.0/24\"], \"origins\": ["
	    "{\"name\": \"a\", \"state\": \"ok\", \"missing\": [\"192.0.2.0/24\"], \"extra\": [\"198.51.100.0/24\"]},"
	    "{\"name\": \"b\", \"state\": \"ok\", \"missing\": [\"192.0.2.0/24\"], \"extra\": [\"198.51.100.0/24\"]}]}",
	    2, "192.0.2.0/24 nn +\n198.51.100.0/24 yy\n");
}

static void who_never_answered_takes_no_part(void **state)
{
	(void)state;
	disagree("{\"entries\": [], \"origins\": ["
	         "{\"name\": \"a\", \"state\": \"never\", \"missing\": [\"192.0.2.0/24\"], \"extra\": []},"
	         "{\"name\": \"b\", \"state\": \"ok\", \"missing\": [], \"extra\": [\"198.51.100.0/24\"]}]}", 2,
	         "198.51.100.0/24 ny\n");
}

static void the_table_says_who(void **state)
{
	json_t *json = json_loads("{\"entries\": [], \"origins\": ["
	                          "{\"name\": \"a\", \"state\": \"never\", \"missing\": [], \"extra\": []},"
	                          "{\"name\": \"docs\", \"state\": \"failed\", \"missing\": [], \"extra\": []},"
	                          "{\"name\": \"\\u001b[2J\", \"state\": \"ok\", \"missing\": [],"
	                          " \"extra\": [\"192.0.2.0/24\", \"198.51.100.0/24\"]}]}", 0, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(disagreement_print(out, json, false, 1), 0);
	fclose(out);
	assert_string_equal(text, "the origins disagree about 2 prefixes:\n"
	                          "  ADDRESS       a  docs  \\x1b[2J  IN FORCE\n"
	                          "  192.0.2.0/24  -  no    yes      no\n"
	                          "  and 1 more: see hallowctl lists LIST -o json\n");
	free(text);
	json_decref(json);
}

/* The line above the table, for entries, and what a and b have more of them. */
static void heading(const char *entries, const char *a, const char *b, const char *expected)
{
	json_t *json = json_pack("{s:o, s:[{s:s, s:s, s:[], s:o}, {s:s, s:s, s:[], s:o}]}", "entries", json_loads(entries, 0, NULL),
	                         "origins", "name", "a", "state", "ok", "missing", "extra", json_loads(a, 0, NULL), "name", "b",
	                         "state", "ok", "missing", "extra", json_loads(b, 0, NULL));
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(disagreement_print(out, json, false, 0), 0);
	fclose(out);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void what_all_name_is_no_disagreement(void **state)
{
	(void)state;
	heading("[]", "[\"192.0.2.0/24\"]", "[]", "the origins disagree about 1 prefix:");
	heading("[]", "[\"192.0.2.0/24\"]", "[\"192.0.2.0/24\"]",
	        "the origins agree about 1 prefix that is not in force as they name it:");
	heading("[]", "[\"192.0.2.0/24\", \"198.51.100.0/24\", \"203.0.113.0/24\"]", "[\"192.0.2.0/24\", \"198.51.100.0/24\"]",
	        "the origins disagree about 1 prefix, and agree about 2 prefixes that are not in force as they name them:");
}

static void an_answer_that_makes_no_sense_is_an_error(void **state)
{
	json_t *json = json_loads("{\"entries\": [\"192.0.2.1\"], \"origins\": ["
	                          "{\"name\": \"a\", \"state\": \"ok\", \"missing\": [], \"extra\": [\"all of it\"]}]}",
	                          0, NULL);
	struct disputed *rows;
	size_t count;

	(void)state;
	errno = 0;
	assert_int_equal(disagreement_find(json, &rows, &count), -1);
	assert_int_equal(errno, EINVAL);
	json_decref(json);
}

int test_disagreement(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins_that_agree_have_no_rows),
		cmocka_unit_test(what_one_names_more_is_told),
		cmocka_unit_test(what_one_misses_is_told),
		cmocka_unit_test(prefixes_that_overlap_are_split),
		cmocka_unit_test(what_is_held_is_told),
		cmocka_unit_test(who_never_answered_takes_no_part),
		cmocka_unit_test(the_table_says_who),
		cmocka_unit_test(what_all_name_is_no_disagreement),
		cmocka_unit_test(an_answer_that_makes_no_sense_is_an_error),
	};

	return cmocka_run_group_tests_name("disagreement", tests, NULL, NULL);
}
