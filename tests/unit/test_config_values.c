/* Values with a type, each at its bounds: durations, sizes, shares, numbers, truth, text. */
#include "test_config.h"

#include <stdio.h>
#include <string.h>

static struct config *with_retention(const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), V1 "audit: {retention: %s}\n", value);
	return must_config(text);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{ "0", 0 }, { "90s", 90 }, { "10m", 600 }, { "6h", 21600 }, { "3d", 259200 }, { "2w", 1209600 },
		{ "\"400d\"", 34560000 }, { "36500d", INT64_C(3153600000) },
	};
	static const struct wrong bad[] = {
		{ V1 "audit: {retention: 36501d}\n", { "2:20|'36501d' is too long; the most is 36500d" } },
		{ V1 "audit: {retention: 90}\n", { "2:20|'90' is no duration|90s, 10m, 6h or 3d" } },
		{ V1 "audit: {retention: 6 hours}\n", { "2:20|'6 hours' is no duration" } },
		{ V1 "audit: {retention: -1d}\n", { "2:20|'-1d' is no duration" } },
		{ V1 "audit: {retention: 99999999999999999999d}\n", { "2:20|is no duration" } },
		{ V1 "audit: {retention: }\n", { "2:20|nothing stands here|expected a duration" } },
		{ V1 "audit: {retention: {a: b}}\n", { "2:20|a mapping stands here|expected a duration" } },
		{ V1 "audit: {retention: ~}\n", { "2:20|nothing stands here" } },
		{ OWN_LIST "  l: {origins: {a: {file: /f}}, stale_after: 0}\n",
		  { "4:46|'0' is too short; the least is 1s" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *c = with_retention(good[i].text);

		assert_int_equal(c->audit.retention, good[i].seconds);
		config_free(c);
	}
	assert_all_wrong(bad, COUNT(bad));
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "1", 1 }, { "1023", 1023 }, { "512K", 524288 }, { "8M", 8388608 }, { "1G", 1073741824 },
		{ "1073741824", 1073741824 }, { "1024M", 1073741824 },
	};
	static const struct wrong bad[] = {
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 0}}}}\n", { "2:47|'0' is no size|from 1 to 1G" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 1073741825}}}}\n", { "2:47|no size that fits" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 2G}}}}\n", { "2:47|'2G' is no size" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 8MB}}}}\n", { "2:47|'8MB' is no size|K, M or G" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: M}}}}\n", { "2:47|'M' is no size" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 08M}}}}\n", { "2:47|'08M' is no size" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 1.5M}}}}\n", { "2:47|'1.5M' is no size" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 18446744073709551616}}}}\n", { "2:47|no size" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, max_size: 18014398509481984K}}}}\n", { "2:47|no size" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *c;
		char text[256];

		snprintf(text, sizeof(text), V1 "lists: {l: {origins: {o: {file: /f, max_size: %s}}}}\n", good[i].text);
		c = must_config(text);
		assert_true(c->lists[0].origins[0].max_size == good[i].bytes);
		config_free(c);
	}
	assert_all_wrong(bad, COUNT(bad));
}

static struct guard_config guard_of(const char *guard)
{
	char text[256];
	struct config *c;
	struct guard_config g;

	snprintf(text, sizeof(text), V1 "lists: {l: {origins: {o: {file: /f}}, guard: {%s}}}\n", guard);
	c = must_config(text);
	g = c->lists[0].guard;
	config_free(c);
	return g;
}

/* The text in front of a guard's value is 47 characters long, and `key`. */
#define GUARD(key_and_value) V1 "lists: {l: {origins: {o: {file: /f}}, guard: {" key_and_value "}}}\n"

static void shares(void **state)
{
	static const struct wrong bad[] = {
		{ GUARD("max_added: 10001%"), { "2:58|'10001%'|a share from 0% to 10000%" } },
		{ GUARD("max_added: 10000.001%"), { "2:58|a share from 0% to 10000%" } },
		{ GUARD("max_removed: 101%"), { "2:60|'101%'|a share from 0% to 100%" } },
		{ GUARD("max_removed: 100.5%"), { "2:60|a share from 0% to 100%" } },
		{ GUARD("max_removed: 25 %"), { "2:60|'25 %' is neither a number of entries nor a share" } },
		{ GUARD("max_removed: -1"), { "2:60|'-1' is neither" } },
		{ GUARD("max_removed: 1.5"), { "2:60|'1.5' is neither" } },
		{ GUARD("max_removed: 1.%"), { "2:60|neither" } },
		{ GUARD("max_removed: .5%"), { "2:60|neither" } },
		{ GUARD("max_removed: 1.2345%"), { "2:60|neither" } },
		{ GUARD("max_removed: 1.-1%"), { "2:60|neither" } },
		{ GUARD("max_removed: \"%\""), { "2:60|neither" } },
		{ GUARD("max_removed: 4294967296"), { "2:60|neither" } },
	};
	struct guard_config g;

	(void)state;
	g = guard_of("max_added: 12.5%, max_removed: 0%");
	assert_true(g.max_added.is_share && g.max_added.value > 12.499 && g.max_added.value < 12.501);
	assert_true(g.max_removed.is_share && g.max_removed.value < 0.001);
	g = guard_of("max_added: 10000%, max_removed: 100.000%");
	assert_true(g.max_added.is_share && g.max_added.value > 9999.999);
	assert_true(g.max_removed.is_share && g.max_removed.value > 99.999 && g.max_removed.value < 100.001);
	g = guard_of("max_added: 4294967295, max_removed: 0");
	assert_true(!g.max_added.is_share && g.max_added.value > 4294967294.5);
	assert_true(!g.max_removed.is_share && g.max_removed.value < 0.5);
	assert_all_wrong(bad, COUNT(bad));
}

static void numbers(void **state)
{
	static const struct wrong bad[] = {
		{ GUARD("min_prefix4: 33"), { "2:60|'33' does not fit here|from 0 to 32" } },
		{ GUARD("min_prefix6: 129"), { "2:60|'129' does not fit here|from 0 to 128" } },
		{ GUARD("min_prefix4: /16"), { "2:60|'/16' does not fit" } },
		{ GUARD("max_entries: 0"), { "2:60|'0' does not fit|from 1 to 4294967295" } },
		{ GUARD("max_bad: 4294967296"), { "2:56|'4294967296' does not fit" } },
		{ GUARD("max_bad: 1e3"), { "2:56|'1e3' does not fit" } },
		{ GUARD("max_bad: 0x10"), { "2:56|'0x10' does not fit" } },
		{ GUARD("max_bad: 010"), { "2:56|'010' does not fit" } },
		{ GUARD("max_bad: +1"), { "2:56|'+1' does not fit" } },
		{ V1 "grants: {max_duration: 32d, max_active: 1025, min_prefix4: 7, min_prefix6: 129}\n",
		  { "2:24|'32d'", "2:41|'1025' does not fit", "2:60|'7' does not fit", "2:76|'129' does not fit" } },
		{ GUARD("max_bad: []"), { "2:56|a sequence stands here|expected a whole number" } },
		{ GUARD("min_entries: 11, max_entries: 10"),
		  { "2:46|min_entries (11) is more than max_entries (10)" } },
		{ V1 "audit: {nflog_group: 0}\n", { "2:22|'0'|from 1 to 65535" } },
		{ V1 "audit: {nflog_group: 65536}\n", { "2:22|'65536'|from 1 to 65535" } },
		{ V1 "audit: {denied_log_rate: 0}\n", { "2:26|'0'|from 1 to 1000000" } },
		{ V1 "audit: {denied_set_size: 16777217}\n", { "2:26|'16777217'|from 1 to 16777216" } },
	};
	struct guard_config g = guard_of("min_prefix4: 0, min_prefix6: 128, max_bad: 4294967295, min_entries: 10, "
	                                 "max_entries: 10");
	struct config *c = must_config(V1 "audit: {nflog_group: 65535, denied_log_rate: 1, denied_set_size: '16'}\n");

	(void)state;
	assert_int_equal(g.min_prefix4, 0);
	assert_int_equal(g.min_prefix6, 128);
	assert_true(g.max_bad == UINT32_MAX && g.min_entries == 10 && g.max_entries == 10);
	assert_int_equal(c->audit.nflog_group, 65535);
	assert_int_equal(c->audit.denied_log_rate, 1);
	assert_int_equal(c->audit.denied_set_size, 16);
	config_free(c);
	assert_int_equal(guard_of("min_entries: 0").min_entries, 0);
	assert_all_wrong(bad, COUNT(bad));
}

static void truth_and_choices(void **state)
{
	static const struct wrong bad[] = {
		{ GUARD("special: yes"), { "2:56|'yes' is neither true nor false" } },
		{ GUARD("special: on"), { "2:56|'on' is neither" } },
		{ GUARD("special: True"), { "2:56|'True' is neither" } },
		{ GUARD("special: 'true'"), { "2:56|'true' in quotes is neither" } },
		{ GUARD("special: 1"), { "2:56|'1' is neither" } },
		{ GUARD("special: "), { "2:56|nothing stands here; expected true or false" } },
		{ GUARD("on_breach: holt"),
		  { "2:58|'holt' is not known here; expected hold or reject; did you mean 'hold'?" } },
		{ GUARD("on_breach: ignore"), { "2:58|'ignore' is not known here; expected hold or reject" } },
		{ GUARD("on_breach: [hold]"), { "2:58|a sequence stands here; expected hold or reject" } },
		{ GUARD("max_remove: 1"), { "2:47|unknown key 'max_remove' in a guard|did you mean 'max_removed'?" } },
		{ V1 "audit: {on_failure: denny}\n",
		  { "2:21|'denny' is not known|continue or deny|did you mean 'deny'?" } },
		{ V1 "audit: continue\n", { "2:8|text stands where audit is described|retention" } },
	};
	struct guard_config g = guard_of("special: true, on_breach: reject");
	struct config *c;

	(void)state;
	assert_true(g.special);
	assert_int_equal(g.on_breach, BREACH_REJECT);
	g = guard_of("special: false, on_breach: hold");
	assert_false(g.special);
	assert_int_equal(g.on_breach, BREACH_HOLD);
	c = must_config(V1 "audit: {on_failure: continue}\n");
	assert_false(c->audit.deny_unrecorded);
	config_free(c);
	c = must_config(V1 "audit: {on_failure: deny, max_size: 20G}\n");
	assert_true(c->audit.deny_unrecorded);
	assert_int_equal(c->audit.max_size, (uint64_t)20 << 30);
	config_free(c);
	assert_all_wrong(bad, COUNT(bad));
}

#define REASON(value) OWN_LIST "endpoints:\n  e: {address: 10.0.0.1, port: 1, allow: own, reason: " value "}\n"

static void texts(void **state)
{
	static const struct wrong bad[] = {
		{ REASON("\"two\\nlines\""), { "5:55|line break|expected one line|>-" } },
		{ REASON("\"bell\\a\""), { "5:55|control character" } },
		{ REASON("\"c1 \\x9b\""), { "5:55|control character" } },
		{ REASON("''"), { "5:55|an empty text stands here; expected one line of text" } },
		{ REASON("[a]"), { "5:55|a sequence stands here" } },
		{ OWN_LIST "endpoints:\n"
		  "  e:\n    address: 10.0.0.1\n    port: 1\n    allow: own\n    reason: |\n      a\n      b\n",
		  { "9:13|line break" } },
	};
	struct config *c = must_config(REASON("'Gr\xc3\xbc\xc3\x9f" "e: \xe6\x97\xa5'"));

	(void)state;
	assert_string_equal(c->endpoints[0].reason, "Gr\xc3\xbc\xc3\x9f" "e: \xe6\x97\xa5");
	config_free(c);
	c = must_config(OWN_LIST "endpoints:\n  e:\n    address: 10.0.0.1\n    port: 1\n    allow: own\n"
	                "    reason: >\n      a\n      b\n    owner: 42\n");
	assert_string_equal(c->endpoints[0].reason, "a b");
	assert_string_equal(c->endpoints[0].owner, "42");
	config_free(c);
	assert_all_wrong(bad, COUNT(bad));
}

int test_config_values(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(shares),
		cmocka_unit_test(numbers),
		cmocka_unit_test(truth_and_choices),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests_name("config: values", tests, NULL, NULL);
}
