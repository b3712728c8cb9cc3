#include "kernel/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

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

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (e == NULL)
		errno = ENOMEM;
	else
		nftnl_rule_add_expr(rule, e);
	return e;
}

static int add_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(rule, "meta");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
	return 0;
}

static int add_ct(struct nftnl_rule *rule, uint32_t key)
{
	struct nftnl_expr *e = add(rule, "ct");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	return 0;
}

static int add_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct nftnl_expr *e = add(rule, "payload");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
	return 0;
}

/* Compares register 1 with the `len` bytes at `data`. */
static int add_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = add(rule, "cmp");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	return nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static int add_mask(struct nftnl_rule *rule, uint32_t mask)
{
	struct nftnl_expr *e = add(rule, "bitwise");
	uint32_t zero = 0;

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	return nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask)) != 0 ||
	       nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero)) != 0 ? -1 : 0;
}

static int add_verdict(struct nftnl_rule *rule, int verdict, const char *chain)
{
	struct nftnl_expr *e = add(rule, "immediate");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	return chain != NULL ? nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain) : 0;
}

/* The end of a rule that lets the packet pass. */
static int add_pass(struct nftnl_rule *rule, const struct rule *r)
{
	return r->go_on ? add_verdict(rule, NFT_GOTO, SHAPE_DISPATCH) : add_verdict(rule, NF_ACCEPT, NULL);
}

static int add_lookup(struct nftnl_rule *rule, const char *set, bool map)
{
	struct nftnl_expr *e = add(rule, "lookup");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (map)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	return nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
}

static int add_counter(struct nftnl_rule *rule, const char *kind, const char *endpoint)
{
	struct nftnl_expr *e = add(rule, "objref");
	char name[SHAPE_NAME_MAX];

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	return nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, shape_name(name, kind, endpoint, NULL));
}

static int add_log(struct nftnl_rule *rule, const struct rule *r)
{
	struct nftnl_expr *e = add(rule, "log");
	char prefix[SHAPE_NAME_MAX];

	if (e == NULL)
		return -1;
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, r->group);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, rule_snaplen(r));
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_QTHRESHOLD, RULE_QUEUE_THRESHOLD);
	return nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, rule_log_prefix(r, prefix));
}

static int add_limit(struct nftnl_rule *rule, uint32_t rate)
{
	struct nftnl_expr *e = add(rule, "limit");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, rate * 2);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
	return 0;
}

static struct nftnl_expr *add_update(struct nftnl_rule *rule, const char *set)
{
	struct nftnl_expr *e = add(rule, "dynset");

	if (e == NULL)
		return NULL;
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	return nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set) == 0 ? e : NULL;
}

static int add_tally(struct nftnl_rule *rule, const char *set)
{
	struct nftnl_expr *counter, *e = add_update(rule, set);

	if (e == NULL)
		return -1;
	counter = nftnl_expr_alloc("counter");
	if (counter == NULL) {
		errno = ENOMEM;
		return -1;
	}
	nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPRESSIONS, counter);
	return 0;
}

static int add_reject(struct nftnl_rule *rule, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = add(rule, "reject");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
	return 0;
}

static int add_family(struct nftnl_rule *rule, uint8_t family)
{
	return add_meta(rule, NFT_META_NFPROTO, NFT_REG_1) != 0 ? -1 : add_cmp(rule, NFT_CMP_EQ, &family, 1);
}

/* Offsets of the addresses in the headers of RFC 791 and RFC 8200. */
static int add_source(struct nftnl_rule *rule, uint8_t family, uint32_t reg)
{
	return family == NFPROTO_IPV4 ? add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg) :
	                                add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 8, 16, reg);
}

static int add_destination(struct nftnl_rule *rule, uint8_t family, uint32_t reg)
{
	return family == NFPROTO_IPV4 ? add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg) :
	                                add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, reg);
}

/* Parts of a concatenation lie one behind the other.  The kernel names a register that starts at a multiple of 16 bytes
 * by its 16-byte name (nft_dump_register in nf_tables_api.c); the same names here keep what is read comparable. */
static uint32_t register_at(uint32_t bytes)
{
	return bytes % 16 == 0 ? NFT_REG_1 + bytes / 16 : NFT_REG32_00 + bytes / 4;
}

static int add_protocol_and_port(struct nftnl_rule *rule, uint32_t at)
{
	return add_meta(rule, NFT_META_L4PROTO, register_at(at)) != 0 ? -1 :
	       add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, register_at(at + 4));
}

static int build_dispatch(struct nftnl_rule *rule, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	if (add_family(rule, family) != 0 || add_destination(rule, family, NFT_REG_1) != 0 ||
	    add_protocol_and_port(rule, size) != 0)
		return -1;
	return add_lookup(rule, family == NFPROTO_IPV4 ? SHAPE_ENDPOINTS4 : SHAPE_ENDPOINTS6, true);
}

/* Who comes from an address in the set goes to the chain. */
static int build_from(struct nftnl_rule *rule, uint8_t family, const char *set, const char *chain)
{
	if (add_family(rule, family) != 0 || add_source(rule, family, NFT_REG_1) != 0 || add_lookup(rule, set, false) != 0)
		return -1;
	return add_verdict(rule, NFT_GOTO, chain);
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
	if (add_family(rule, family) != 0 || add_destination(rule, family, NFT_REG_1) != 0 ||
	    add_lookup(rule, family == NFPROTO_IPV4 ? SHAPE_ADDRESSES4 : SHAPE_ADDRESSES6, false) != 0)
		return -1;
	return add_verdict(rule, NFT_GOTO, SHAPE_DISPATCH);
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
	return r->refuse ? add_verdict(rule, NFT_GOTO, SHAPE_REFUSE) : add_verdict(rule, NF_DROP, NULL);
}

static int build_tally(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	if (add_family(rule, family) != 0 || add_source(rule, family, NFT_REG_1) != 0 ||
	    add_destination(rule, family, register_at(size)) != 0 || add_protocol_and_port(rule, 2 * size) != 0 ||
	    add_tally(rule, family == NFPROTO_IPV4 ? SHAPE_DENIED4 : SHAPE_DENIED6) != 0)
		return -1;
	return add_denial(rule, r);
}

static int build_replies(struct nftnl_rule *rule)
{
	uint8_t reply = IP_CT_DIR_REPLY;

	if (add_ct(rule, NFT_CT_DIRECTION) != 0 || add_cmp(rule, NFT_CMP_EQ, &reply, sizeof(reply)) != 0)
		return -1;
	return add_verdict(rule, NF_ACCEPT, NULL);
}

static int build_not_new(struct nftnl_rule *rule, const struct rule *r)
{
	uint32_t state = NF_CT_STATE_BIT(IP_CT_NEW);

	if (add_ct(rule, NFT_CT_STATE) != 0 || add_cmp(rule, NFT_CMP_NEQ, &state, sizeof(state)) != 0)
		return -1;
	return add_pass(rule, r);
}

/* conntrack confirms a connection when its first packet leaves the host or reaches a socket.  A packet of `lo` left the
 * host already, so it is confirmed although it is the first. */
static int build_repeated(struct nftnl_rule *rule, const struct rule *r)
{
	uint32_t loopback = LOOPBACK_INDEX, zero = 0;

	if (add_meta(rule, NFT_META_IIF, NFT_REG_1) != 0 ||
	    add_cmp(rule, NFT_CMP_NEQ, &loopback, sizeof(loopback)) != 0 || add_ct(rule, NFT_CT_STATUS) != 0 ||
	    add_mask(rule, IPS_CONFIRMED) != 0 ||
	    add_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero)) != 0)
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
	return add_limit(rule, r->rate) != 0 || add_log(rule, r) != 0 ? -1 : add_denial(rule, r);
}

static int build_reset(struct nftnl_rule *rule)
{
	uint8_t tcp = IPPROTO_TCP;

	if (add_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 || add_cmp(rule, NFT_CMP_EQ, &tcp, sizeof(tcp)) != 0)
		return -1;
	return add_reject(rule, NFT_REJECT_TCP_RST, 0);
}

/* --- agents */

static int add_cmp8(struct nftnl_rule *rule, uint32_t op, uint8_t value)
{
	return add_cmp(rule, op, &value, sizeof(value));
}

static int build_agents(struct nftnl_rule *rule, uint8_t family)
{
	return build_from(rule, family, family == NFPROTO_IPV4 ? SHAPE_AGENTS4 : SHAPE_AGENTS6, SHAPE_AGENTS);
}

static int build_sent(struct nftnl_rule *rule)
{
	uint32_t loopback = LOOPBACK_INDEX;

	if (add_meta(rule, NFT_META_IIF, NFT_REG_1) != 0 ||
	    add_cmp(rule, NFT_CMP_EQ, &loopback, sizeof(loopback)) != 0)
		return -1;
	return add_verdict(rule, NF_ACCEPT, NULL);
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
	return add_family(rule, family) != 0 || add_destination(rule, family, NFT_REG_1) != 0 ? -1 :
	       add_lookup(rule, set, false);
}

static int add_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
	return add_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 ? -1 : add_cmp8(rule, NFT_CMP_EQ, protocol);
}

static int build_end(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint16_t port = htons(r->port);
	char chain[SHAPE_NAME_MAX];

	if (add_destination_on(rule, r, family) != 0 || add_protocol(rule, r->protocol) != 0 ||
	    add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1) != 0 ||
	    add_cmp(rule, NFT_CMP_EQ, &port, sizeof(port)) != 0)
		return -1;
	return add_verdict(rule, NFT_GOTO, shape_allow_chain(chain, r->endpoint, r->list));
}

static int build_self(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t loopback = LOOPBACK_INDEX;

	if (add_meta(rule, NFT_META_OIF, NFT_REG_1) != 0 ||
	    add_cmp(rule, NFT_CMP_EQ, &loopback, sizeof(loopback)) != 0 || add_destination_on(rule, r, family) != 0)
		return -1;
	return add_verdict(rule, NFT_GOTO, SHAPE_DISPATCH);
}

static int build_reach(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;
	char map[SHAPE_NAME_MAX];

	if (add_family(rule, family) != 0 || add_destination(rule, family, NFT_REG_1) != 0 ||
	    add_protocol_and_port(rule, size) != 0)
		return -1;
	return add_lookup(rule, shape_name(map, SHAPE_REACH, r->endpoint, number(family)), true);
}

static int add_state(struct nftnl_rule *rule, uint32_t state)
{
	uint32_t zero = 0;

	return add_ct(rule, NFT_CT_STATE) != 0 || add_mask(rule, state) != 0 ? -1 :
	       add_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static int build_error(struct nftnl_rule *rule, const struct rule *r)
{
	if (add_protocol(rule, r->protocol) != 0 || add_state(rule, NF_CT_STATE_BIT(IP_CT_RELATED)) != 0)
		return -1;
	return add_verdict(rule, NF_ACCEPT, NULL);
}

/* RFC 4861: no router forwards a packet of neighbour discovery, which would take one off its hop limit. */
static int add_neighbour(struct nftnl_rule *rule, const struct rule *r)
{
	if (add_family(rule, NFPROTO_IPV6) != 0 || add_protocol(rule, IPPROTO_ICMPV6) != 0 ||
	    add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1) != 0 ||
	    add_cmp8(rule, NFT_CMP_EQ, (uint8_t)r->port) != 0 ||
	    add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 7, 1, NFT_REG_1) != 0)
		return -1;
	return add_cmp8(rule, NFT_CMP_EQ, 255);
}

/* Whoever is root on an agent's host can write such packets with anything in them: those that would be forwarded are no
 * neighbour discovery. */
static int build_neighbour(struct nftnl_rule *rule, const struct rule *r)
{
	uint32_t type = r->protocol; /* RTN_* of linux/rtnetlink.h */
	struct nftnl_expr *fib;

	if (add_neighbour(rule, r) != 0 || (fib = add(rule, "fib")) == NULL)
		return -1;
	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	return add_cmp(rule, NFT_CMP_EQ, &type, sizeof(type)) != 0 ? -1 : add_verdict(rule, NF_ACCEPT, NULL);
}

static int build_neighbour_sent(struct nftnl_rule *rule, const struct rule *r)
{
	return add_neighbour(rule, r) != 0 ? -1 : add_verdict(rule, NF_ACCEPT, NULL);
}

static int add_both_addresses(struct nftnl_rule *rule, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	return add_family(rule, family) != 0 || add_source(rule, family, NFT_REG_1) != 0 ? -1 :
	       add_destination(rule, family, register_at(size));
}

static int build_seen(struct nftnl_rule *rule, uint8_t family)
{
	if (add_state(rule, NF_CT_STATE_BIT(IP_CT_ESTABLISHED)) != 0 || add_both_addresses(rule, family) != 0)
		return -1;
	return add_update(rule, family == NFPROTO_IPV4 ? SHAPE_SEEN4 : SHAPE_SEEN6) != NULL ? 0 : -1;
}

static int build_others(struct nftnl_rule *rule, const struct rule *r, uint8_t family)
{
	static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (size_t i = 0; i < sizeof(with_ports); i++)
		if (add_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 || add_cmp8(rule, NFT_CMP_NEQ, with_ports[i]) != 0)
			return -1;
	if (add_both_addresses(rule, family) != 0 ||
	    add_meta(rule, NFT_META_L4PROTO, register_at(family == NFPROTO_IPV4 ? 8 : 32)) != 0 ||
	    add_tally(rule, family == NFPROTO_IPV4 ? SHAPE_OTHERS4 : SHAPE_OTHERS6) != 0)
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
		return add_reject(out, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
	}
	errno = EINVAL;
	return -1;
}
