/* Endpoints: addresses, ports, who is allowed, and that no two hold the same destination. */
#include "test_config.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Endpoints on one line each begin on line 5. */
#define ENDPOINTS OWN_LIST "endpoints:\n"

static void what_an_endpoint_needs(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINTS "  e: {}\n",
		  { "5:3|'address' is missing in an endpoint", "5:3|'port' is missing", "5:3|'allow' is" } },
		{ ENDPOINTS "  e: \n", { "5:5|nothing stands where an endpoint is described|kind, address, port" } },
		{ ENDPOINTS "  9: {address: 10.0.0.1, port: 1, allow: own}\n", { "5:3|'9' is no name" } },
		{ ENDPOINTS "  e: {adress: 10.0.0.1, port: 1, allow: own}\n",
		  { "5:3|'address' is missing", "5:7|unknown key 'adress' in an endpoint|did you mean 'address'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, ports: 1, allow: own}\n",
		  { "5:3|'port' is missing", "5:26|unknown key 'ports'|did you mean 'port'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: own, kind: datbase}\n",
		  { "5:53|'datbase' is not known|kubernetes-api, database|bastion, git, https or other|"
		    "did you mean 'database'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: own, protocol: icmp}\n",
		  { "5:57|tcp, udp or sctp" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: own, mode: enforced}\n",
		  { "5:53|enforce or observe|'enforce'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: own, deny_with: rejct}\n",
		  { "5:58|drop or reject|'reject'?" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void addresses(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINTS "  e: {address: [], port: 1, allow: own}\n",
		  { "5:16|an empty sequence|at least one address or prefix" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1-10.0.0.2, port: 1, allow: own}\n",
		  { "5:16|is no address or prefix" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1/24, port: 1, allow: own}\n", { "5:16|'10.0.0.0/24'|'10.0.0.1'" } },
		{ ENDPOINTS "  e: {address: db.example.org, port: 1, allow: own}\n",
		  { "5:16|'db.example.org' is no address" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1:80, port: 1, allow: own}\n",
		  { "5:16|'10.0.0.1:80' is no address" } },
		{ ENDPOINTS "  e: {address: 0.0.0.0, port: 1, allow: own}\n",
		  { "5:16|no packet is sent to '0.0.0.0'" } },
		{ ENDPOINTS "  e: {address: ['::'], port: 1, allow: own}\n", { "5:17|no packet is sent to '::'" } },
		{ ENDPOINTS "  e: {address: [10.0.0.1, 10.0.0.1], port: 1, allow: own}\n",
		  { "5:27|10.0.0.1/32 is in 10.0.0.1/32 of the same endpoint (line 5) already" } },
		{ ENDPOINTS "  e: {address: ['2001:db8::1', '2001:db8::/32'], port: 1, allow: own}\n",
		  { "5:32|2001:db8::/32 is in 2001:db8::1/128 of the same endpoint" } },
		{ ENDPOINTS "  e: {address: {a: b}, port: 1, allow: own}\n", { "5:16|a mapping stands here" } },
	};
	struct config *c = must_config(ENDPOINTS
		"  e: {address: [10.0.0.1, '2001:db8::/64', 128.0.0.0/1], port: 1, allow: own}\n");
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_int_equal(c->endpoints[0].address_count, 3);
	assert_string_equal(prefix_format(&c->endpoints[0].addresses[0], text), "10.0.0.1/32");
	assert_string_equal(prefix_format(&c->endpoints[0].addresses[1], text), "2001:db8::/64");
	config_free(c);
	assert_all_wrong(table, COUNT(table));
}

static void ports(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 0, allow: own}\n",
		  { "5:32|'0' is no port|from 1 to 65535" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 65536, allow: own}\n", { "5:32|'65536' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: https, allow: own}\n", { "5:32|'https' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 0443, allow: own}\n", { "5:32|'0443' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: '80,443', allow: own}\n", { "5:32|'80,443' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 8010-8000, allow: own}\n",
		  { "5:32|ends before|expected '8000-8010'" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 8000-, allow: own}\n", { "5:32|'8000-' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: -80, allow: own}\n", { "5:32|'-80' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1-2-3, allow: own}\n", { "5:32|'1-2-3' is no port" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: [], allow: own}\n",
		  { "5:32|an empty sequence|a port from 1" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: , allow: own}\n",
		  { "5:32|nothing stands here|a port from 1" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: [80, 443, 80], allow: own}\n",
		  { "5:42|port 80 is named twice" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: [8000-8010, 8010], allow: own}\n",
		  { "5:44|port 8010 is named twice" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: [1-65535, 3, 4-5], allow: own}\n",
		  { "5:42|port 3", "5:45|port 4" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: [a, 1, [2]], allow: own}\n",
		  { "5:33|'a' is no port", "5:39|a sequence" } },
	};
	struct config *c = must_config(ENDPOINTS
		"  e: {address: 10.0.0.1, port: [443, 65535, '8000-8010', 1, 2], allow: own}\n");
	static const struct port_range expected[] = {
		{ 1, 1 }, { 2, 2 }, { 443, 443 }, { 8000, 8010 }, { 65535, 65535 }
	};

	(void)state;
	assert_int_equal(c->endpoints[0].port_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(c->endpoints[0].ports[i].first, expected[i].first);
		assert_int_equal(c->endpoints[0].ports[i].last, expected[i].last);
	}
	config_free(c);
	assert_all_wrong(table, COUNT(table));
}

static void who_is_allowed(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: owm}\n",
		  { "5:42|unknown list 'owm'|did you mean 'own'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: [own, offices]}\n",
		  { "5:48|unknown list 'offices'; expected one that 'lists' describes" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: []}\n",
		  { "5:42|an empty sequence|at least one list" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: }\n",
		  { "5:42|nothing stands here|the name of a list" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: [own, own]}\n",
		  { "5:48|'own' is allowed twice" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: [10.0.0.0/8]}\n",
		  { "5:43|unknown list '10.0.0.0/8'" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: {own: 1}}\n", { "5:42|a mapping stands here" } },
		/* A list that is wrong in itself is not unknown as well. */
		{ V1 "lists: {a: {}}\nendpoints:\n  e: {address: 10.0.0.1, port: 1, allow: a}\n", { "2:9|neither" } },
		{ V1 "endpoints:\n  e: {address: 10.0.0.1, port: 1, allow: a}\n", { "3:42|unknown list 'a'" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: ['@bastian']}\n"
		  "  bastion: {address: 10.0.0.2, port: 1, allow: own}\n",
		  { "5:43|no endpoint or agent has the name 'bastian'|did you mean 'bastion'?" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: ['@d', '@d']}\n"
		  "  d: {address: 10.0.0.2, port: 1, allow: own}\n",
		  { "5:49|'@d' is allowed twice" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: ['@e']}\n", { "5:43|cannot allow itself" } },
		{ ENDPOINTS "  e: {address: 10.0.0.1, port: 1, allow: ['@']}\n", { "5:43|no endpoint or agent has the name ''" } },
	};
	struct config *c = must_config(V1 "endpoints:\n  e: {address: 10.0.0.1, port: 1, allow: [c, a]}\n"
		"lists: {a: {entries: 10.0.0.1}, b: {entries: 10.0.0.1}, c: {entries: 10.0.0.1}}\n");

	(void)state;
	assert_int_equal(c->endpoints[0].list_count, 2);
	assert_string_equal(c->lists[c->endpoints[0].lists[0]].name, "c");
	assert_string_equal(c->lists[c->endpoints[0].lists[1]].name, "a");
	config_free(c);
	/* Named before `lists` is read, and from two endpoints: one list, with the addresses in it, behind the others. */
	c = must_config(V1 "endpoints:\n  e: {address: 10.0.0.1, port: 1, allow: [a, '@b']}\n"
		"  b: {address: [10.0.0.9, '2001:db8::/64'], port: 2, allow: a}\n"
		"  f: {address: 10.0.0.2, port: 1, allow: '@b'}\nlists: {a: {entries: 10.0.0.1}}\n");
	assert_int_equal(c->list_count, 2);
	assert_int_equal(c->endpoints[0].lists[1], 1);
	assert_int_equal(c->endpoints[2].lists[0], 1);
	assert_string_equal(c->lists[1].name, "@b");
	assert_int_equal(c->lists[1].line, 3);
	assert_int_equal(prefix_set_count(&c->lists[1].entries), 2);
	config_free(c);
	assert_all_wrong(table, COUNT(table));
}

#define STORE V1 "lists: {l: {origins: {o: {builtin: humanitec}}}, own: {entries: 10.0.0.9}}\n" \
	"endpoints: {v: {kind: secret-store, address: 10.0.0.1, port: 1, allow: "

static void secret_stores(void **state)
{
	static const struct wrong table[] = {
		{ V1 "secrets: {mode: owned, orchestrator_write: no}\n",
		  { "2:17|'owned' is not known|hosted or own", "2:24|unknown key|'orchestrator_writes'?" } },
		{ V1 "secrets: {orchestrator_writes: no}\n",
		  { "2:10|'mode' is missing in the secrets", "2:32|'no' is neither true nor false" } },
		{ V1 "secrets: {mode: hosted, orchestrator_writes: true}\n", { "2:46|mode: hosted|set mode: own" } },
		{ STORE "[own, l]}}\nsecrets: {mode: own}\n",
		  { "3:78|list 'l' has origins|'secrets' (line 4, mode: own)|secret store 'v'|orchestrator_writes: true" } },
		{ STORE "l}}\nsecrets: {mode: own, orchestrator_writes: false}\n", { "3:72|list 'l' has origins" } },
		/* The kind may come from the preset, and the section may stand in front. */
		{ V1 "secrets: {mode: own}\nlists: {l: {origins: {o: {builtin: humanitec}}}}\n"
		  "endpoints: {v: {preset: hashicorp-vault, address: 10.0.0.1, allow: [l]}}\n", { "4:69|list 'l' has" } },
		{ OWN_LIST "endpoints: {v: {preset: hashicorp-valt, address: 10.0.0.1, allow: own}}\n",
		  { "4:25|no preset of an endpoint 'hashicorp-valt'|did you mean 'hashicorp-vault'?" } },
	};
	static const char *const right[] = {
		STORE "own}}\nsecrets: {mode: own}\n",
		STORE "l}}\nsecrets: {mode: own, orchestrator_writes: true}\n",
		STORE "l}}\nsecrets: {mode: hosted}\n",
		STORE "l}}\n",
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
	for (size_t i = 0; i < COUNT(right); i++)
		config_free(must_config(right[i]));
}

static void presets(void **state)
{
	struct config *c = must_config(OWN_LIST "endpoints:\n"
		"  a: {preset: aws-secrets-manager, address: 10.0.0.1, allow: own}\n"
		"  b: {preset: azure-key-vault, address: 10.0.0.2, allow: own}\n"
		"  c: {preset: google-secret-manager, address: 10.0.0.3, allow: own}\n"
		"  d: {preset: hashicorp-vault, address: 10.0.0.4, allow: own, kind: other, port: 8200-8201}\n");
	static const struct {
		const char *kind;
		uint16_t first, last;
	} expected[] = { { "secret-store", 443, 443 }, { "secret-store", 443, 443 }, { "secret-store", 443, 443 },
	                 { "other", 8200, 8201 } };

	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_string_equal(c->endpoints[i].kind, expected[i].kind);
		assert_int_equal(c->endpoints[i].port_count, 1);
		assert_int_equal(c->endpoints[i].ports[0].first, expected[i].first);
		assert_int_equal(c->endpoints[i].ports[0].last, expected[i].last);
	}
	config_free(c);
}

static void overlaps(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINTS "  a: {address: 10.0.0.1, port: 443, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 443, allow: own}\n",
		  { "6:16|'b' (line 6) and 'a' (line 5) overlap: 10.0.0.1/32 and 10.0.0.1/32|tcp port 443" } },
		{ ENDPOINTS "  a: {address: 10.0.0.0/24, port: 443, allow: own}\n"
		  "  b: {address: 10.0.0.255, port: 443, allow: own}\n",
		  { "6:16|10.0.0.255/32 and 10.0.0.0/24" } },
		/* The wider one comes later. */
		{ ENDPOINTS "  a: {address: 10.0.0.1, port: 443, allow: own}\n"
		  "  b: {address: 0.0.0.0/0, port: 443, allow: own}\n",
		  { "6:16|'b' (line 6) and 'a' (line 5) overlap: 0.0.0.0/0 and 10.0.0.1/32" } },
		{ ENDPOINTS "  a: {address: '2001:db8::/32', port: 1-100, allow: own}\n"
		  "  b: {address: [10.0.0.1, '2001:db8:ffff::/48'], port: [200, 100-101], allow: own}\n",
		  { "6:27|2001:db8:ffff::/48 and 2001:db8::/32, both with tcp port 100" } },
		{ ENDPOINTS "  a: {address: 10.0.0.1, port: [53, 500], protocol: udp, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 400-600, protocol: udp, allow: own}\n",
		  { "6:16|both with udp port 500" } },
		{ ENDPOINTS "  a: {address: 10.0.0.1, port: 9, protocol: sctp, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 9, protocol: sctp, allow: own}\n", { "6:16|both with sctp port 9" } },
		/* Nested three deep: the outermost and the innermost overlap, the one between has another port. */
		{ ENDPOINTS "  a: {address: 10.0.0.0/8, port: 1, allow: own}\n"
		  "  b: {address: 10.1.0.0/16, port: 2, allow: own}\n"
		  "  c: {address: 10.1.1.0/24, port: 1, allow: own}\n", { "7:16|'c' (line 7) and 'a' (line 5)" } },
		/* A sibling in between does not hide what holds both. */
		{ ENDPOINTS "  a: {address: 10.0.0.0/8, port: 1, allow: own}\n"
		  "  b: {address: 10.1.0.0/16, port: 2, allow: own}\n"
		  "  c: {address: 10.2.0.0/16, port: 1, allow: own}\n", { "7:16|'c' (line 7) and 'a' (line 5)" } },
		{ ENDPOINTS "  a: {address: 10.0.0.1, port: 1, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 1, allow: own}\n"
		  "  c: {address: 10.0.0.1, port: 1, allow: own}\n",
		  { "6:16|'b' (line 6) and 'a'", "7:16|'c' (line 7) and" } },
		/* One complaint about an endpoint is enough, however many addresses are the same. */
		{ ENDPOINTS "  a: {address: [10.0.0.1, 10.0.0.2], port: 1, allow: own}\n"
		  "  b: {address: [10.0.0.1, 10.0.0.2], port: 1, allow: own}\n", { "6:17|overlap" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void what_only_looks_like_an_overlap(void **state)
{
	static const char *const good[] = {
		ENDPOINTS "  a: {address: 10.0.0.1, port: 443, allow: own}\n"
		  "  b: {address: 10.0.0.2, port: 443, allow: own}\n",
		ENDPOINTS "  a: {address: 10.0.0.1, port: 443, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 444, allow: own}\n",
		ENDPOINTS "  a: {address: 10.0.0.1, port: 1-442, allow: own}\n"
		  "  b: {address: 10.0.0.1, port: 443, allow: own}\n",
		ENDPOINTS "  a: {address: 10.0.0.1, port: 53, protocol: tcp, allow: own}\n"
		"  b: {address: 10.0.0.1, port: 53, protocol: udp, allow: own}\n",
		ENDPOINTS "  a: {address: 10.0.0.0/25, port: 1, allow: own}\n"
		  "  b: {address: 10.0.0.128/25, port: 1, allow: own}\n",
		ENDPOINTS "  a: {address: 0.0.0.0/0, port: 1, allow: own}\n"
		  "  b: {address: '::/0', port: 1, allow: own}\n",
		ENDPOINTS "  a: {address: 10.0.0.1, port: 1, allow: own}\n"
		  "  b: {address: 'a00:1::', port: 1, allow: own}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *c = must_config(good[i]);

		assert_int_equal(c->endpoint_count, 2);
		config_free(c);
	}
}

struct drawn {
	unsigned first, length, port, last_port;
	bool udp;
};

static unsigned draw(unsigned *state, unsigned below)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 16) % below;
}

static struct drawn draw_endpoint(unsigned *state)
{
	struct drawn d = { .length = 24 + draw(state, 9), .port = 1 + draw(state, 8), .udp = draw(state, 2) };

	d.first = draw(state, 256) & (0xffu << (32 - d.length)) & 0xff;
	d.last_port = d.port + draw(state, 3);
	return d;
}

static bool both_hold_something(const struct drawn *a, const struct drawn *b)
{
	unsigned last_a = a->first + (1u << (32 - a->length)) - 1, last_b = b->first + (1u << (32 - b->length)) - 1;

	return a->udp == b->udp && a->first <= last_b && b->first <= last_a && a->port <= b->last_port &&
	       b->port <= a->last_port;
}

/* Which endpoints overlap an earlier one, worked out pair by pair, is what is told. */
static void overlaps_by_comparing_all_pairs(void **state)
{
	unsigned seed = 20261124, clean = 0;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct buffer text = BUFFER_INIT;
		struct drawn all[5];
		struct wrong w = { .text = NULL };
		char places[COUNT(all)][16];
		size_t errors = 0;

		buffer_printf(&text, ENDPOINTS);
		for (unsigned i = 0; i < COUNT(all); i++) {
			bool overlap = false;

			all[i] = draw_endpoint(&seed);
			buffer_printf(&text, "  e%u: {address: 10.0.0.%u/%u, port: %u-%u, protocol: %s, allow: own}\n",
			              i, all[i].first, all[i].length, all[i].port, all[i].last_port,
			              all[i].udp ? "udp" : "tcp");
			for (unsigned j = 0; j < i; j++)
				overlap |= both_hold_something(&all[i], &all[j]);
			snprintf(places[i], sizeof(places[i]), "%u:17|overlap", 5 + i);
			if (overlap)
				w.errors[errors++] = places[i];
		}
		w.text = buffer_str(&text);
		if (errors > 0)
			assert_wrong(&w);
		else
			config_free(must_config(w.text));
		clean += errors == 0;
		buffer_free(&text);
	}
	assert_in_range(clean, 50, 450);
}

static void an_endpoint_in_full(void **state)
{
	struct config *c = must_config(ENDPOINTS
		"  a: {address: 10.0.0.1, port: 53, allow: [own]}\n"
		"  b: {kind: kubernetes-api, address: 10.0.0.1, port: 53, protocol: udp, allow: own, mode: observe,\n"
		"      deny_with: reject, reason: names, owner: net team}\n"
		"  c: {kind: secret-store, address: 10.0.0.1, port: 53, protocol: sctp, allow: own}\n");

	(void)state;
	assert_int_equal(c->endpoint_count, 3);
	assert_string_equal(c->endpoints[0].name, "a");
	assert_string_equal(c->endpoints[0].kind, "other");
	assert_int_equal(c->endpoints[0].protocol, IPPROTO_TCP);
	assert_int_equal(c->endpoints[0].mode, MODE_ENFORCE);
	assert_int_equal(c->endpoints[0].deny_with, DENY_DROP);
	assert_string_equal(c->endpoints[0].reason, "");
	assert_string_equal(c->endpoints[0].owner, "");
	assert_string_equal(c->endpoints[1].kind, "kubernetes-api");
	assert_int_equal(c->endpoints[1].protocol, IPPROTO_UDP);
	assert_int_equal(c->endpoints[1].mode, MODE_OBSERVE);
	assert_int_equal(c->endpoints[1].deny_with, DENY_REJECT);
	assert_string_equal(c->endpoints[1].reason, "names");
	assert_string_equal(c->endpoints[1].owner, "net team");
	assert_int_equal(c->endpoints[2].protocol, IPPROTO_SCTP);
	config_free(c);
}

int test_config_endpoints(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_endpoint_needs),
		cmocka_unit_test(addresses),
		cmocka_unit_test(ports),
		cmocka_unit_test(who_is_allowed),
		cmocka_unit_test(secret_stores),
		cmocka_unit_test(presets),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(what_only_looks_like_an_overlap),
		cmocka_unit_test(overlaps_by_comparing_all_pairs),
		cmocka_unit_test(an_endpoint_in_full),
	};

	return cmocka_run_group_tests_name("config: endpoints", tests, NULL, NULL);
}
