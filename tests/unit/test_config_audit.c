/* The section `audit`. */
#include "test_config.h"

static void mistakes(void **state)
{
	static const struct wrong table[] = {
		{ V1 "audit: {signing_key: {file: audit.key}}\n", { "2:29|expected an absolute path" } },
		{ V1 "audit: {signing_key: {environment: 1A}}\n", { "2:36|an environment variable" } },
		{ V1 "audit: {signing_key: {credential: a/b}}\n", { "2:35|the name of a credential" } },
		{ V1 "audit: {signing_key: {file: /a, credential: b}}\n", { "2:22|by reference" } },
		{ V1 "audit: {signing_key: /etc/key}\n", { "2:22|by reference|{file: PATH}" } },
		{ V1 "audit: {observe: [{interfaces: eth1}]}\n",
		  { "2:19|'interface' is missing",
		    "2:20|unknown key 'interfaces'|'interface'?" } },
		{ V1 "audit: {observe: [{interface: eth0/1}, {interface: a23456789012345x}]}\n",
		  { "2:31|'eth0/1' cannot be the name", "2:52|cannot be the name" } },
		{ V1 "audit: {observe: [{interface: eth1}, {interface: eth1, filter: udp}]}\n",
		  { "2:38|eth1 is observed already|one filter for it" } },
		{ V1 "audit: {observe: []}\n", { "2:18|at least one interface" } },
		{ V1 "audit: {evidence: {packets: 0, size: 64}}\n",
		  { "2:29|from 1 to 1000", "2:38|from 64K to 1024G" } },
		{ V1 "audit: {evidence: {packets: 5}}\n", { "2:19|'size' is missing" } },
		{ V1 "audit: {retension: 1d}\n", { "2:9|unknown key 'retension'|did you mean 'retention'?" } },
	};

	(void)state;
	assert_all_wrong(table, COUNT(table));
}

static void observe(void **state)
{
	struct config *c = must_config(V1 "audit: {observe: [{interface: eth1, filter: tcp port 6443}, {interface: eth2.7}]}\n");

	(void)state;
	assert_int_equal(c->audit.observe_count, 2);
	assert_string_equal(c->audit.observe[0].interface, "eth1");
	assert_string_equal(c->audit.observe[0].filter, "tcp port 6443");
	assert_string_equal(c->audit.observe[1].interface, "eth2.7");
	assert_string_equal(c->audit.observe[1].filter, "");
	config_free(c);
}

int test_config_audit(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes),
		cmocka_unit_test(observe),
	};

	return cmocka_run_group_tests_name("config: audit", tests, NULL, NULL);
}
