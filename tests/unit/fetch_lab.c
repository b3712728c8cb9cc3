#include "fetch_lab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/time_text.h"


static const struct {
	const char *name, *address, *certificate; /* certificate NULL: plain HTTP */
	bool client;                              /* wants the certificate `client` */
} servers[SERVERS] = {
	[PLAIN] = { "plain", "127.0.0.1", NULL, false },
	[PLAIN6] = { "plain6", "::1", NULL, false },
	[TLS] = { "tls", "127.0.0.1", "good", false },
	[TLS_OTHER] = { "tls-other", "127.0.0.1", "other", false },
	[TLS_EXPIRED] = { "tls-expired", "127.0.0.1", "expired", false },
	[TLS_CLIENT] = { "tls-client", "127.0.0.1", "good", true },
};

struct fetch_lab lab;

/* --- the servers */

static unsigned read_port(const char *name)
{
	unsigned port = 0;
	FILE *file = fopen(name, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%u", &port) != 1)
		port = 0;
	fclose(file);
	return port;
}

static void start_server(enum server_name which, const char *script)
{
	int64_t until = time_monotonic_ms() + CHILD_PATIENCE_MS;
	char ready[128], log[128], cert[128], key[128], client[128];
	const char *const argv[] = {
		"/usr/bin/env", "python3", script, "--bind", servers[which].address, "--dir", lab.folder,
		"--ready", ready, "--log", log, servers[which].certificate ? "--cert" : NULL, cert, "--key", key,
		servers[which].client ? "--client-ca" : NULL, client, NULL,
	};
	struct child_setup setup = { .argv = argv, .input_fd = -1, .body_fd = -1 };
	const char *certificate = servers[which].certificate ? servers[which].certificate : "";

	snprintf(ready, sizeof(ready), "%s/%s.ready", lab.folder, servers[which].name);
	snprintf(log, sizeof(log), "%s/%s.log", lab.folder, servers[which].name);
	snprintf(cert, sizeof(cert), "%s/%s.crt", lab.folder, certificate);
	snprintf(key, sizeof(key), "%s/%s.key", lab.folder, certificate);
	snprintf(client, sizeof(client), "%s/client.crt", lab.folder);
	child_start(&lab.process[which], &setup);
	while (lab.port[which] == 0 && time_monotonic_ms() < until) {
		poll(NULL, 0, 20);
		lab.port[which] = read_port(ready);
	}
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

int start_lab(void **state)
{
	const char *source = getenv("srcdir") ? getenv("srcdir") : "../..";
	char command[512], script[256];
	int which;

	(void)state;
	snprintf(lab.folder, sizeof(lab.folder), "/tmp/hallowd-fetch-XXXXXX");
	/* The program under test is not root, and has to read the certificate. */
	if (!mkdtemp(lab.folder) || chmod(lab.folder, 0755) == -1)
		return -1;
	snprintf(command, sizeof(command), "sh %s/tests/system/certificates.sh %s", source, lab.folder);
	if (!child_shell(command))
		return -1;
	snprintf(script, sizeof(script), "%s/tests/system/publisher.py", source);
	for (which = 0; which < SERVERS; which++) {
		if (which == PLAIN6 && !has_ipv6())
			continue;
		start_server((enum server_name)which, script);
		if (lab.port[which] == 0)
			return -1;
	}
	return 0;
}

int stop_lab(void **state)
{
	char command[128];
	int which;

	(void)state;
	for (which = 0; which < SERVERS; which++)
		child_kill(&lab.process[which]);
	snprintf(command, sizeof(command), "rm -r %s", lab.folder);
	return child_shell(command) ? 0 : -1;
}

void make_url(char *out, size_t size, enum server_name which, const char *path)
{
	const char *scheme = servers[which].certificate ? "https" : "http";

	if (strchr(servers[which].address, ':'))
		snprintf(out, size, "%s://[%s]:%u%s", scheme, servers[which].address, lab.port[which], path);
	else
		snprintf(out, size, "%s://%s:%u%s", scheme, servers[which].address, lab.port[which], path);
}

/* --- one fetch */

char *copy(const char *text)
{
	char *copied = strdup(text ? text : "");

	assert_non_null(copied);
	return copied;
}

/* What hallowd reads for hallowd-fetch; "" for NULL. */
static char *read_pem(const char *name)
{
	struct buffer text = BUFFER_INIT;
	char *copied;

	if (name)
		assert_int_equal(file_read(AT_FDCWD, name, 65536, &text, NULL), 0);
	copied = copy(buffer_str(&text));
	buffer_free(&text);
	return copied;
}

void send_request(const struct child *c, const char *url, const struct wish *w)
{
	struct fetch_request q = {
		.url = copy(url),
		.connect_timeout_ms = w->connect_ms > 0 ? w->connect_ms : 10000,
		.first_byte_timeout_ms = w->first_byte_ms > 0 ? w->first_byte_ms : 20000,
		.total_timeout_ms = w->total_ms > 0 ? w->total_ms : 30000,
		.max_redirects = 5,
		.max_bytes = w->max_bytes > 0 ? w->max_bytes : MAX_BYTES,
		.ca = read_pem(w->ca_file),
		.proxy = copy(w->proxy),
		.pinned_key = copy(w->pinned_key),
		.certificate = read_pem(w->certificate_file),
		.key = read_pem(w->key_file),
		.token = copy(w->token),
		.etag = copy(w->etag),
		.last_modified = copy(w->last_modified),
		.user_agent = copy("hallowd/test"),
	};
	struct buffer out = BUFFER_INIT;

	if (w->header) {
		q.headers = calloc(1, sizeof(q.headers[0]));
		assert_non_null(q.headers);
		q.headers[0] = (struct fetch_header) { copy(w->header), copy(w->header_value) };
		q.header_count = 1;
	}
	assert_int_equal(fetch_request_encode(&out, &q), 0);
	child_send(c, &out);
	buffer_free(&out);
	fetch_request_free(&q);
}

static void read_body(int fd, struct buffer *body)
{
	char chunk[4096];
	ssize_t n;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		assert_int_equal(buffer_add(body, chunk, (size_t)n), 0);
	assert_int_equal(n, 0);
}

const char *const fetch_program[] = { "./hallowd-fetch", NULL };

void fetch(const char *url, const struct wish *w, struct fetched *f)
{
	/* What was there before must not show through. */
	int status, body = child_file("203.0.113.1\n", 12);
	struct child_setup setup = { .argv = fetch_program, .input_fd = -1, .body_fd = body };
	struct buffer in = BUFFER_INIT;
	struct message m;
	struct child c;

	child_start(&c, &setup);
	send_request(&c, url, w);
	assert_int_equal(child_receive(&c, &in, &m), 1);
	assert_int_equal(m.type, MSG_FETCH_RESULT);
	assert_int_equal(fetch_result_decode(&m, &f->result), 0);
	buffer_free(&in);
	status = child_end(&c);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	f->body = (struct buffer)BUFFER_INIT;
	read_body(body, &f->body);
	close(body);
}

void forget(struct fetched *f)
{
	fetch_result_free(&f->result);
	buffer_free(&f->body);
}

const char *good_ca(void)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s/good.crt", lab.folder);
	return name;
}

void expect_list(enum server_name which, const char *path, const struct wish *w)
{
	char url[512];
	struct fetched f;

	make_url(url, sizeof(url), which, path);
	fetch(url, w, &f);
	assert_string_equal(f.result.error, "");
	assert_int_equal(f.result.outcome, FETCH_OK);
	assert_int_equal(f.result.http_status, 200);
	assert_string_equal(buffer_str(&f.body), LIST);
	assert_int_equal(f.result.bytes, strlen(LIST));
	forget(&f);
}

void expect_failure(enum server_name which, const char *path, const struct wish *w, const char *error)
{
	size_t len = strlen(error);
	char url[512];
	struct fetched f;

	make_url(url, sizeof(url), which, path);
	fetch(url, w, &f);
	if (error[len - 1] != '*' || strncmp(f.result.error, error, len - 1) != 0)
		assert_string_equal(f.result.error, error);
	assert_int_equal(f.result.outcome, FETCH_FAILED);
	assert_int_equal(f.body.len, 0);
	assert_int_equal(f.result.bytes, 0);
	/* Whoever writes the path of a URL may put a token into it. */
	assert_null(strstr(f.result.error, "token"));
	forget(&f);
}
