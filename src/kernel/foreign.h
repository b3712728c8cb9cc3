/* Other tables' chains and rules, as the kernel has them, and what they do with a new connection. */
#ifndef HALLOWD_KERNEL_FOREIGN_H
#define HALLOWD_KERNEL_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "kernel/netlink.h"

struct nftnl_rule;

struct foreign_chain {
	uint8_t family;      /* NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 */
	char *table, *name;
	bool base, nat;      /* on a hook; of type nat */
	uint32_t hook;       /* NF_INET_*, of a base chain */
	bool policy_drop;
	bool unread;         /* it has rules that the library does not understand */
	struct nftnl_rule **rules;
	size_t rule_count;
};

struct foreign {
	struct foreign_chain *chains;
	size_t count, cap;
};

/* All but our own table.  0, or -1 with errno. */
int foreign_read(struct netlink *nl, struct foreign *f);
void foreign_free(struct foreign *f);

const struct foreign_chain *foreign_find(const struct foreign *f, uint8_t family, const char *table, const char *name);

/* The first packet of a new connection from outside, as far as it is known. */
struct flow {
	struct address to;
	uint16_t port;
	uint8_t protocol;
	bool translated;     /* `to` and `port` may be others by now */
};

struct fate {
	enum { FATE_PASSES, FATE_MAY_DROP, FATE_DROPS } what;
	bool policy;         /* dropped by policy */
};

/* Whether the chain, of type nat, may give the packet another destination. */
bool foreign_translates(struct netlink *nl, const struct foreign *f, const struct foreign_chain *base,
                        const struct flow *flow);

struct fate foreign_fate(struct netlink *nl, const struct foreign *f, const struct foreign_chain *base,
                         const struct flow *flow);

/* Asks for one element of a set or map.  1 where it is there, with the verdict of a verdict map (else NFT_CONTINUE) and
 * its chain ("" for none); 0 where it is not; -1 where that cannot be said. */
struct foreign_verdict {
	int32_t code;
	char chain[128];
};
int foreign_ask_set(struct netlink *nl, const struct foreign_chain *in, const char *set, const uint8_t *key, size_t len,
                    struct foreign_verdict *v);

#endif
