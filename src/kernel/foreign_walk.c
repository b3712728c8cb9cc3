/* Follows one packet through another program's rules, in three values: yes, no, not known. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "kernel/foreign.h"

#define REGISTERS 24        /* NFT_REG_1 to 4, and NFT_REG32_00 to 15 behind them */
#define REGISTER_BYTES 16
#define DEPTH_MAX 16        /* the kernel's own limit of jumps */
#define CT_STATE_NEW 8      /* NF_CT_STATE_BIT(IP_CT_NEW) */

enum truth { NO, YES, NOT_KNOWN };

struct reg {
	bool known;
	bool interface;     /* that it came in by: any but loopback */
	uint8_t bytes[REGISTER_BYTES];
	size_t len;
};

struct walk {
	struct netlink *nl;
	const struct foreign *foreign;
	const struct flow *flow;
	bool may_accept, may_drop, may_translate;
};

/* What a rule comes to. */
struct action {
	enum truth applies;
	int32_t verdict;    /* NF_ACCEPT, NF_DROP, NFT_JUMP ...; NFT_CONTINUE for none */
	const char *chain;
	bool translates;
	struct foreign_verdict mapped; /* what `chain` points into, of a verdict map */
};

/* One more stands for those that there are not. */
static struct reg *reg_of(struct reg *regs, uint32_t number)
{
	return &regs[number < REGISTERS ? number : REGISTERS];
}

static void set_reg(struct reg *r, const void *bytes, size_t len)
{
	r->known = len <= REGISTER_BYTES;
	r->interface = false;
	r->len = len;
	if (r->known)
		memcpy(r->bytes, bytes, len);
}

/* --- what is loaded */

/* Copies the part [offset, offset + len) of a field at [at, at + size); false where it is not within. */
static bool part(struct reg *r, uint32_t offset, uint32_t len, const void *field, uint32_t at, uint32_t size)
{
	if (offset < at || len > size || offset - at > size - len)
		return false;
	set_reg(r, (const uint8_t *)field + (offset - at), len);
	return true;
}

static void load_payload(const struct walk *w, const struct nftnl_expr *e, struct reg *regs)
{
	struct reg *r = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG));
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	const struct flow *f = w->flow;
	uint16_t port = htons(f->port);
	bool v4 = address_size(f->to.family) == 4;

	r->known = r->interface = false;
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && !f->translated)
		part(r, offset, len, &port, 2, sizeof(port));
	if (base != NFT_PAYLOAD_NETWORK_HEADER || part(r, offset, len, &f->protocol, v4 ? 9 : 6, 1) || f->translated)
		return;
	part(r, offset, len, f->to.bytes, v4 ? 16 : 24, (uint32_t)address_size(f->to.family));
}

static void load_meta(const struct walk *w, const struct nftnl_expr *e, struct reg *regs)
{
	struct reg *r = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG));
	uint8_t family = address_size(w->flow->to.family) == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	r->known = r->interface = false;
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
		return;
	switch (nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY)) {
	case NFT_META_L4PROTO:
		set_reg(r, &w->flow->protocol, 1);
		return;
	case NFT_META_NFPROTO:
		set_reg(r, &family, 1);
		return;
	case NFT_META_IIFNAME:
		r->interface = true;
	}
}

static void load_ct(const struct walk *w, const struct nftnl_expr *e, struct reg *regs)
{
	struct reg *r = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_CT_DREG));
	uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY), state = CT_STATE_NEW, status = 0;

	r->known = r->interface = false;
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_CT_DREG))
		return;
	if (key == NFT_CT_STATE)
		set_reg(r, &state, sizeof(state));
	else if (key == NFT_CT_STATUS && !w->flow->translated)
		set_reg(r, &status, sizeof(status));
}

static void mask(const struct nftnl_expr *e, struct reg *regs)
{
	const struct reg from = *reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG));
	struct reg *to = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG));
	uint32_t mask_len = 0, xor_len = 0;
	const uint8_t *and = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &mask_len);
	const uint8_t *xor = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_len);

	*to = from;
	to->known = from.known && and != NULL && xor != NULL && mask_len >= from.len && xor_len >= from.len;
	for (size_t i = 0; to->known && i < from.len; i++)
		to->bytes[i] = (uint8_t)((from.bytes[i] & and[i]) ^ xor[i]);
}

/* --- what is asked */

static enum truth compare(const struct nftnl_expr *e, struct reg *regs)
{
	const struct reg *r = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG));
	uint32_t len = 0;
	const void *with = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);
	int order;

	if (r->interface && len > 2 && memcmp(with, "lo", 3) == 0)
		return nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ ? NO : YES;
	if (!r->known || with == NULL || len > r->len)
		return NOT_KNOWN;
	order = memcmp(r->bytes, with, len);
	switch (nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP)) {
	case NFT_CMP_EQ:
		return order == 0 ? YES : NO;
	case NFT_CMP_NEQ:
		return order != 0 ? YES : NO;
	case NFT_CMP_LT:
		return order < 0 ? YES : NO;
	case NFT_CMP_LTE:
		return order <= 0 ? YES : NO;
	case NFT_CMP_GT:
		return order > 0 ? YES : NO;
	case NFT_CMP_GTE:
		return order >= 0 ? YES : NO;
	default:
		return NOT_KNOWN;
	}
}

static enum truth look_up(const struct walk *w, const struct foreign_chain *in, const struct nftnl_expr *e,
                          struct reg *regs, struct action *a)
{
	const struct reg *r = reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG));
	bool invert = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS) &&
	              nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	bool map = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG);
	int found = -1;

	if (map)
		reg_of(regs, nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG))->known = false;
	if (r->known)
		found = foreign_ask_set(w->nl, in, nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET), r->bytes, r->len, &a->mapped);
	if (found == -1) {
		/* A verdict map, of which any verdict may come. */
		if (map && nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT)
			a->verdict = NF_DROP;
		return NOT_KNOWN;
	}
	if (map && found == 1 && nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT) {
		a->verdict = a->mapped.code;
		a->chain = a->mapped.chain;
	}
	return (found == 1) != invert ? YES : NO;
}

static void take_immediate(const struct nftnl_expr *e, struct reg *regs, struct action *a)
{
	uint32_t to = nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG), len = 0;

	if (to == NFT_REG_VERDICT) {
		a->verdict = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
		a->chain = nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN) ? nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN) : "";
	} else {
		const void *data = nftnl_expr_get(e, NFTNL_EXPR_IMM_DATA, &len);

		set_reg(reg_of(regs, to), data, data == NULL ? 0 : len);
	}
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static void take_translation(struct action *a)
{
	a->verdict = NF_ACCEPT;
	a->translates = true;
}

/* An extension of iptables; those that are not named here change or count something, and the rules go on. */
static void take_target(const char *name, struct action *a)
{
	static const char *const translating[] = { "DNAT", "REDIRECT", "NETMAP", "TPROXY", NULL };

	if (strcmp(name, "REJECT") == 0)
		a->verdict = NF_DROP;
	else if (is_one_of(name, translating))
		take_translation(a);
}

/* Whether the rule goes on behind this expression. */
static enum truth take_expression(const struct walk *w, const struct foreign_chain *in, const struct nftnl_expr *e,
                                  struct reg *regs, struct action *a)
{
	static const char *const no_matter[] = { "counter", "log", "notrack", "objref", "last", NULL };
	static const char *const translating[] = { "nat", "masq", "redir", "tproxy", NULL };
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (strcmp(name, "payload") == 0)
		load_payload(w, e, regs);
	else if (strcmp(name, "meta") == 0)
		load_meta(w, e, regs);
	else if (strcmp(name, "ct") == 0)
		load_ct(w, e, regs);
	else if (strcmp(name, "bitwise") == 0)
		mask(e, regs);
	else if (strcmp(name, "immediate") == 0)
		take_immediate(e, regs, a);
	else if (strcmp(name, "reject") == 0)
		a->verdict = NF_DROP;
	else if (is_one_of(name, translating))
		take_translation(a);
	else if (strcmp(name, "target") == 0)
		take_target(nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME), a);
	else if (strcmp(name, "match") == 0)
		return strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME), "comment") == 0 ? YES : NOT_KNOWN;
	else if (strcmp(name, "cmp") == 0)
		return compare(e, regs);
	else if (strcmp(name, "lookup") == 0)
		return look_up(w, in, e, regs, a);
	else if (!is_one_of(name, no_matter))
		return NOT_KNOWN;
	return YES;
}

/* What an expression of a kind that is not known writes is not known either. */
static void judge_rule(const struct walk *w, const struct foreign_chain *in, struct nftnl_rule *rule, struct action *a)
{
	struct nftnl_expr_iter *at = nftnl_expr_iter_create(rule);
	struct reg regs[REGISTERS + 1] = { 0 };
	const struct nftnl_expr *e;

	*a = (struct action){ .applies = at == NULL ? NOT_KNOWN : YES, .verdict = NFT_CONTINUE, .chain = "" };
	while (at != NULL && a->applies != NO && (e = nftnl_expr_iter_next(at)) != NULL) {
		enum truth on = take_expression(w, in, e, regs, a);

		if (on == NO || a->applies == YES)
			a->applies = on;
	}
	if (at != NULL)
		nftnl_expr_iter_destroy(at);
}

/* --- the walk */

enum end { ENDS, ACCEPTED, DROPPED };

/* Follows the chain.  `certain`: the packet is certainly here. */
static enum end follow(struct walk *w, const struct foreign_chain *chain, bool certain, int depth)
{
	if (chain->unread)
		w->may_drop = true;
	for (size_t i = 0; i < chain->rule_count; i++) {
		const struct foreign_chain *to;
		struct action a;
		bool sure;
		enum end end;

		judge_rule(w, chain, chain->rules[i], &a);
		sure = certain && a.applies == YES;
		if (a.applies == NO || a.verdict == NFT_CONTINUE)
			continue;
		switch (a.verdict) {
		case NF_ACCEPT:
			w->may_translate = w->may_translate || a.translates;
			if (sure)
				return ACCEPTED;
			w->may_accept = true;
			break;
		case NF_DROP:
			if (sure)
				return DROPPED;
			w->may_drop = true;
			break;
		case NFT_JUMP:
		case NFT_GOTO:
			to = depth < DEPTH_MAX ? foreign_find(w->foreign, chain->family, chain->table, a.chain) : NULL;
			end = to == NULL ? ENDS : follow(w, to, sure, depth + 1);
			if (end != ENDS || (sure && a.verdict == NFT_GOTO))
				return end;
			break;
		case NFT_RETURN:
			if (sure)
				return ENDS;
			certain = false;
			break;
		default: /* a queue: somebody else decides */
			w->may_drop = w->may_accept = true;
		}
	}
	return ENDS;
}

bool foreign_translates(struct netlink *nl, const struct foreign *f, const struct foreign_chain *base,
                        const struct flow *flow)
{
	struct walk w = { .nl = nl, .foreign = f, .flow = flow };

	follow(&w, base, true, 0);
	return w.may_translate || base->unread;
}

struct fate foreign_fate(struct netlink *nl, const struct foreign *f, const struct foreign_chain *base,
                         const struct flow *flow)
{
	struct walk w = { .nl = nl, .foreign = f, .flow = flow };
	struct fate fate = { .what = FATE_PASSES };
	enum end end = follow(&w, base, true, 0);

	if (end == DROPPED || (end == ENDS && base->policy_drop))
		fate = (struct fate){ w.may_accept ? FATE_MAY_DROP : FATE_DROPS, end == ENDS };
	else if (w.may_drop)
		fate.what = FATE_MAY_DROP;
	return fate;
}
