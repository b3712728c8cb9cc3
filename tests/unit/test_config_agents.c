/* The section `agents`. */
#include "test_config.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINT OWN_LIST "endpoints: {db: {address: 10.0.0.1, port: 1, allow: own}}\n"
#define TUNNEL "tunnel: {host: 192.0.2.1, port: 22}"

static const char *set_text(const struct prefix_set *s)
{
	static char text[256];
	char *names = text;

	text[0] = '\0';
	for (size_t i = 0; i < s->v4_count; i++)
		names += snprintf(names, 100, "%x-%x ", s->v4[i].first, s->v4[i].last);
	for (size_t i = 0; i < s->v6_count; i++)
		names += snprintf(names, 100, "6:%llx ", (unsigned long long)s->v6[i].first.lo);
	return text;
}

static void what_is_read(void **state)
{
	struct config *c = must_config(
		"version: 1\n"
		"agents:\n"
		"  eu: {network: eu-private, address: [10.20.0.5, 'fd00::5'], tunnel: {host: agent.humanitec.io, port: 22},\n"
		"       reach: [db, web], resolvers: 10.20.0.53, owner: platform, reason: why, mode: observe,\n"
		"       deny_with: reject, seen_within: 90s}\n"
		"  us: {network: us, address: 10.30.0.0/16, tunnel: {address: '2001:db8::1', port: 443}}\n"
		"endpoints:\n"
		"  db: {address: 10.0.0.1, port: 1, allow: [own, '@eu']}\n"
		"  web: {address: 10.0.0.1, port: 2, allow: own}\n"
		"lists: {own: {entries: [10.0.0.0/8]}}\n");
	const struct policy_agent *eu = &c->agents[0], *us = &c->agents[1];
	const struct list_config *tunnel = &c->lists[eu->tunnel];

	(void)state;
	assert_int_equal(c->agent_count, 2);
	assert_string_equal(eu->name, "eu");
	assert_string_equal(eu->network, "eu-private");
	assert_string_equal(eu->owner, "platform");
	assert_string_equal(eu->reason, "why");
	assert_int_equal(eu->mode, MODE_OBSERVE);
	assert_int_equal(eu->deny_with, DENY_REJECT);
	assert_int_equal(eu->seen_within, 90);
	assert_int_equal(us->seen_within, 600);
	assert_int_equal(us->mode, MODE_ENFORCE);
	assert_int_equal(eu->tunnel_port, 22);
	assert_string_equal(c->lists[eu->own].name, "@eu");
	assert_string_equal(set_text(&c->lists[eu->own].entries), "a140005-a140005 6:5 ");
	assert_string_equal(c->lists[eu->resolvers].name, "resolvers:eu");
	assert_string_equal(set_text(&c->lists[eu->resolvers].entries), "a140035-a140035 ");
	assert_false(us->has_resolvers);
	/* A name is a list with an origin, an address one of one's own. */
	assert_string_equal(tunnel->name, "tunnel:eu");
	assert_int_equal(tunnel->origin_count, 1);
	assert_int_equal(tunnel->origins[0].kind, ORIGIN_NAME);
	assert_string_equal(tunnel->origins[0].where, "agent.humanitec.io");
	assert_true(tunnel->guard.outside);
	assert_int_equal(c->lists[us->tunnel].origin_count, 0);
	assert_string_equal(set_text(&c->lists[us->tunnel].entries), "6:1 ");
	/* What it may reach lets it in, also where it does not say so. */
	assert_int_equal(eu->reach_count, 2);
	assert_int_equal(c->endpoints[0].list_count, 2);
	assert_int_equal(c->endpoints[0].lists[1], eu->own);
	assert_int_equal(c->endpoints[1].list_count, 2);
	assert_int_equal(c->endpoints[1].lists[1], eu->own);
	config_free(c);
}

static void private_names(void **state)
{
	struct config *c = must_config(V1 "agents: {a: {network: n, address: 10.0.0.9, "
	                               "tunnel: {host: relay.corp, port: 22, private: true}, reach: []}}\n");

	(void)state;
	assert_false(c->lists[c->agents[0].tunnel].guard.outside);
	assert_int_equal(c->agents[0].reach_count, 0);
	config_free(c);
}

static void what_is_wrong(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINT "agents: {a: {}}\n",
		  { "5:10|'network' is missing in an agent", "5:10|'address' is", "5:10|'tunnel' is" } },
		{ ENDPOINT "agents: {a: {network: n, address: x, tunnel: {host: h h, port: 0}, "
		  "reach: [dp], seen_within: 1}}\n",
		  { "5:35|'x' is no address", "5:53|'h h' is neither a host name nor an address",
		    "5:64|'0' does not fit",
		    "5:76|unknown endpoint 'dp'|did you mean 'db'?", "5:94|'1' is no duration" } },
		{ ENDPOINT "agents: {db: {network: n, address: 10.0.0.9, tunnel: {host: '::1', port: 1}}}\n",
		  { "5:10|an endpoint has the name 'db' already|'@db'" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {host: 10.0.0.1, prot: 1}}}\n",
		  { "5:53|'port' is missing in a tunnel", "5:70|unknown key 'prot'|'port'?" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {address: relay, port: 22}}}\n",
		  { "5:63|no address here|'host' for a name" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {host: r, address: 192.0.2.1, port: 22}}}\n",
		  { "5:72|has 'host' and 'address'|just one" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {port: 22}}}\n",
		  { "5:53|the key 'host' is missing in a tunnel" } },
		{ ENDPOINT "agents: []\n", { "5:9|a sequence stands where the agents are named" } },
		{ ENDPOINT "agents: {a: {network: n, adress: 10.0.0.9, " TUNNEL "}}\n",
		  { "5:10|'address' is missing", "5:26|unknown key 'adress'|did you mean 'address'?" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, " TUNNEL ", seen_within: 8d}}\n",
		  { "5:95|8d|1w" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, reach: [db, db], " TUNNEL "}}\n",
		  { "5:57|endpoint 'db' is named twice" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, resolvers: 10.0.0.0/24, " TUNNEL "}}\n",
		  { "5:56|'10.0.0.0/24' is no single address" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {host: 192.0.2.1, port: 22, private: true}}}\n",
		  { "5:90|'private' is about what a name resolves to" } },
		{ OWN_LIST "endpoints: {e: {address: 10.0.0.1, port: 1, allow: ['@agent-ue']}}\n"
		  "agents: {agent-eu: {network: n, address: 10.0.0.9, " TUNNEL "}}\n",
		  { "4:53|no endpoint or agent has the name 'agent-ue'|did you mean 'agent-eu'?" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

/* A mistake here would be the end of what this host itself sends. */
static void addresses_that_are_none_of_an_agent(void **state)
{
	static const char *const wrong[] = { "0.0.0.0/0", "127.0.0.1", "0.0.0.0", "224.0.0.1", "10.0.0.0/7", "::/0", "::1",
		                             "::", "ff02::1", "2000::/8" };
	static const char *const right[] = { "10.0.0.0/8", "fd00::/16", "::2", "192.0.2.1" };
	char text[256];
	const char *errors;
	struct config *c;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(text, sizeof(text), V1 "agents: {a: {network: n, address: '%s', " TUNNEL "}}\n", wrong[i]);
		if (parse_text(text, strlen(text), &c, &errors) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_non_null(strstr(errors, wrong[i]));
	}
	for (size_t i = 0; i < COUNT(right); i++) {
		snprintf(text, sizeof(text), V1 "agents: {a: {network: n, address: '%s', " TUNNEL "}}\n", right[i]);
		config_free(must_config(text));
	}
}

static void agents_share_no_address(void **state)
{
	static const struct wrong table[] = {
		{ V1 "agents:\n  a: {network: n, address: [10.0.0.8/30, 'fd00::/64'], " TUNNEL "}\n"
		  "  b: {network: n, address: 10.0.0.10, " TUNNEL "}\n"
		  "  c: {network: m, address: [10.1.0.1, 'fd00::1'], " TUNNEL "}\n",
		  { "4:28|agents 'b' and 'a' (line 3) overlap: both have 10.0.0.10/32",
		    "5:28|agents 'c' and 'a' (line 3) overlap: both have fd00::1/128" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

/* What comes through an agent is the orchestrator's. */
static void secret_stores_are_kept_from_agents(void **state)
{
	static const struct wrong table[] = {
		{ V1 "secrets: {mode: own}\nlists: {l: {entries: [10.0.0.1]}}\n"
		  "endpoints: {vault: {kind: secret-store, address: 10.0.0.1, port: 1, allow: [l, '@a']}}\n"
		  "agents: {a: {network: n, address: 10.0.0.9, " TUNNEL ", reach: [vault]}}\n",
		  { "4:80|agent 'a' is the orchestrator's|(line 2|'vault'|orchestrator_writes: true",
		    "5:90|agent 'a' is the orchestrator's|(line 2|'vault'" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
	config_free(must_config(V1 "secrets: {mode: own, orchestrator_writes: true}\nlists: {l: {entries: [10.0.0.1]}}\n"
	                        "endpoints: {vault: {kind: secret-store, address: 10.0.0.1, port: 1, allow: [l, '@a']}}\n"
	                        "agents: {a: {network: n, address: 10.0.0.9, " TUNNEL ", reach: [vault]}}\n"));
}

static void allowed_and_out_of_reach_is_a_doubt(void **state)
{
	struct config *c = must_config(ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, " TUNNEL ", reach: [db]}}\n");
	struct buffer text = BUFFER_INIT;

	(void)state;
	assert_int_equal(config_doubts(c, &text), 0);
	assert_int_equal(text.len, 0);
	config_free(c);
	c = must_config(OWN_LIST "endpoints: {db: {address: 10.0.0.1, port: 1, allow: [own, '@a']}}\n"
	                "agents: {a: {network: n, address: 10.0.0.9, " TUNNEL "}}\n");
	assert_int_equal(config_doubts(c, &text), 0);
	assert_non_null(strstr(buffer_str(&text), "endpoint db allows @a, but agent a may not reach it"));
	buffer_free(&text);
	config_free(c);
}

int test_config_agents(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(private_names),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(addresses_that_are_none_of_an_agent),
		cmocka_unit_test(agents_share_no_address),
		cmocka_unit_test(secret_stores_are_kept_from_agents),
		cmocka_unit_test(allowed_and_out_of_reach_is_a_doubt),
	};

	return cmocka_run_group_tests_name("config: agents", tests, NULL, NULL);
}
