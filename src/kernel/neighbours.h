/* Other programs' chains that stand in the way: what hallowd lets through, another table may still drop. */
#ifndef HALLOWD_KERNEL_NEIGHBOURS_H
#define HALLOWD_KERNEL_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/policy.h"
#include "kernel/kernel.h"

struct neighbour {
	const char *family;   /* inet, ip, ip6 */
	const char *hook;     /* prerouting, input, forward */
	char *table, *chain;
	char *endpoint;       /* the first that it concerns */
	size_t others;        /* how many more */
	bool certain;         /* all new connections to it are dropped; else: some may be, from reading it cannot be told */
	bool policy;          /* by the chain's policy; else by a rule */
};

struct neighbours {
	struct neighbour *items;
	size_t count;
};

void neighbours_free(struct neighbours *n); /* and makes it empty */

/* Reads the base chains of all other tables at hooks prerouting, input and forward, and follows a new connection from
 * outside to each endpoint (its first address of each family, first port; at most NEIGHBOUR_FLOWS_MAX connections) through
 * their rules, also into chains that they jump to.  What depends on the source, on an interface, on a set that cannot be
 * asked, or on an extension of iptables, is not known, and so makes a chain one that may drop.
 * `input` counts for addresses of this host, `forward` for others; where some table may translate the destination, both
 * do.  Not looked at: bridge and netdev tables, tc, XDP.  0 with *n, or -1. */
#define NEIGHBOUR_FLOWS_MAX 256
int kernel_neighbours(struct kernel *k, const struct policy *p, struct neighbours *n, struct error *err);

#endif
