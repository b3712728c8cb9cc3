/* What makes a file a configuration at all: YAML, its root, its keys; and how errors are told. */
#include "test_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/tree.h"

static void what_is_no_yaml(void **state)
{
	static const struct wrong table[] = {
		{ "", { "1:1|the file is empty|version: 1" } },
		{ "# only a comment\n", { "1:1|the file is empty" } },
		{ "version: 1\nlists:\n\tl: 1\n", { "3:1|a tab|indent with spaces" } },
		{ "version: 1\naudit:\n  retention: 1d\n\ton_failure: continue\n", { "4:1|tab|indent with spaces" } },
		{ "version: 1\nstate_dir: /\xff\n", { "2:13|not UTF-8|save the file as UTF-8" } },
		{ "version: 1\n# \xc3\xa4 \xc3\nlists: {}\n", { "2:5|not UTF-8" } },
		{ "version: 1\nstate_dir: /a\x01" "b\n", { "2:14|control character (code 1)|remove it" } },
		{ "version: 1\nstate_dir: @home\n", { "2:12|cannot begin with '@'|put it in quotes" } },
		{ "version: 1\nstate_dir: `x`\n", { "2:12|cannot begin with '`'" } },
		{ "version: 1\nlists: {own: {entries: [::1]}}\n", { "2:25|no YAML|IPv6 address in quotes" } },
		{ "version: 1\nlists: {own: {entries: [2001:db8::]}}\n", { "2:34|no YAML|IPv6 address in quotes" } },
		{ "version: 1\nstate_dir: a: b\n", { "2:13|no YAML|check the indentation" } },
		{ "version: 1\nlists: {own: {entries: [10.0.0.1, 10.0.0.2}}\n", { "2:43|no YAML|[a, b]" } },
		{ "version: 1\nstate_dir: \"/x\n", { "3:1|no YAML|quote" } },
		{ "version: 1\n  state_dir: /x\n", { "2:12|no YAML|check the indentation" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void what_yaml_has_and_we_do_not(void **state)
{
	static const struct wrong table[] = {
		{ "version: 1\n---\nversion: 1\n", { "2:1|second document|---" } },
		{ "version: 1\nlists: &l {}\n", { "2:8|anchors|not supported|write the value out" } },
		{ "version: 1\nlists: &l {}\nendpoints: *l\n", { "2:8|anchors", "3:12|aliases|write the value out" } },
		{ "version: 1\nlists:\n  own:\n    <<: {}\n    entries: [10.0.0.1]\n", { "4:5|merge keys" } },
		{ "version: !!int 1\n", { "1:10|tags|leave the tag out" } },
		{ "version: 1\n? [a, b]\n: 1\n", { "2:3|a key is a sequence here|expected one word" } },
		{ "version: 1\n? {a: b}\n: 1\n", { "2:3|a key is a mapping here" } },
		{ "version: 1\nstate_dir: \"/a\\0b\"\n", { "2:12|NUL" } },
		{ "version: 1\nversion: 1\n", { "2:1|'version' stands here a second time|line 1|keep one" } },
		/* The second of the two is not read: what is wrong in it is not told. */
		{ V1 "lists: {}\nlists: {a: {}}\n", { "3:1|'lists' stands here a second time" } },
		{ V1 "audit:\n  retention: 1d\n  nflog_group: 1\n  retention: 2d\n  retention: 3d\n",
		  { "5:3|'retention'|second time (first on line 3)", "6:3|'retention'|first on line 3" } },
		{ "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", { "1:17|nested too deep|16 levels" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void what_the_root_is(void **state)
{
	static const struct wrong table[] = {
		{ "hello\n",
		  { "1:1|text stands where the configuration is described|expected a mapping of version, state_dir" } },
		{ "- version: 1\n", { "1:1|a sequence stands where" } },
		{ "---\n", { "2:1|nothing stands where the configuration" } },
		{ "lists: {}\n", { "1:1|the key 'version' is missing" } },
		{ "# a comment\n\nlists: {}\n", { "1:1|the key 'version' is missing" } },
		{ "version: 2\n", { "1:10|version '2'|expected 1" } },
		{ "version: 1.0\n", { "1:10|version '1.0'" } },
		{ "version:\n", { "1:9|nothing stands here|expected 1" } },
		{ "version: [1]\n", { "1:10|a sequence stands here|expected 1" } },
		{ "version: 1\nlist: {}\n",
		  { "2:1|unknown key 'list'|expected version, |audit|did you mean 'lists'?" } },
		{ "version: 1\nendpoint: {}\n", { "2:1|unknown key 'endpoint'|did you mean 'endpoints'?" } },
		{ "version: 1\nState_dir: /x\n", { "2:1|unknown key|did you mean 'state_dir'?" } },
		{ "version: 1\nfoo: [1, {a: b}]\n", { "2:1|unknown key 'foo' in the configuration; expected" } },
		{ "version: 1\nlists:\nendpoints:\n",
		  { "2:7|nothing stands where the lists are named|{}",
		    "3:11|nothing stands where the endpoints are named" } },
		{ "version: 1\nlists: [a]\n",
		  { "2:8|a sequence stands where the lists are named|a mapping of names" } },
		{ "version: 1\nstate_dir: var/lib\n", { "2:12|'var/lib' is no absolute path|begins with '/'" } },
		{ "version: 1\nstate_dir: /var/../etc\n", { "2:12|goes up with '..'" } },
		{ "version: 1\nstate_dir: /var/..\n", { "2:12|goes up with '..'" } },
		{ "version: 1\nrun_dir: ''\n", { "2:10|an empty text stands here|absolute path" } },
		{ "version: 1\nstate_dir: \"/a\\nb\"\n", { "2:12|control character" } },
		/* 1 more than fits: sun_path is 108 with its NUL, "/control.sock" is 13. */
		{ "version: 1\nrun_dir: /23456789012345678901234567890123456789012345678901234567890"
		  "12345678901234567890123456789012345\n", { "2:10|too long for a socket|at most 94" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void defaults_are_those_of_the_header(void **state)
{
	struct config *c = must_config("version: 1\n");

	(void)state;
	assert_string_equal(c->path, "hallowd.yaml");
	assert_string_equal(c->state_dir, "/var/lib/hallowd");
	assert_string_equal(c->run_dir, "/run/hallowd");
	assert_int_equal(c->list_count, 0);
	assert_int_equal(c->endpoint_count, 0);
	assert_int_equal(c->audit.retention, 400 * 86400);
	assert_int_equal(c->audit.denied_log_rate, 1000);
	assert_int_equal(c->audit.denied_set_size, 65536);
	assert_int_equal(c->audit.nflog_group, 4848);
	config_free(c);
	config_free(NULL);
}

static void a_file_may_look_different(void **state)
{
	static const char *const same[] = {
		"\xef\xbb\xbfversion: 1\nstate_dir: /x\nrun_dir: /y\n",
		"version: 1\r\nstate_dir: /x\r\nrun_dir: /y\r\n",
		"---\nversion: '1'\nstate_dir: '/x'\nrun_dir: \"/y\"\n...\n",
		"{version: 1, state_dir: /x, run_dir: /y}",
		"%YAML 1.1\n---\nrun_dir: /y # comment\nstate_dir: /x\nversion: 1",
		"version: 1\nstate_dir: /x\nrun_dir: /y\nlists: {}\nendpoints: {}\naudit: {}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(same); i++) {
		struct config *c = must_config(same[i]);

		assert_string_equal(c->state_dir, "/x");
		assert_string_equal(c->run_dir, "/y");
		config_free(c);
	}
}

/* A byte order mark moves no column. */
static void places_are_those_an_editor_shows(void **state)
{
	static const struct wrong table[] = {
		{ "\xef\xbb\xbflist: {}\n", { "1:1|the key 'version'", "1:1|unknown key 'list'" } },
		{ "version: 1\r\n\r\nfoo: 1\r\n", { "3:1|unknown key 'foo'" } },
		{ "{\"version\": 1, \"\xc3\xa4\": 1, foo: 1}",
		  { "1:16|unknown key '\xc3\xa4'", "1:24|unknown key 'foo'" } },
	};

	(void)state;
	assert_all_wrong(&table[1], COUNT(table) - 1);
	/* Two at one place stand in the order of their being found. */
	assert_wrong(&(struct wrong){ table[0].text, { "1:1|unknown key 'list'", "1:1|the key 'version'" } });
}

static void errors_come_in_the_order_of_the_file(void **state)
{
	static const struct wrong w = {
		"endpoints:\n  e: {address: 10.0.0.1, port: 1, allow: [x]}\n" /* the lists are further down */
		"audit: {retention: soon}\n"
		"lists:\n  y: {}\n"
		"version: 3\n",
		{ "2:43|unknown list 'x'", "3:20|'soon' is no duration", "5:3|neither", "6:10|version '3'" }
	};

	(void)state;
	assert_wrong(&w);
}

static void at_most_twenty_are_told(void **state)
{
	struct buffer text = BUFFER_INIT;
	struct config *c;
	const char *errors, *line;
	unsigned lines = 0;

	(void)state;
	buffer_printf(&text, "zz: 1\nversion: 1\nlists:\n");
	for (unsigned i = 0; i < 24; i++)
		buffer_printf(&text, "  l%u: {entry: 1, entries: [10.0.0.1]}\n", i);
	assert_int_equal(parse_text((char *)text.data, text.len, &c, &errors), -1);
	assert_non_null(strstr(errors, "hallowd.yaml:1:1: unknown key 'zz'"));
	assert_non_null(strstr(errors, "hallowd.yaml:22:9: unknown key 'entry'"));
	assert_null(strstr(errors, "hallowd.yaml:23:"));
	for (line = errors; *line != '\0'; line = strchr(line, '\n') + 1)
		lines++;
	assert_int_equal(lines, 21);
	assert_non_null(strstr(errors, "hallowd.yaml: 5 more errors"));
	buffer_free(&text);
}

static void assert_load_fails(const char *path, const char *phrase)
{
	struct buffer errors = BUFFER_INIT;
	struct config *c = NULL;

	assert_int_equal(config_load(path, &c, &errors), -1);
	assert_null(c);
	assert_memory_equal(buffer_str(&errors), path, strlen(path));
	assert_non_null(strstr(buffer_str(&errors), phrase));
	buffer_free(&errors);
}

static void a_file_that_cannot_be_read(void **state)
{
	char path[] = "/tmp/hallowd-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_load_fails("/nonexistent/hallowd.yaml", ": cannot be read: No such file or directory; 'hallowctl init' writes a first one\n");
	assert_load_fails("/tmp", ": cannot be read: ");
	assert_load_fails(path, ":1:1: the file is empty");
	assert_int_equal(ftruncate(fd, (off_t)TREE_SIZE_MAX + 1), 0);
	assert_load_fails(path, ": the file is too large; the most is 1048576 bytes\n");
	assert_int_equal(ftruncate(fd, (off_t)TREE_SIZE_MAX), 0);
	assert_load_fails(path, ":1:1: a control character (code 0)");
	close(fd);
	unlink(path);
}

int test_config_yaml(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_yaml),
		cmocka_unit_test(what_yaml_has_and_we_do_not),
		cmocka_unit_test(what_the_root_is),
		cmocka_unit_test(defaults_are_those_of_the_header),
		cmocka_unit_test(a_file_may_look_different),
		cmocka_unit_test(places_are_those_an_editor_shows),
		cmocka_unit_test(errors_come_in_the_order_of_the_file),
		cmocka_unit_test(at_most_twenty_are_told),
		cmocka_unit_test(a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("config: yaml", tests, NULL, NULL);
}
