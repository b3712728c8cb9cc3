#include "test_core.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "core/time_text.h"

static void names_are_checked(void **state)
{
	static const char *const good[] = {
		"a", "Z", "prod-api", "a.b_c-d", "x9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const bad[] = {
		"", "9a", "-a", ".a", "_a", "a b", "a/b", "a:b", "a\n", "a%", "@a", "\xc3\xa4", "a\xc3\xa4", "../a",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	(void)state;
	assert_int_equal(strlen(good[COUNT(good) - 1]), NAME_MAX_LENGTH);
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(name_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(name_valid(bad[i]));
}

/* test_malloc() of cmocka is not used: the policy is freed by the code under test. */
static char *copy(const char *text)
{
	char *c = strdup(text);

	assert_non_null(c);
	return c;
}

static void *array(size_t count, size_t size)
{
	void *a = calloc(count, size);

	assert_non_null(a);
	return a;
}

struct endpoint_text {
	const char *name, *addresses[3];
	struct port_range ports[3];
	uint8_t protocol;
	size_t lists[3], list_count;
	enum endpoint_mode mode;
};

static void make_endpoint(struct policy_endpoint *e, const struct endpoint_text *t)
{
	e->name = copy(t->name);
	e->kind = copy("other");
	e->owner = copy("");
	e->reason = copy("");
	e->protocol = t->protocol;
	e->mode = t->mode;
	e->addresses = array(COUNT(t->addresses), sizeof(*e->addresses));
	while (e->address_count < COUNT(t->addresses) && t->addresses[e->address_count] != NULL) {
		e->addresses[e->address_count] = must_prefix(t->addresses[e->address_count]);
		e->address_count++;
	}
	e->ports = array(COUNT(t->ports), sizeof(*e->ports));
	while (e->port_count < COUNT(t->ports) && t->ports[e->port_count].last != 0) {
		e->ports[e->port_count] = t->ports[e->port_count];
		e->port_count++;
	}
	e->lists = array(COUNT(t->lists), sizeof(*e->lists));
	memcpy(e->lists, t->lists, t->list_count * sizeof(*e->lists));
	e->list_count = t->list_count;
}

static const struct endpoint_text endpoint_texts[] = {
	{ "api", { "203.0.113.10", "2001:db8::10" }, { { 443, 443 }, { 6443, 6450 } }, IPPROTO_TCP, { 0, 1 }, 2,
	  MODE_ENFORCE },
	{ "api-udp", { "203.0.113.10" }, { { 443, 443 } }, IPPROTO_UDP, { 1 }, 1, MODE_ENFORCE },
	{ "net", { "198.51.100.0/24", "2001:db8:1::/48" }, { { 1, 65535 } }, IPPROTO_TCP, { 1, 0 }, 2, MODE_OBSERVE },
	{ "closed", { "203.0.113.11" }, { { 22, 22 } }, IPPROTO_SCTP, { 2 }, 1, MODE_ENFORCE },
	{ "nobody", { "203.0.113.12" }, { { 22, 22 } }, IPPROTO_TCP, { 0 }, 0, MODE_ENFORCE },
};

static const char *const list_texts[][2] = {
	{ "publisher", "34.159.97.57 34.0.0.0/31 2001:db8:f::/48" },
	{ "office", "34.0.0.0/16 192.0.2.0/24 2001:db8:e::/48" },
	{ "empty", "" },
};

static int make_policy(void **state)
{
	struct policy *p = array(1, sizeof(*p));

	p->lists = array(COUNT(list_texts), sizeof(*p->lists));
	p->list_count = COUNT(list_texts);
	for (size_t i = 0; i < p->list_count; i++) {
		p->lists[i].name = copy(list_texts[i][0]);
		p->lists[i].set = must_set(list_texts[i][1]);
	}
	p->endpoints = array(COUNT(endpoint_texts), sizeof(*p->endpoints));
	p->endpoint_count = COUNT(endpoint_texts);
	for (size_t i = 0; i < p->endpoint_count; i++)
		make_endpoint(&p->endpoints[i], &endpoint_texts[i]);
	*state = p;
	return 0;
}

static int free_policy(void **state)
{
	struct policy *p = *state;

	policy_free(p);
	assert_int_equal(p->list_count, 0);
	assert_null(p->endpoints);
	policy_free(p); /* empty by now */
	policy_free(NULL);
	free(p);
	return 0;
}

struct explain_case {
	const char *source, *destination;
	uint8_t protocol;
	uint16_t port;
	const char *endpoint; /* NULL: unmatched */
	int verdict, reason;
	const char *list, *entry;
};

#define ALLOWED ANSWER_ALLOW, REASON_LISTED
#define DENIED ANSWER_DENY, REASON_NOT_LISTED, NULL, NULL
#define OBSERVED ANSWER_ALLOW, REASON_OBSERVED, NULL, NULL
#define UNMATCHED NULL, ANSWER_UNMATCHED, REASON_UNMATCHED, NULL, NULL

static const struct explain_case explain_cases[] = {
	{ "34.159.97.57", "203.0.113.10", IPPROTO_TCP, 443, "api", ALLOWED, "publisher", "34.159.97.57/32" },
	{ "34.159.97.58", "203.0.113.10", IPPROTO_TCP, 443, "api", DENIED },
	/* on both lists: the first of `allow` is named */
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 443, "api", ALLOWED, "publisher", "34.0.0.0/31" },
	{ "34.0.0.1", "198.51.100.77", IPPROTO_TCP, 443, "net", ALLOWED, "office", "34.0.0.0/16" },
	{ "34.0.0.2", "203.0.113.10", IPPROTO_TCP, 443, "api", ALLOWED, "office", "34.0.0.0/16" },
	/* ports, at each end of a range */
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 442, UNMATCHED },
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 444, UNMATCHED },
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 6442, UNMATCHED },
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 6443, "api", ALLOWED, "publisher", "34.0.0.0/31" },
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 6450, "api", ALLOWED, "publisher", "34.0.0.0/31" },
	{ "34.0.0.1", "203.0.113.10", IPPROTO_TCP, 6451, UNMATCHED },
	{ "34.0.0.1", "198.51.100.0", IPPROTO_TCP, 0, UNMATCHED },
	{ "9.9.9.9", "198.51.100.0", IPPROTO_TCP, 1, "net", OBSERVED },
	{ "9.9.9.9", "198.51.100.255", IPPROTO_TCP, 65535, "net", OBSERVED },
	{ "9.9.9.9", "198.51.101.0", IPPROTO_TCP, 80, UNMATCHED },
	/* the protocol chooses the endpoint */
	{ "34.159.97.57", "203.0.113.10", IPPROTO_UDP, 443, "api-udp", DENIED },
	{ "192.0.2.1", "203.0.113.10", IPPROTO_UDP, 443, "api-udp", ALLOWED, "office", "192.0.2.0/24" },
	{ "192.0.2.1", "203.0.113.10", IPPROTO_SCTP, 443, UNMATCHED },
	{ "192.0.2.1", "203.0.113.10", IPPROTO_ICMP, 443, UNMATCHED },
	/* a list that is empty lets nobody in, nor does no list */
	{ "192.0.2.1", "203.0.113.11", IPPROTO_SCTP, 22, "closed", DENIED },
	{ "192.0.2.1", "203.0.113.12", IPPROTO_TCP, 22, "nobody", DENIED },
	/* IPv6 */
	{ "2001:db8:f::1", "2001:db8::10", IPPROTO_TCP, 443, "api", ALLOWED, "publisher", "2001:db8:f::/48" },
	{ "2001:db8:e::1", "2001:db8::10", IPPROTO_TCP, 443, "api", ALLOWED, "office", "2001:db8:e::/48" },
	{ "2001:db8:d::1", "2001:db8::10", IPPROTO_TCP, 443, "api", DENIED },
	{ "2001:db8:d::1", "2001:db8:1:ffff::", IPPROTO_TCP, 443, "net", OBSERVED },
	{ "2001:db8:d::1", "2001:db8::11", IPPROTO_TCP, 443, UNMATCHED },
	/* no packet has two families */
	{ "34.159.97.57", "2001:db8::10", IPPROTO_TCP, 443, UNMATCHED },
	{ "2001:db8:f::1", "203.0.113.10", IPPROTO_TCP, 443, UNMATCHED },
};

static void explain_names_what_decides(void **state)
{
	const struct policy *p = *state;

	for (size_t i = 0; i < COUNT(explain_cases); i++) {
		const struct explain_case *c = &explain_cases[i];
		struct address source = must_address(c->source), destination = must_address(c->destination);
		struct policy_answer answer;
		char text[PREFIX_TEXT_MAX];

		policy_explain(p, &source, &destination, c->protocol, c->port, &answer);
		if ((int)answer.verdict != c->verdict || (int)answer.reason != c->reason)
			fail_msg("%s to %s port %u", c->source, c->destination, c->port);
		assert_int_equal(answer.endpoint != NULL, c->endpoint != NULL);
		if (c->endpoint != NULL)
			assert_string_equal(answer.endpoint->name, c->endpoint);
		assert_int_equal(answer.list != NULL, c->list != NULL);
		if (c->list != NULL) {
			assert_string_equal(answer.list->name, c->list);
			assert_string_equal(prefix_format(&answer.entry, text), c->entry);
		}
	}
}

static void grants_come_behind_lists_and_end(void **state)
{
	struct policy p = *(struct policy *)*state;
	struct policy_grant grants[] = {
		{ .id = 1, .endpoint = 0, .until_ms = time_boot_ms() - 1 },
		{ .id = 2, .endpoint = 1, .until_ms = INT64_MAX },
		{ .id = 3, .endpoint = 0, .until_ms = INT64_MAX },
	};
	struct address stranger = must_address("192.0.3.1"), listed = must_address("34.159.97.57"),
	               other = must_address("192.0.3.2"), api = must_address("203.0.113.10");
	struct policy_answer answer;

	for (size_t i = 0; i < COUNT(grants); i++)
		grants[i].source = (struct prefix){ stranger, 32 };
	p.grants = grants;
	p.grant_count = 3;
	policy_explain(&p, &stranger, &api, IPPROTO_TCP, 443, &answer);
	assert_int_equal(answer.verdict, ANSWER_ALLOW);
	assert_int_equal(answer.reason, REASON_GRANTED);
	assert_ptr_equal(answer.grant, &grants[2]);
	assert_null(answer.list);
	policy_explain(&p, &other, &api, IPPROTO_TCP, 443, &answer);
	assert_int_equal(answer.reason, REASON_NOT_LISTED);
	assert_null(answer.grant);
	grants[2].source.addr = listed;
	policy_explain(&p, &listed, &api, IPPROTO_TCP, 443, &answer);
	assert_int_equal(answer.reason, REASON_LISTED);
	assert_null(answer.grant);
}

static void things_are_found_by_name(void **state)
{
	const struct policy *p = *state;

	assert_ptr_equal(policy_find_list(p, "office"), &p->lists[1]);
	assert_ptr_equal(policy_find_endpoint(p, "nobody"), &p->endpoints[4]);
	assert_null(policy_find_list(p, "Office"));
	assert_null(policy_find_list(p, "api"));
	assert_null(policy_find_endpoint(p, "ap"));
	assert_null(policy_find_endpoint(p, ""));
}

static void protocols_have_names(void **state)
{
	uint8_t protocol = 0;

	(void)state;
	assert_int_equal(protocol_parse(&protocol, "tcp"), 0);
	assert_int_equal(protocol, IPPROTO_TCP);
	assert_int_equal(protocol_parse(&protocol, "udp"), 0);
	assert_int_equal(protocol, IPPROTO_UDP);
	assert_int_equal(protocol_parse(&protocol, "sctp"), 0);
	assert_int_equal(protocol, IPPROTO_SCTP);
	assert_int_equal(protocol_parse(&protocol, "TCP"), -1);
	assert_int_equal(protocol_parse(&protocol, "6"), -1);
	assert_int_equal(protocol_parse(&protocol, ""), -1);
	assert_int_equal(protocol, IPPROTO_SCTP);
	assert_string_equal(protocol_name(IPPROTO_TCP), "tcp");
	assert_string_equal(protocol_name(IPPROTO_UDP), "udp");
	assert_string_equal(protocol_name(IPPROTO_SCTP), "sctp");
	assert_null(protocol_name(IPPROTO_ICMP));
}

int test_policy(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(explain_names_what_decides),
		cmocka_unit_test(grants_come_behind_lists_and_end),
		cmocka_unit_test(things_are_found_by_name),
		cmocka_unit_test(protocols_have_names),
	};

	return cmocka_run_group_tests_name("policy", tests, make_policy, free_policy);
}
