/* What hallowd-fetch shows of itself, to whom, and whom it believes: token, headers, client certificate, pinned key, proxy;
 * and which failures it calls passing.  The real program against publisher.py on loopback. */
#include "fetch_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *lab_file(const char *name)
{
	static char path[8][160];
	static unsigned next;
	char *to = path[next++ % 8];

	snprintf(to, 160, "%s/%s", lab.folder, name);
	return to;
}

static void read_pin(const char *name, char pin[128])
{
	FILE *file = fopen(lab_file(name), "re");

	assert_non_null(file);
	assert_non_null(fgets(pin, 128, file));
	pin[strcspn(pin, "\n")] = '\0';
	fclose(file);
}

/* Whether a request whose path holds `path` was logged by that server with this text in it. */
static bool was_sent(const char *server, const char *path, const char *text)
{
	char command[512];

	snprintf(command, sizeof(command), "grep -F '%s' %s/%s.log | grep -qF '%s'", path, lab.folder, server, text);
	return child_shell(command);
}

static void token_and_header(void **state)
{
	struct wish w = { .token = "t0ken-one", .header = "X-Key", .header_value = "k3y two" };

	(void)state;
	expect_list(PLAIN, "/good?sent1", &w);
	assert_true(was_sent("plain", "/good?sent1", "\"Authorization\": \"Bearer t0ken-one\""));
	assert_true(was_sent("plain", "/good?sent1", "\"X-Key\": \"k3y two\""));
	/* Within the same scheme, host and port, a redirect keeps them. */
	expect_list(PLAIN, "/redirect?to=/good%3Fsent2", &w);
	assert_true(was_sent("plain", "/good?sent2", "t0ken-one"));
	assert_true(was_sent("plain", "/good?sent2", "k3y two"));
}

static void nothing_for_others(void **state)
{
	struct wish w = { .token = "t0ken-one", .header = "X-Key", .header_value = "k3y two", .ca_file = good_ca(),
		          .certificate_file = lab_file("client.crt"), .key_file = lab_file("client.key") };
	char to[128], path[512];

	(void)state;
	make_url(to, sizeof(to), TLS, "/good?sent3");
	snprintf(path, sizeof(path), "/redirect?to=%s", to);
	expect_list(PLAIN, path, &w);
	assert_true(was_sent("tls", "/good?sent3", "gzip"));
	assert_false(was_sent("tls", "/good?sent3", "t0ken-one"));
	assert_false(was_sent("tls", "/good?sent3", "k3y two"));
	/* Another name for the same host is another host. */
	snprintf(path, sizeof(path), "/redirect?to=http://localhost:%u/good%%3Fsent4", lab.port[PLAIN]);
	expect_list(PLAIN, path, &w);
	assert_true(was_sent("plain", "/good?sent4", "gzip"));
	assert_false(was_sent("plain", "/good?sent4", "t0ken-one"));
	/* The client certificate is for the first server too: this one asks for it in vain. */
	make_url(to, sizeof(to), TLS_CLIENT, "/good");
	snprintf(path, sizeof(path), "/redirect?to=%s", to);
	expect_failure(TLS, path, &w, "redirected to 127.0.0.1: *");
}

static void unfit_headers(void **state)
{
	(void)state;
	expect_failure(PLAIN, "/good", &(struct wish) { .token = "a\r\nX-Forged: 1" },
	               "the header Authorization has a character that cannot stand in one");
	expect_failure(PLAIN, "/good", &(struct wish) { .header = "X", .header_value = "a\nb" },
	               "a header has a character that cannot stand in one");
	expect_failure(PLAIN, "/good", &(struct wish) { .header = "X: y\r\nZ", .header_value = "a" },
	               "a header has a character that cannot stand in one");
	/* libcurl would leave out a header without a value, in silence. */
	expect_failure(PLAIN, "/good", &(struct wish) { .header = "X", .header_value = "" },
	               "a header has a character that cannot stand in one");
}

static void client_certificate(void **state)
{
	struct wish none = { .ca_file = good_ca() }, right = none, stranger = none, mixed = none, no_pem = none;

	(void)state;
	right.certificate_file = lab_file("client.crt");
	right.key_file = lab_file("client.key");
	stranger.certificate_file = lab_file("stranger.crt");
	stranger.key_file = lab_file("stranger.key");
	mixed.certificate_file = right.certificate_file;
	mixed.key_file = stranger.key_file;
	no_pem.certificate_file = right.certificate_file;
	no_pem.key_file = "/etc/passwd";
	expect_list(TLS_CLIENT, "/good", &right);
	expect_list(TLS_CLIENT, "/redirect?to=/good", &right);
	expect_failure(TLS_CLIENT, "/good", &none, "*");
	expect_failure(TLS_CLIENT, "/good", &stranger, "*");
	expect_failure(TLS_CLIENT, "/good", &mixed, "the client certificate and its key cannot be used*");
	expect_failure(TLS_CLIENT, "/good", &no_pem, "the client certificate and its key cannot be used*");
	/* A server that asks for none does not get one. */
	expect_list(TLS, "/good", &right);
}

static void encrypted_key(void **state)
{
	struct wish w = { .ca_file = good_ca(), .certificate_file = lab_file("client.crt"),
		          .key_file = lab_file("encrypted.key") };
	char command[512];

	(void)state;
	snprintf(command, sizeof(command), "cd %s && openssl pkey -in client.key -aes256 -passout pass:x -out encrypted.key",
	         lab.folder);
	assert_true(child_shell(command));
	expect_failure(TLS_CLIENT, "/good", &w, "the client certificate and its key cannot be used*");
}

static void pinned_key(void **state)
{
	char good[128], other[128], path[512], to[128];
	struct wish right = { .ca_file = good_ca(), .pinned_key = good }, wrong = { .ca_file = good_ca(), .pinned_key = other };

	(void)state;
	read_pin("good.pin", good);
	read_pin("other.pin", other);
	expect_list(TLS, "/good", &right);
	expect_failure(TLS, "/good", &wrong, "the public key of 127.0.0.1 is not the pinned one");
	/* Beside the certificate, not in its place. */
	expect_failure(TLS, "/good", &(struct wish) { .pinned_key = good }, "the certificate is not valid: *");
	/* Where a redirect leads, too. */
	make_url(to, sizeof(to), TLS, "/good");
	snprintf(path, sizeof(path), "/redirect?to=%s", to);
	expect_list(PLAIN, path, &right);
	expect_failure(PLAIN, path, &wrong, "redirected to 127.0.0.1: the public key of 127.0.0.1 is not the pinned one");
}

static void proxy(void **state)
{
	char url[128], dead[128];
	struct wish w = { .proxy = url, .token = "t0ken-one", .ca_file = good_ca() };

	(void)state;
	make_url(url, sizeof(url), PLAIN, "");
	/* A tunnel for https: the proxy sees neither token nor path. */
	expect_list(TLS, "/good?tunnel", &w);
	assert_true(was_sent("plain", "CONNECT", "hallowd/test"));
	assert_false(was_sent("plain", "CONNECT", "t0ken-one"));
	assert_false(was_sent("plain", "tunnel", ""));
	assert_true(was_sent("tls", "/good?tunnel", "t0ken-one"));
	/* For http it gets the whole URL. */
	expect_list(PLAIN6, "/good?carried", &w);
	assert_true(was_sent("plain", "/good?carried", "http://[::1]:"));
	snprintf(dead, sizeof(dead), "http://127.0.0.1:1");
	w.proxy = dead;
	expect_failure(PLAIN, "/good", &w, "cannot connect to the proxy: Connection refused");
	w.proxy = "http://no-such-host.invalid";
	expect_failure(PLAIN, "/good", &w, "the name of the proxy cannot be resolved");
}

static void proxy_that_refuses(void **state)
{
	char url[128];
	struct wish w = { .proxy = url };
	struct fetched f;

	(void)state;
	make_url(url, sizeof(url), PLAIN, "");
	fetch("https://127.0.0.1:1/good", &w, &f);
	assert_string_equal(f.result.error,
	                    "the proxy answered 502 Bad Gateway when it was asked for a connection with 127.0.0.1");
	assert_true(f.result.passing);
	forget(&f);
}

static void passing(void **state)
{
	static const struct {
		const char *path;
		bool passing;
	} cases[] = {
		{ "/status/500", true },       { "/status/502", true },     { "/status/503", true },
		{ "/status/599", true },       { "/status/404", false },    { "/status/401", false },
		{ "/status/429", false },      { "/status/204", false },    { "/always-304", false },
		{ "/cut", true },              { "/cut-chunked", true },    { "/wrong-length", true },
		{ "/close", true },            { "/gzip-cut", true },       { "/gzip-damaged", false },
		{ "/large?bytes=200000", false }, { "/bomb", false },       { "/loop", false },
		{ "/slow-header", true },      { "/slow-body", true },      { "/not-http", false },
		{ "/redirect", false },        { "/redirect?to=/status/503", true },
	};
	char url[512];
	struct fetched f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_url(url, sizeof(url), PLAIN, cases[i].path);
		fetch(url, &(struct wish) { .first_byte_ms = 500, .total_ms = 1000 }, &f);
		assert_int_equal(f.result.outcome, FETCH_FAILED);
		if (f.result.passing != cases[i].passing)
			fail_msg("%s: %s", cases[i].path, f.result.error);
		forget(&f);
	}
	fetch("http://127.0.0.1:1/", &(struct wish) { 0 }, &f);
	assert_true(f.result.passing);
	forget(&f);
	make_url(url, sizeof(url), TLS_EXPIRED, "/good");
	fetch(url, &(struct wish) { 0 }, &f);
	assert_false(f.result.passing);
	forget(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_header), cmocka_unit_test(nothing_for_others),
		cmocka_unit_test(unfit_headers),    cmocka_unit_test(client_certificate),
		cmocka_unit_test(encrypted_key),    cmocka_unit_test(pinned_key),
		cmocka_unit_test(proxy),            cmocka_unit_test(proxy_that_refuses),
		cmocka_unit_test(passing),
	};

	if (!child_shell("command -v python3 >/dev/null && command -v openssl >/dev/null")) {
		puts("needs python3 and openssl");
		return 77;
	}
	return cmocka_run_group_tests_name("hallowd-fetch: credentials", tests, start_lab, stop_lab);
}
