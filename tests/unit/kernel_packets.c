/* Real packets: a client host beside this one, joined by a veth pair. */
#include "test_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/attrs.h"

#define GATE4 "10.99.0.1"
#define GATE6 "fd99::1"
#define LISTED4 "10.99.0.2"
#define LISTED6 "fd99::2"
#define STRANGER4 "10.99.0.3"
#define STRANGER6 "fd99::3"
#define GROUP 5
#define LIMIT_MS 5000

#define FRIENDS "list friends " LISTED4 " " LISTED6 "\n"
#define API "endpoint api tcp 443 " GATE4 "," GATE6 " friends"
#define DNS "endpoint dns udp 1000-1100 " GATE4 "," GATE6 " friends"

struct lab {
	struct kernel *k;
	struct policy policy;
	int gate, client; /* network namespaces */
	int nflog;
};

static struct lab lab;

static int lab_up(void **state)
{
	char command[512];

	(void)state;
	lab.gate = open("/proc/self/ns/net", O_RDONLY);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	lab.client = open("/proc/self/ns/net", O_RDONLY);
	assert_int_equal(setns(lab.gate, CLONE_NEWNET), 0);
	snprintf(command, sizeof(command), "ip link add hwg type veth peer name hwc && ip link set hwc netns /proc/%d/fd/%d && "
	         "ip addr add " GATE4 "/24 dev hwg && ip addr add " GATE6 "/64 dev hwg nodad && ip link set hwg up",
	         getpid(), lab.client);
	if (lab_run(command) != 0)
		return -1;
	assert_int_equal(setns(lab.client, CLONE_NEWNET), 0);
	assert_int_equal(lab_run("ip link set lo up && ip link set hwc up && ip addr add " LISTED4 "/24 dev hwc && "
	                         "ip addr add " STRANGER4 "/24 dev hwc && ip addr add " LISTED6 "/64 dev hwc nodad && "
	                         "ip addr add " STRANGER6 "/64 dev hwc nodad"), 0);
	assert_int_equal(setns(lab.gate, CLONE_NEWNET), 0);
	return 0;
}

static int lab_down(void **state)
{
	(void)state;
	if (lab_run("ip link del hwg") != 0)
		return -1;
	close(lab.gate);
	close(lab.client);
	return 0;
}

static void replace_policy(const char *lines)
{
	struct kernel_change c;

	policy_free(&lab.policy);
	lab.policy = make_policy(lines);
	must_apply(lab.k, &lab.policy, &c);
	kernel_change_free(&c);
}

static int start(void **state)
{
	struct error err = { "" };

	(void)state;
	lab.k = open_kernel();
	if (nflog_open(GROUP, 1 << 22, &lab.nflog, &err) != 0)
		fail_msg("%s", err.text);
	return 0;
}

static int stop(void **state)
{
	struct error err;

	(void)state;
	close(lab.nflog);
	policy_free(&lab.policy);
	if (kernel_teardown(lab.k, &err) != 0)
		return -1;
	kernel_close(lab.k);
	return 0;
}

static uint64_t counted(const char *endpoint, enum counter_kind kind)
{
	struct audit_reading r;
	struct error err;
	uint64_t packets = 0;
	bool found = false;

	if (kernel_read_counters(lab.k, &lab.policy, &r, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < r.counter_count; i++)
		if (strcmp(r.counters[i].endpoint, endpoint) == 0 && r.counters[i].kind == kind) {
			assert_false(found);
			assert_true(r.counters[i].handle != 0);
			found = true;
			packets = r.counters[i].packets;
		}
	assert_true(found);
	audit_reading_free(&r);
	return packets;
}

/* Waits until the counter has that value; it must not pass it. */
static void wait_counted(const char *endpoint, enum counter_kind kind, uint64_t expected)
{
	for (int waited = 0; counted(endpoint, kind) < expected && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(counted(endpoint, kind), expected);
}

static socklen_t make_address(struct sockaddr_storage *out, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

/* A socket in a namespace, bound, non-blocking. */
static int socket_at(int netns, int type, const char *host, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, host, port);
	int fd, on = 1;

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	fd = socket(addr.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(lab.gate, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

static int server_at(int netns, const char *host, uint16_t port)
{
	int fd = socket_at(netns, SOCK_STREAM, host, port);

	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* Starts to connect. */
static int connecting(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	int fd = socket_at(netns, SOCK_STREAM, from, from_port);
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, to, port);

	if (connect(fd, (struct sockaddr *)&addr, len) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

static int connect_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static int must_connect(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	int fd = connecting(netns, from, from_port, to, port);

	assert_true(ready(fd, POLLOUT, LIMIT_MS));
	assert_int_equal(connect_error(fd), 0);
	return fd;
}

static void send_udp(int fd, const char *to, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, to, port);

	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&addr, len), 1);
}

/* Packets that are in the log with that prefix, among all that came since the last call with drain set. */
static size_t logged(const char *prefix, bool drain)
{
	static char prefixes[4096][64];
	static size_t count;
	size_t found = 0;
	char bytes[65536];
	ssize_t n;

	while ((n = recv(lab.nflog, bytes, sizeof(bytes), 0)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
		int left = (int)n;

		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
			const struct nlattr *attr;

			while (nlh->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) && (attr = attrs_next(&in)) != NULL)
				if (mnl_attr_get_type(attr) == NFULA_PREFIX) {
					assert_true(count < 4096);
					snprintf(prefixes[count++], 64, "%s", mnl_attr_get_str(attr));
				}
		}
	}
	for (size_t i = 0; i < count; i++)
		found += strcmp(prefixes[i], prefix) == 0;
	if (drain)
		count = 0;
	return found;
}

static void wait_logged(const char *prefix, size_t expected)
{
	for (int waited = 0; logged(prefix, false) < expected && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(logged(prefix, true), expected);
}

static void listed_get_in_and_strangers_do_not(void **state)
{
	static const struct {
		const char *gate, *listed, *stranger;
	} families[] = { { GATE4, LISTED4, STRANGER4 }, { GATE6, LISTED6, STRANGER6 } };

	(void)state;
	replace_policy(FRIENDS API "\n");
	for (uint64_t i = 0; i < 2; i++) {
		int server = server_at(lab.gate, families[i].gate, 443), other = server_at(lab.gate, families[i].gate, 444);
		int in = must_connect(lab.client, families[i].listed, 0, families[i].gate, 443);
		int out = connecting(lab.client, families[i].stranger, 0, families[i].gate, 443);
		int past = must_connect(lab.client, families[i].stranger, 0, families[i].gate, 444);

		wait_counted("api", COUNTER_DENY, i + 1);
		assert_false(ready(out, POLLOUT, 0));
		assert_int_equal(counted("api", COUNTER_ALLOW), i + 1);
		assert_int_equal(counted("api", COUNTER_OVER), 0);
		wait_logged("h:d:api", 1);
		close(server);
		close(other);
		close(in);
		close(out);
		close(past);
	}
}

static void allowed_connections_are_logged_once(void **state)
{
	int server, in, accepted;
	char bytes[64];

	(void)state;
	replace_policy(FRIENDS API "\n" DNS "\n");
	server = server_at(lab.gate, GATE4, 443);
	in = must_connect(lab.client, LISTED4, 0, GATE4, 443);
	assert_true(ready(server, POLLIN, LIMIT_MS));
	accepted = accept(server, NULL, NULL);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send(in, "ping", 4, 0), 4);
		assert_true(ready(accepted, POLLIN, LIMIT_MS));
		assert_int_equal(recv(accepted, bytes, sizeof(bytes), 0), 4);
	}
	close(in);
	close(accepted);
	close(server);
	/* One-way UDP stays a new connection to conntrack. */
	server = socket_at(lab.gate, SOCK_DGRAM, GATE6, 1000);
	in = socket_at(lab.client, SOCK_DGRAM, LISTED6, 0);
	for (int i = 0; i < 20; i++) {
		send_udp(in, GATE6, 1000);
		assert_true(ready(server, POLLIN, LIMIT_MS));
		assert_int_equal(recv(server, bytes, sizeof(bytes), 0), 1);
	}
	close(in);
	close(server);
	wait_counted("api", COUNTER_ALLOW, 1);
	wait_counted("dns", COUNTER_ALLOW, 1);
	for (int waited = 0; logged("h:a:dns:friends", false) < 1 && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(logged("h:a:dns:friends", false), 1);
	assert_int_equal(logged("h:a:api:friends", true), 1);
}

static void an_address_taken_off_is_cut_off(void **state)
{
	int server, in, accepted;

	(void)state;
	replace_policy(FRIENDS API "\n");
	server = server_at(lab.gate, GATE6, 443);
	in = must_connect(lab.client, LISTED6, 0, GATE6, 443);
	assert_true(ready(server, POLLIN, LIMIT_MS));
	accepted = accept(server, NULL, NULL);
	replace_policy("list friends " LISTED4 "\n" API "\n");
	assert_int_equal(counted("api", COUNTER_ALLOW), 1); /* counters outlive a change */
	assert_int_equal(send(in, "still there?", 12, 0), 12);
	for (int waited = 0; counted("api", COUNTER_DENY) == 0 && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_true(counted("api", COUNTER_DENY) > 0);
	assert_false(ready(accepted, POLLIN, 0));
	replace_policy(FRIENDS API "\n");
	assert_true(ready(accepted, POLLIN, LIMIT_MS)); /* TCP sends it again */
	close(in);
	close(accepted);
	close(server);
}

/* Each denied packet is a log line, a tally, or over: nothing is lost, and nothing counted twice. */
static void a_flood_is_counted_exactly(void **state)
{
	const int packets = 400;
	struct audit_reading r;
	struct error err;
	uint64_t tallied = 0, over, logs;
	int fd4, fd6;

	(void)state;
	replace_policy(FRIENDS DNS "\nlimits 5 5 3\n");
	logged("", true);
	fd4 = socket_at(lab.client, SOCK_DGRAM, STRANGER4, 0);
	fd6 = socket_at(lab.client, SOCK_DGRAM, STRANGER6, 0);
	for (int i = 0; i < packets; i++) {
		send_udp(fd4, GATE4, (uint16_t)(1000 + i % 5)); /* five keys, of which three fit */
		send_udp(fd6, GATE6, (uint16_t)(1000 + i % 2)); /* two, which fit */
	}
	wait_counted("dns", COUNTER_DENY, 2 * (uint64_t)packets);
	assert_int_equal(kernel_read_counters(lab.k, &lab.policy, &r, &err), 0);
	assert_true(strlen(r.epoch) > 20);
	assert_int_equal(r.denied_count, 5);
	for (size_t i = 0; i < r.denied_count; i++) {
		assert_string_equal(r.denied[i].endpoint, "dns");
		assert_int_equal(r.denied[i].protocol, IPPROTO_UDP);
		assert_true(r.denied[i].port >= 1000 && r.denied[i].port < 1005);
		char text[ADDRESS_TEXT_MAX];
		bool v4 = r.denied[i].source.family == AF_INET;
		assert_string_equal(address_format(&r.denied[i].source, text), v4 ? STRANGER4 : STRANGER6);
		assert_string_equal(address_format(&r.denied[i].destination, text), v4 ? GATE4 : GATE6);
		tallied += r.denied[i].packets;
	}
	audit_reading_free(&r);
	over = counted("dns", COUNTER_OVER);
	assert_true(over > 0 && tallied > 0);
	logs = 2 * (uint64_t)packets - tallied - over;
	assert_true(logs >= 10);
	wait_logged("h:d:dns", logs);
	close(fd4);
	close(fd6);
}

static void ports_are_bounded(void **state)
{
	static const uint16_t ports[] = { 999, 1101, 0x03e8 ^ 0xff00, 1000, 1050, 1100 };
	int fd = socket_at(lab.client, SOCK_DGRAM, STRANGER4, 0), fd6 = socket_at(lab.client, SOCK_DGRAM, STRANGER6, 0);

	(void)state;
	replace_policy(FRIENDS DNS "\n");
	for (size_t i = 0; i < 6; i++) {
		send_udp(fd, GATE4, ports[i]);
		send_udp(fd6, GATE6, ports[i]);
	}
	wait_counted("dns", COUNTER_DENY, 6);
	wait_logged("h:d:dns", 6);
	close(fd);
	close(fd6);
}

static void observing_lets_in_and_tells(void **state)
{
	int server, in;

	(void)state;
	replace_policy(FRIENDS API " observe\n");
	server = server_at(lab.gate, GATE4, 443);
	in = must_connect(lab.client, STRANGER4, 0, GATE4, 443);
	close(in);
	in = must_connect(lab.client, LISTED4, 0, GATE4, 443);
	close(in);
	close(server);
	assert_int_equal(counted("api", COUNTER_ALLOW), 2);
	assert_int_equal(counted("api", COUNTER_DENY), 0);
	wait_logged("h:o:api", 1);
}

static void assert_refused(const char *from, const char *to)
{
	int fd = connecting(lab.client, from, 0, to, 443), udp = socket_at(lab.client, SOCK_DGRAM, from, 0);
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, to, 1000);

	assert_true(ready(fd, POLLOUT, LIMIT_MS));
	assert_int_equal(connect_error(fd), ECONNREFUSED);
	assert_int_equal(connect(udp, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(send(udp, "x", 1, 0), 1);
	assert_true(ready(udp, POLLIN, LIMIT_MS));
	assert_int_equal(connect_error(udp), ECONNREFUSED);
	close(fd);
	close(udp);
}

/* Once logged, and once over the rate. */
static void refusing_answers(void **state)
{
	int server4, server6;

	(void)state;
	server4 = server_at(lab.gate, GATE4, 443);
	server6 = server_at(lab.gate, GATE6, 443);
	replace_policy(FRIENDS API " reject\n" DNS " reject\n");
	assert_refused(STRANGER4, GATE4);
	assert_refused(STRANGER6, GATE6);
	replace_policy(FRIENDS API " reject\n" DNS " reject\nlimits 5 0 1\n");
	for (int i = 0; i < 2; i++) {
		assert_refused(STRANGER4, GATE4);
		assert_refused(STRANGER6, GATE6);
	}
	assert_int_equal(counted("api", COUNTER_DENY), 6);
	close(server4);
	close(server6);
}

/* A packet of `lo` has been through conntrack once when it comes in. */
static void loopback_is_judged_too(void **state)
{
	int server, in, out, udp;

	(void)state;
	replace_policy("list self " GATE6 "\nendpoint api tcp 443 " GATE4 "," GATE6 " self\nendpoint dns udp 1000 " GATE6 " self\n");
	server = server_at(lab.gate, GATE6, 443);
	in = must_connect(lab.gate, GATE6, 0, GATE6, 443);
	assert_int_equal(send(in, "x", 1, 0), 1);
	out = connecting(lab.gate, GATE4, 0, GATE4, 443);
	wait_counted("api", COUNTER_DENY, 1);
	wait_counted("api", COUNTER_ALLOW, 1);
	udp = socket_at(lab.gate, SOCK_DGRAM, GATE6, 0);
	send_udp(udp, GATE6, 1000);
	wait_counted("dns", COUNTER_ALLOW, 1);
	wait_logged("h:a:api:self", 1);
	close(server);
	close(in);
	close(out);
	close(udp);
}

/* The host's own connections go out and come back, also from a port that is an endpoint's. */
static void replies_pass(void **state)
{
	int server, out;

	(void)state;
	replace_policy(FRIENDS API "\n");
	server = server_at(lab.client, STRANGER4, 8080);
	out = must_connect(lab.gate, GATE4, 443, STRANGER4, 8080);
	assert_int_equal(counted("api", COUNTER_DENY) + counted("api", COUNTER_ALLOW), 0);
	close(server);
	close(out);
}

/* What the client dialled is what counts, not where destination NAT sends it. */
static void destination_nat_comes_after(void **state)
{
	int server, in, out;

	(void)state;
	if (!lab_has_nft() || lab_run("nft add table ip away && nft add chain ip away c '{ type nat hook prerouting priority dstnat ; }' "
	                              "&& nft add rule ip away c ip daddr 10.99.0.77 tcp dport 8443 dnat to " GATE4 ":443") != 0)
		skip();
	assert_int_equal(lab_run("ip addr add 10.99.0.77/32 dev hwg"), 0);
	replace_policy(FRIENDS "endpoint web tcp 8443 10.99.0.77 friends\n" API "\n");
	server = server_at(lab.gate, GATE4, 443);
	in = must_connect(lab.client, LISTED4, 0, "10.99.0.77", 8443);
	out = connecting(lab.client, STRANGER4, 0, "10.99.0.77", 8443);
	wait_counted("web", COUNTER_DENY, 1);
	wait_counted("web", COUNTER_ALLOW, 1);
	assert_int_equal(counted("api", COUNTER_DENY) + counted("api", COUNTER_ALLOW), 0);
	assert_int_equal(lab_run("nft delete table ip away"), 0);
	close(server);
	close(in);
	close(out);
}

/* A daemon that starts again goes on counting where the last one stopped. */
static void counters_survive_a_restart(void **state)
{
	int udp = socket_at(lab.client, SOCK_DGRAM, STRANGER4, 0);
	struct kernel_state st;
	struct error err;

	(void)state;
	replace_policy(FRIENDS DNS "\n");
	send_udp(udp, GATE4, 1001);
	wait_counted("dns", COUNTER_DENY, 1);
	assert_int_equal(kernel_state(lab.k, &st, &err), 0);
	if (!st.persistent)
		skip();
	kernel_close(lab.k);
	send_udp(udp, GATE4, 1002); /* still enforced */
	lab.k = open_kernel();
	wait_counted("dns", COUNTER_DENY, 2);
	replace_policy(FRIENDS DNS "\n" API "\n");
	wait_counted("dns", COUNTER_DENY, 2);
	send_udp(udp, GATE4, 1003);
	wait_counted("dns", COUNTER_DENY, 3);
	close(udp);
}

#define packets(test) cmocka_unit_test_setup_teardown(test, start, stop)

static const struct CMUnitTest tests[] = {
	packets(listed_get_in_and_strangers_do_not),
	packets(allowed_connections_are_logged_once),
	packets(an_address_taken_off_is_cut_off),
	packets(a_flood_is_counted_exactly),
	packets(ports_are_bounded),
	packets(observing_lets_in_and_tells),
	packets(refusing_answers),
	packets(loopback_is_judged_too),
	packets(replies_pass),
	packets(destination_nat_comes_after),
	packets(counters_survive_a_restart),
};

int run_packet_tests(void)
{
	return cmocka_run_group_tests_name("packets", tests, lab_up, lab_down);
}
