/* record_load PROGRAM FOLDER TARGET PORT
 *
 * Plays hallowd for PROGRAM, which is hallowd-record or nflog_naive: makes the table with one endpoint, TARGET:PORT,
 * that lets nobody in and logs each denied packet; opens the NFLOG socket; starts the program in FOLDER.  Prints
 * "ready".  When its standard input ends, the load is over: it has the program finish, and prints what the kernel
 * counted and what it took: counted=N recorded=N aggregated=N lost=N cpu_s=SECONDS rss_kib=N
 * bytes=SIZE-OF-THE-DATABASE Run it in a network namespace of its own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/audit_message.h"
#include "core/fetch_message.h"
#include "core/sandbox.h"
#include "kernel/kernel.h"

#define GROUP 4847
#define SOCKET_BUFFER (64 << 20)
#define HEARTBEAT_MS 1000

struct load {
	struct kernel *kernel;
	struct policy policy;
	struct policy_endpoint endpoint;
	struct prefix address;
	struct port_range port;
	char epoch[128];
	int nflog, sock;
	pid_t pid;
	bool naive;
	const char *folder;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "record_load: %s\n", what);
	exit(EXIT_FAILURE);
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void make_table(struct load *l, const char *target, const char *port)
{
	struct kernel_change change;
	struct kernel_state state;
	struct error err;

	l->port.first = l->port.last = (uint16_t)atoi(port);
	if (prefix_parse(&l->address, target, strlen(target)) != PREFIX_OK)
		die("TARGET is no address");
	l->endpoint = (struct policy_endpoint){ .name = text("flooded"),
		                                    .kind = text("other"),
		                                    .addresses = &l->address,
		                                    .address_count = 1,
		                                    .ports = &l->port,
		                                    .port_count = 1,
		                                    .protocol = IPPROTO_TCP,
		                                    .owner = text(""),
		                                    .reason = text("") };
	l->policy = (struct policy){ .endpoints = &l->endpoint, .endpoint_count = 1, .limits = { GROUP, 10000000, 65536, false } };
	if (nflog_open(GROUP, SOCKET_BUFFER, &l->nflog, &err) == -1 || kernel_open(&l->kernel, -1, &err) == -1 ||
	    kernel_apply(l->kernel, &l->policy, &change, &err) == -1 || kernel_state(l->kernel, &state, &err) == -1)
		die(err.text);
	kernel_change_free(&change);
	memcpy(l->epoch, state.epoch, sizeof(l->epoch));
}

static void start(struct load *l, const char *program)
{
	struct sandbox_user user;
	struct error err;
	int pair[2];

	if (sandbox_user(&user, &err) == -1 || chown(l->folder, user.uid, user.gid) == -1)
		die("the folder cannot be given to the recorder's user");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		die("no socket pair");
	l->naive = strstr(program, "naive") != NULL;
	l->pid = fork();
	if (l->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(l->folder) == -1 || dup2(pair[1], 10) == -1 || dup2(l->nflog, 11) == -1 ||
		    dup2(10, CHILD_SOCKET_FD) == -1 || dup2(11, RECORD_NFLOG_FD) == -1)
			_exit(126);
		closefrom(5);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	l->sock = pair[0];
}

static void tell(const struct load *l, struct buffer *b)
{
	struct error err;

	if (message_send(l->sock, b, &err) == -1)
		die(err.text);
	buffer_free(b);
}

static void tell_policy(const struct load *l)
{
	struct audit_policy_endpoint e = {
		.name = text("flooded"),
		.kind = text("other"),
		.mode = text("enforce"),
		.where = text(""),
		.owner = text(""),
		.reason = text(""),
	};
	struct audit_policy p = {
		.time = time_now() - US_PER_SECOND, .epoch = text(l->epoch), .endpoints = &e, .endpoint_count = 1
	};
	struct buffer b = BUFFER_INIT;

	if (audit_policy_encode(&b, &p) == -1)
		die("no memory");
	tell(l, &b);
}

static uint64_t tell_reading(const struct load *l)
{
	struct audit_reading reading;
	struct buffer b = BUFFER_INIT;
	uint64_t denied = 0;
	struct error err;

	if (kernel_read_counters(l->kernel, &l->policy, &reading, &err) == -1)
		die(err.text);
	for (size_t i = 0; i < reading.counter_count; i++)
		if (reading.counters[i].kind == COUNTER_DENY)
			denied = reading.counters[i].packets;
	if (!l->naive) {
		if (audit_reading_encode(&b, &reading) == -1)
			die("no memory");
		tell(l, &b);
	}
	audit_reading_free(&reading);
	return denied;
}

/* Heartbeats until standard input ends. */
static void wait_for_end(const struct load *l)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	while (poll(&p, 1, HEARTBEAT_MS) != 1 || read(STDIN_FILENO, &byte, 1) > 0)
		if (!l->naive)
			tell_reading(l);
}

static void finish(struct load *l, struct rusage *used)
{
	struct buffer b = BUFFER_INIT;
	int status;

	if (!l->naive) {
		if (audit_number_encode(&b, MSG_STOP, 0) == -1)
			die("no memory");
		tell(l, &b);
	} else {
		shutdown(l->sock, SHUT_WR);
	}
	if (wait4(l->pid, &status, 0, used) != l->pid || status != 0)
		die("the recorder failed");
}

static void print_tallies(const struct load *l)
{
	char command[4096];

	fflush(stdout);
	snprintf(command, sizeof(command), "sqlite3 -separator ' ' '%s/audit.db' \"SELECT 'recorded=' || sum(recorded),"
	                                   " 'aggregated=' ||"
	                                   " sum(aggregated), 'lost=' || sum(lost) FROM tallies\" | tr '\\n' '"
	                                   " '", l->folder);
	if (system(command) != 0)
		die("sqlite3 failed");
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	struct rusage used;
	uint64_t counted;
	char path[4096];
	struct stat st;
	struct error err;

	if (argc != 5)
		die("usage: record_load PROGRAM FOLDER TARGET PORT");
	l.folder = argv[2];
	make_table(&l, argv[3], argv[4]);
	start(&l, argv[1]);
	if (!l.naive)
		tell_policy(&l);
	printf("ready\n");
	fflush(stdout);
	wait_for_end(&l);
	counted = tell_reading(&l);
	finish(&l, &used);
	if (kernel_teardown(l.kernel, &err) == -1)
		die(err.text);
	kernel_close(l.kernel);
	snprintf(path, sizeof(path), "%s/%s", l.folder, l.naive ? "naive.db" : "audit.db");
	if (stat(path, &st) == -1)
		die(path);
	printf("counted=%" PRIu64 " ", counted);
	if (!l.naive)
		print_tallies(&l);
	printf("cpu_s=%.3f rss_kib=%ld bytes=%lld\n",
	       (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
	       used.ru_maxrss, (long long)st.st_size);
	return EXIT_SUCCESS;
}
