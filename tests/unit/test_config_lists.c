/* Lists: origins, agreement, guards, lists of one's own. */
#include "test_config.h"

#include <string.h>

static void names(void **state)
{
	static const struct wrong table[] = {
		{ V1 "lists: {9to5: {entries: [10.0.0.1]}}\n", { "2:9|'9to5' is no name|a letter, then|at most 48" } },
		{ V1 "lists: {'a b': {entries: [10.0.0.1]}}\n", { "2:9|'a b' is no name" } },
		{ V1 "lists: {'../x': {entries: [10.0.0.1]}}\n", { "2:9|'../x' is no name" } },
		{ V1 "lists: {'': {entries: [10.0.0.1]}}\n", { "2:9|an empty text stands here; expected a name" } },
		{ V1 "lists: {a23456789012345678901234567890123456789012345678x: {entries: [10.0.0.1]}}\n",
		  { "2:9|is no name" } },
		{ V1 "lists: {l: {origins: {o o: {file: /f}}}}\n", { "2:23|'o o' is no name" } },
		{ V1 "lists: {l: {entries: [10.0.0.1]}, l: {entries: [10.0.0.2]}}\n",
		  { "2:35|'l' stands here a second" } },
	};
	struct config *c = must_config(V1 "lists: {a2345678901234567890123456789012345678901234567x: "
	                               "{entries: [10.0.0.1]}}\n");

	(void)state;
	assert_non_null(config_find_list(c, "a2345678901234567890123456789012345678901234567x"));
	assert_null(config_find_list(c, "a"));
	config_free(c);
	assert_all_wrong(table, COUNT(table));
}

static void a_list_is_one_or_the_other(void **state)
{
	static const struct wrong table[] = {
		{ V1 "lists:\n  l: {}\n", { "3:3|neither 'origins' nor 'entries'" } },
		{ V1 "lists:\n  l: {refresh: 1h}\n", { "3:3|neither 'origins' nor 'entries'" } },
		{ V1 "lists:\n  l:\n",
		  { "3:5|nothing stands where a list is described|expected a mapping of origins, entries" } },
		{ V1 "lists:\n  l: [10.0.0.1]\n", { "3:6|a sequence stands where a list is described" } },
		{ V1 "lists:\n  l: {entries: [10.0.0.1], origins: {o: {file: /f}}}\n",
		  { "3:16|both 'origins' and 'entries'" } },
		{ V1 "lists:\n  l: {orgins: {}}\n",
		  { "3:3|neither",
		    "3:7|unknown key 'orgins' in a list|stale_after or guard|did you mean 'origins'?" } },
		{ V1 "lists:\n  l: {entries: [10.0.0.1], agree: all, refresh: 6h, stale_after: 3d, guard: {}}\n",
		  { "3:35|'agree' has no meaning", "3:49|'refresh' has no meaning", "3:66|'stale_after'",
		    "3:77|'guard' has" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void own_entries(void **state)
{
	static const struct wrong table[] = {
		{ V1 "lists: {l: {entries: [10.0.0.5/8]}}\n",
		  { "2:23|'10.0.0.5/8' has bits set|expected '10.0.0.0/8'|'10.0.0.5'" } },
		{ V1 "lists: {l: {entries: ['2001:db8::1/32']}}\n",
		  { "2:23|expected '2001:db8::/32'|'2001:db8::1' for the one" } },
		{ V1 "lists: {l: {entries: ['::ffff:10.0.0.1']}}\n",
		  { "2:23|IPv4 address in the form of IPv6|'10.0.0.1/32'" } },
		{ V1 "lists: {l: {entries: ['fe80::1%eth0']}}\n", { "2:23|is no address or prefix|scope" } },
		{ V1 "lists: {l: {entries: [10.0.0.1/33]}}\n", { "2:23|'10.0.0.1/33' is no address or prefix" } },
		{ V1 "lists: {l: {entries: ['2001:db8::/129']}}\n", { "2:23|is no address or prefix" } },
		{ V1 "lists: {l: {entries: [10.0.0]}}\n", { "2:23|'10.0.0' is no address" } },
		{ V1 "lists: {l: {entries: [010.0.0.1]}}\n", { "2:23|'010.0.0.1' is no address" } },
		{ V1 "lists: {l: {entries: [example.org]}}\n", { "2:23|'example.org' is no address" } },
		{ V1 "lists: {l: {entries: [10.0.0.9-10.0.0.1]}}\n",
		  { "2:23|'10.0.0.9-10.0.0.1' is no range|FIRST-LAST" } },
		{ V1 "lists: {l: {entries: ['10.0.0.9-::1']}}\n", { "2:23|is no range" } },
		{ V1 "lists: {l: {entries: [10.0.0.1-9]}}\n", { "2:23|'10.0.0.1-9' is no range" } },
		{ V1 "lists: {l: {entries: []}}\n",
		  { "2:22|an empty sequence|at least one address, prefix or range" } },
		{ V1 "lists: {l: {entries: }}\n", { "2:22|nothing stands here" } },
		{ V1 "lists: {l: {entries: {a: b}}}\n", { "2:22|a mapping stands here" } },
		{ V1 "lists: {l: {entries: [[10.0.0.1]]}}\n", { "2:23|a sequence stands here" } },
		{ V1 "lists: {l: {entries: [10.0.0.1, x, y]}}\n", { "2:33|'x' is no", "2:36|'y' is no" } },
	};
	struct config *c = must_config(V1 "lists:\n  l: {entries: [10.0.0.2, 10.0.0.0/31, 10.0.0.3-10.0.0.7,"
	                               " '2001:db8::/48', '::1', 192.168.0.1, 0.0.0.0/0]}\n  m: {entries: 10.0.0.1}\n");
	const struct list_config *l = config_find_list(c, "l");

	(void)state;
	assert_int_equal(l->line, 3);
	assert_int_equal(l->origin_count, 0);
	assert_int_equal(l->refresh, 0);
	assert_int_equal(prefix_set_count(&l->entries), 3); /* 0.0.0.0/0, ::1/128, 2001:db8::/48 */
	assert_int_equal(prefix_set_count(&config_find_list(c, "m")->entries), 1);
	config_free(c);
	assert_all_wrong(table, COUNT(table));
}

static void origins(void **state)
{
	static const struct wrong table[] = {
		{ V1 "lists: {l: {origins: {}}}\n", { "2:22|no origins; expected at least one" } },
		{ V1 "lists: {l: {origins: }}\n", { "2:22|nothing stands where the origins of a list are named" } },
		{ V1 "lists: {l: {origins: [a]}}\n", { "2:22|a sequence stands where the origins" } },
		{ V1 "lists: {l: {origins: {o: /f}}}\n",
		  { "2:26|text stands where an origin is described|url, file, builtin" } },
		{ V1 "lists: {l: {origins: {o: {}}}}\n",
		  { "2:23|nowhere to get the list from|url, file, builtin or preset" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, url: 'https://a.org/'}}}}\n",
		  { "2:37|'file' and 'url'|just one of" } },
		{ V1 "lists: {l: {origins: {o: {file: f}}}}\n", { "2:33|'f' is no absolute path" } },
		{ V1 "lists: {l: {origins: {o: {file: /f/}}}}\n", { "2:33|'/f/' is a folder" } },
		{ V1 "lists: {l: {origins: {o: {builtin: humanitek}}}}\n",
		  { "2:36|no built-in list 'humanitek'|/lists|did you mean 'humanitec'?" } },
		{ V1 "lists: {l: {origins: {o: {builtin: humanitec-providers}}}}\n",
		  { "2:36|no built-in list|did you mean 'humanitec-provider'?" } },
		{ V1 "lists: {l: {origins: {o: {builtin: ../lists/humanitec}}}}\n", { "2:36|is no name" } },
		{ V1 "lists: {l: {origins: {o: {builtin: humanitec, format: text, max_size: 1M}}}}\n",
		  { "2:55|'format' has no meaning for an origin with 'builtin'", "2:71|'max_size' has no meaning" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, ca_file: /c, timeout: 1s}}}}\n",
		  { "2:46|'ca_file' has no meaning for an origin with 'file'", "2:59|'timeout' has no meaning" } },
		{ V1 "lists: {l: {origins: {o: {url: 'http://a.org/', ca_file: /c}}}}\n",
		  { "2:58|'ca_file' has no meaning with http://" } },
		{ V1 "lists: {l: {origins: {o: {url: 'https://a.org/', ca_file: c}}}}\n",
		  { "2:59|'c' is no absolute path" } },
		{ V1 "lists: {l: {origins: {o: {url: 'https://a.org/', timeout: 2h}}}}\n",
		  { "2:59|'2h' is too long" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, format: ini}}}}\n",
		  { "2:45|'ini' is not known here; expected text, json, yaml, csv, html or xml" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, format: xml}}}}\n", { "2:45|format xml needs 'select'|XPath" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, format: jason}}}}\n",
		  { "2:45|'jason'|did you mean 'json'?" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, format: text, select: a}}}}\n",
		  { "2:59|'select' has no meaning for format text" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, format: html}}}}\n", { "2:45|html needs 'select'|XPath" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, fromat: html}}}}\n",
		  { "2:37|unknown key 'fromat' in an origin|did you mean 'format'?" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void urls(void **state)
{
	static const char *const good[] = {
		"https://example.org", "http://example.org/list.txt", "HTTPS://example.org/",
		"https://example.org:8443/a?b=c&d=@e",
		"https://192.0.2.1/x", "https://[2001:db8::1]/x", "https://[2001:db8::1]:1/x",
		"https://a_b.example.org:65535",
		"https://localhost/@x", "https://example.org#part", "https://example.org./",
	};
	static const char *const bad[] = {
		"ftp://example.org/", "example.org", "//example.org/", "https:/example.org", "https://", "https:///x",
		"https://example.org:0/", "https://example.org:65536/", "https://example.org:/",
		"https://example..org/",
		"https://-a.org/", "https://192.0.2.256/", "https://192.0.2/", "https://[192.0.2.1]/", "https://[::1/",
		"https://2001:db8::1/", "https://exa mple.org/", "https://example.org/\xc3\xa4",
		"https://example.org\\x",
		"https://example.org/a b", "file:///etc/passwd", "https://[::1]x/",
		"https://example.org../", "https://./",
	};
	struct buffer text = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *c;

		text.len = 0;
		buffer_printf(&text, V1 "lists: {l: {origins: {o: {url: '%s'}}}}\n", good[i]);
		c = must_config(buffer_str(&text));
		assert_int_equal(c->lists[0].origins[0].kind, ORIGIN_URL);
		assert_string_equal(c->lists[0].origins[0].where, good[i]);
		config_free(c);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		text.len = 0;
		buffer_printf(&text, V1 "lists: {l: {origins: {o: {url: '%s'}}}}\n", bad[i]);
		assert_wrong(&(struct wrong){ buffer_str(&text), { "2:32|URL|expected" } });
	}
	buffer_free(&text);
}

/* Wherever somebody puts a password, it is not printed. */
static void no_secret_is_printed(void **state)
{
	static const char *const texts[] = {
		V1 "lists: {l: {origins: {o: {url: 'https://me:hunter2@example.org/'}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://hunter2@example.org/'}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'ftp://me:hunter2@example.org/'}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'me:hunter2@example.org'}}}}\n",
		V1 "lists: {l: {origins: {o: {file: 'https://me:hunter2@example.org/'}}}}\n",
		V1 "lists: {l: {origins: {o: {builtin: 'me:hunter2@example.org/'}}}}\n",
		V1 "lists: {l: {origins: {o: url:https://me:hunter2@example.org/}}}\n",
		V1 "lists: {l: {origins: {'https://me:hunter2@example.org/': }}}\n",
		V1 "lists: {l: {entries: ['https://me:hunter2@example.org/']}}\n",
		V1 "lists: {l: {origins: {o: {file: /f, token: hunter2}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', token: hunter2}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', token: {file: hunter2}}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', token: {secret: hunter2}}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', token: {hunter2: }}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', token: {environment: hunter2!}}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', headers: {Authorization: Bearer hunter2}}}}}\n",
		V1 "lists: {l: {origins: {o: {url: 'https://a.org', proxy: 'http://me:hunter2@proxy'}}}}\n",
		V1 "notify: {command: [page, hunter2], on: held}\n",
		V1 "audit: {signing_key: hunter2}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *c;
		const char *errors;

		assert_int_equal(parse_text(texts[i], strlen(texts[i]), &c, &errors), -1);
		if (strstr(errors, "hunter2") != NULL)
			fail_msg("a secret is printed: %s", errors);
	}
	assert_wrong(&(struct wrong){ texts[0], { "2:32|user name or a password|remove it from the URL" } });
}

static void agreement(void **state)
{
	static const struct {
		const char *agree;
		size_t expected;
	} good[] = { { "all", 2 }, { "any", 1 }, { "1", 1 }, { "2", 2 } };
	static const struct wrong table[] = {
		{ V1 "lists: {l: {origins: {o: {file: /f}, p: {file: /g}}, agree: 3}}\n",
		  { "2:61|'3' cannot be how many origins agree|all, any, or a number from 1 to 2|2 origins" } },
		{ V1 "lists: {l: {origins: {o: {file: /f}}, agree: 2}}\n",
		  { "2:46|from 1 to 1, as the list has 1 origin" } },
		{ V1 "lists: {l: {origins: {o: {file: /f}}, agree: 0}}\n", { "2:46|'0' cannot be" } },
		{ V1 "lists: {l: {origins: {o: {file: /f}}, agree: al}}\n",
		  { "2:46|'al' cannot be|did you mean 'all'?" } },
		{ V1 "lists: {l: {origins: {o: {file: /f}}, agree: both}}\n", { "2:46|'both' cannot be" } },
		{ V1 "lists: {l: {origins: {o: {file: /f}}, agree: [all]}}\n",
		  { "2:46|a sequence stands here|all, any or" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct buffer text = BUFFER_INIT;
		struct config *c;

		buffer_printf(&text, V1 "lists: {l: {origins: {o: {file: /f}, p: {file: /g}}, agree: %s}}\n",
		              good[i].agree);
		c = must_config(buffer_str(&text));
		assert_int_equal(c->lists[0].agree, good[i].expected);
		config_free(c);
		buffer_free(&text);
	}
	assert_all_wrong(table, COUNT(table));
}

static void list_defaults(void **state)
{
	struct config *c = must_config(V1 "lists: {l: {origins: {o: {url: 'https://a.org/'}, b: {builtin: humanitec},\n"
	                               "  j: {file: /f, format: json}, h: {file: /g, select: '//li'}}}}\n");
	const struct list_config *l = &c->lists[0];

	(void)state;
	assert_int_equal(l->origin_count, 4);
	assert_int_equal(l->agree, 4);
	assert_int_equal(l->refresh, 6 * 3600);
	assert_int_equal(l->stale_after, 3 * 86400);
	assert_int_equal(l->guard.min_entries, 1);
	assert_int_equal(l->guard.max_entries, 100000);
	assert_true(l->guard.max_added.is_share && l->guard.max_added.value > 49.9 && l->guard.max_added.value < 50.1);
	assert_true(l->guard.max_removed.is_share);
	assert_true(l->guard.max_removed.value > 24.9 && l->guard.max_removed.value < 25.1);
	assert_int_equal(l->guard.min_prefix4, 16);
	assert_int_equal(l->guard.min_prefix6, 32);
	assert_int_equal(l->guard.max_bad, 0);
	assert_false(l->guard.special);
	assert_int_equal(l->guard.on_breach, BREACH_HOLD);
	assert_string_equal(l->origins[0].name, "o");
	assert_int_equal(l->origins[0].format, FORMAT_GUESS);
	assert_string_equal(l->origins[0].select, "");
	assert_string_equal(l->origins[0].ca_file, "");
	assert_true(l->origins[0].max_size == 8 << 20);
	assert_int_equal(l->origins[0].timeout, 60);
	assert_int_equal(l->origins[1].kind, ORIGIN_BUILTIN);
	assert_string_equal(l->origins[1].where, "humanitec");
	assert_int_equal(l->origins[1].format, FORMAT_TEXT);
	assert_int_equal(l->origins[2].format, FORMAT_JSON);
	assert_int_equal(l->origins[3].format, FORMAT_GUESS);
	assert_string_equal(l->origins[3].select, "//li");
	config_free(c);
}

int test_config_lists(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_list_is_one_or_the_other),
		cmocka_unit_test(own_entries),
		cmocka_unit_test(origins),
		cmocka_unit_test(urls),
		cmocka_unit_test(no_secret_is_printed),
		cmocka_unit_test(agreement),
		cmocka_unit_test(list_defaults),
	};

	return cmocka_run_group_tests_name("config: lists", tests, NULL, NULL);
}
