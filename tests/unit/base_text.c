#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "core/buffer.h"
#include "core/control.h"
#include "core/error.h"
#include "core/log.h"
#include "core/number.h"

/* --- errors */

static void error_says_what(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, "list %s: %d rows", "a", 3), -1);
	assert_string_equal(err.text, "list a: 3 rows");
	assert_int_equal(error_errno(&err, ENOENT, "%s: cannot open", "x"), -1);
	assert_string_equal(err.text, "x: cannot open: No such file or directory");
	assert_int_equal(error_prefix(&err, "list %s", "b"), -1);
	assert_string_equal(err.text, "list b: x: cannot open: No such file or directory");
}

static void error_may_be_null(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, "x"), -1);
	assert_int_equal(error_errno(NULL, EIO, "x"), -1);
	assert_int_equal(error_prefix(NULL, "x"), -1);
}

/* `len` characters, then what each function adds: cut with "..." exactly when it does not fit. */
static void error_that_is_too_long_is_cut(void **state)
{
	struct error err;
	char text[2 * sizeof(err.text)];

	(void)state;
	for (size_t len = sizeof(err.text) - 40; len < sizeof(err.text) + 3; len++) {
		memset(text, 'x', len);
		text[len] = '\0';
		error_set(&err, "%s", text);
		assert_int_equal(strlen(err.text), len < sizeof(err.text) ? len : sizeof(err.text) - 1);
		assert_int_equal(strstr(err.text, "...") != NULL, len >= sizeof(err.text));
		error_errno(&err, EPERM, "%s", text);
		assert_int_equal(strstr(err.text, "...") != NULL, len + strlen(": Operation not permitted") >= sizeof(err.text));
		error_set(&err, "%s", text);
		if (len < sizeof(err.text)) {
			error_prefix(&err, "p");
			assert_int_equal(strstr(err.text, "...") != NULL, len + 3 >= sizeof(err.text));
		}
	}
}

/* --- buffers */

static void buffer_grows_and_shrinks(void **state)
{
	struct buffer b = BUFFER_INIT;
	unsigned char byte;

	(void)state;
	assert_string_equal(buffer_str(&b), "");
	for (int i = 0; i < 5000; i++) {
		byte = (unsigned char)i;
		assert_int_equal(buffer_add(&b, &byte, 1), 0);
	}
	assert_int_equal(b.len, 5000);
	buffer_consume(&b, 0);
	buffer_consume(&b, 4998);
	assert_int_equal(b.len, 2);
	assert_int_equal(b.data[0], (unsigned char)4998);
	assert_int_equal(b.data[1], (unsigned char)4999);
	buffer_consume(&b, 2);
	assert_int_equal(buffer_printf(&b, "%s-%d", "a", 7), 0);
	assert_int_equal(b.len, 3);
	assert_string_equal(buffer_str(&b), "a-7");
	assert_int_equal(b.len, 3);
	buffer_free(&b);
	buffer_free(&b);
	assert_null(b.data);
	assert_int_equal(buffer_add(&b, NULL, 0), 0);
}

static void buffer_without_memory_stays_as_it_was(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	assert_int_equal(buffer_add(&b, "abc", 3), 0);
	assert_int_equal(buffer_reserve(&b, SIZE_MAX), -1);
	assert_int_equal(errno, ENOMEM);
	fail_allocation(0);
	errno = 0;
	assert_int_equal(buffer_reserve(&b, 1u << 20), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(buffer_printf(&b, "%4000d", 1), -1);
	assert_int_equal(errno, ENOMEM);
	fail_allocation(-1);
	assert_int_equal(b.len, 3);
	assert_string_equal(buffer_str(&b), "abc");
	buffer_free(&b);
}

/* --- log */

/* Logs in a child whose standard error is a file, and reads that. */
static int log_some(void *journal)
{
	char stream[64];
	struct stat st;

	if (fstat(STDERR_FILENO, &st) != 0)
		return 1;
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino + (*(bool *)journal ? 0 : 1));
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("prog", LOG_LEVEL_INFO);
	log_error("one %d", 1);
	log_info("a\nforged: line\t%s", "\x1b[31m");
	log_debug("not shown");
	log_warning("%5000d", 1);
	close(STDERR_FILENO);
	errno = ENOENT;
	log_error("to nobody");
	return errno != ENOENT;
}

static int log_to(void *ctx)
{
	int *args = ctx;
	bool journal = args[1] != 0;

	return dup2(args[0], STDERR_FILENO) < 0 ? 1 : log_some(&journal);
}

static void check_log(bool journal, const char *expected)
{
	int args[2] = { memfd_create("log", 0), journal };
	char text[8192];
	ssize_t n;

	assert_true(args[0] >= 0);
	assert_int_equal(in_child(log_to, args), 0);
	n = pread(args[0], text, sizeof(text) - 1, 0);
	close(args[0]);
	assert_true(n > (ssize_t)strlen(expected));
	text[n] = '\0';
	assert_memory_equal(text, expected, strlen(expected));
	assert_int_equal(text[n - 1], '\n');
	assert_ptr_equal(strchr(text + strlen(expected), '\n'), text + n - 1); /* the long line is one line */
	assert_true(n <= (ssize_t)strlen(expected) + 2048);
}

static void log_writes_lines(void **state)
{
	(void)state;
	check_log(false, "prog: one 1\nprog: a forged: line  [31m\nprog:  ");
	check_log(true, "<3>one 1\n<6>a forged: line  [31m\n<4> ");
}

/* --- control lines */

static void check_line(const char *const *words, size_t count, const char *expected)
{
	struct buffer b = BUFFER_INIT;
	char *back[CONTROL_WORDS_MAX];
	char *line;
	size_t n;

	assert_int_equal(control_line_encode(&b, words, count), 0);
	line = strdup(buffer_str(&b));
	if (expected != NULL)
		assert_string_equal(line, expected);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	line[strlen(line) - 1] = '\0';
	assert_int_equal(control_line_decode(line, back, CONTROL_WORDS_MAX, &n), 0);
	assert_int_equal(n, count);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(back[i], words[i]);
	free(line);
	buffer_free(&b);
}

static void control_words_come_back(void **state)
{
	char every[256];

	(void)state;
	for (int i = 0; i < 255; i++)
		every[i] = (char)(i + 1);
	every[255] = '\0';
	check_line((const char *[]){ "status" }, 1, "status\n");
	check_line((const char *[]){ "approve", "a b", "100%", "\xc3\xa4\n\x7f" }, 4, "approve a%20b 100%25 %C3%A4%0A%7F\n");
	check_line((const char *[]){ "" }, 1, "\n");
	check_line((const char *[]){ "", "", "x", "" }, 4, "  x \n");
	check_line((const char *[]){ every, every }, 2, NULL);
}

static void control_limits(void **state)
{
	struct buffer b = BUFFER_INIT, fresh = BUFFER_INIT;
	const char *words[CONTROL_WORDS_MAX + 1];
	char *word = malloc(CONTROL_LINE_MAX + 1);

	(void)state;
	for (size_t i = 0; i <= CONTROL_WORDS_MAX; i++)
		words[i] = "w";
	check_line(words, CONTROL_WORDS_MAX, NULL);
	buffer_add(&b, "before", 6);
	assert_int_equal(control_line_encode(&b, words, CONTROL_WORDS_MAX + 1), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(control_line_encode(&b, words, 0), -1);
	assert_int_equal(errno, EINVAL);
	memset(word, 'x', CONTROL_LINE_MAX);
	word[CONTROL_LINE_MAX] = '\0';
	assert_int_equal(control_line_encode(&b, (const char *[]){ word }, 1), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(b.len, 6);
	fail_allocation(0);
	assert_int_equal(control_line_encode(&fresh, (const char *[]){ "x" }, 1), -1);
	assert_int_equal(errno, ENOMEM);
	fail_allocation(-1);
	word[CONTROL_LINE_MAX - 1] = '\0';
	assert_int_equal(control_line_encode(&b, (const char *[]){ word }, 1), 0);
	assert_int_equal(b.len, 6 + CONTROL_LINE_MAX);
	free(word);
	buffer_free(&b);
}

static void control_refuses_malformed_lines(void **state)
{
	const char *const bad[] = { "a%", "a%4", "%zz", "a %4g", "%00", "a\tb", "\x80", "\x7f", "a\rb", "%-1", "1 2 3 4 5" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *words[4];
		char line[32];
		size_t n;

		snprintf(line, sizeof(line), "%s", bad[i]);
		if (control_line_decode(line, words, 4, &n) != -1)
			fail_msg("'%s' was accepted", bad[i]);
	}
}

/* --- whole numbers */

static void numbers_are_digits_and_nothing_else(void **state)
{
	const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "-0", "0x1", "1.0", "1e3", "one", "1\n", "\xd9\xa1" };
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (number_parse(&n, bad[i], UINT64_MAX) != -1)
			fail_msg("'%s' was accepted", bad[i]);
	assert_int_equal(n, 7);
	assert_int_equal(number_parse(&n, "0", 0), 0);
	assert_int_equal(n, 0);
	assert_int_equal(number_parse(&n, "0010", 10), 0);
	assert_int_equal(n, 10);
}

static void numbers_have_a_most(void **state)
{
	uint64_t n = 0;
	int64_t id = 0;
	uint16_t port = 0;

	(void)state;
	assert_int_equal(number_parse(&n, "1", 0), -1);
	assert_int_equal(number_parse(&n, "9", 3), -1);
	assert_int_equal(number_parse(&n, "10", 9), -1);
	assert_int_equal(number_parse(&n, "18446744073709551615", UINT64_MAX), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(number_parse(&n, "18446744073709551616", UINT64_MAX), -1);
	assert_int_equal(number_parse(&n, "184467440737095516150", UINT64_MAX), -1);
	assert_int_equal(number_parse_i64(&id, "9223372036854775807"), 0);
	assert_true(id == INT64_MAX);
	assert_int_equal(number_parse_i64(&id, "9223372036854775808"), -1);
	assert_int_equal(number_parse_port(&port, "65535"), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(number_parse_port(&port, "65536"), -1);
}

int run_text_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_says_what),
		cmocka_unit_test(error_may_be_null),
		cmocka_unit_test(error_that_is_too_long_is_cut),
		cmocka_unit_test(buffer_grows_and_shrinks),
		cmocka_unit_test(buffer_without_memory_stays_as_it_was),
		cmocka_unit_test(log_writes_lines),
		cmocka_unit_test(control_words_come_back),
		cmocka_unit_test(control_limits),
		cmocka_unit_test(control_refuses_malformed_lines),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(numbers_have_a_most),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
