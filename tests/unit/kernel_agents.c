/* What an agent may send, on real packets: one on another host, and one on this host. */
#include "kernel_hosts.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The agent is the client's LISTED addresses; the end of its tunnel is on the gate. */
#define AGENT "agent a " LISTED4 "," LISTED6 " " GATE4 "," GATE6 " 22 "
#define DB "endpoint db tcp 5432 " GATE4 "," GATE6 " -\n"
#define WEB "endpoint web tcp 443 " GATE4 "," GATE6 " -\n"

static const struct {
	const char *gate, *agent, *other;
} families[] = { { GATE4, LISTED4, STRANGER4 }, { GATE6, LISTED6, STRANGER6 } };

/* A connection that the other side never hears of. */
static void must_drop(int netns, const char *from, const char *to, uint16_t port, const char *who, uint64_t denied)
{
	int fd = connecting(netns, from, 0, to, port);

	wait_counted(who, COUNTER_DENY, denied);
	assert_false(ready(fd, POLLOUT, 0));
	close(fd);
}

static void only_the_tunnel_and_what_it_may_reach(void **state)
{
	(void)state;
	replace_policy(DB WEB AGENT "db\n");
	for (uint64_t i = 0; i < 2; i++) {
		int tunnel = server_at(hosts.gate, families[i].gate, 22), db = server_at(hosts.gate, families[i].gate, 5432);
		int web = server_at(hosts.gate, families[i].gate, 443), other = server_at(hosts.gate, families[i].gate, 80);

		close(must_connect(hosts.client, families[i].agent, 0, families[i].gate, 22));
		close(must_connect(hosts.client, families[i].agent, 0, families[i].gate, 5432));
		wait_counted("a", COUNTER_ALLOW, i + 1);
		wait_counted("db", COUNTER_ALLOW, i + 1);
		/* An endpoint that it may not reach, and what is no endpoint at all. */
		must_drop(hosts.client, families[i].agent, families[i].gate, 443, "a", 2 * i + 1);
		must_drop(hosts.client, families[i].agent, families[i].gate, 80, "a", 2 * i + 2);
		assert_int_equal(counted("web", COUNTER_DENY), i);
		/* Whoever is no agent is judged by endpoints alone. */
		close(must_connect(hosts.client, families[i].other, 0, families[i].gate, 80));
		must_drop(hosts.client, families[i].other, families[i].gate, 443, "web", i + 1);
		close(tunnel);
		close(db);
		close(web);
		close(other);
	}
	wait_logged("h:a:a:tunnel:a", 2);
	wait_logged("h:e:a", 4);
	wait_logged("h:a:db:@a", 2);
}

/* Whoever connects to the agent gets its answers. */
static void replies_of_an_agent_pass(void **state)
{
	int server, in, accepted;
	char byte;

	(void)state;
	replace_policy(AGENT "-\n");
	for (size_t i = 0; i < 2; i++) {
		server = server_at(hosts.client, families[i].agent, 8080);
		in = must_connect(hosts.gate, families[i].gate, 0, families[i].agent, 8080);
		assert_true(ready(server, POLLIN, LIMIT_MS));
		accepted = accept(server, NULL, NULL);
		assert_int_equal(send(accepted, "x", 1, 0), 1);
		assert_true(ready(in, POLLIN, LIMIT_MS));
		assert_int_equal(recv(in, &byte, 1, 0), 1);
		close(server);
		close(in);
		close(accepted);
	}
	assert_int_equal(counted("a", COUNTER_DENY) + counted("a", COUNTER_ALLOW), 0);
}

/* The agent on this host: what it sends goes through output, and by loopback is judged once. */
static void an_agent_on_this_host(void **state)
{
	static const char policy[] = "list none\n" DB "agent a " GATE4 "," GATE6 " " STRANGER4 "," STRANGER6 " 22 db\n";

	(void)state;
	replace_policy(policy);
	for (uint64_t i = 0; i < 2; i++) {
		int tunnel = server_at(hosts.client, families[i].other, 22), other = server_at(hosts.client, families[i].other, 23);
		int db = server_at(hosts.gate, families[i].gate, 5432), local = server_at(hosts.gate, families[i].gate, 8080);

		close(must_connect(hosts.gate, families[i].gate, 0, families[i].other, 22));
		wait_counted("a", COUNTER_ALLOW, i + 1);
		must_drop(hosts.gate, families[i].gate, families[i].other, 23, "a", i + 1);
		/* To itself is no egress; an endpoint there judges all the same, and once. */
		close(must_connect(hosts.gate, families[i].gate, 0, families[i].gate, 8080));
		close(must_connect(hosts.gate, families[i].gate, 0, families[i].gate, 5432));
		wait_counted("db", COUNTER_ALLOW, i + 1);
		close(tunnel);
		close(other);
		close(db);
		close(local);
	}
	wait_logged("h:a:db:@a", 2);
	assert_int_equal(counted("a", COUNTER_ALLOW), 2);
	/* Without the permission, its own endpoint is closed to it like to everybody. */
	replace_policy(DB "agent a " GATE4 "," GATE6 " " STRANGER4 " 22 -\n");
	for (uint64_t i = 0; i < 2; i++) {
		int db = server_at(hosts.gate, families[i].gate, 5432);

		must_drop(hosts.gate, families[i].gate, families[i].gate, 5432, "db", i + 1);
		close(db);
	}
}

static void loopback_of_an_agent_on_this_host(void **state)
{
	int server4, server6;

	(void)state;
	replace_policy("agent a " GATE4 "," GATE6 " " STRANGER4 " 22 -\n");
	server4 = server_at(hosts.gate, "127.0.0.1", 8080);
	server6 = server_at(hosts.gate, "::1", 8080);
	close(must_connect(hosts.gate, "127.0.0.1", 0, "127.0.0.1", 8080));
	close(must_connect(hosts.gate, "::1", 0, "::1", 8080));
	close(server4);
	close(server6);
	assert_int_equal(counted("a", COUNTER_DENY) + counted("a", COUNTER_ALLOW), 0);
}

static void observing_an_agent(void **state)
{
	int web, other;

	(void)state;
	replace_policy(WEB AGENT "- observe\n");
	web = server_at(hosts.gate, GATE4, 443);
	other = server_at(hosts.gate, GATE6, 80);
	close(must_connect(hosts.client, LISTED6, 0, GATE6, 80));
	wait_counted("a", COUNTER_ALLOW, 1);
	/* What the agent's policy only tells, the endpoint's still denies. */
	must_drop(hosts.client, LISTED4, GATE4, 443, "web", 1);
	wait_counted("a", COUNTER_ALLOW, 2);
	wait_logged("h:o:a", 2);
	assert_int_equal(counted("a", COUNTER_DENY), 0);
	close(web);
	close(other);
}

static void refusing_an_agent(void **state)
{
	int fd;

	(void)state;
	replace_policy("agent a " LISTED4 "," LISTED6 "," GATE4 " " STRANGER4 " 22 - reject\n");
	for (size_t i = 0; i < 2; i++) {
		fd = connecting(hosts.client, families[i].agent, 0, families[i].gate, 80);
		assert_true(ready(fd, POLLOUT, LIMIT_MS));
		assert_int_equal(connect_error(fd), ECONNREFUSED);
		close(fd);
	}
	fd = connecting(hosts.gate, GATE4, 0, STRANGER4, 80);
	assert_true(ready(fd, POLLOUT, LIMIT_MS));
	assert_int_equal(connect_error(fd), ECONNREFUSED);
	close(fd);
	wait_counted("a", COUNTER_DENY, 3);
}

static void resolvers_are_asked_at_their_port(void **state)
{
	int udp, dns;
	char byte;

	(void)state;
	replace_policy(AGENT "- resolvers " GATE4 "," GATE6 "\n");
	for (uint64_t i = 0; i < 2; i++) {
		dns = socket_at(hosts.gate, SOCK_DGRAM, families[i].gate, 53);
		udp = socket_at(hosts.client, SOCK_DGRAM, families[i].agent, 0);
		send_udp(udp, families[i].gate, 53);
		assert_true(ready(dns, POLLIN, LIMIT_MS));
		assert_int_equal(recv(dns, &byte, 1, 0), 1);
		send_udp(udp, families[i].gate, 54);
		wait_counted("a", COUNTER_DENY, i + 1);
		close(udp);
		close(dns);
		dns = server_at(hosts.gate, families[i].gate, 53);
		close(must_connect(hosts.client, families[i].agent, 0, families[i].gate, 53));
		close(dns);
	}
	wait_counted("a", COUNTER_ALLOW, 4);
	wait_logged("h:a:a:resolvers:a", 4);
}

/* ICMP has no ports, and is counted exactly all the same. */
static void other_protocols_are_counted_too(void **state)
{
	struct audit_reading r;
	struct error err;
	uint64_t tallied = 0;
	int raw;

	(void)state;
	replace_policy(AGENT "-\nlimits 5 0 16\n");
	raw = socket_at(hosts.client, SOCK_RAW, LISTED4, 0);
	for (int i = 0; i < 40; i++) {
		struct sockaddr_storage to;
		uint8_t echo[12] = { 8, 0, 0, 0, 0, 1, 0, (uint8_t)i };
		uint32_t sum = 0x0800 + 1 + (uint32_t)i;

		echo[2] = (uint8_t)(~sum >> 8);
		echo[3] = (uint8_t)~sum;
		assert_int_equal(sendto(raw, echo, sizeof(echo), 0, (void *)&to, make_address(&to, GATE4, 0)), sizeof(echo));
	}
	wait_counted("a", COUNTER_DENY, 40);
	assert_int_equal(kernel_read_counters(hosts.k, &hosts.policy, &r, &err), 0);
	assert_int_equal(r.denied_count, 1);
	assert_string_equal(r.denied[0].endpoint, "a");
	assert_int_equal(r.denied[0].protocol, IPPROTO_ICMP);
	assert_int_equal(r.denied[0].port, 0);
	tallied = r.denied[0].packets;
	audit_reading_free(&r);
	assert_int_equal(tallied, 40);
	assert_int_equal(counted("a", COUNTER_OVER), 0);
	close(raw);
}

/* An agent's address is resolved, and resolves others, on a link that speaks IPv6; nothing else of ICMPv6 passes. */
static void neighbours_are_found(void **state)
{
	int tunnel;

	(void)state;
	replace_policy(AGENT "-\n");
	tunnel = server_at(hosts.gate, GATE6, 22);
	assert_int_equal(lab_run("ip neigh flush dev hwg"), 0);
	close(must_connect(hosts.client, LISTED6, 0, GATE6, 22));
	assert_int_equal(counted("a", COUNTER_DENY), 0);
	replace_policy("agent a " GATE6 " " STRANGER6 " 22 -\n");
	close(tunnel);
	tunnel = server_at(hosts.client, STRANGER6, 22);
	assert_int_equal(lab_run("ip neigh flush dev hwg"), 0);
	close(must_connect(hosts.gate, GATE6, 0, STRANGER6, 22));
	assert_int_equal(counted("a", COUNTER_DENY), 0);
	close(tunnel);
	/* A neighbour that is known is asked by itself, not by the link, whether it is still there. */
	assert_int_equal(lab_run("ip neigh change " STRANGER6 " dev hwg nud probe"), 0);
	for (int waited = 0; lab_run("ip neigh show " STRANGER6 " dev hwg | grep -q REACHABLE") != 0; waited += 20) {
		assert_true(waited < LIMIT_MS);
		poll(NULL, 0, 20);
	}
	assert_int_equal(counted("a", COUNTER_DENY), 0);
}

static size_t seen_count(int64_t within_ms)
{
	struct kernel_seen *seen = NULL;
	size_t count, young = 0;
	struct error err;

	if (kernel_read_seen(hosts.k, &seen, &count, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++)
		young += seen[i].age_ms <= within_ms;
	free(seen);
	return young;
}

/* A tunnel is up when its end has answered; a SYN alone is none. */
static void the_kernel_remembers_when_a_tunnel_was_up(void **state)
{
	struct kernel_seen *seen;
	char text[ADDRESS_TEXT_MAX];
	struct error err;
	size_t count;
	int tunnel, in, out;

	(void)state;
	replace_policy(AGENT "-\n");
	out = connecting(hosts.client, LISTED4, 0, GATE4, 22); /* nobody listens: a reset, and no connection */
	assert_true(ready(out, POLLOUT, LIMIT_MS));
	close(out);
	assert_int_equal(seen_count(LIMIT_MS), 0);
	tunnel = server_at(hosts.gate, GATE6, 22);
	in = must_connect(hosts.client, LISTED6, 0, GATE6, 22);
	for (int waited = 0; seen_count(LIMIT_MS) == 0 && waited < LIMIT_MS; waited += 5)
		poll(NULL, 0, 5);
	assert_int_equal(kernel_read_seen(hosts.k, &seen, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(address_format(&seen[0].agent, text), LISTED6);
	assert_string_equal(address_format(&seen[0].tunnel, text), GATE6);
	free(seen);
	close(in);
	close(tunnel);
}

/* Nothing can be recorded, and the configuration wants nothing then: what is open goes on, nothing new begins. */
static void a_closed_policy_opens_no_tunnel(void **state)
{
	struct kernel_change c;
	int tunnel, in, accepted;
	char byte;

	(void)state;
	replace_policy(AGENT "-\n");
	tunnel = server_at(hosts.gate, GATE4, 22);
	in = must_connect(hosts.client, LISTED4, 0, GATE4, 22);
	assert_true(ready(tunnel, POLLIN, LIMIT_MS));
	accepted = accept(tunnel, NULL, NULL);
	hosts.policy.closed = true;
	must_apply(hosts.k, &hosts.policy, &c);
	kernel_change_free(&c);
	must_drop(hosts.client, LISTED4, GATE4, 22, "a", 1);
	assert_int_equal(send(in, "x", 1, 0), 1);
	assert_true(ready(accepted, POLLIN, LIMIT_MS));
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	hosts.policy.closed = false;
	must_apply(hosts.k, &hosts.policy, &c);
	kernel_change_free(&c);
	close(must_connect(hosts.client, LISTED4, 0, GATE4, 22));
	close(accepted);
	close(in);
	close(tunnel);
}

#define packets(test) cmocka_unit_test_setup_teardown(test, hosts_up, hosts_down)

static const struct CMUnitTest tests[] = {
	packets(only_the_tunnel_and_what_it_may_reach),
	packets(replies_of_an_agent_pass),
	packets(an_agent_on_this_host),
	packets(loopback_of_an_agent_on_this_host),
	packets(observing_an_agent),
	packets(refusing_an_agent),
	packets(resolvers_are_asked_at_their_port),
	packets(other_protocols_are_counted_too),
	packets(neighbours_are_found),
	packets(the_kernel_remembers_when_a_tunnel_was_up),
	packets(a_closed_policy_opens_no_tunnel),
};

int run_agent_tests(void)
{
	return cmocka_run_group_tests_name("agents", tests, NULL, NULL);
}
