/* How an origin with a URL is asked: time limits, retries, proxy, TLS, and secrets by reference. */
#include <stdio.h>
#include <string.h>

#include "test_config.h"

#define ORIGIN(more) V1 "lists: {l: {origins: {o: {url: 'https://a.org', " more "}}}}\n"
#define PLAIN(more) V1 "lists: {l: {origins: {o: {url: 'http://ab.org', " more "}}}}\n"
#define KEY44 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void assert_reference(const struct secret_reference *r, enum secret_kind kind, const char *name)
{
	assert_int_equal(r->kind, kind);
	if (name == NULL)
		assert_null(r->name);
	else
		assert_string_equal(r->name, name);
}

#define KEY56 "RWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void assert_signed(const char *origin, const char *keys, const char *signature)
{
	struct buffer text = BUFFER_INIT;
	struct config *c;

	assert_int_equal(buffer_printf(&text, V1 "lists: {l: {origins: {o: {%s}}}}\n", origin), 0);
	c = must_config(buffer_str(&text));
	assert_string_equal(c->lists[0].origins[0].signed_by, keys);
	assert_string_equal(c->lists[0].origins[0].signature, signature);
	config_free(c);
	buffer_free(&text);
}

static void signatures(void **state)
{
	static const struct wrong table[] = {
		{ ORIGIN("signed_by: [" KEY56 ", R]"), { "2:119|no key|56 characters" } },
		{ ORIGIN("signed_by: RWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), { "2:60|no key" } },
		{ ORIGIN("signed_by: []"), { "2:60|an empty sequence" } },
		{ ORIGIN("signature: 'https://a.org/s'"), { "2:60|'signature' has no meaning without 'signed_by'" } },
		{ ORIGIN("signed_by: " KEY56 ", signature: 'http://a.org/s'"), { "2:129|over https://" } },
		{ ORIGIN("signed_by: " KEY56 ", signature: /s"), { "2:129|no URL" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, signed_by: " KEY56 ", signature: 'https://a.org/s'}}}}\n",
		  { "2:117|absolute path" } },
		{ V1 "lists: {l: {origins: {o: {builtin: humanitec, signed_by: " KEY56 "}}}}\n",
		  { "2:58|'signed_by' has no meaning for an origin with 'builtin'" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
	assert_signed("file: /f", "", "");
	assert_signed("file: /f.txt, signed_by: " KEY56, KEY56, "/f.txt.minisig");
	assert_signed("file: '/f?.txt', signed_by: " KEY56, KEY56, "/f?.txt.minisig");
	assert_signed("file: /f, signed_by: [" KEY56 ", " KEY56 "], signature: /g", KEY56 " " KEY56, "/g");
	assert_signed("url: 'https://a.org/l', signed_by: " KEY56, KEY56, "https://a.org/l.minisig");
	assert_signed("url: 'https://a.org/l?v=1', signed_by: " KEY56, KEY56, "https://a.org/l.minisig?v=1");
	assert_signed("signature: 'https://b.org/s', signed_by: " KEY56 ", url: 'http://a.org/l'", KEY56, "https://b.org/s");
}

static void defaults(void **state)
{
	struct config *c = must_config(V1 "lists: {l: {origins: {o: {url: 'https://a.org'}}}}\n");
	const struct origin_config *o = &c->lists[0].origins[0];

	(void)state;
	assert_int_equal(o->timeout, 60);
	assert_int_equal(o->connect_timeout, 15);
	assert_int_equal(o->first_byte_timeout, 30);
	assert_int_equal(o->retries, 2);
	assert_string_equal(o->proxy, "");
	assert_string_equal(o->ca_file, "");
	assert_string_equal(o->pinned_key, "");
	assert_string_equal(o->client_certificate, "");
	assert_reference(&o->client_key, SECRET_NONE, NULL);
	assert_reference(&o->token, SECRET_NONE, NULL);
	assert_int_equal(o->header_count, 0);
	config_free(c);
}

static void all_of_them(void **state)
{
	struct config *c = must_config(ORIGIN("timeout: 5m, connect_timeout: 5s, first_byte_timeout: 1m, retries: 10, "
	                                      "proxy: 'http://proxy.example:3128', ca_file: /ca.pem, "
	                                      "pinned_key: sha256//" KEY44 ", client_certificate: /c.pem, "
	                                      "client_key: {credential: c.key}, token: {environment: TOKEN}, "
	                                      "headers: {X-One: {file: /one}, X-Two: {credential: two}}"));
	const struct origin_config *o = &c->lists[0].origins[0];

	(void)state;
	assert_int_equal(o->timeout, 300);
	assert_int_equal(o->connect_timeout, 5);
	assert_int_equal(o->first_byte_timeout, 60);
	assert_int_equal(o->retries, 10);
	assert_string_equal(o->proxy, "http://proxy.example:3128");
	assert_string_equal(o->ca_file, "/ca.pem");
	assert_string_equal(o->pinned_key, "sha256//" KEY44);
	assert_string_equal(o->client_certificate, "/c.pem");
	assert_reference(&o->client_key, SECRET_CREDENTIAL, "c.key");
	assert_reference(&o->token, SECRET_ENVIRONMENT, "TOKEN");
	assert_int_equal(o->header_count, 2);
	assert_string_equal(o->headers[0].name, "X-One");
	assert_reference(&o->headers[0].value, SECRET_FILE, "/one");
	assert_string_equal(o->headers[1].name, "X-Two");
	assert_reference(&o->headers[1].value, SECRET_CREDENTIAL, "two");
	config_free(c);
}

static void values(void **state)
{
	static const struct wrong table[] = {
		{ ORIGIN("connect_timeout: 0"), { "2:66|'0'" } },
		{ ORIGIN("connect_timeout: 61m"), { "2:66|1h" } },
		{ ORIGIN("first_byte_timeout: 30"), { "2:69|'30' is no duration" } },
		{ ORIGIN("retries: 11"), { "2:58|'11' does not fit" } },
		{ ORIGIN("retries: -1"), { "2:58|'-1'" } },
		{ ORIGIN("proxy: 'proxy:3128'"), { "2:56|no URL" } },
		{ ORIGIN("proxy: 'http://user:pass@proxy:3128'"), { "2:56|a user name or a password" } },
		{ ORIGIN("pinned_key: sha256//AAAA"), { "2:61|this is no pinned key|SHA-256" } },
		{ ORIGIN("pinned_key: 'sha256//" KEY44 ";sha256//" KEY44 "'"), { "2:61|this is no pinned key" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void headers(void **state)
{
	static const struct wrong table[] = {
		{ ORIGIN("headers: {X Key: {file: /k}, Y: k}"), { "2:59|no header name", "2:81|by reference" } },
		{ ORIGIN("headers: [a]"), { "2:58|header names to references" } },
		{ ORIGIN("headers: {'': {file: /k}}"), { "2:59|no header name" } },
		{ ORIGIN("headers: {\"X\\r\\nY\": {file: /k}}"), { "2:59" } },
		{ ORIGIN("headers: {host: {file: /k}}"), { "2:59|the header host is hallowd's own" } },
		{ ORIGIN("headers: {Content-Length: {file: /k}}"), { "2:59|hallowd's own" } },
		{ ORIGIN("headers: {If-None-Match: {file: /k}}"), { "2:59|hallowd's own" } },
		{ ORIGIN("headers: {authorization: {file: /k}}, token: {file: /t}"), { "2:58|one and the same" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

/* The most there may be, and one more. */
static void header_count(void **state)
{
	char text[4096] = V1 "lists: {l: {origins: {o: {url: 'https://a.org', headers: {";
	struct config *c;
	const char *errors;
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i < ORIGIN_HEADERS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "X-%d: {file: /k}, ", i);
	snprintf(text + len, sizeof(text) - len, "}}}}}\n");
	c = must_config(text);
	assert_int_equal(c->lists[0].origins[0].header_count, ORIGIN_HEADERS_MAX);
	config_free(c);
	snprintf(text + len, sizeof(text) - len, "X: {file: /k}}}}}}\n");
	assert_int_equal(parse_text(text, strlen(text), &c, &errors), -1);
	assert_non_null(strstr(errors, "too many headers; the most is 32"));
}

/* The value of a reference may be the secret itself. */
static void references_show_nothing(void **state)
{
	static const char *const wrong[] = {
		ORIGIN("token: s3cret"), ORIGIN("token: {file: s3cret}"), ORIGIN("token: {s3cret: x}"),
		ORIGIN("token: [s3cret]"), ORIGIN("token: {environment: s3cret-x}"), ORIGIN("token: {credential: s3c/ret}"),
		ORIGIN("headers: {X: s3cret}"), ORIGIN("headers: {X: {file: s3cret}}"), ORIGIN("client_key: s3cret"),
		ORIGIN("proxy: 'http://u:s3cret@proxy'"),
	};
	struct config *c;
	const char *errors;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(parse_text(wrong[i], strlen(wrong[i]), &c, &errors), -1);
		assert_null(strstr(errors, "s3c"));
	}
}

static void together(void **state)
{
	static const struct wrong table[] = {
		{ ORIGIN("client_certificate: /c"), { "2:69|'client_certificate' needs 'client_key'" } },
		{ ORIGIN("client_key: {file: /k}"), { "2:61|'client_key' needs 'client_certificate'" } },
		{ PLAIN("client_certificate: /c, client_key: {file: /k}"),
		  { "2:69|no meaning with http://", "2:85|no meaning with http://" } },
		{ PLAIN("pinned_key: sha256//" KEY44), { "2:61|no meaning with http://" } },
		{ V1 "lists: {l: {origins: {o: {file: /f, token: {file: /k}, retries: 1}}}}\n",
		  { "2:44|no meaning for an origin with 'file'", "2:65|no meaning for an origin with 'file'" } },
		{ V1 "lists: {l: {origins: {o: {builtin: humanitec, connect_timeout: 1s}}}}\n",
		  { "2:64|no meaning for an origin with 'builtin'" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
	config_free(must_config(PLAIN("token: {file: /k}, headers: {X: {file: /k}}, proxy: 'http://p:1'")));
}

int test_config_web(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(defaults),     cmocka_unit_test(all_of_them),
		cmocka_unit_test(values),       cmocka_unit_test(headers),
		cmocka_unit_test(header_count), cmocka_unit_test(references_show_nothing),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests_name("config: origins with a URL", tests, NULL, NULL);
}
