/* Real packets, judged, counted and logged. */
#include "kernel_hosts.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FRIENDS "list friends " LISTED4 " " LISTED6 "\n"
#define API "endpoint api tcp 443 " GATE4 "," GATE6 " friends"
#define DNS "endpoint dns udp 1000-1100 " GATE4 "," GATE6 " friends"

static void check_listed_and_strangers(void)
{
	static const struct {
		const char *gate, *listed, *stranger;
	} families[] = { { GATE4, LISTED4, STRANGER4 }, { GATE6, LISTED6, STRANGER6 } };

	for (uint64_t i = 0; i < 2; i++) {
		int server = server_at(hosts.gate, families[i].gate, 443);
		int other = server_at(hosts.gate, families[i].gate, 444);
		int in = must_connect(hosts.client, families[i].listed, 0, families[i].gate, 443);
		int out = connecting(hosts.client, families[i].stranger, 0, families[i].gate, 443);
		int past = must_connect(hosts.client, families[i].stranger, 0, families[i].gate, 444);

		wait_counted("api", COUNTER_DENY, i + 1);
		assert_false(ready(out, POLLOUT, 0));
		assert_int_equal(counted("api", COUNTER_ALLOW), i + 1);
		assert_int_equal(counted("api", COUNTER_OVER), 0);
		wait_logged("h:d:api", i + 1);
		close(server);
		close(other);
		close(in);
		close(out);
		close(past);
	}
}

static void listed_get_in_and_strangers_do_not(void **state)
{
	(void)state;
	replace_policy(FRIENDS API "\n");
	check_listed_and_strangers();
}

static void check_replies(void)
{
	int server = server_at(hosts.client, STRANGER4, 8080);
	int out = must_connect(hosts.gate, GATE4, 443, STRANGER4, 8080);

	assert_int_equal(counted("api", COUNTER_DENY) + counted("api", COUNTER_ALLOW), 0);
	close(server);
	close(out);
}

/* More addresses than are looked up one by one: of one family, and of both. */
static void endpoints_of_many_addresses(void **state)
{
	(void)state;
	replace_policy(FRIENDS "endpoint api tcp 443 10.96.0.0/12," GATE6 " friends\n");
	check_replies();
	check_listed_and_strangers();
	replace_policy("list friends\n");
	replace_policy(FRIENDS "endpoint api tcp 443 10.96.0.0/12,fd99::/64 friends\n");
	forget_logged();
	check_replies();
	check_listed_and_strangers();
}

static void allowed_connections_are_logged_once(void **state)
{
	int server, in, accepted;
	char bytes[64];

	(void)state;
	replace_policy(FRIENDS API "\n" DNS "\n");
	server = server_at(hosts.gate, GATE4, 443);
	in = must_connect(hosts.client, LISTED4, 0, GATE4, 443);
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
	server = socket_at(hosts.gate, SOCK_DGRAM, GATE6, 1000);
	in = socket_at(hosts.client, SOCK_DGRAM, LISTED6, 0);
	for (int i = 0; i < 20; i++) {
		send_udp(in, GATE6, 1000);
		assert_true(ready(server, POLLIN, LIMIT_MS));
		assert_int_equal(recv(server, bytes, sizeof(bytes), 0), 1);
	}
	close(in);
	close(server);
	wait_counted("api", COUNTER_ALLOW, 1);
	wait_counted("dns", COUNTER_ALLOW, 1);
	wait_logged("h:a:dns:friends", 1);
	wait_logged("h:a:api:friends", 1);
}

static void an_address_taken_off_is_cut_off(void **state)
{
	int server, in, accepted;

	(void)state;
	replace_policy(FRIENDS API "\n");
	server = server_at(hosts.gate, GATE6, 443);
	in = must_connect(hosts.client, LISTED6, 0, GATE6, 443);
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
	forget_logged();
	fd4 = socket_at(hosts.client, SOCK_DGRAM, STRANGER4, 0);
	fd6 = socket_at(hosts.client, SOCK_DGRAM, STRANGER6, 0);
	for (int i = 0; i < packets; i++) {
		send_udp(fd4, GATE4, (uint16_t)(1000 + i % 5)); /* five keys, of which three fit */
		send_udp(fd6, GATE6, (uint16_t)(1000 + i % 2)); /* two, which fit */
	}
	wait_counted("dns", COUNTER_DENY, 2 * (uint64_t)packets);
	assert_int_equal(kernel_read_counters(hosts.k, &hosts.policy, &r, &err), 0);
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
	int fd = socket_at(hosts.client, SOCK_DGRAM, STRANGER4, 0);
	int fd6 = socket_at(hosts.client, SOCK_DGRAM, STRANGER6, 0);

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
	server = server_at(hosts.gate, GATE4, 443);
	in = must_connect(hosts.client, STRANGER4, 0, GATE4, 443);
	close(in);
	in = must_connect(hosts.client, LISTED4, 0, GATE4, 443);
	close(in);
	close(server);
	assert_int_equal(counted("api", COUNTER_ALLOW), 2);
	assert_int_equal(counted("api", COUNTER_DENY), 0);
	wait_logged("h:o:api", 1);
}

static void assert_refused(const char *from, const char *to)
{
	int fd = connecting(hosts.client, from, 0, to, 443), udp = socket_at(hosts.client, SOCK_DGRAM, from, 0);
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
	server4 = server_at(hosts.gate, GATE4, 443);
	server6 = server_at(hosts.gate, GATE6, 443);
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
	replace_policy("list self " GATE6 "\nendpoint api tcp 443 " GATE4 "," GATE6 " self\n"
	               "endpoint dns udp 1000 " GATE6 " self\n");
	server = server_at(hosts.gate, GATE6, 443);
	in = must_connect(hosts.gate, GATE6, 0, GATE6, 443);
	assert_int_equal(send(in, "x", 1, 0), 1);
	out = connecting(hosts.gate, GATE4, 0, GATE4, 443);
	wait_counted("api", COUNTER_DENY, 1);
	wait_counted("api", COUNTER_ALLOW, 1);
	udp = socket_at(hosts.gate, SOCK_DGRAM, GATE6, 0);
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
	(void)state;
	replace_policy(FRIENDS API "\n");
	check_replies();
}

/* What the client dialled is what counts, not where destination NAT sends it. */
static void destination_nat_comes_after(void **state)
{
	int server, in, out;

	(void)state;
	if (!lab_has_nft() ||
	    lab_run("nft add table ip away && "
	            "nft add chain ip away c '{ type nat hook prerouting priority dstnat ; }' && "
	            "nft add rule ip away c ip daddr 10.99.0.77 tcp dport 8443 dnat to " GATE4 ":443") != 0)
		skip();
	assert_int_equal(lab_run("ip addr add 10.99.0.77/32 dev hwg"), 0);
	replace_policy(FRIENDS "endpoint web tcp 8443 10.99.0.77 friends\n" API "\n");
	server = server_at(hosts.gate, GATE4, 443);
	in = must_connect(hosts.client, LISTED4, 0, "10.99.0.77", 8443);
	out = connecting(hosts.client, STRANGER4, 0, "10.99.0.77", 8443);
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
	int udp = socket_at(hosts.client, SOCK_DGRAM, STRANGER4, 0);
	struct kernel_state st;
	struct error err;

	(void)state;
	replace_policy(FRIENDS DNS "\n");
	send_udp(udp, GATE4, 1001);
	wait_counted("dns", COUNTER_DENY, 1);
	assert_int_equal(kernel_state(hosts.k, &st, &err), 0);
	if (!st.persistent)
		skip();
	kernel_close(hosts.k);
	send_udp(udp, GATE4, 1002); /* still enforced */
	hosts.k = open_kernel();
	wait_counted("dns", COUNTER_DENY, 2);
	replace_policy(FRIENDS DNS "\n" API "\n");
	wait_counted("dns", COUNTER_DENY, 2);
	send_udp(udp, GATE4, 1003);
	wait_counted("dns", COUNTER_DENY, 3);
	close(udp);
}

#define packets(test) cmocka_unit_test_setup_teardown(test, hosts_up, hosts_down)

static const struct CMUnitTest tests[] = {
	packets(listed_get_in_and_strangers_do_not),
	packets(endpoints_of_many_addresses),
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
	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
