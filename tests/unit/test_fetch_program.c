/* hallowd-fetch itself, as hallowd runs it, against publisher.py on loopback. */
#include "fetch_lab.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_CODING "the server's answer has a content coding other than gzip, which it was not asked for"

static void good_answers(void **state)
{
	static const char *const paths[] = {
		"/good", "/no-length", "/gzip", "/gzip-members", "/coding?is=identity", "/redirect?to=/good",
		"/redirect?status=301&to=/redirect%3Fto%3D/gzip", "/redirect?status=308&to=good", "/hostile-headers",
	};
	struct wish trusting = { .ca_file = good_ca() };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		expect_list(PLAIN, paths[i], &(struct wish) { 0 });
		expect_list(TLS, paths[i], &trusting);
	}
}

static void over_ipv6(void **state)
{
	(void)state;
	if (lab.port[PLAIN6] == 0)
		skip();
	expect_list(PLAIN6, "/good", &(struct wish) { 0 });
	expect_failure(PLAIN6, "/status/404", &(struct wish) { 0 }, "the server answered 404 Not Found");
}

static void statuses(void **state)
{
	static const struct {
		const char *path, *error;
	} cases[] = {
		{ "/status/404?token", "the server answered 404 Not Found" },
		{ "/status/403", "the server answered 403 Forbidden" },
		{ "/status/500", "the server answered 500 Internal Server Error" },
		{ "/status/502", "the server answered 502 Bad Gateway" },
		{ "/status/503", "the server answered 503 Service Unavailable" },
		{ "/status/522", "the server answered 522" },
		{ "/status/201", "the server answered 201" },
		{ "/status/204", "the server answered 204 No Content" },
		{ "/status/206", "the server answered 206 Partial Content" },
		{ "/status/300", "the server answered 300" },
		{ "/always-304", "the server answered 304 Not Modified to a request that set no condition" },
		{ "/redirect", "the server answered 302 Found without saying where to" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_failure(PLAIN, cases[i].path, &(struct wish) { 0 }, cases[i].error);
}

/* Status 200 with a page: that it is no list is the parser's to say. */
static void error_page(void **state)
{
	char url[512];
	struct fetched f;

	(void)state;
	make_url(url, sizeof(url), PLAIN, "/error-page");
	fetch(url, &(struct wish) { 0 }, &f);
	assert_int_equal(f.result.outcome, FETCH_OK);
	assert_string_equal(f.result.content_type, "text/html");
	assert_non_null(strstr(buffer_str(&f.body), "<title>Something went wrong</title>"));
	forget(&f);
}

static void damaged_answers(void **state)
{
	static const struct {
		const char *path, *error;
	} cases[] = {
		{ "/wrong-length", "the answer was cut off: 49 of 69 bytes came" },
		{ "/cut-chunked", "the answer was cut off*" },
		{ "/gzip-cut", "the answer was cut off: its gzip stream has no end" },
		{ "/gzip-damaged", "the answer is damaged: it should be gzip, and is not" },
		{ "/coding?is=gzip", "the answer is damaged: it should be gzip, and is not" },
		{ "/coding?is=br", OTHER_CODING },
		{ "/coding?is=gzip,%20gzip", OTHER_CODING },
		{ "/coding-twice", "the server's answer names its coding more than once" },
		{ "/close", "127.0.0.1 closed the connection without an answer" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_failure(PLAIN, cases[i].path, &(struct wish) { 0 }, cases[i].error);
	expect_failure(PLAIN, "/cut", &(struct wish) { 0 }, "the connection with 127.0.0.1 broke: *");
	expect_failure(PLAIN, "/not-http", &(struct wish) { 0 }, "127.0.0.1 does not answer in HTTP*");
}

static void sizes(void **state)
{
	struct wish thousand = { .max_bytes = 1000 };
	char url[512];
	struct fetched f;

	(void)state;
	make_url(url, sizeof(url), PLAIN, "/large?bytes=1000");
	fetch(url, &thousand, &f);
	assert_int_equal(f.result.outcome, FETCH_OK);
	assert_int_equal(f.body.len, 1000);
	forget(&f);
	expect_failure(PLAIN, "/large?bytes=1001", &thousand, "is larger than 1000 bytes");
	expect_failure(PLAIN, "/lying-large", &thousand, "is larger than 1000 bytes");
	expect_failure(PLAIN, "/bomb", &(struct wish) { 0 }, "is larger than 100000 bytes");
	expect_failure(PLAIN, "/gzip-large", &(struct wish) { 0 }, "is larger than 100000 bytes");
	expect_list(PLAIN, "/gzip-large", &(struct wish) { .max_bytes = 1 << 20 });
}

static void redirects(void **state)
{
	struct wish trusting = { .ca_file = good_ca() };
	char to_plain[128], to_tls[128], path[512];

	(void)state;
	make_url(to_plain, sizeof(to_plain), PLAIN, "/good?token");
	make_url(to_tls, sizeof(to_tls), TLS, "/redirect%3Fto%3D");
	expect_failure(PLAIN, "/loop", &(struct wish) { 0 }, "redirected more than 5 times");
	snprintf(path, sizeof(path), "test $(grep -c '\"/loop\"' %s/plain.log) -eq 6", lab.folder);
	assert_true(child_shell(path));
	expect_failure(PLAIN, "/redirect?to=/status/404", &(struct wish) { 0 }, "the server answered 404 Not Found");
	expect_failure(PLAIN, "/redirect?to=/close", &(struct wish) { 0 },
	               "redirected to 127.0.0.1: 127.0.0.1 closed the connection without an answer");
	expect_failure(PLAIN, "/redirect?to=file:///etc/passwd", &(struct wish) { 0 },
	               "only http and https are fetched, not file");
	expect_failure(PLAIN, "/redirect?to=ftp://127.0.0.1/token", &(struct wish) { 0 },
	               "only http and https are fetched, not ftp");
	expect_failure(PLAIN, "/redirect?to=http://user:token@127.0.0.1/", &(struct wish) { 0 },
	               "redirected to 127.0.0.1: the URL holds a user name or a password, which is not supported");
	snprintf(path, sizeof(path), "/redirect?to=%s", to_plain);
	expect_failure(TLS, path, &trusting, "redirected from https to http, which is refused");
	/* Not by a detour either. */
	snprintf(path, sizeof(path), "/redirect?to=%s%s", to_tls, to_plain);
	expect_failure(PLAIN, path, &trusting, "redirected from https to http, which is refused");
	snprintf(path, sizeof(path), "/redirect?to=%s/good", to_tls);
	expect_list(PLAIN, path, &trusting);
}

static void certificates(void **state)
{
	char other[128], expired[128];

	(void)state;
	snprintf(other, sizeof(other), "%s/other.crt", lab.folder);
	snprintf(expired, sizeof(expired), "%s/expired.crt", lab.folder);
	expect_list(TLS, "/good", &(struct wish) { .ca_file = good_ca() });
	expect_failure(TLS, "/good", &(struct wish) { 0 }, "the certificate is not valid: self-signed certificate");
	expect_failure(TLS_OTHER, "/good", &(struct wish) { .ca_file = other }, "the certificate is not valid: *");
	expect_failure(TLS_OTHER, "/good", &(struct wish) { .ca_file = good_ca() }, "the certificate is not valid: *");
	expect_failure(TLS_EXPIRED, "/good", &(struct wish) { .ca_file = expired },
	               "the certificate is not valid: certificate has expired");
	expect_failure(TLS, "/good", &(struct wish) { .ca_file = "/etc/passwd" },
	               "the CA file holds no certificate in PEM");
}

static void conditions(void **state)
{
	static const char modified[] = "Tue, 03 Nov 2026 08:00:00 GMT";
	static const struct wish same[] = {
		{ .etag = "\"list-1\"" },
		{ .last_modified = modified },
		{ .etag = "\"list-1\"", .last_modified = modified },
	};
	char url[512];
	struct fetched f;
	size_t i;

	(void)state;
	make_url(url, sizeof(url), PLAIN, "/etag");
	fetch(url, &(struct wish) { .etag = "\"list-0\"" }, &f);
	assert_int_equal(f.result.outcome, FETCH_OK);
	assert_string_equal(f.result.etag, "\"list-1\"");
	assert_string_equal(f.result.last_modified, modified);
	forget(&f);
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		fetch(url, &same[i], &f);
		assert_string_equal(f.result.error, "");
		assert_int_equal(f.result.outcome, FETCH_NOT_MODIFIED);
		assert_int_equal(f.result.http_status, 304);
		assert_string_equal(f.result.etag, "\"list-1\"");
		assert_int_equal(f.body.len, 0);
		forget(&f);
	}
	/* What cannot be sent sets no condition. */
	expect_failure(PLAIN, "/always-304", &(struct wish) { .etag = "a\r\nX-Forged: 1" },
	               "the server answered 304 Not Modified to a request that set no condition");
	make_url(url, sizeof(url), PLAIN, "/hostile-headers");
	fetch(url, &(struct wish) { 0 }, &f);
	assert_int_equal(f.result.outcome, FETCH_OK);
	assert_string_equal(f.result.etag, "");
	assert_string_equal(f.result.last_modified, "");
	forget(&f);
}

/* A port where connections are neither taken nor refused: its queue is full. */
static unsigned full_port(int fds[3])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int i;

	for (i = 0; i < 3; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &len), 0);
	for (i = 1; i < 3; i++)
		(void)!connect(fds[i], (struct sockaddr *)&address, len);
	return ntohs(address.sin_port);
}

static void times(void **state)
{
	struct fetched f;
	char url[128];
	int fds[3], i;

	(void)state;
	expect_failure(PLAIN, "/slow-header", &(struct wish) { .first_byte_ms = 500 },
	               "the server did not begin to answer within 500 ms");
	expect_failure(PLAIN, "/slow-header", &(struct wish) { .total_ms = 1000 }, "took longer than 1 s");
	expect_failure(PLAIN, "/slow-body", &(struct wish) { .first_byte_ms = 500, .total_ms = 2000 },
	               "took longer than 2 s");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", full_port(fds));
	fetch(url, &(struct wish) { .connect_ms = 1000 }, &f);
	assert_string_equal(f.result.error, "no connection with 127.0.0.1 within 1 s");
	forget(&f);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	fetch(url, &(struct wish) { 0 }, &f);
	assert_string_equal(f.result.error, "cannot connect to 127.0.0.1: Connection refused");
	forget(&f);
}

static void urls(void **state)
{
	static const struct {
		const char *url, *error;
	} cases[] = {
		{ "file:///etc/passwd", "only http and https are fetched, not file" },
		{ "ftp://127.0.0.1/x", "only http and https are fetched, not ftp" },
		{ "gopher://127.0.0.1/x", "only http and https are fetched, not gopher" },
		{ "http://user:secret@127.0.0.1/", "the URL holds a user name or a password, which is not supported" },
		{ "http://", NULL },
		{ "", NULL },
		{ "no url", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetched f;

		fetch(cases[i].url, &(struct wish) { 0 }, &f);
		assert_int_equal(f.result.outcome, FETCH_FAILED);
		if (cases[i].error)
			assert_string_equal(f.result.error, cases[i].error);
		else
			assert_non_null(strstr(f.result.error, "the URL is malformed"));
		forget(&f);
	}
}

/* What is sent, and that nobody else's settings decide it. */
static void what_is_sent(void **state)
{
	char command[256];

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	expect_list(PLAIN, "/good?sent", &(struct wish) { .etag = "W/\"x\"" });
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(unsetenv("ALL_PROXY"), 0);
	snprintf(command, sizeof(command), "grep -F '/good?sent' %s/plain.log |"
	         " grep -F '\"User-Agent\": \"hallowd/test\"' | grep -F '\"Accept-Encoding\": \"gzip\"' |"
	         " grep -F 'If-None-Match' | grep -viq -e cookie -e authorization", lab.folder);
	assert_true(child_shell(command));
}

static void privileges(void **state)
{
	static const char *const wanted[] = {
		"NoNewPrivs:\t1\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", NULL,
	};
	static const char *const from_root[] = { "CapBnd:\t0000000000000000\n", "Groups:\t \n", NULL };
	struct child_setup setup = { .argv = fetch_program, .input_fd = -1, .body_fd = child_file("", 0) };
	char url[512];
	struct child c;

	(void)state;
	make_url(url, sizeof(url), PLAIN, "/slow-header");
	child_start(&c, &setup);
	send_request(&c, url, &(struct wish) { 0 });
	child_wait_status(&c, wanted);
	if (getuid() == 0)
		child_wait_status(&c, from_root);
	child_kill(&c);
	close(setup.body_fd);
}

static void no_request(void **state)
{
	static const char wrong_type[16] = { 0, 0, 0, 0, 3 }, no_fields[16] = { 0, 0, 0, 0, 1 };
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = { { "", 0 }, { "x", 1 }, { wrong_type, 16 }, { no_fields, 16 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct child_setup setup = { .argv = fetch_program, .input_fd = -1, .body_fd = child_file("", 0),
		                             .quiet = true };
		struct buffer in = BUFFER_INIT;
		struct message m;
		struct child c;
		int status;

		child_start(&c, &setup);
		if (cases[i].len > 0)
			assert_int_equal(write(c.socket, cases[i].bytes, cases[i].len), cases[i].len);
		assert_int_equal(shutdown(c.socket, SHUT_WR), 0);
		assert_int_equal(child_receive(&c, &in, &m), 0);
		buffer_free(&in);
		status = child_end(&c);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 1);
		close(setup.body_fd);
	}
}

/* An answer that must not be taken without limits is not asked for. */
static void no_limits(void **state)
{
	int body = child_file("", 0);
	struct child_setup setup = { .argv = fetch_program, .input_fd = -1, .body_fd = body };
	struct buffer in = BUFFER_INIT, out = BUFFER_INIT;
	struct fetch_request q = { .total_timeout_ms = 1000, .first_byte_timeout_ms = 1000,
	                           .connect_timeout_ms = 1000 };
	struct fetch_result r;
	struct message m;
	struct child c;

	(void)state;
	q.url = copy("http://127.0.0.1/");
	assert_int_equal(fetch_request_encode(&out, &q), 0);
	child_start(&c, &setup);
	child_send(&c, &out);
	assert_int_equal(child_receive(&c, &in, &m), 1);
	assert_int_equal(fetch_result_decode(&m, &r), 0);
	assert_int_equal(r.outcome, FETCH_FAILED);
	assert_string_equal(r.error, "a request without limits of time and size is not carried out");
	assert_int_equal(child_end(&c), 0);
	fetch_result_free(&r);
	fetch_request_free(&q);
	buffer_free(&in);
	buffer_free(&out);
	close(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_answers), cmocka_unit_test(over_ipv6),       cmocka_unit_test(statuses),
		cmocka_unit_test(error_page),   cmocka_unit_test(damaged_answers), cmocka_unit_test(sizes),
		cmocka_unit_test(redirects),    cmocka_unit_test(certificates),    cmocka_unit_test(conditions),
		cmocka_unit_test(times),        cmocka_unit_test(urls),            cmocka_unit_test(what_is_sent),
		cmocka_unit_test(privileges),   cmocka_unit_test(no_request),      cmocka_unit_test(no_limits),
	};

	if (!child_shell("command -v python3 >/dev/null && command -v openssl >/dev/null")) {
		puts("needs python3 and openssl");
		return 77;
	}
	return cmocka_run_group_tests_name("hallowd-fetch", tests, start_lab, stop_lab);
}
