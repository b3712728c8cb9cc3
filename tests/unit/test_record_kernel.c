/* hallowd-record itself, as a process, with a real kernel: rules, connections and deaths in a network namespace of
 * its own.  This test plays hallowd: it has the table, the NFLOG socket and the recorder's other end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "core/audit_message.h"
#include "core/fetch_message.h"
#include "core/paths.h"
#include "core/sandbox.h"
#include "kernel/kernel.h"

#define GROUP 4849
#define PORT 7000
#define WAIT_MS 20000
#define LISTED4 "127.0.1.1"
#define STRANGER4 "127.0.2.1"
#define LISTED6 "fd00:1::1"
#define STRANGER6 "fd00:2::1"
#define TARGET4 "127.0.0.10"
#define TARGET6 "fd00::10"

struct host {
	char folder[64];
	struct kernel *kernel;
	struct policy policy;
	int nflog;
	int sock;
	pid_t pid;
	uint64_t event, acked, sync;
	uint64_t recorded, lost; /* by this recorder, as it told */
	struct buffer in;
	bool mounted; /* the folder is a file system of its own */
};

static const char *why_not; /* the kernel parts cannot be had here */

/* --- small things */

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			fail_msg("%s:%d: not so: %s: %s", __FILE__, __LINE__, #condition, strerror(errno)); \
	} while (0)

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static char *copy(const char *s)
{
	char *c = strdup(s);

	CHECK(c != NULL);
	return c;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	CHECK(prefix_parse(&p, text, strlen(text)) == PREFIX_OK);
	return p;
}

/* --- the policy: endpoints "tcp" and "udp", both with list "a" */

static void make_endpoint(struct policy_endpoint *e, const char *name, uint8_t protocol)
{
	*e = (struct policy_endpoint){ .name = copy(name), .kind = copy("other"), .owner = copy(""), .reason = copy(""),
		                           .protocol = protocol, .address_count = 2, .port_count = 1, .list_count = 1 };
	e->addresses = calloc(2, sizeof(*e->addresses));
	e->ports = calloc(1, sizeof(*e->ports));
	e->lists = calloc(1, sizeof(*e->lists));
	CHECK(e->addresses != NULL && e->ports != NULL && e->lists != NULL);
	e->addresses[0] = prefix(TARGET4);
	e->addresses[1] = prefix(TARGET6);
	e->ports[0] = (struct port_range){ PORT, PORT };
}

static void make_policy(struct policy *p, uint32_t rate, uint32_t set_size)
{
	struct prefix listed4 = prefix("127.0.1.0/24"), listed6 = prefix("fd00:1::/64");

	*p = (struct policy){ .list_count = 1, .endpoint_count = 2, .limits = { GROUP, rate, set_size, false } };
	p->lists = calloc(1, sizeof(*p->lists));
	p->endpoints = calloc(2, sizeof(*p->endpoints));
	CHECK(p->lists != NULL && p->endpoints != NULL);
	p->lists[0].name = copy("a");
	p->lists[0].revision = 1;
	CHECK(prefix_set_add(&p->lists[0].set, &listed4) == 0 && prefix_set_add(&p->lists[0].set, &listed6) == 0);
	prefix_set_normalize(&p->lists[0].set);
	make_endpoint(&p->endpoints[0], "tcp", IPPROTO_TCP);
	make_endpoint(&p->endpoints[1], "udp", IPPROTO_UDP);
}

/* --- hallowd's part */

static void tell(struct host *h, struct buffer *b)
{
	struct error err;

	if (message_send(h->sock, b, &err) == -1)
		fail_msg("%s", err.text);
	buffer_free(b);
}

static void tell_policy(struct host *h, time_us time, bool continued)
{
	struct audit_policy_list list = { h->policy.lists[0].name, h->policy.lists[0].revision };
	struct audit_policy_endpoint endpoints[2];
	struct kernel_state state;
	struct buffer b = BUFFER_INIT;
	struct error err;

	CHECK(kernel_state(h->kernel, &state, &err) == 0);
	for (size_t i = 0; i < 2; i++)
		endpoints[i] = (struct audit_policy_endpoint){
			.name = h->policy.endpoints[i].name,
			.kind = (char *)(uintptr_t)"other",
			.mode = (char *)(uintptr_t)"enforce",
			.where = (char *)(uintptr_t)"",
			.lists = &list,
			.list_count = 1,
		};
	CHECK(audit_policy_encode(&b, &(struct audit_policy){ time, state.epoch, continued, 0, 0, 0, 0, endpoints, 2 }) == 0);
	tell(h, &b);
}

static void tell_reading(struct host *h)
{
	struct audit_reading reading;
	struct buffer b = BUFFER_INIT;
	struct error err;

	if (kernel_read_counters(h->kernel, &h->policy, &reading, &err) == -1)
		fail_msg("%s", err.text);
	CHECK(audit_reading_encode(&b, &reading) == 0);
	audit_reading_free(&reading);
	tell(h, &b);
}

static void tell_event(struct host *h)
{
	struct audit_event e = { time_now(), copy("refresh"), copy(""), copy("{}") };
	struct buffer b = BUFFER_INIT;

	CHECK(audit_event_encode(&b, ++h->event, &e) == 0);
	audit_event_free(&e);
	tell(h, &b);
}

/* Takes what the recorder says until `type` comes; its number, if any. */
static uint64_t hear(struct host *h, enum message_type type)
{
	struct message m;
	size_t used;

	for (;;) {
		int got = message_next(&h->in, MESSAGE_MAX_DEFAULT, &m, &used);
		enum message_type heard = m.type;
		struct audit_ack ack;
		uint64_t number = 0;

		if (got == 0) {
			struct pollfd p = { .fd = h->sock, .events = POLLIN };
			ssize_t n;

			CHECK(poll(&p, 1, WAIT_MS) == 1 && buffer_reserve(&h->in, 4096) == 0);
			n = read(h->sock, h->in.data + h->in.len, 4096);
			CHECK(n > 0);
			h->in.len += (size_t)n;
			continue;
		}
		CHECK(got == 1);
		if (heard == MSG_ACK) {
			CHECK(audit_ack_decode(&m, &ack) == 0);
			h->acked = ack.seq;
			h->recorded = ack.recorded;
			h->lost = ack.lost;
		} else {
			CHECK(audit_number_decode(&m, &number) == 0);
		}
		buffer_consume(&h->in, used);
		if (heard == type)
			return number;
	}
}

static void start_recorder(struct host *h)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	h->pid = fork();
	CHECK(h->pid != -1);
	if (h->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(h->folder) == -1 || dup2(pair[1], 10) == -1 || dup2(h->nflog, 11) == -1 ||
		    dup2(10, CHILD_SOCKET_FD) == -1 || dup2(11, RECORD_NFLOG_FD) == -1)
			_exit(126);
		closefrom(5);
		execl(path_program("hallowd-record"), "hallowd-record", (char *)NULL);
		perror(path_program("hallowd-record"));
		_exit(127);
	}
	close(pair[1]);
	h->sock = pair[0];
	buffer_free(&h->in);
	h->acked = hear(h, MSG_READY);
}

static int end_recorder(struct host *h)
{
	int status;

	CHECK(waitpid(h->pid, &status, 0) == h->pid);
	close(h->sock);
	h->pid = 0;
	return status;
}

static void kill_recorder(struct host *h)
{
	CHECK(kill(h->pid, SIGKILL) == 0);
	end_recorder(h);
}

static void stop_recorder(struct host *h)
{
	struct buffer b = BUFFER_INIT;

	tell_reading(h);
	CHECK(audit_number_encode(&b, MSG_STOP, 0) == 0);
	tell(h, &b);
	assert_int_equal(end_recorder(h), 0);
}

/* All that happened is committed and tallied. */
static void sync_recorder(struct host *h)
{
	struct buffer b = BUFFER_INIT;

	tell_reading(h);
	CHECK(audit_number_encode(&b, MSG_SYNC, ++h->sync) == 0);
	tell(h, &b);
	assert_int_equal(hear(h, MSG_SYNCED), h->sync);
}

static time_us apply(struct host *h)
{
	struct kernel_change change;
	struct error err;
	time_us when;

	if (kernel_apply(h->kernel, &h->policy, &change, &err) == -1)
		fail_msg("%s", err.text);
	when = change.committed_at;
	kernel_change_free(&change);
	return when;
}

static void begin(struct host *h, uint32_t rate, uint32_t set_size, int buffer)
{
	struct error err;

	make_policy(&h->policy, rate, set_size);
	if (nflog_open(GROUP, buffer, &h->nflog, &err) == -1 || kernel_open(&h->kernel, -1, &err) == -1)
		fail_msg("%s", err.text);
	time_us when = apply(h);

	start_recorder(h);
	tell_policy(h, when, false);
}

static int setup(void **state)
{
	struct host *h;
	struct sandbox_user user;
	struct error err;

	*state = NULL;
	if (why_not != NULL)
		return 0;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -1;
	h->nflog = h->sock = -1;
	strcpy(h->folder, "/tmp/test_record_kernel.XXXXXX");
	if (mkdtemp(h->folder) == NULL || sandbox_user(&user, &err) == -1 || chown(h->folder, user.uid, user.gid) == -1)
		return -1;
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;
	char command[128];
	struct error err;

	if (h == NULL)
		return 0;
	if (h->pid != 0)
		kill_recorder(h);
	if (h->mounted)
		umount(h->folder);
	kernel_teardown(h->kernel, &err);
	kernel_close(h->kernel);
	policy_free(&h->policy);
	close(h->nflog);
	buffer_free(&h->in);
	snprintf(command, sizeof(command), "rm -rf %s", h->folder);
	free(h);
	return system(command);
}

#define NEEDS_KERNEL(state) \
	do { \
		if (*(state) == NULL) { \
			print_message("skipped: %s\n", why_not); \
			skip(); \
		} \
	} while (0)

/* --- traffic */

static socklen_t socket_address(struct sockaddr_storage *out, const char *text, uint16_t port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	CHECK(inet_pton(AF_INET6, text, &six->sin6_addr) == 1);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

static int bound(int type, const char *address, uint16_t port)
{
	struct sockaddr_storage name;
	socklen_t len = socket_address(&name, address, port);
	int fd = socket(name.ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	CHECK(fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&name, len) == 0);
	return fd;
}

/* One connection attempt; whether it was accepted.  A denied one sends a single SYN. */
static bool dial(const char *source, const char *target)
{
	struct pollfd p = { .fd = bound(SOCK_STREAM | SOCK_NONBLOCK, source, 0), .events = POLLOUT };
	struct sockaddr_storage name;
	socklen_t len = socket_address(&name, target, PORT);
	const struct linger reset = { 1, 0 };
	int error = ETIMEDOUT;

	CHECK(connect(p.fd, (struct sockaddr *)&name, len) == -1 && errno == EINPROGRESS);
	if (poll(&p, 1, 200) == 1) {
		len = sizeof(error);
		CHECK(getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	}
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(p.fd);
	return error == 0;
}

/* `count` datagrams, each from a port of its own where `fresh`, so that each is a connection of its own. */
static void datagrams(const char *source, const char *target, unsigned count, bool fresh)
{
	struct sockaddr_storage name;
	socklen_t len = socket_address(&name, target, PORT);
	int fd = bound(SOCK_DGRAM, source, 0);

	for (unsigned i = 0; i < count; i++) {
		ssize_t n = sendto(fd, "x", 1, 0, (struct sockaddr *)&name, len);

		CHECK(n == 1 || errno == EPERM || errno == ECONNREFUSED);
		if (fresh && i + 1 < count) {
			close(fd);
			fd = bound(SOCK_DGRAM, source, 0);
		}
	}
	close(fd);
}

/* --- what is in the database, as any reader sees it */

static void expect(struct host *h, const char *sql, const char *expected)
{
	char found[512] = "";
	sqlite3_stmt *stmt;
	struct error err;
	sqlite3 *db;

	if (audit_open_reader(&db, h->folder, &err) == -1)
		fail_msg("%s", err.text);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
		snprintf(found, sizeof(found), "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n  gives    %s\n  expected %s", sql, found, expected);
}

static uint64_t number(struct host *h, const char *sql)
{
	sqlite3_stmt *stmt;
	struct error err;
	uint64_t value;
	sqlite3 *db;

	if (audit_open_reader(&db, h->folder, &err) == -1)
		fail_msg("%s", err.text);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	value = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static uint64_t kernel_counted(struct host *h)
{
	struct audit_reading reading;
	uint64_t sum = 0;
	struct error err;

	CHECK(kernel_read_counters(h->kernel, &h->policy, &reading, &err) == 0);
	for (size_t i = 0; i < reading.counter_count; i++)
		if (reading.counters[i].kind != COUNTER_OVER)
			sum += reading.counters[i].packets;
	audit_reading_free(&reading);
	return sum;
}

/* counted = recorded + aggregated + lost, and each of them is what it says. */
static void assert_balanced(struct host *h, uint64_t counted)
{
	assert_int_equal(number(h, "SELECT count(*) FROM tallies WHERE counted <> recorded + aggregated + lost"), 0);
	assert_int_equal(number(h, "SELECT sum(counted) FROM tallies"), counted);
	assert_int_equal(number(h, "SELECT sum(recorded) FROM tallies"), number(h, "SELECT count(*) FROM connections"));
	assert_int_equal(number(h, "SELECT sum(aggregated) FROM tallies"), number(h, "SELECT coalesce(sum(count), 0) FROM"
		" aggregates"));
}

/* --- tests */

static void rows_are_what_was_sent(void **state)
{
	struct host *h = *state;
	int listeners[4];

	NEEDS_KERNEL(state);
	begin(h, 1000, 1000, 1 << 20);
	listeners[0] = bound(SOCK_STREAM, TARGET4, PORT);
	listeners[1] = bound(SOCK_STREAM, TARGET6, PORT);
	listeners[2] = bound(SOCK_DGRAM, TARGET4, PORT);
	listeners[3] = bound(SOCK_DGRAM, TARGET6, PORT);
	CHECK(listen(listeners[0], 64) == 0 && listen(listeners[1], 64) == 0);
	for (int i = 0; i < 5; i++) {
		assert_true(dial(LISTED4, TARGET4));
		assert_true(dial(LISTED6, TARGET6));
	}
	assert_false(dial(STRANGER4, TARGET4));
	assert_false(dial(STRANGER6, TARGET6));
	datagrams(LISTED4, TARGET4, 3, true);
	datagrams(LISTED6, TARGET6, 4, true);
	datagrams(STRANGER4, TARGET4, 6, false);
	datagrams(STRANGER6, TARGET6, 7, true);
	tell_event(h);
	sync_recorder(h);
	assert_int_equal(h->acked, 1);
	assert_int_equal(h->recorded, 10 + 2 + 7 + 13);
	expect(h, "SELECT group_concat(text, '; ') FROM (SELECT endpoint || ' ' || verdict || ' ' || reason || ' ' ||"
	          " source || ' ' ||"
	          " destination || ' ' || destination_port || ' ' || protocol || ' ' || list || ' ' || revision || ' ' ||"
	          " count(*) AS text"
	          " FROM connections GROUP BY endpoint, verdict, source, destination, protocol ORDER BY 1)",
	       "tcp allow listed 127.0.1.1 127.0.0.10 7000 tcp a 1 5; tcp allow listed fd00:1::1 fd00::10 7000 tcp a 1 5; "
	       "tcp deny not-listed 127.0.2.1 127.0.0.10 7000 tcp a 1 1; tcp deny not-listed fd00:2::1 fd00::10 7000 tcp"
	       " a 1 1; "
	       "udp allow listed 127.0.1.1 127.0.0.10 7000 udp a 1 3; udp allow listed fd00:1::1 fd00::10 7000 udp a 1 4; "
	       "udp deny not-listed 127.0.2.1 127.0.0.10 7000 udp a 1 6; udp deny not-listed fd00:2::1 fd00::10 7000 udp"
	       " a 1 7");
	expect(h, "SELECT count(*) FROM connections WHERE source_port > 1023", "32");
	expect(h, "SELECT group_concat(endpoint || verdict || counted || recorded || lost, ' ') FROM tallies",
	       "tcpallow10100 tcpdeny220 udpallow770 udpdeny13130");
	expect(h, "SELECT count(*) FROM coverage WHERE state = 'enforced' AND to_time > from_time", "2");
	assert_balanced(h, 32);
	stop_recorder(h);
	for (int i = 0; i < 4; i++)
		close(listeners[i]);
}

static void rows_are_on_disk_within_a_second(void **state)
{
	struct host *h = *state;
	int64_t began;

	NEEDS_KERNEL(state);
	begin(h, 1000, 1000, 1 << 20);
	sync_recorder(h);
	began = time_monotonic_ms();
	datagrams(STRANGER4, TARGET4, 1, false);
	while (number(h, "SELECT count(*) FROM connections") == 0)
		assert_true(time_monotonic_ms() - began < 1000);
	stop_recorder(h);
}

static void a_flood_is_counted_to_the_packet(void **state)
{
	struct host *h = *state;
	uint64_t over;

	NEEDS_KERNEL(state);
	begin(h, 100, 20, 8 << 20);
	for (int round = 0; round < 4; round++) {
		for (int i = 1; i <= 60; i++) { /* three times as many sources as the set holds */
			char source[32];

			snprintf(source, sizeof(source), "127.0.2.%d", i);
			datagrams(source, TARGET4, 50, false);
		}
		tell_reading(h); /* in the middle of it, settled while it goes on */
	}
	sync_recorder(h);
	assert_balanced(h, 4 * 60 * 50);
	over = number(h, "SELECT sum(lost) FROM tallies");
	assert_true(over > 0);
	assert_true(number(h, "SELECT count(DISTINCT source) FROM aggregates") == 20);
	assert_true(number(h, "SELECT sum(recorded) FROM tallies") >= 200); /* the burst at least */
	assert_true(number(h, "SELECT sum(aggregated) FROM tallies") > 1000);
	/* the kernel's own count of what was over is what was told as lost: not one more */
	struct audit_reading reading;
	struct error err;

	CHECK(kernel_read_counters(h->kernel, &h->policy, &reading, &err) == 0);
	for (size_t i = 0; i < reading.counter_count; i++)
		if (reading.counters[i].kind == COUNTER_OVER)
			over -= reading.counters[i].packets;
	assert_int_equal(over, 0);
	audit_reading_free(&reading);
	stop_recorder(h);
}

static void a_full_socket_is_told_as_lost(void **state)
{
	struct host *h = *state;
	uint64_t lost;

	NEEDS_KERNEL(state);
	begin(h, 1000000, 1000, 16384);
	CHECK(kill(h->pid, SIGSTOP) == 0);
	datagrams(STRANGER4, TARGET4, 4000, false);
	CHECK(kill(h->pid, SIGCONT) == 0);
	sync_recorder(h);
	assert_balanced(h, 4000);
	lost = number(h, "SELECT sum(lost) FROM tallies");
	assert_true(lost > 0 && lost < 4000);
	assert_true(h->lost > 0); /* although no packet came since, whose number would tell how many */
	while (number(h, "SELECT count(*) FROM events WHERE kind = 'lost'") == 0)
		poll(NULL, 0, 20); /* told after a second */
	assert_int_equal(number(h, "SELECT detail ->> 'messages' FROM events WHERE kind = 'lost'"), lost);
	datagrams(STRANGER4, TARGET4, 5, false); /* and it goes on */
	sync_recorder(h);
	assert_balanced(h, 4005);
	assert_int_equal(number(h, "SELECT sum(lost) FROM tallies"), lost);
	stop_recorder(h);
}

static void what_waits_in_the_socket_outlives_the_recorder(void **state)
{
	struct host *h = *state;

	NEEDS_KERNEL(state);
	begin(h, 1000000, 1000, 16 << 20);
	sync_recorder(h);
	CHECK(kill(h->pid, SIGSTOP) == 0);
	datagrams(STRANGER4, TARGET4, 3000, false);
	datagrams(LISTED6, TARGET6, 50, true);
	kill_recorder(h);
	datagrams(STRANGER4, TARGET4, 7, false);
	start_recorder(h);
	tell_policy(h, time_now(), true);
	sync_recorder(h);
	assert_balanced(h, 3057);
	assert_int_equal(number(h, "SELECT sum(lost) FROM tallies"), 0);
	expect(h, "SELECT count(*) FROM connections WHERE list = 'a'", "3057"); /* judged by the policy of their time */
	stop_recorder(h);
}

/* A file system for the folder, of so many KiB, or that it may now have. */
static void mount_folder(struct host *h, unsigned kib)
{
	struct sandbox_user user;
	struct error err;
	char options[64];

	CHECK(sandbox_user(&user, &err) == 0);
	snprintf(options, sizeof(options), "size=%uk,mode=0750,uid=%u,gid=%u", kib, (unsigned)user.uid, (unsigned)user.gid);
	CHECK(mount("tmpfs", h->folder, "tmpfs", h->mounted ? MS_REMOUNT : 0, options) == 0);
	h->mounted = true;
}

static void a_full_disk_holds_up_and_loses_nothing(void **state)
{
	struct host *h = *state;
	int64_t began;

	NEEDS_KERNEL(state);
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1) {
		print_message("skipped: no mount namespaces\n");
		skip();
	}
	mount_folder(h, 400);
	begin(h, 1000000, 1000, 16 << 20);
	for (int i = 0; i < 20; i++)
		datagrams(STRANGER4, TARGET4, 1000, false);
	tell_event(h);
	tell_reading(h);
	began = time_monotonic_ms();
	poll(NULL, 0, 1500); /* it is full: nothing to wait for but time */
	assert_true(number(h, "SELECT count(*) FROM connections") < 20000);
	assert_true(kill(h->pid, 0) == 0);
	mount_folder(h, 16384);
	sync_recorder(h);
	assert_true(time_monotonic_ms() - began < WAIT_MS);
	assert_balanced(h, 20000);
	assert_int_equal(number(h, "SELECT sum(lost) FROM tallies"), 0);
	expect(h, "SELECT group_concat(kind, ' ') FROM events ORDER BY kind", "refresh stalled");
	assert_int_equal(h->acked, 1);
	stop_recorder(h);
}

/* The socket stays open here, as with the keeper: only what the dead one had read and not committed is lost. */
static void killed_at_any_moment_it_balances(void **state)
{
	struct host *h = *state;
	uint64_t committed = 0, rows;
	time_us when;

	NEEDS_KERNEL(state);
	begin(h, 1000000, 1000, 16 << 20);
	when = time_now() - US_PER_SECOND;
	srand(7);
	for (int death = 0; death < 12; death++) {
		pid_t sender = fork();

		CHECK(sender != -1);
		if (sender == 0) {
			for (int i = 0; i < 400; i++)
				datagrams(i % 3 == 0 ? STRANGER6 : STRANGER4, i % 3 == 0 ? TARGET6 : TARGET4, 20, i % 2 == 0);
			_exit(0);
		}
		tell_event(h);
		poll(NULL, 0, rand() % 120); /* any moment */
		if (rand() % 2 == 0)
			tell_reading(h);
		poll(NULL, 0, rand() % 30);
		kill_recorder(h);
		rows = number(h, "SELECT count(*) FROM connections");
		assert_true(rows >= committed);
		start_recorder(h);
		assert_true(h->acked <= h->event);
		h->event = h->acked; /* what was not committed is told again */
		tell_policy(h, when, true);
		CHECK(waitpid(sender, NULL, 0) == sender);
		sync_recorder(h);
		assert_balanced(h, kernel_counted(h));
		committed = number(h, "SELECT count(*) FROM connections");
		assert_true(committed >= rows);
		tell_event(h);
	}
	sync_recorder(h);
	assert_int_equal(number(h, "SELECT count(*) FROM events WHERE kind = 'refresh'"), h->event);
	assert_int_equal(number(h, "SELECT sum(lost) > sum(recorded) FROM tallies"), 0); /* losses are the exception */
	expect(h, "SELECT group_concat(state) FROM coverage WHERE endpoint = 'udp'", "enforced");
	stop_recorder(h);
}

static void a_new_table_begins_a_new_count(void **state)
{
	struct host *h = *state;
	struct error err;
	time_us when;

	NEEDS_KERNEL(state);
	begin(h, 1000000, 1000, 1 << 20);
	datagrams(STRANGER4, TARGET4, 10, false);
	sync_recorder(h);
	datagrams(STRANGER4, TARGET4, 7, false); /* counted by nobody who lives */
	CHECK(kernel_teardown(h->kernel, &err) == 0);
	kernel_forget(h->kernel);
	when = apply(h);
	datagrams(STRANGER4, TARGET4, 5, false);
	tell_policy(h, when, false);
	sync_recorder(h);
	assert_balanced(h, 22);
	assert_int_equal(number(h, "SELECT sum(lost) FROM tallies"), 0);
	expect(h, "SELECT group_concat(state) FROM coverage WHERE endpoint = 'udp'", "enforced,unprotected,enforced");
	stop_recorder(h);
}

/* hallowd is gone: the recorder commits what it was told and ends by itself; the next one goes on. */
static void it_ends_with_hallowd(void **state)
{
	struct host *h = *state;

	NEEDS_KERNEL(state);
	begin(h, 1000, 1000, 1 << 20);
	sync_recorder(h);
	tell_event(h);
	datagrams(STRANGER4, TARGET4, 3, false);
	shutdown(h->sock, SHUT_RDWR);
	assert_int_equal(end_recorder(h), 0);
	assert_int_equal(number(h, "SELECT count(*) FROM events"), 1);
	start_recorder(h);
	assert_int_equal(h->acked, 1);
	tell_policy(h, time_now() - US_PER_SECOND, true);
	sync_recorder(h);
	assert_balanced(h, 3);
	assert_int_equal(number(h, "SELECT sum(lost) FROM tallies"), 0);
	stop_recorder(h);
}

static void it_has_no_privilege(void **state)
{
	struct host *h = *state;
	char path[64], line[256];
	int checked = 0;
	FILE *f;

	NEEDS_KERNEL(state);
	begin(h, 1000, 1000, 1 << 20);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)h->pid);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Uid:", 4) == 0) {
			assert_null(strstr(line, "\t0"));
			checked++;
		}
		if (strncmp(line, "Cap", 3) == 0 && strncmp(line, "CapBnd", 6) != 0) {
			assert_string_equal(strchr(line, '\t'), "\t0000000000000000\n");
			checked++;
		}
		if (strncmp(line, "NoNewPrivs:", 11) == 0) {
			assert_string_equal(line, "NoNewPrivs:\t1\n");
			checked++;
		}
	}
	fclose(f);
	assert_int_equal(checked, 6);
	stop_recorder(h);
}

/* A namespace of its own, with addresses to talk between; or why there can be none. */
static void prepare(void)
{
	struct kernel_state state;
	struct kernel *k = NULL;
	static struct error err;

	if (geteuid() != 0)
		why_not = "not root";
	else if (unshare(CLONE_NEWNET) == -1)
		why_not = "no network namespaces";
	else if (kernel_open(&k, -1, &err) == -1 || kernel_state(k, &state, &err) == -1)
		why_not = err.text;
	kernel_close(k);
	if (why_not != NULL)
		return;
	run("ip link set lo up && for a in " TARGET6 " " LISTED6 " " STRANGER6 "; do ip addr add $a/128 dev lo nodad ||"
		" exit 1; done");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_are_what_was_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_on_disk_within_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_is_counted_to_the_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_socket_is_told_as_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(what_waits_in_the_socket_outlives_the_recorder, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_holds_up_and_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_at_any_moment_it_balances, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_table_begins_a_new_count, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_with_hallowd, setup, teardown),
		cmocka_unit_test_setup_teardown(it_has_no_privilege, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
