/* Secrets by reference, and the request that is made of them. */
#include "test_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "daemon/origin_request.h"
#include "daemon/secret.h"

static void write_file(const char *folder, const char *name, const char *data, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void assert_secret(enum secret_kind kind, const char *name, const char *want)
{
	struct secret_reference r = { kind, (char *)(uintptr_t)name };
	struct error err;
	char *value;

	if (secret_resolve(&r, &value, &err) == -1)
		fail_msg("%s", err.text);
	assert_string_equal(value, want);
	secret_free(value);
}

/* Fails, names the reference and `why`, and shows no part of the value, which has s3c in it. */
static void assert_none(enum secret_kind kind, const char *name, const char *why)
{
	struct secret_reference r = { kind, (char *)(uintptr_t)name };
	struct error err;
	char *value = NULL;

	assert_int_equal(secret_resolve(&r, &value, &err), -1);
	assert_null(value);
	if (strstr(err.text, name) == NULL || strstr(err.text, why) == NULL || strstr(err.text, "s3c") != NULL)
		fail_msg("%s", err.text);
}

static void files(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *want;
	} good[] = {
		{ "s3cret", 6, "s3cret" }, { "s3cret\n", 7, "s3cret" }, { "s3cret\n\n", 8, "s3cret\n" },
		{ "a\nb\n", 4, "a\nb" },   { " s3cret ", 8, " s3cret " },
	};
	char folder[64], path[128], fifo[128];

	(void)state;
	close(make_folder(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	for (size_t i = 0; i < COUNT(good); i++) {
		write_file(folder, "s", good[i].data, good[i].len);
		assert_secret(SECRET_FILE, path, good[i].want);
	}
	write_file(folder, "s", "", 0);
	assert_none(SECRET_FILE, path, "is empty");
	write_file(folder, "s", "\n", 1);
	assert_none(SECRET_FILE, path, "is empty");
	write_file(folder, "s", "s3c\0ret", 7);
	assert_none(SECRET_FILE, path, "a zero byte");
	unlink(path);
	assert_none(SECRET_FILE, path, "No such file");
	assert_none(SECRET_FILE, folder, "not a regular file");
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_none(SECRET_FILE, fifo, "not a regular file");
	remove_folder(folder);
}

/* 64 KiB, the last newline included, and a byte more. */
static void file_size(void **state)
{
	char folder[64], path[128], *data = malloc(SECRET_MAX + 1);
	struct secret_reference r = { SECRET_FILE, path };
	struct error err;
	char *value;

	(void)state;
	assert_non_null(data);
	memset(data, 's', SECRET_MAX + 1);
	close(make_folder(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	write_file(folder, "s", data, SECRET_MAX);
	assert_int_equal(secret_resolve(&r, &value, &err), 0);
	assert_int_equal(strlen(value), SECRET_MAX);
	secret_free(value);
	write_file(folder, "s", data, SECRET_MAX + 1);
	assert_none(SECRET_FILE, path, "longer than 65536 bytes");
	free(data);
	remove_folder(folder);
}

static void environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("HALLOWD_TEST_SECRET", "s3cret", 1), 0);
	assert_secret(SECRET_ENVIRONMENT, "HALLOWD_TEST_SECRET", "s3cret");
	assert_int_equal(setenv("HALLOWD_TEST_SECRET", "", 1), 0);
	assert_none(SECRET_ENVIRONMENT, "HALLOWD_TEST_SECRET", "is empty");
	assert_int_equal(unsetenv("HALLOWD_TEST_SECRET"), 0);
	assert_none(SECRET_ENVIRONMENT, "HALLOWD_TEST_SECRET", "is not set");
}

static void credentials(void **state)
{
	char folder[64];

	(void)state;
	close(make_folder(folder));
	write_file(folder, "list.token", "s3cret\n", 7);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_none(SECRET_CREDENTIAL, "list.token", "LoadCredential=list.token");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	assert_secret(SECRET_CREDENTIAL, "list.token", "s3cret");
	assert_none(SECRET_CREDENTIAL, "other", "No such file");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	remove_folder(folder);
}

/* --- the request */

static char header_name[] = "X-Key", header_variable[] = "HALLOWD_TEST_B";
static struct origin_header one_header[] = { { header_name, { SECRET_ENVIRONMENT, header_variable } } };

static char nothing[] = "", name[] = "o", url[] = "https://example.org/", token_variable[] = "HALLOWD_TEST_A";

static const struct origin_config plain_origin = {
	.name = name, .where = url, .max_size = 1000, .timeout = 60, .connect_timeout = 15, .first_byte_timeout = 30,
	.proxy = nothing, .ca_file = nothing, .pinned_key = nothing, .client_certificate = nothing,
	.token = { SECRET_ENVIRONMENT, token_variable }, .headers = one_header, .header_count = 1,
};

static int request_part(const struct origin_config *o, enum origin_part part, const struct answer *known, uint32_t ms,
                        struct fetch_request *r, struct error *err)
{
	struct buffer out = BUFFER_INIT;
	struct message m;
	size_t used;
	int result = origin_request_encode(&out, o, part, known, ms, err);

	if (result == 0) {
		assert_int_equal(message_next(&out, MESSAGE_MAX_DEFAULT, &m, &used), 1);
		assert_int_equal(fetch_request_decode(&m, r), 0);
	}
	buffer_wipe(&out);
	return result;
}

static int request(const struct origin_config *o, const struct answer *known, uint32_t ms, struct fetch_request *r,
                   struct error *err)
{
	return request_part(o, ORIGIN_LIST, known, ms, r, err);
}

static void request_holds_what_is_wanted(void **state)
{
	struct answer known = { .etag = "\"e\"", .last_modified = "then" };
	struct fetch_request r;
	struct error err;

	(void)state;
	setenv("HALLOWD_TEST_A", "s3cret-a", 1);
	setenv("HALLOWD_TEST_B", "s3cret-b", 1);
	assert_int_equal(request(&plain_origin, NULL, 60000, &r, &err), 0);
	assert_string_equal(r.token, "s3cret-a");
	assert_int_equal(r.header_count, 1);
	assert_string_equal(r.headers[0].name, "X-Key");
	assert_string_equal(r.headers[0].value, "s3cret-b");
	assert_int_equal(r.connect_timeout_ms, 15000);
	assert_int_equal(r.first_byte_timeout_ms, 30000);
	assert_int_equal(r.total_timeout_ms, 60000);
	assert_string_equal(r.etag, "");
	assert_string_equal(r.last_modified, "");
	fetch_request_free(&r);
	/* No limit is longer than the whole; a secret is looked up anew. */
	setenv("HALLOWD_TEST_A", "s3cret-c", 1);
	assert_int_equal(request(&plain_origin, &known, 700, &r, &err), 0);
	assert_string_equal(r.token, "s3cret-c");
	assert_int_equal(r.connect_timeout_ms, 700);
	assert_int_equal(r.first_byte_timeout_ms, 700);
	assert_string_equal(r.etag, "\"e\"");
	assert_string_equal(r.last_modified, "then");
	fetch_request_free(&r);
}

static void credentials_stay_with_the_list(void **state)
{
	static const struct {
		const char *signature;
		bool shown;
	} cases[] = {
		{ "https://example.org/list.minisig", true },      { "HTTPS://EXAMPLE.org?list.minisig", true },
		{ "https://example.org", true },                   { "http://example.org/", false },
		{ "https://example.org:444/", false },             { "https://example.org.evil/", false },
		{ "https://example.or/", false },                  { "https://other.org/https://example.org/", false },
	};
	struct origin_config o = plain_origin;
	struct fetch_request r;
	struct error err;

	(void)state;
	setenv("HALLOWD_TEST_A", "s3cret-a", 1);
	setenv("HALLOWD_TEST_B", "s3cret-b", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		o.signature = (char *)(uintptr_t)cases[i].signature;
		assert_int_equal(request_part(&o, ORIGIN_SIGNATURE, NULL, 1000, &r, &err), 0);
		assert_string_equal(r.url, cases[i].signature);
		assert_string_equal(r.token, cases[i].shown ? "s3cret-a" : "");
		assert_int_equal(r.header_count, cases[i].shown ? 1 : 0);
		fetch_request_free(&r);
	}
}

static void unfit_values_are_refused(void **state)
{
	static const char *const unfit[] = { "s3c\nret", "s3c\rret", "s3c\tret", "s3c\303\251ret", " s3cret", "s3cret ",
		                             "s3c\177" };
	struct fetch_request r;
	struct error err;
	char *longest = malloc(8194);

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(unfit); i++) {
		setenv("HALLOWD_TEST_A", i % 2 == 0 ? unfit[i / 2] : "fine", 1);
		setenv("HALLOWD_TEST_B", i % 2 == 1 ? unfit[i / 2] : "fine", 1);
		assert_int_equal(request(&plain_origin, NULL, 1000, &r, &err), -1);
		assert_null(strstr(err.text, "s3c"));
		assert_non_null(strstr(err.text, i % 2 == 0 ? "'token'" : "header X-Key"));
	}
	assert_non_null(longest);
	memset(longest, 'x', 8193);
	longest[8193] = '\0';
	setenv("HALLOWD_TEST_B", longest, 1);
	assert_int_equal(request(&plain_origin, NULL, 1000, &r, &err), -1);
	assert_non_null(strstr(err.text, "header X-Key is longer than a header may be"));
	longest[8192] = '\0';
	setenv("HALLOWD_TEST_B", longest, 1);
	assert_int_equal(request(&plain_origin, NULL, 1000, &r, &err), 0);
	fetch_request_free(&r);
	free(longest);
	unsetenv("HALLOWD_TEST_B");
	assert_int_equal(request(&plain_origin, NULL, 1000, &r, &err), -1);
	assert_string_equal(err.text, "header X-Key: environment variable HALLOWD_TEST_B is not set; hallowd sees what it was "
	                              "started with");
}

int test_secret(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(file_size),
		cmocka_unit_test(environment),
		cmocka_unit_test(credentials),
		cmocka_unit_test(request_holds_what_is_wanted),
		cmocka_unit_test(credentials_stay_with_the_list),
		cmocka_unit_test(unfit_values_are_refused),
	};

	return cmocka_run_group_tests_name("daemon: secrets", tests, NULL, NULL);
}
