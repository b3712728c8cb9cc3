/* What is for later is refused, and a mistake inside it is told as well. */
#include "test_config.h"

#define ENDPOINT OWN_LIST "endpoints: {db: {address: 10.0.0.1, port: 1, allow: own}}\n"
#define ORIGIN(more) V1 "lists: {l: {origins: {o: {url: 'https://a.org', " more "}}}}\n"
#define KEY56 "RWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void agents(void **state)
{
	static const struct wrong table[] = {
		{ ENDPOINT "agents:\n  a:\n    network: n\n    address: [10.20.0.5]\n"
		  "    tunnel: {host: agent.humanitec.io, port: 22}\n    reach: [db]\n    seen_within: 10m\n",
		  { "5:1|'agents' is not supported yet; remove it" } },
		{ ENDPOINT "agents: {a: {}}\n",
		  { "5:1|not supported", "5:10|'network' is missing in an agent", "5:10|'address' is",
		    "5:10|'tunnel' is" } },
		{ ENDPOINT "agents: {a: {network: n, address: x, tunnel: {host: h h, port: 0}, "
		  "reach: [dp], seen_within: 1}}\n",
		  { "5:1|not supported", "5:35|'x' is no address", "5:53|'h h' is neither a host name nor an address",
		    "5:64|'0' does not fit",
		    "5:76|unknown endpoint 'dp'|did you mean 'db'?", "5:94|'1' is no duration" } },
		{ ENDPOINT "agents: {db: {network: n, address: 10.0.0.9, tunnel: {host: '::1', port: 1}}}\n",
		  { "5:1|not supported", "5:10|an endpoint has the name 'db' already|'@db'" } },
		{ ENDPOINT "agents: {a: {network: n, address: 10.0.0.9, tunnel: {host: 10.0.0.1, prot: 1}}}\n",
		  { "5:1|not supported", "5:53|'port' is missing in a tunnel", "5:70|unknown key 'prot'|'port'?" } },
		{ ENDPOINT "agents: []\n",
		  { "5:1|not supported", "5:9|a sequence stands where the agents are named" } },
		/* That an agent is what '@NAME' means needs no complaint of its own. */
		{ OWN_LIST "agents: {a: {network: n, address: 10.0.0.9, tunnel: {host: h, port: 1}}}\n"
		  "endpoints: {e: {address: 10.0.0.1, port: 1, allow: ['@a']}}\n", { "4:1|not supported" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void audit(void **state)
{
	static const struct wrong table[] = {
		{ V1 "audit: {signing_key: {file: /etc/hallowd/audit.key}}\n",
		  { "2:9|'signing_key' is not supported yet" } },
		{ V1 "audit: {signing_key: {environment: A_1}}\n", { "2:9|not supported" } },
		{ V1 "audit: {signing_key: {credential: audit.key}}\n", { "2:9|not supported" } },
		{ V1 "audit: {signing_key: {file: audit.key}}\n",
		  { "2:9|not supported", "2:29|expected an absolute path" } },
		{ V1 "audit: {signing_key: {environment: 1A}}\n",
		  { "2:9|not supported", "2:36|an environment variable" } },
		{ V1 "audit: {signing_key: {credential: a/b}}\n",
		  { "2:9|not supported", "2:35|the name of a credential" } },
		{ V1 "audit: {signing_key: {file: /a, credential: b}}\n",
		  { "2:9|not supported", "2:22|by reference" } },
		{ V1 "audit: {signing_key: /etc/key}\n", { "2:9|not supported", "2:22|by reference|{file: PATH}" } },
		{ V1 "audit: {observe: [{interface: eth1, filter: tcp port 6443}]}\n",
		  { "2:9|'observe' is not supported yet" } },
		{ V1 "audit: {observe: [{interfaces: eth1}]}\n",
		  { "2:9|not supported", "2:19|'interface' is missing",
		    "2:20|unknown key 'interfaces'|'interface'?" } },
		{ V1 "audit: {observe: [{interface: eth0/1}, {interface: a23456789012345x}]}\n",
		  { "2:9|not supported", "2:31|'eth0/1' cannot be the name", "2:52|cannot be the name" } },
		{ V1 "audit: {evidence: {packets: 5, size: 64M}}\n", { "2:9|'evidence' is not supported yet" } },
		{ V1 "audit: {evidence: {packets: 0, size: 64}}\n",
		  { "2:9|not supported", "2:29|from 1 to 1000", "2:38|from 64K to 1024G" } },
		{ V1 "audit: {retension: 1d}\n", { "2:9|unknown key 'retension'|did you mean 'retention'?" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void origins(void **state)
{
	static const struct wrong table[] = {
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

int test_config_planned(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents),
		cmocka_unit_test(audit),
		cmocka_unit_test(origins),
	};

	return cmocka_run_group_tests_name("config: not supported yet", tests, NULL, NULL);
}
