/* Egress control of agents.
 *
 * prerouting (forwarded) and output (sent by this host) ask one set whether the source is an agent's, and go to chain
 * `agents`.  From there no packet comes back to the base chain: each chain of an agent ends with a verdict, or goes on to
 * chain `endpoints`, where the packets of everybody else go as well.  So an endpoint judges an agent's packets
 * too, wherever it is, and each packet is judged once: what this host sends to itself is judged in output, and accepted
 * where it comes in by loopback. */
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/want.h"

static void add(struct model_chain *chain, enum rule_kind kind)
{
	want_rule(chain, kind, &want_no_parameters);
}

static int want_output_chain(struct model *m)
{
	struct model_chain *chain = model_add_chain(m, SHAPE_OUTPUT);

	if (chain == NULL || want_rules(chain, 5) == NULL)
		return -1;
	chain->base = true;
	add(chain, RULE_REPLIES);
	want_rule(chain, RULE_NEIGHBOUR_SENT, &(struct rule){ .port = ND_NEIGHBOR_SOLICIT });
	want_rule(chain, RULE_NEIGHBOUR_SENT, &(struct rule){ .port = ND_NEIGHBOR_ADVERT });
	add(chain, RULE_AGENTS4);
	add(chain, RULE_AGENTS6);
	return 0;
}

static const char *own_name(struct model *m, const struct policy *p, size_t list)
{
	return model_string(m, p->lists[list].name);
}

static int want_agents_chain(struct model *m, const struct policy *p)
{
	struct model_chain *chain = model_add_chain(m, SHAPE_AGENTS);

	if (chain == NULL || want_rules(chain, 2 * p->agent_count + 1) == NULL)
		return -1;
	add(chain, RULE_SENT);
	for (size_t i = 0; i < p->agent_count; i++) {
		const struct policy_agent *a = &p->agents[i];
		struct rule r = { .endpoint = model_string(m, a->name), .list = own_name(m, p, a->own) };

		if (r.endpoint == NULL || r.list == NULL)
			return -1;
		want_rule(chain, RULE_AGENT4, &r);
		want_rule(chain, RULE_AGENT6, &r);
	}
	return 0;
}

/* The addresses of all agents, which are those of their lists. */
static int want_agents_sets(struct model *m, const struct policy *p)
{
	static const char *const names[] = { SHAPE_AGENTS4, SHAPE_AGENTS6 };
	struct prefix_set all = PREFIX_SET_INIT;

	for (size_t i = 0; i < p->agent_count; i++) {
		const struct prefix_set *own = &p->lists[p->agents[i].own].set;

		for (size_t k = 0; k < own->v4_count; k++)
			if (prefix_set_add_range4(&all, own->v4[k].first, own->v4[k].last) != 0)
				goto fail;
		for (size_t k = 0; k < own->v6_count; k++)
			if (prefix_set_add_range6(&all, own->v6[k].first, own->v6[k].last) != 0)
				goto fail;
	}
	prefix_set_normalize(&all);
	return want_ranges(m, names, &all);
fail:
	prefix_set_free(&all);
	return -1;
}

/* The chain behind one end of the agent's: its tunnel's, or a resolver.  While the policy is closed, new connections are
 * denied there, as at endpoints. */
static int want_end_chain(struct model *m, const char *name, const struct rule *r, bool tunnel, const struct policy *p,
                          const struct policy_agent *a)
{
	struct rule deny = { .endpoint = r->endpoint, .group = r->group, .refuse = a->deny_with == DENY_REJECT,
		                 .unrecorded = true };
	struct model_chain *chain = model_add_chain(m, name);

	if (chain == NULL || want_rules(chain, 9) == NULL)
		return -1;
	if (tunnel) {
		add(chain, RULE_SEEN4);
		add(chain, RULE_SEEN6);
	}
	want_rule(chain, RULE_NOT_NEW, &(struct rule){ .go_on = true });
	want_rule(chain, RULE_REPEATED, &(struct rule){ .go_on = true });
	if (p->closed && a->mode == MODE_ENFORCE)
		want_denial(chain, &deny, &p->limits);
	else
		want_rule(chain, RULE_ALLOW, r);
	return 0;
}

static int want_end(struct model *m, struct model_chain *chain, const struct rule *end, const struct policy *p,
                    const struct policy_agent *a)
{
	char name[SHAPE_NAME_MAX];
	struct rule allow = { .endpoint = end->endpoint, .list = end->list, .group = end->group, .go_on = true };
	bool tunnel = end->port != RESOLVER_PORT || strncmp(end->list, TUNNEL_LIST, sizeof(TUNNEL_LIST) - 1) == 0;
	struct rule to = *end;

	to.group = 0;
	want_rule(chain, RULE_END4, &to);
	want_rule(chain, RULE_END6, &to);
	if (end->protocol != IPPROTO_TCP) /* its chain is there already */
		return 0;
	return want_end_chain(m, shape_allow_chain(name, end->endpoint, end->list), &allow, tunnel, p, a);
}

/* Errors about connections that there are, and the neighbours of a link. */
static void want_necessities(struct model_chain *chain)
{
	static const uint16_t types[] = { ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT };
	static const uint8_t where[] = { RTN_LOCAL, RTN_MULTICAST };

	want_rule(chain, RULE_ERROR, &(struct rule){ .protocol = IPPROTO_ICMP });
	want_rule(chain, RULE_ERROR, &(struct rule){ .protocol = IPPROTO_ICMPV6 });
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++)
			want_rule(chain, RULE_NEIGHBOUR, &(struct rule){ .port = types[i], .protocol = where[k] });
}

static void want_egress_denial(struct model_chain *chain, const struct policy_agent *a, struct rule r,
                               const struct policy_limits *limits)
{
	if (a->mode == MODE_OBSERVE) {
		r.go_on = true;
		want_observing(chain, &r);
		return;
	}
	r.refuse = a->deny_with == DENY_REJECT;
	r.egress = true;
	want_denial(chain, &r, limits);
}

static int want_agent_rules(struct model *m, struct model_chain *chain, const struct policy *p,
                            const struct policy_agent *a)
{
	struct rule r = { .endpoint = model_string(m, a->name), .group = p->limits.nflog_group };
	struct rule own = { .list = own_name(m, p, a->own) }, reach = { .endpoint = r.endpoint }, end = r;

	if (r.endpoint == NULL || own.list == NULL)
		return -1;
	end.list = own_name(m, p, a->tunnel);
	end.protocol = IPPROTO_TCP;
	end.port = a->tunnel_port;
	if (end.list == NULL || want_end(m, chain, &end, p, a) != 0)
		return -1;
	if (a->has_resolvers) {
		end.list = own_name(m, p, a->resolvers);
		end.port = RESOLVER_PORT;
		if (end.list == NULL || want_end(m, chain, &end, p, a) != 0)
			return -1;
		end.protocol = IPPROTO_UDP;
		if (want_end(m, chain, &end, p, a) != 0)
			return -1;
	}
	want_necessities(chain);
	want_rule(chain, RULE_SELF4, &own);
	want_rule(chain, RULE_SELF6, &own);
	want_rule(chain, RULE_REACH4, &reach);
	want_rule(chain, RULE_REACH6, &reach);
	want_egress_denial(chain, a, r, &p->limits);
	return 0;
}

static int want_agent_chain(struct model *m, const struct policy *p, const struct policy_agent *a)
{
	struct model_chain chain = { 0 }, *added;
	char name[SHAPE_NAME_MAX];

	if (want_rules(&chain, 32) == NULL)
		return -1;
	/* Adding other chains may move those that are there. */
	if (want_agent_rules(m, &chain, p, a) == 0) {
		added = model_add_chain(m, shape_name(name, SHAPE_AGENT, a->name, NULL));
		if (added != NULL) {
			added->rules = chain.rules;
			added->rule_count = chain.rule_count;
			return 0;
		}
	}
	free(chain.rules);
	return -1;
}

static int want_agent(struct model *m, const struct policy *p, const struct policy_agent *a)
{
	char reach4[SHAPE_NAME_MAX], reach6[SHAPE_NAME_MAX];
	const char *const names[] = { shape_name(reach4, SHAPE_REACH, a->name, "4"),
		                          shape_name(reach6, SHAPE_REACH, a->name, "6") };

	if (want_counters(m, a->name) != 0 || want_maps(m, p, a->reach, a->reach_count, names) != 0)
		return -1;
	return want_agent_chain(m, p, a);
}

int want_agents(struct model *m, const struct policy *p)
{
	static const char *const seen[] = { SHAPE_SEEN4, SHAPE_SEEN6 }, *const others[] = { SHAPE_OTHERS4, SHAPE_OTHERS6 };

	if (p->agent_count == 0)
		return 0;
	if (want_output_chain(m) != 0 || want_agents_chain(m, p) != 0 ||
	    want_agents_sets(m, p) != 0 || want_dynamic_sets(m, seen, p->limits.denied_set_size) != 0 ||
	    want_dynamic_sets(m, others, p->limits.denied_set_size) != 0)
		return -1;
	for (size_t i = 0; i < p->agent_count; i++)
		if (want_agent(m, p, &p->agents[i]) != 0)
			return -1;
	return 0;
}
