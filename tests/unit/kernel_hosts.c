#include "kernel_hosts.h"

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
#include <string.h>
#include <unistd.h>

#include "kernel/attrs.h"

#define GROUP 5

struct hosts hosts;

/* The prefixes of what was logged. */
static char prefixes[4096][64];
static size_t prefix_count;

static void make_hosts(void **state)
{
	char command[512];

	assert_int_equal(lab_new(state), 0);
	hosts.gate = open("/proc/self/ns/net", O_RDONLY);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	hosts.client = open("/proc/self/ns/net", O_RDONLY);
	assert_int_equal(setns(hosts.gate, CLONE_NEWNET), 0);
	snprintf(command, sizeof(command), "ip link add hwg type veth peer name hwc && "
	         "ip link set hwc netns /proc/%d/fd/%d && ip addr add " GATE4 "/24 dev hwg && "
	         "ip addr add " GATE6 "/64 dev hwg nodad && ip link set hwg up",
	         getpid(), hosts.client);
	assert_int_equal(lab_run(command), 0);
	assert_int_equal(setns(hosts.client, CLONE_NEWNET), 0);
	assert_int_equal(lab_run("ip link set lo up && ip link set hwc up && ip addr add " LISTED4 "/24 dev hwc && "
	                         "ip addr add " STRANGER4 "/24 dev hwc && ip addr add " LISTED6 "/64 dev hwc nodad && "
	                         "ip addr add " STRANGER6 "/64 dev hwc nodad"), 0);
	assert_int_equal(setns(hosts.gate, CLONE_NEWNET), 0);
}

void replace_policy(const char *lines)
{
	struct kernel_change c;

	policy_free(&hosts.policy);
	hosts.policy = make_policy(lines);
	must_apply(hosts.k, &hosts.policy, &c);
	kernel_change_free(&c);
}

int hosts_up(void **state)
{
	struct error err = { "" };

	make_hosts(state);
	hosts.k = open_kernel();
	prefix_count = 0;
	if (nflog_open(GROUP, 1 << 22, &hosts.nflog, &err) != 0)
		fail_msg("%s", err.text);
	return 0;
}

/* The namespaces go away with the descriptors, once the next test is in another. */
int hosts_down(void **state)
{
	(void)state;
	close(hosts.nflog);
	close(hosts.gate);
	close(hosts.client);
	kernel_close(hosts.k);
	policy_free(&hosts.policy);
	return 0;
}

uint64_t counted(const char *endpoint, enum counter_kind kind)
{
	struct audit_reading r;
	struct error err;
	uint64_t packets = 0;
	bool found = false;

	if (kernel_read_counters(hosts.k, &hosts.policy, &r, &err) != 0)
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

void wait_counted(const char *endpoint, enum counter_kind kind, uint64_t expected)
{
	for (int waited = 0; counted(endpoint, kind) < expected && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(counted(endpoint, kind), expected);
}

socklen_t make_address(struct sockaddr_storage *out, const char *host, uint16_t port)
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

int socket_at(int netns, int type, const char *host, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, host, port);
	int fd, on = 1;

	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
	fd = socket(addr.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, type == SOCK_RAW ? IPPROTO_ICMP : 0);
	assert_int_equal(setns(hosts.gate, CLONE_NEWNET), 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

int server_at(int netns, const char *host, uint16_t port)
{
	int fd = socket_at(netns, SOCK_STREAM, host, port);

	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

int connecting(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	int fd = socket_at(netns, SOCK_STREAM, from, from_port);
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, to, port);

	if (connect(fd, (struct sockaddr *)&addr, len) != 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

bool ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

int connect_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

int must_connect(int netns, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	int fd = connecting(netns, from, from_port, to, port);

	assert_true(ready(fd, POLLOUT, LIMIT_MS));
	assert_int_equal(connect_error(fd), 0);
	return fd;
}

void send_udp(int fd, const char *to, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = make_address(&addr, to, port);

	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&addr, len), 1);
}

static void take_prefix(const struct nlmsghdr *nlh)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return;
	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == NFULA_PREFIX) {
			assert_true(prefix_count < sizeof(prefixes) / sizeof(prefixes[0]));
			snprintf(prefixes[prefix_count++], sizeof(prefixes[0]), "%s", mnl_attr_get_str(attr));
		}
}

size_t logged(const char *prefix)
{
	char bytes[65536];
	size_t found = 0;
	ssize_t n;

	while ((n = recv(hosts.nflog, bytes, sizeof(bytes), 0)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)bytes;
		int left = (int)n;

		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			take_prefix(nlh);
	}
	for (size_t i = 0; i < prefix_count; i++)
		found += strcmp(prefixes[i], prefix) == 0;
	return found;
}

void forget_logged(void)
{
	logged("");
	prefix_count = 0;
}

void wait_logged(const char *prefix, size_t expected)
{
	for (int waited = 0; logged(prefix) < expected && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(logged(prefix), expected);
}
