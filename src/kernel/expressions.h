/* The expressions that rules are made of (linux/netfilter/nf_tables.h; what they do is the kernel's nft_*.c).
 *
 * Each function adds one or a few to the end of the rule: 0, or -1 with errno ENOMEM.  What is compared or looked up is in
 * NFT_REG_1, which the one before filled.  `family` is NFPROTO_IPV4 or NFPROTO_IPV6. */
#ifndef HALLOWD_KERNEL_EXPRESSIONS_H
#define HALLOWD_KERNEL_EXPRESSIONS_H

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stdint.h>

/* Parts of a concatenation lie one behind the other: the register for one that starts so many bytes behind the first. */
uint32_t expr_register(uint32_t bytes);

/* Into a register. */
int expr_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg); /* NFT_META_* */
int expr_ct(struct nftnl_rule *rule, uint32_t key);                 /* NFT_CT_* */
int expr_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg); /* bytes */
int expr_source(struct nftnl_rule *rule, uint8_t family, uint32_t reg);
int expr_destination(struct nftnl_rule *rule, uint8_t family, uint32_t reg);
int expr_protocol_and_port(struct nftnl_rule *rule, uint32_t at); /* of the destination; `at`: bytes, as expr_register */
int expr_both_addresses(struct nftnl_rule *rule, uint8_t family); /* source and destination, of that family only */
int expr_mask(struct nftnl_rule *rule, uint32_t mask);

/* The rule goes on where... */
int expr_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len); /* NFT_CMP_*; network byte order */
int expr_cmp8(struct nftnl_rule *rule, uint32_t op, uint8_t value);
int expr_family(struct nftnl_rule *rule, uint8_t family);
int expr_protocol(struct nftnl_rule *rule, uint8_t protocol);          /* IPPROTO_* */
int expr_state(struct nftnl_rule *rule, uint32_t state);               /* one of these NF_CT_STATE_BIT */
int expr_destination_type(struct nftnl_rule *rule, uint32_t type);     /* RTN_* of linux/rtnetlink.h */
int expr_lookup(struct nftnl_rule *rule, const char *set, bool map);   /* the set has it; a map gives a verdict */
int expr_limit(struct nftnl_rule *rule, uint32_t rate);                /* packets a second, twice as many at once */

/* What is done. */
int expr_counter(struct nftnl_rule *rule, const char *name); /* counts in that object */
int expr_log(struct nftnl_rule *rule, uint16_t group, uint32_t snaplen, uint16_t threshold, const char *prefix);
int expr_update(struct nftnl_rule *rule, const char *set); /* puts into a dynamic set, or begins its timeout anew */
int expr_tally(struct nftnl_rule *rule, const char *set);  /* the same, counted; the rule ends here where it is full */
int expr_verdict(struct nftnl_rule *rule, int verdict, const char *chain); /* NF_* or NFT_*; chain NULL for none */
int expr_reject(struct nftnl_rule *rule, uint32_t type, uint8_t code);     /* NFT_REJECT_* */

#endif
