/* Random policies, one after the other: after each, the kernel has just that policy, however it came there. */
#include "test_kernel.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 60
#define LISTS 5
#define ENDPOINTS 6
#define GRANTS 4
#define AGENTS 3

/* xorshift, so that a failure can be had again. */
static uint32_t seed = 2463534242;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* Few distinct addresses near each other and near the ends, so that ranges touch, merge, split and reach the bounds. */
static uint32_t some_address4(void)
{
	static const uint32_t bases[] = { 0, 0x0a000000, 0x0a0000f8, 0xfffffff0 };

	return bases[below(4)] + below(16);
}

static struct u128 some_address6(void)
{
	static const struct u128 bases[] = {
		{ 0, 0 }, { 1, UINT64_MAX - 7 }, { 2, 0 }, { UINT64_MAX, UINT64_MAX - 15 },
	};
	struct u128 a = bases[below(4)];
	uint64_t low = a.lo;

	a.lo += below(16);
	a.hi += a.lo < low;
	return a;
}

static void some_ranges(struct prefix_set *set)
{
	for (uint32_t n = below(12); n != 0; n--) {
		uint32_t a = some_address4(), b = some_address4();

		assert_int_equal(prefix_set_add_range4(set, a < b ? a : b, a < b ? b : a), 0);
	}
	for (uint32_t n = below(12); n != 0; n--) {
		struct u128 a = some_address6(), b = below(3) != 0 ? a : some_address6();
		bool less = u128_compare(a, b) < 0;

		assert_int_equal(prefix_set_add_range6(set, less ? a : b, less ? b : a), 0);
	}
	prefix_set_normalize(set);
}

static char *name(const char *kind, uint32_t number)
{
	char *text = malloc(16);

	assert_non_null(text);
	snprintf(text, 16, "%s%u", kind, number);
	return text;
}

/* Endpoints may not overlap: each is on a network of its own, which changes hands from policy to policy. */
static void some_endpoint(struct policy *p, uint32_t number, uint32_t network)
{
	struct policy_endpoint *e = &p->endpoints[p->endpoint_count++];
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	*e = (struct policy_endpoint){ .name = name("e", number), .protocol = protocols[below(3)],
	                               .mode = below(4) == 0, .deny_with = below(3) == 0 };
	e->address_count = 1 + below(3);
	e->addresses = calloc(e->address_count, sizeof(*e->addresses));
	e->port_count = 1 + below(3);
	e->ports = calloc(e->port_count, sizeof(*e->ports));
	e->lists = calloc(LISTS, sizeof(*e->lists));
	assert_true(e->addresses != NULL && e->ports != NULL && e->lists != NULL);
	for (size_t i = 0; i < e->address_count; i++) {
		struct prefix *a = &e->addresses[i];

		a->addr.family = below(2) != 0 ? AF_INET : AF_INET6;
		a->length = a->addr.family == AF_INET ? 32 : 128;
		a->addr.bytes[0] = a->addr.family == AF_INET ? 192 : 0xfd;
		a->addr.bytes[1] = (uint8_t)network;
		a->addr.bytes[3] = (uint8_t)below(4);
		if (below(3) == 0) {
			a->length = 30;
			a->addr.bytes[3] = 0;
		}
	}
	for (size_t i = 0; i < e->port_count; i++) {
		e->ports[i].first = (uint16_t)(i * 1000 + below(5));
		e->ports[i].last = (uint16_t)(e->ports[i].first + below(3));
	}
	for (size_t i = 0; i < p->list_count; i++)
		if (below(2) != 0)
			e->lists[e->list_count++] = (i + network) % p->list_count;
}

/* What a number stands for never changes, but the endpoint may go, and another may have its index. */
static void some_grants(struct policy *p)
{
	static const char *const sources[GRANTS] = { "192.0.2.1/32", "2001:db8::1/128", "0.0.0.0/0", "ffff::/16" };

	p->grants = calloc(GRANTS, sizeof(*p->grants));
	assert_non_null(p->grants);
	for (uint32_t i = 0; i < GRANTS && p->endpoint_count != 0; i++) {
		struct policy_grant *g = &p->grants[p->grant_count];

		if (below(2) != 0)
			continue;
		*g = (struct policy_grant){ .id = i + 1, .endpoint = below((uint32_t)p->endpoint_count) };
		g->until_ms = time_boot_ms() + 31 * INT64_C(86400000); /* the most that may be configured */
		assert_int_equal(prefix_parse(&g->source, sources[i], strlen(sources[i])), PREFIX_OK);
		p->grant_count++;
	}
}

static size_t add_list(struct policy *p, const char *mark, uint32_t agent)
{
	struct policy_list *l = &p->lists[p->list_count];
	char text[32];

	snprintf(text, sizeof(text), "%sa%u", mark, agent);
	*l = (struct policy_list){ .name = strdup(text) };
	assert_non_null(l->name);
	return p->list_count++;
}

/* Agents have no address in common: each has networks of its own. */
static void some_agents(struct policy *p)
{
	p->agents = calloc(AGENTS, sizeof(*p->agents));
	assert_non_null(p->agents);
	for (uint32_t i = 0; i < AGENTS; i++) {
		struct policy_agent *a = &p->agents[p->agent_count];
		uint32_t first = 0xac100000u + i * 0x10000 + below(8);

		if (below(2) != 0)
			continue;
		*a = (struct policy_agent){ .name = name("a", i), .mode = below(4) == 0, .deny_with = below(3) == 0,
			                        .tunnel_port = (uint16_t)(22 + below(2)), .has_resolvers = below(2) != 0 };
		a->own = add_list(p, "@", i);
		assert_int_equal(prefix_set_add_range4(&p->lists[a->own].set, first, first + below(3)), 0);
		if (below(2) != 0)
			assert_int_equal(prefix_set_add_range6(&p->lists[a->own].set, (struct u128){ 9 + i, 0 },
			                                       (struct u128){ 9 + i, below(5) }), 0);
		a->tunnel = add_list(p, TUNNEL_LIST, i);
		if (below(4) != 0)
			some_ranges(&p->lists[a->tunnel].set);
		if (a->has_resolvers)
			some_ranges(&p->lists[a->resolvers = add_list(p, RESOLVERS_LIST, i)].set);
		a->reach = calloc(ENDPOINTS + 1, sizeof(*a->reach));
		assert_non_null(a->reach);
		for (size_t k = 0; k < p->endpoint_count; k++)
			if (below(2) != 0)
				a->reach[a->reach_count++] = k;
		p->agent_count++;
	}
}

static struct policy some_policy(const struct policy *last)
{
	struct policy p = { .limits = { (uint16_t)(5 + below(2)), below(3) * 50, 16 + below(2), below(2) == 0 } };
	uint32_t shift = below(ENDPOINTS);

	p.lists = calloc(LISTS + 3 * AGENTS, sizeof(*p.lists));
	p.endpoints = calloc(ENDPOINTS, sizeof(*p.endpoints));
	assert_true(p.lists != NULL && p.endpoints != NULL);
	if (below(4) != 0)
		p.limits = last->limits;
	for (uint32_t i = 0; i < LISTS; i++) {
		if (below(4) == 0)
			continue;
		struct policy_list *l = &p.lists[p.list_count++];
		l->name = name(i % 2 == 0 ? "l" : "@l", i);
		if (below(2) != 0 && policy_find_list(last, l->name) != NULL)
			assert_int_equal(prefix_set_copy(&l->set, &policy_find_list(last, l->name)->set), 0);
		if (prefix_set_empty(&l->set) || below(2) != 0)
			some_ranges(&l->set);
	}
	for (uint32_t i = 0; i < ENDPOINTS; i++)
		if (below(4) != 0)
			some_endpoint(&p, i, (i + shift) % ENDPOINTS);
	some_grants(&p);
	some_agents(&p);
	return p;
}

static bool has_endpoint(const struct policy *p, const char *endpoint)
{
	return policy_find_endpoint(p, endpoint) != NULL || policy_find_agent(p, endpoint) != NULL;
}

/* The change told is the difference of the two policies' lists. */
static void assert_told(const struct policy *from, const struct policy *to, const struct kernel_change *c)
{
	static const struct prefix_set nothing = PREFIX_SET_INIT;

	for (size_t i = 0; i < c->list_count; i++) {
		const struct policy_list *was = policy_find_list(from, c->lists[i].list);
		const struct policy_list *is = policy_find_list(to, c->lists[i].list);
		const struct prefix_set *old = was != NULL ? &was->set : &nothing;
		const struct prefix_set *new = is != NULL ? &is->set : &nothing;
		struct prefix_set added = PREFIX_SET_INIT, removed = PREFIX_SET_INIT;

		assert_int_equal(prefix_set_subtract(&added, new, old), 0);
		assert_int_equal(prefix_set_subtract(&removed, old, new), 0);
		assert_true(prefix_set_equal(&added, &c->lists[i].added));
		assert_true(prefix_set_equal(&removed, &c->lists[i].removed));
		assert_false(prefix_set_empty(&added) && prefix_set_empty(&removed));
		prefix_set_free(&added);
		prefix_set_free(&removed);
	}
	for (size_t i = 0; i < c->added_count; i++)
		assert_true(has_endpoint(to, c->added[i]) && !has_endpoint(from, c->added[i]));
	for (size_t i = 0; i < c->removed_count; i++)
		assert_true(has_endpoint(from, c->removed[i]) && !has_endpoint(to, c->removed[i]));
	for (size_t i = 0; i < c->changed_count; i++)
		assert_true(has_endpoint(from, c->changed[i]) && has_endpoint(to, c->changed[i]));
}

static void random_policies(bool owner)
{
	struct kernel *k = open_kernel();
	struct policy last = make_policy(""), next;
	struct kernel_change c;
	struct error err;

	if (!owner)
		kernel_without_owner(k);
	print_message("seed %u\n", seed);
	for (int i = 0; i < ROUNDS; i++) {
		next = some_policy(&last);
		if (below(2) != 0)
			kernel_forget(k);
		must_apply(k, &next, &c);
		assert_told(&last, &next, &c);
		kernel_change_free(&c);
		assert_in_force(k, &next);
		policy_free(&last);
		last = next;
	}
	/* And from any of them to nothing, with the listing as the witness. */
	policy_free(&last);
	last = make_policy("");
	must_apply(k, &last, &c);
	kernel_change_free(&c);
	assert_in_force(k, &last);
	if (lab_has_nft())
		assert_null(strstr(lab_output("nft list table inet hallowd"), "goto"));
	if (kernel_teardown(k, &err) != 0)
		fail_msg("%s", err.text);
	kernel_close(k);
	policy_free(&last);
}

static void random_policies_with_an_owner(void **state)
{
	(void)state;
	random_policies(true);
}

static void random_policies_without(void **state)
{
	(void)state;
	random_policies(false);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(random_policies_with_an_owner, lab_new),
	cmocka_unit_test_setup(random_policies_without, lab_new),
};

int run_random_tests(void)
{
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
