#include "kernel/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/expressions.h"
#include "kernel/shape.h"

#define LOOPBACK_INDEX 1 /* `lo` is the first interface of each network namespace (net/core/dev.c) */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

uint32_t rule_snaplen(const struct rule *r)
{
	return r->whole ? RULE_SNAPLEN_WHOLE : RULE_SNAPLEN;
}

bool rule_equal(const struct rule *a, const struct rule *b)
{
	return a->kind == b->kind && same_text(a->endpoint, b->endpoint) && same_text(a->list, b->list) &&
	       a->group == b->group && a->rate == b->rate && a->refuse == b->refuse && a->egress == b->egress &&
	       a->unrecorded == b->unrecorded && a->whole == b->whole && a->go_on == b->go_on && a->protocol == b->protocol && a->port == b->port;
}

/* The end of a rule that lets the packet pass. */
static int add_pass(struct nftnl_rule *rule, const struct rule *r)
{
	return r->go_on ? expr_verdict(rule, NFT_GOTO, SHAPE_DISPATCH) : expr_verdict(rule, NF_ACCEPT, NULL);
}

static int add_counter(struct nftnl_rule *rule, const char *kind, const char *endpoint)
{
	char name[SHAPE_NAME_MAX];

	return expr_counter(rule, shape_name(name, kind, endpoint, NULL));
}

static int add_log(struct nftnl_rule *rule, const struct rule *r)
{
	char prefix[SHAPE_NAME_MAX];

	return expr_log(rule, r->group, rule_snaplen(r), RULE_QUEUE_THRESHOLD, rule_log_prefix(r, prefix));
}

static int build_dispatch(struct nftnl_rule *rule, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	if (expr_family(rule, family) != 0 || expr_destination(rule, family, NFT_REG_1) != 0 ||
	    expr_protocol_and_port(rule, size) != 0)
		return -1;
	return expr_lookup(rule, family == NFPROTO_IPV4 ? SHAPE_ENDPOINTS4 : SHAPE_ENDPOINTS6, true);
}

/* Who comes from an address in the set goes to the chain. */
static int build_from(struct nftnl_rule *rule, uint8_t family, const char *set, const char *chain)
{
	if (expr_family(rule, family) != 0 || expr_source(rule, family, NFT_REG_1) != 0 || expr_lookup(rule, set, false) != 0)
		return -1;
	return expr_verdict(rule, NFT_GOTO, chain);
}

static const char *number(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "4" : "6";
}

static int build_host(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return build_from(rule, family, shape_hosts_set(set, r->list, number(family)),
	                  shape_allow_chain(chain, r->endpoint, r->list));
}

static int build_addressed(struct nftnl_rule *rule, uint8_t family)
{
	if (expr_family(rule, family) != 0 || expr_destination(rule, family, NFT_REG_1) != 0 ||
	    expr_lookup(rule, family == NFPROTO_IPV4 ? SHAPE_ADDRESSES4 : SHAPE_ADDRESSES6, false) != 0)
		return -1;
	return expr_verdict(rule, NFT_GOTO, SHAPE_DISPATCH);
}

static int build_listed(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return build_from(rule, family, shape_list_set(set, r->list, number(family)),
	                  shape_allow_chain(chain, r->endpoint, r->list));
}

static int build_granted(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return build_from(rule, family, shape_grant_set(set, r->list, number(family)),
	                  shape_grant_chain(chain, r->endpoint, r->list));
}

static int add_denial(struct nftnl_rule *rule, const struct rule *r)
{
	return r->refuse ? expr_verdict(rule, NFT_GOTO, SHAPE_REFUSE) : expr_verdict(rule, NF_DROP, NULL);
}

static int build_tally(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	if (expr_family(rule, family) != 0 || expr_source(rule, family, NFT_REG_1) != 0 ||
	    expr_destination(rule, family, expr_register(size)) != 0 || expr_protocol_and_port(rule, 2 * size) != 0 ||
	    expr_tally(rule, family == NFPROTO_IPV4 ? SHAPE_DENIED4 : SHAPE_DENIED6) != 0)
		return -1;
	return add_denial(rule, r);
}

static int build_replies(struct nftnl_rule *rule)
{
	uint8_t reply = IP_CT_DIR_REPLY;

	if (expr_ct(rule, NFT_CT_DIRECTION) != 0 || expr_cmp(rule, NFT_CMP_EQ, &reply, sizeof(reply)) != 0)
		return -1;
	return expr_verdict(rule, NF_ACCEPT, NULL);
}

static int build_not_new(struct nftnl_rule *rule, const struct rule *r)
{
	uint32_t state = NF_CT_STATE_BIT(IP_CT_NEW);

	if (expr_ct(rule, NFT_CT_STATE) != 0 || expr_cmp(rule, NFT_CMP_NEQ, &state, sizeof(state)) != 0)
		return -1;
	return add_pass(rule, r);
}

/* conntrack confirms a connection when its first packet leaves the host or reaches a socket.  A packet of `lo` left the
 * host already, so it is confirmed although it is the first. */
static int build_repeated(struct nftnl_rule *rule, const struct rule *r)
{
	uint32_t loopback = LOOPBACK_INDEX, zero = 0;

	if (expr_meta(rule, NFT_META_IIF, NFT_REG_1) != 0 ||
	    expr_cmp(rule, NFT_CMP_NEQ, &loopback, sizeof(loopback)) != 0 || expr_ct(rule, NFT_CT_STATUS) != 0 ||
	    expr_mask(rule, IPS_CONFIRMED) != 0 ||
	    expr_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero)) != 0)
		return -1;
	return add_pass(rule, r);
}

static int build_count_and_log(struct nftnl_rule *rule, const struct rule *r)
{
	if (add_counter(rule, SHAPE_ALLOW, r->endpoint) != 0 || add_log(rule, r) != 0)
		return -1;
	return add_pass(rule, r);
}

static int build_deny_log(struct nftnl_rule *rule, const struct rule *r)
{
	return expr_limit(rule, r->rate) != 0 || add_log(rule, r) != 0 ? -1 : add_denial(rule, r);
}

static int build_reset(struct nftnl_rule *rule)
{
	uint8_t tcp = IPPROTO_TCP;

	if (expr_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 || expr_cmp(rule, NFT_CMP_EQ, &tcp, sizeof(tcp)) != 0)
		return -1;
	return expr_reject(rule, NFT_REJECT_TCP_RST, 0);
}

/* --- agents */

static int build_agents(struct nftnl_rule *rule, uint8_t family)
{
	return build_from(rule, family, family == NFPROTO_IPV4 ? SHAPE_AGENTS4 : SHAPE_AGENTS6, SHAPE_AGENTS);
}

static int build_sent(struct nftnl_rule *rule)
{
	uint32_t loopback = LOOPBACK_INDEX;

	if (expr_meta(rule, NFT_META_IIF, NFT_REG_1) != 0 ||
	    expr_cmp(rule, NFT_CMP_EQ, &loopback, sizeof(loopback)) != 0)
		return -1;
	return expr_verdict(rule, NF_ACCEPT, NULL);
}

static int build_agent(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	char set[SHAPE_NAME_MAX], chain[SHAPE_NAME_MAX];

	return build_from(rule, family, shape_list_set(set, r->list, number(family)),
	                  shape_name(chain, SHAPE_AGENT, r->endpoint, NULL));
}

static int add_destination_on(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	char set[SHAPE_NAME_MAX];

	shape_list_set(set, r->list, number(family));
	return expr_family(rule, family) != 0 || expr_destination(rule, family, NFT_REG_1) != 0 ? -1 :
	       expr_lookup(rule, set, false);
}

static int build_end(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint16_t port = htons(r->port);
	char chain[SHAPE_NAME_MAX];

	if (add_destination_on(rule, r, family) != 0 || expr_protocol(rule, r->protocol) != 0 ||
	    expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1) != 0 ||
	    expr_cmp(rule, NFT_CMP_EQ, &port, sizeof(port)) != 0)
		return -1;
	return expr_verdict(rule, NFT_GOTO, shape_allow_chain(chain, r->endpoint, r->list));
}

static int build_self(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t loopback = LOOPBACK_INDEX;

	if (expr_meta(rule, NFT_META_OIF, NFT_REG_1) != 0 ||
	    expr_cmp(rule, NFT_CMP_EQ, &loopback, sizeof(loopback)) != 0 || add_destination_on(rule, r, family) != 0)
		return -1;
	return expr_verdict(rule, NFT_GOTO, SHAPE_DISPATCH);
}

static int build_reach(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;
	char map[SHAPE_NAME_MAX];

	if (expr_family(rule, family) != 0 || expr_destination(rule, family, NFT_REG_1) != 0 ||
	    expr_protocol_and_port(rule, size) != 0)
		return -1;
	return expr_lookup(rule, shape_name(map, SHAPE_REACH, r->endpoint, number(family)), true);
}

static int build_error(struct nftnl_rule *rule, const struct rule *r)
{
	if (expr_protocol(rule, r->protocol) != 0 || expr_state(rule, NF_CT_STATE_BIT(IP_CT_RELATED)) != 0)
		return -1;
	return expr_verdict(rule, NF_ACCEPT, NULL);
}

/* RFC 4861: no router forwards a packet of neighbour discovery, which would take one off its hop limit. */
static int add_neighbour(struct nftnl_rule *rule, const struct rule *r)
{
	if (expr_family(rule, NFPROTO_IPV6) != 0 || expr_protocol(rule, IPPROTO_ICMPV6) != 0 ||
	    expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1) != 0 ||
	    expr_cmp8(rule, NFT_CMP_EQ, (uint8_t)r->port) != 0 ||
	    expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 7, 1, NFT_REG_1) != 0)
		return -1;
	return expr_cmp8(rule, NFT_CMP_EQ, 255);
}

/* Whoever is root on an agent's host can write such packets with anything in them: those that would be forwarded are no
 * neighbour discovery. */
static int build_neighbour(struct nftnl_rule *rule, const struct rule *r)
{
	if (add_neighbour(rule, r) != 0 || expr_destination_type(rule, r->protocol) != 0)
		return -1;
	return expr_verdict(rule, NF_ACCEPT, NULL);
}

static int build_neighbour_sent(struct nftnl_rule *rule, const struct rule *r)
{
	return add_neighbour(rule, r) != 0 ? -1 : expr_verdict(rule, NF_ACCEPT, NULL);
}

static int build_seen(struct nftnl_rule *rule, uint8_t family)
{
	if (expr_state(rule, NF_CT_STATE_BIT(IP_CT_ESTABLISHED)) != 0 || expr_both_addresses(rule, family) != 0)
		return -1;
	return expr_update(rule, family == NFPROTO_IPV4 ? SHAPE_SEEN4 : SHAPE_SEEN6);
}

static int build_others(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (size_t i = 0; i < sizeof(with_ports); i++)
		if (expr_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 || expr_cmp8(rule, NFT_CMP_NEQ, with_ports[i]) != 0)
			return -1;
	if (expr_both_addresses(rule, family) != 0 ||
	    expr_meta(rule, NFT_META_L4PROTO, expr_register(family == NFPROTO_IPV4 ? 8 : 32)) != 0 ||
	    expr_tally(rule, family == NFPROTO_IPV4 ? SHAPE_OTHERS4 : SHAPE_OTHERS6) != 0)
		return -1;
	return add_denial(rule, r);
}

int rule_build(const struct rule *r, struct nftnl_rule *out)
{
	switch (r->kind) {
	case RULE_REPLIES:
		return build_replies(out);
	case RULE_ADDRESSED4:
		return build_addressed(out, NFPROTO_IPV4);
	case RULE_ADDRESSED6:
		return build_addressed(out, NFPROTO_IPV6);
	case RULE_DISPATCH4:
		return build_dispatch(out, NFPROTO_IPV4);
	case RULE_DISPATCH6:
		return build_dispatch(out, NFPROTO_IPV6);
	case RULE_HOST4:
		return build_host(out, r, NFPROTO_IPV4);
	case RULE_HOST6:
		return build_host(out, r, NFPROTO_IPV6);
	case RULE_LISTED4:
		return build_listed(out, r, NFPROTO_IPV4);
	case RULE_LISTED6:
		return build_listed(out, r, NFPROTO_IPV6);
	case RULE_GRANTED4:
		return build_granted(out, r, NFPROTO_IPV4);
	case RULE_GRANTED6:
		return build_granted(out, r, NFPROTO_IPV6);
	case RULE_NOT_NEW:
		return build_not_new(out, r);
	case RULE_REPEATED:
		return build_repeated(out, r);
	case RULE_ALLOW:
	case RULE_GRANT:
	case RULE_OBSERVE:
		return build_count_and_log(out, r);
	case RULE_DENY_COUNT:
		return add_counter(out, SHAPE_DENY, r->endpoint);
	case RULE_DENY_LOG:
		return build_deny_log(out, r);
	case RULE_DENY_TALLY4:
		return build_tally(out, r, NFPROTO_IPV4);
	case RULE_DENY_TALLY6:
		return build_tally(out, r, NFPROTO_IPV6);
	case RULE_DENY_OVER:
		return add_counter(out, SHAPE_OVER, r->endpoint) != 0 ? -1 : add_denial(out, r);
	case RULE_AGENTS4:
		return build_agents(out, NFPROTO_IPV4);
	case RULE_AGENTS6:
		return build_agents(out, NFPROTO_IPV6);
	case RULE_SENT:
		return build_sent(out);
	case RULE_AGENT4:
		return build_agent(out, r, NFPROTO_IPV4);
	case RULE_AGENT6:
		return build_agent(out, r, NFPROTO_IPV6);
	case RULE_END4:
		return build_end(out, r, NFPROTO_IPV4);
	case RULE_END6:
		return build_end(out, r, NFPROTO_IPV6);
	case RULE_SELF4:
		return build_self(out, r, NFPROTO_IPV4);
	case RULE_SELF6:
		return build_self(out, r, NFPROTO_IPV6);
	case RULE_REACH4:
		return build_reach(out, r, NFPROTO_IPV4);
	case RULE_REACH6:
		return build_reach(out, r, NFPROTO_IPV6);
	case RULE_ERROR:
		return build_error(out, r);
	case RULE_NEIGHBOUR:
		return build_neighbour(out, r);
	case RULE_NEIGHBOUR_SENT:
		return build_neighbour_sent(out, r);
	case RULE_SEEN4:
		return build_seen(out, NFPROTO_IPV4);
	case RULE_SEEN6:
		return build_seen(out, NFPROTO_IPV6);
	case RULE_OTHERS4:
		return build_others(out, r, NFPROTO_IPV4);
	case RULE_OTHERS6:
		return build_others(out, r, NFPROTO_IPV6);
	case RULE_RESET:
		return build_reset(out);
	case RULE_UNREACHABLE:
		return expr_reject(out, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
	}
	errno = EINVAL;
	return -1;
}
