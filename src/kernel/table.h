/* Flags of the table (NFTA_TABLE_FLAGS). */
#ifndef HALLOWD_KERNEL_TABLE_H
#define HALLOWD_KERNEL_TABLE_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "kernel/netlink.h"

#define TABLE_OWNER ((uint32_t)NFT_TABLE_F_OWNER) /* Linux 5.12: only the owner's socket may change it */
#define TABLE_PERSIST 4u /* NFT_TABLE_F_PERSIST, Linux 6.9: it stays when its owner is gone */

#define TABLE_RIGHT "CAP_NET_ADMIN is needed (run as root)"

/* Whether the kernel lets a table with flags `have` get the flags `want`; else it must be made anew. */
bool table_flags_fit(uint32_t have, uint32_t want);

/* The flags that the kernel can do: owner and persist, or none.  Never owner alone, since such a table would go away
 * with its owner and leave the host open.  Asks with a transaction that is never committed.  0, or -1 with *err. */
int table_best_flags(struct netlink *nl, uint32_t *flags, struct error *err);

#endif
