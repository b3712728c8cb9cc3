/* hallowd-parse itself, as hallowd runs it. */
#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/fetch_message.h"
#include "core/parse_message.h"
#include "core/sandbox_asan.h"

static const char *const program[] = { "./hallowd-parse", NULL };

static struct child_setup default_setup(int input)
{
	return (struct child_setup) { .argv = program, .input_fd = input, .body_fd = -1 };
}

static void send_request(const struct child *c, enum list_format format, const char *select, uint64_t max_bytes)
{
	struct parse_request q = { .format = (uint8_t)format, .max_bytes = max_bytes, .max_entries = 2000000 };
	struct buffer out = BUFFER_INIT;

	q.select = strdup(select);
	q.content_type = strdup("");
	q.name = strdup("");
	assert_int_equal(parse_request_encode(&out, &q), 0);
	child_send(c, &out);
	buffer_free(&out);
	parse_request_free(&q);
}

/* The one result, and a good end. */
static void take_result(struct child *c, struct parse_result *r)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	int status;

	assert_int_equal(child_receive(c, &in, &m), 1);
	assert_int_equal(m.type, MSG_PARSE_RESULT);
	assert_int_equal(parse_result_decode(&m, r), 0);
	buffer_free(&in);
	status = child_end(c);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Parses `input` under the limits of `setup`, which may be lower than the program's own. */
static void parse(struct child *c, const struct child_setup *setup, enum list_format format, const char *select,
                  struct parse_result *r)
{
	child_start(c, setup);
	send_request(c, format, select, 64 << 20);
	take_result(c, r);
}

static void a_list(void **state)
{
	static const char list[] = "192.0.2.0/24\n2001:db8::/32\nNone\n";
	int input = child_file(list, strlen(list));
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	parse(&c, &setup, FORMAT_TEXT, "", &r);
	assert_int_equal(r.ok, 1);
	assert_int_equal(r.rows, 2);
	assert_int_equal(r.bad, 1);
	assert_int_equal(r.bad_rows[0].line, 3);
	assert_int_equal(prefix_set_count(&r.set), 2);
	assert_int_equal(r.bytes, strlen(list));
	/* printf '192.0.2.0/24\n2001:db8::/32\nNone\n' | sha256sum */
	assert_string_equal(r.sha256, "8bc81aa9a5dc24a67af0d5231bedd87ed32de72b455fe812816bff69fa3eea60");
	parse_result_free(&r);
	close(input);
}

static void every_format(void **state)
{
	static const struct {
		enum list_format format;
		const char *select, *input;
	} cases[] = {
		{ FORMAT_TEXT, "", "192.0.2.1" },
		{ FORMAT_JSON, ".[0] | test(\"^192\") as $x | \"192.0.2.1\"", "[\"192.0.2.1\"]" },
		{ FORMAT_YAML, ".a", "a: 192.0.2.1" },
		{ FORMAT_CSV, "a", "a\n192.0.2.1" },
		{ FORMAT_HTML, "//li", "<meta charset=windows-1252><title>\xfc</title><li>192.0.2.1" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int input = child_file(cases[i].input, strlen(cases[i].input));
		struct child_setup setup = default_setup(input);
		struct parse_result r;
		struct child c;

		parse(&c, &setup, cases[i].format, cases[i].select, &r);
		assert_string_equal(r.error, "");
		assert_int_equal(r.rows, 1);
		parse_result_free(&r);
		close(input);
	}
}

static void not_a_list(void **state)
{
	static const char page[] = "<html><title>502 Bad Gateway</title></html>";
	int input = child_file(page, strlen(page));
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	parse(&c, &setup, FORMAT_TEXT, "", &r);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "this is an HTML page titled “502 Bad Gateway”, not a list of prefixes");
	assert_int_equal(r.bytes, strlen(page));
	assert_int_equal(strlen(r.sha256), 64);
	parse_result_free(&r);
	close(input);
}

/* Too long is told with the hash of all of it; just long enough is a list. */
static void size_limit(void **state)
{
	static const char list[] = "192.0.2.0/24\n2001:db8::/32\nNone\n";
	uint64_t max;

	(void)state;
	for (max = strlen(list) - 1; max <= strlen(list); max++) {
		int input = child_file(list, strlen(list));
		struct child_setup setup = default_setup(input);
		struct parse_result r;
		struct child c;

		child_start(&c, &setup);
		send_request(&c, FORMAT_TEXT, "", max);
		take_result(&c, &r);
		assert_int_equal(r.ok, max == strlen(list));
		assert_string_equal(r.error, r.ok ? "" : "is larger than 31 bytes");
		assert_int_equal(r.bytes, strlen(list));
		assert_string_equal(r.sha256, "8bc81aa9a5dc24a67af0d5231bedd87ed32de72b455fe812816bff69fa3eea60");
		parse_result_free(&r);
		close(input);
	}
}

/* What is over the limit is hashed, and not kept. */
static void far_too_long(void **state)
{
	int input = child_file("", 0);
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	assert_int_equal(ftruncate(input, 256 << 20), 0);
	if (!BUILT_WITH_ASAN)
		setup.memory = 128 << 20;
	child_start(&c, &setup);
	send_request(&c, FORMAT_TEXT, "", 1000);
	take_result(&c, &r);
	assert_string_equal(r.error, "is larger than 1000 bytes");
	assert_int_equal(r.bytes, 256 << 20);
	/* head -c 256M /dev/zero | sha256sum */
	assert_string_equal(r.sha256, "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484");
	parse_result_free(&r);
	close(input);
}

/* Before it has seen a byte it has nothing left to give away. */
static void privileges(void **state)
{
	static const char *const wanted[] = {
		"NoNewPrivs:\t1\n", "Seccomp:\t2\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", NULL,
	};
	static const char *const no_root[] = { "CapBnd:\t0000000000000000\n", "Groups:\t \n", NULL };
	struct child_setup setup = default_setup(-1);
	struct child c;

	(void)state;
	child_start(&c, &setup);
	child_wait_status(&c, wanted);
	if (getuid() == 0)
		child_wait_status(&c, no_root);
	child_kill(&c);
}

static void environment(void **state)
{
	int input = child_file("null", 4);
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	assert_int_equal(setenv("HALLOWD_TEST_SECRET", "192.0.2.1", 1), 0);
	parse(&c, &setup, FORMAT_JSON, "$ENV.HALLOWD_TEST_SECRET, env.HALLOWD_TEST_SECRET", &r);
	assert_int_equal(unsetenv("HALLOWD_TEST_SECRET"), 0);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "none of its 2 rows is a prefix; the first, output 1: null: "
	                    "not a string; a string with a prefix was expected");
	parse_result_free(&r);
	close(input);
}

static void endless_program(void **state)
{
	int input = child_file("null", 4);
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	setup.cpu = 2;
	parse(&c, &setup, FORMAT_JSON, "def f: f; f", &r);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "took more than 20 s of processor time; is the program in select one that ends?");
	assert_int_equal(strlen(r.sha256), 64);
	parse_result_free(&r);
	close(input);
}

static void hungry_program(void **state)
{
	int input = child_file("null", 4);
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	if (BUILT_WITH_ASAN)
		skip();
	setup.memory = 128 << 20;
	setup.quiet = true;
	parse(&c, &setup, FORMAT_JSON, "reduce range(1e9) as $i ([]; . + [\"x\\($i)\"])", &r);
	assert_int_equal(r.ok, 0);
	assert_string_equal(r.error, "took more than 512 MiB of memory, or met a fault in a library");
	parse_result_free(&r);
	close(input);
}

/* libjq gives up with abort() where nobody told it of an input file. */
static void aborting_program(void **state)
{
	int input = child_file("null", 4);
	struct child_setup setup = default_setup(input);
	struct parse_result r;
	struct child c;

	(void)state;
	setup.quiet = true;
	parse(&c, &setup, FORMAT_JSON, "input_filename", &r);
	assert_int_equal(r.ok, 0);
	parse_result_free(&r);
	close(input);
}

static void a_million(void **state)
{
	struct buffer list = BUFFER_INIT;
	struct child_setup setup;
	struct parse_result r;
	struct child c;
	unsigned i;
	int input;

	(void)state;
	for (i = 0; i < 1000000; i++)
		assert_int_equal(buffer_printf(&list, "%u.%u.%u.%u\n", 1 + i * 7919 % 223, i >> 12 & 255, i >> 4 & 255,
		                               (i & 15) << 4), 0);
	input = child_file(list.data, list.len);
	buffer_free(&list);
	setup = default_setup(input);
	parse(&c, &setup, FORMAT_TEXT, "", &r);
	assert_string_equal(r.error, "");
	assert_int_equal(r.rows, 1000000);
	if (!BUILT_WITH_ASAN)
		assert_in_range(c.max_rss, 1, 128 << 10);
	parse_result_free(&r);
	close(input);
}

/* What is no request ends the program with 1, and no result. */
static void no_request(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "\x05", 1 },
		{ "\xff\xff\xff\xff\x03\0\0\0\0\0\0\0\0\0\0\0", 16 }, /* longer than any message may be */
		{ "\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0", 16 },         /* another type */
		{ "\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0", 16 },         /* a parse request without fields */
		{ "\x02\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\x01\x01", 18 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct child_setup setup = default_setup(-1);
		struct buffer in = BUFFER_INIT;
		struct message m;
		struct child c;
		int status;

		setup.quiet = true;
		child_start(&c, &setup);
		if (cases[i].len > 0)
			assert_int_equal(write(c.socket, cases[i].bytes, cases[i].len), cases[i].len);
		assert_int_equal(shutdown(c.socket, SHUT_WR), 0);
		assert_int_equal(child_receive(&c, &in, &m), 0);
		buffer_free(&in);
		status = child_end(&c);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list),          cmocka_unit_test(every_format),   cmocka_unit_test(not_a_list),
		cmocka_unit_test(size_limit),      cmocka_unit_test(privileges),     cmocka_unit_test(environment),
		cmocka_unit_test(endless_program), cmocka_unit_test(hungry_program), cmocka_unit_test(aborting_program),
		cmocka_unit_test(far_too_long),    cmocka_unit_test(a_million),      cmocka_unit_test(no_request),
	};

	return cmocka_run_group_tests_name("hallowd-parse", tests, NULL, NULL);
}
