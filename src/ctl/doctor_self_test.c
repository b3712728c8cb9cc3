#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit.h"
#include "core/file.h"
#include "core/paths.h"
#include "ctl/answer.h"
#include "ctl/daemon.h"
#include "ctl/doctor.h"

#define CHECK "self-test"
#define ALLOWED_PORT 6443
#define DENIED_PORT 6444
#define CONNECT_MS 2000
#define START_MS 15000
#define WHOLE_SECONDS 60 /* then the test is ended, whatever it waits for */

/* The namespace has only loopback: its addresses play the parts.  What is denied is rejected, so that nobody waits. */
static const char config_text[] =
	"version: 1\n"
	"state_dir: %s/state\n"
	"run_dir: %s/run\n"
	"lists:\n"
	"  listed: {entries: [127.0.0.1, \"::1\"]}\n"
	"  others: {entries: [192.0.2.1]}\n"
	"endpoints:\n"
	"  test: {address: [127.0.0.2, \"::1\"], port: 6443, allow: [listed], deny_with: reject}\n"
	"  closed: {address: \"::1\", port: 6444, allow: [others], deny_with: reject}\n";

struct self_test {
	const char *folder;
	FILE *out;   /* to the parent: a line "g TEXT" or "b TEXT" for each finding */
	pid_t hallowd;
	struct ctl ctl; /* to ask that hallowd */
	int listeners[3];
};

static int bad(struct self_test *t, const char *what)
{
	fprintf(t->out, "b %s\n", what);
	return -1;
}

static int bad_errno(struct self_test *t, const char *what)
{
	fprintf(t->out, "b %s: %s\n", what, strerror(errno));
	return -1;
}

/* --- the namespace */

static int loopback_up(void)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	if (fd == -1)
		return -1;
	strcpy(request.ifr_name, "lo");
	result = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return result;
}

static int make_address(struct sockaddr_storage *s, const char *text, uint16_t port, socklen_t *len)
{
	struct sockaddr_in *four = (struct sockaddr_in *)s;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)s;

	memset(s, 0, sizeof(*s));
	if (strchr(text, ':') == NULL) {
		*len = sizeof(*four);
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return inet_pton(AF_INET, text, &four->sin_addr) == 1 ? 0 : -1;
	}
	*len = sizeof(*six);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return inet_pton(AF_INET6, text, &six->sin6_addr) == 1 ? 0 : -1;
}

static int bound_socket(const char *address, uint16_t port)
{
	struct sockaddr_storage s;
	socklen_t len;
	int fd;

	if (make_address(&s, address, port, &len) == -1)
		return -1;
	fd = socket(s.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && bind(fd, (struct sockaddr *)&s, len) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int listen_on(struct self_test *t, int i, const char *address, uint16_t port)
{
	t->listeners[i] = bound_socket(address, port);
	return t->listeners[i] == -1 || listen(t->listeners[i], 16) == -1 ? bad_errno(t, "cannot listen on loopback") : 0;
}

static int make_host(struct self_test *t)
{
	if (unshare(CLONE_NEWNET) == -1)
		return bad_errno(t, "a network namespace cannot be made here");
	if (loopback_up() == -1)
		return bad_errno(t, "its loopback interface does not come up");
	if (listen_on(t, 0, "127.0.0.2", ALLOWED_PORT) == -1 || listen_on(t, 1, "::1", ALLOWED_PORT) == -1 ||
	    listen_on(t, 2, "::1", DENIED_PORT) == -1)
		return -1;
	return 0;
}

/* --- hallowd in it */

static int write_config(struct self_test *t, char *path, size_t size)
{
	struct buffer text = BUFFER_INIT;
	struct error err;
	int result;

	snprintf(path, size, "%s/hallowd.yaml", t->folder);
	result = buffer_printf(&text, config_text, t->folder, t->folder);
	if (result == 0)
		result = file_write_atomic(AT_FDCWD, path, 0600, text.data, text.len, &err);
	buffer_free(&text);
	return result == 0 ? 0 : bad(t, "its configuration cannot be written");
}

static void run_hallowd(const struct self_test *t, const char *config)
{
	char log[512];
	int fd;

	snprintf(log, sizeof(log), "%s/log", t->folder);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd != -1)
		dup2(fd, STDERR_FILENO);
	execl(path_program("hallowd"), "hallowd", "-c", config, (char *)NULL);
	_exit(127);
}

/* What hallowd said last. */
static int bad_start(struct self_test *t)
{
	struct buffer text = BUFFER_INIT;
	char log[512];
	const char *last;

	snprintf(log, sizeof(log), "%s/log", t->folder);
	if (file_read(AT_FDCWD, log, 1u << 20, &text, NULL) == 0)
		while (text.len > 0 && text.data[text.len - 1] == '\n')
			text.len--;
	if (buffer_str(&text) != NULL) {
		last = strrchr((const char *)text.data, '\n');
		fprintf(t->out, "b hallowd does not start: %s\n", last == NULL ? (const char *)text.data : last + 1);
	}
	buffer_free(&text);
	return -1;
}

static bool enforcing(struct self_test *t)
{
	static const char *const words[] = { "status" };
	struct answer a;
	struct error err;
	bool yes;

	if (daemon_ask(&t->ctl, words, 1, &a, &err) == -1)
		return false;
	yes = answer_bool(a.result, "enforcing") && answer_bool(a.result, "recording");
	answer_free(&a);
	return yes;
}

static int start_hallowd(struct self_test *t)
{
	int64_t end = time_monotonic_ms() + START_MS;
	static char config[512];
	char control[512];

	if (write_config(t, config, sizeof(config)) == -1)
		return -1;
	t->ctl.config_path = config;
	if (ctl_config(&t->ctl) != 0)
		return bad(t, "its configuration is not accepted");
	t->hallowd = fork();
	if (t->hallowd == 0)
		run_hallowd(t, config);
	if (t->hallowd == -1)
		return bad_errno(t, "no process can be started");
	snprintf(control, sizeof(control), "%s/run/control.sock", t->folder);
	while (time_monotonic_ms() < end) {
		if (waitpid(t->hallowd, NULL, WNOHANG) != 0) {
			t->hallowd = 0;
			return bad_start(t);
		}
		if (access(control, F_OK) == 0 && enforcing(t))
			return 0;
		poll(NULL, 0, 50);
	}
	return bad_start(t);
}

static void stop_hallowd(struct self_test *t)
{
	if (t->hallowd <= 0)
		return;
	kill(t->hallowd, SIGTERM);
	waitpid(t->hallowd, NULL, 0);
}

/* --- connections */

static bool connects(const char *from, const char *to, uint16_t port)
{
	struct sockaddr_storage s;
	struct pollfd p;
	int error = 1, fd = bound_socket(from, 0);
	socklen_t len, size = sizeof(error);

	if (fd == -1 || make_address(&s, to, port, &len) == -1) {
		if (fd != -1)
			close(fd);
		return false;
	}
	if (connect(fd, (struct sockaddr *)&s, len) == -1 && errno == EINPROGRESS) {
		p = (struct pollfd){ .fd = fd, .events = POLLOUT };
		if (poll(&p, 1, CONNECT_MS) == 1)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error == 0;
}

static int try_connections(struct self_test *t)
{
	if (!connects("127.0.0.1", "127.0.0.2", ALLOWED_PORT))
		return bad(t, "a listed IPv4 source was not let in");
	if (!connects("::1", "::1", ALLOWED_PORT))
		return bad(t, "a listed IPv6 source was not let in");
	if (connects("127.0.0.3", "127.0.0.2", ALLOWED_PORT))
		return bad(t, "an IPv4 source on no list was let in");
	if (connects("::1", "::1", DENIED_PORT))
		return bad(t, "an IPv6 source on no list was let in");
	fputs("g enforced: listed sources were let in, others were not, over IPv4 and IPv6\n", t->out);
	return 0;
}

static int count_rows(struct self_test *t)
{
	static const char sql[] = "SELECT sum(verdict = 'allow'), sum(verdict = 'deny') FROM connections";
	sqlite3_stmt *stmt = NULL;
	int allowed = 0, denied = 0;
	struct error err;
	sqlite3 *db;

	daemon_sync(&t->ctl);
	if (audit_open_reader(&db, t->ctl.config->state_dir, &err) == -1) {
		fprintf(t->out, "b %s\n", err.text);
		return -1;
	}
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		allowed = sqlite3_column_int(stmt, 0);
		denied = sqlite3_column_int(stmt, 1);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	if (allowed != 2 || denied != 2) {
		fprintf(t->out, "b of 2 allowed and 2 denied connections the audit log has %d and %d\n", allowed, denied);
		return -1;
	}
	fputs("g recorded: the audit log has each of these connections\n", t->out);
	return 0;
}

static void run_test(const char *folder, int out)
{
	struct self_test t = { .folder = folder, .out = fdopen(out, "w"), .ctl = { .format = OUTPUT_JSON } };

	alarm(WHOLE_SECONDS);
	if (t.out == NULL)
		_exit(1);
	if (make_host(&t) == 0 && start_hallowd(&t) == 0 && try_connections(&t) == 0)
		count_rows(&t);
	stop_hallowd(&t);
	fclose(t.out);
	_exit(0);
}

/* --- the parent */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void take_findings(struct doctor *d, FILE *in)
{
	char line[1024];

	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'g')
			doctor_good(d, CHECK, "%s", line + 2);
		else
			doctor_bad(d, EXIT_FAILED, CHECK, "doc/TROUBLESHOOTING.md: what is needed of the kernel, and of a container",
			           "%s", line + 2);
	}
}

static void run_in(struct doctor *d, const char *folder)
{
	size_t before = json_array_size(d->findings);
	int ends[2], status;
	pid_t child;
	FILE *in;

	if (pipe2(ends, O_CLOEXEC) == -1) {
		doctor_note(d, CHECK, "try again", "it could not be run: %s", strerror(errno));
		return;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		run_test(folder, ends[1]);
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (in != NULL) {
		take_findings(d, in);
		fclose(in);
	}
	if (child == -1 || waitpid(child, &status, 0) == -1 || !WIFEXITED(status) || json_array_size(d->findings) == before)
		doctor_bad(d, EXIT_FAILED, CHECK, "try again; when it stays so, report it", "it did not come to its end");
}

void doctor_self_test(struct doctor *d)
{
	char folder[] = "/tmp/hallowd-doctor.XXXXXX";

	if (geteuid() != 0) {
		doctor_note(d, CHECK, "sudo hallowctl doctor", "left out: it needs root, for a network namespace of its own");
		return;
	}
	if (mkdtemp(folder) == NULL) {
		doctor_note(d, CHECK, "make room in /tmp", "left out: %s: %s", folder, strerror(errno));
		return;
	}
	run_in(d, folder);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
