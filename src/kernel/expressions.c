#include "kernel/expressions.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (e == NULL)
		errno = ENOMEM;
	else
		nftnl_rule_add_expr(rule, e);
	return e;
}

int expr_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(rule, "meta");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
	return 0;
}

int expr_ct(struct nftnl_rule *rule, uint32_t key)
{
	struct nftnl_expr *e = add(rule, "ct");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	return 0;
}

int expr_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
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

int expr_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = add(rule, "cmp");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	return nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

int expr_mask(struct nftnl_rule *rule, uint32_t mask)
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

int expr_verdict(struct nftnl_rule *rule, int verdict, const char *chain)
{
	struct nftnl_expr *e = add(rule, "immediate");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	return chain != NULL ? nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain) : 0;
}

int expr_lookup(struct nftnl_rule *rule, const char *set, bool map)
{
	struct nftnl_expr *e = add(rule, "lookup");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (map)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	return nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
}

int expr_counter(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = add(rule, "objref");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	return nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

int expr_log(struct nftnl_rule *rule, uint16_t group, uint32_t snaplen, uint16_t threshold, const char *prefix)
{
	struct nftnl_expr *e = add(rule, "log");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, group);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, snaplen);
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_QTHRESHOLD, threshold);
	return nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, prefix);
}

int expr_limit(struct nftnl_rule *rule, uint32_t rate)
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

static struct nftnl_expr *add_dynset(struct nftnl_rule *rule, const char *set)
{
	struct nftnl_expr *e = add(rule, "dynset");

	if (e == NULL)
		return NULL;
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	return nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set) == 0 ? e : NULL;
}

int expr_update(struct nftnl_rule *rule, const char *set)
{
	return add_dynset(rule, set) != NULL ? 0 : -1;
}

int expr_tally(struct nftnl_rule *rule, const char *set)
{
	struct nftnl_expr *counter, *e = add_dynset(rule, set);

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

int expr_reject(struct nftnl_rule *rule, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = add(rule, "reject");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
	return 0;
}

int expr_family(struct nftnl_rule *rule, uint8_t family)
{
	return expr_meta(rule, NFT_META_NFPROTO, NFT_REG_1) != 0 ? -1 : expr_cmp(rule, NFT_CMP_EQ, &family, 1);
}

/* Offsets of the addresses in the headers of RFC 791 and RFC 8200. */
int expr_source(struct nftnl_rule *rule, uint8_t family, uint32_t reg)
{
	return family == NFPROTO_IPV4 ? expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, reg) :
	                                expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 8, 16, reg);
}

int expr_destination(struct nftnl_rule *rule, uint8_t family, uint32_t reg)
{
	return family == NFPROTO_IPV4 ? expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, reg) :
	                                expr_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, reg);
}

/* The kernel names a register that starts at a multiple of 16 bytes
 * by its 16-byte name (nft_dump_register in nf_tables_api.c); the same names here keep what is read comparable. */
uint32_t expr_register(uint32_t bytes)
{
	return bytes % 16 == 0 ? NFT_REG_1 + bytes / 16 : NFT_REG32_00 + bytes / 4;
}

int expr_protocol_and_port(struct nftnl_rule *rule, uint32_t at)
{
	return expr_meta(rule, NFT_META_L4PROTO, expr_register(at)) != 0 ? -1 :
	       expr_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, expr_register(at + 4));
}

int expr_cmp8(struct nftnl_rule *rule, uint32_t op, uint8_t value)
{
	return expr_cmp(rule, op, &value, sizeof(value));
}

int expr_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
	return expr_meta(rule, NFT_META_L4PROTO, NFT_REG_1) != 0 ? -1 : expr_cmp8(rule, NFT_CMP_EQ, protocol);
}

int expr_state(struct nftnl_rule *rule, uint32_t state)
{
	uint32_t zero = 0;

	return expr_ct(rule, NFT_CT_STATE) != 0 || expr_mask(rule, state) != 0 ? -1 :
	       expr_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

int expr_both_addresses(struct nftnl_rule *rule, uint8_t family)
{
	uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;

	return expr_family(rule, family) != 0 || expr_source(rule, family, NFT_REG_1) != 0 ? -1 :
	       expr_destination(rule, family, expr_register(size));
}

int expr_destination_type(struct nftnl_rule *rule, uint32_t type)
{
	struct nftnl_expr *e = add(rule, "fib");

	if (e == NULL)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	return expr_cmp(rule, NFT_CMP_EQ, &type, sizeof(type));
}
