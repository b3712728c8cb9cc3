#include "kernel/neighbours.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/foreign.h"
#include "kernel/state.h"

struct candidate {
	struct flow flow;
	const char *endpoint;
	bool local;      /* to an address of this host */
	bool translated; /* some table may give it another destination */
};

struct candidates {
	struct candidate items[NEIGHBOUR_FLOWS_MAX];
	size_t count;
};

void neighbours_free(struct neighbours *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->items[i].table);
		free(n->items[i].chain);
		free(n->items[i].endpoint);
	}
	free(n->items);
	*n = (struct neighbours){ .count = 0 };
}

/* --- which connections are followed */

static bool is_local(const struct ifaddrs *all, const struct address *a)
{
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		const void *bytes;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != a->family)
			continue;
		bytes = a->family == AF_INET
		            ? (const void *)&((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr
		            : (const void *)&((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
		if (memcmp(bytes, a->bytes, address_size(a->family)) == 0)
			return true;
	}
	return false;
}

static void add_candidate(struct candidates *c, const struct policy_endpoint *e, sa_family_t family,
                          const struct ifaddrs *local)
{
	for (size_t i = 0; i < e->address_count && c->count < NEIGHBOUR_FLOWS_MAX; i++) {
		const struct address *a = &e->addresses[i].addr;

		if (a->family != family)
			continue;
		c->items[c->count++] = (struct candidate){
			.flow = { .to = *a, .port = e->ports[0].first, .protocol = e->protocol },
			.endpoint = e->name,
			.local = is_local(local, a),
		};
		return;
	}
}

/* --- what becomes of them */

static bool families_meet(const struct foreign_chain *c, const struct flow *f)
{
	if (c->family == NFPROTO_INET)
		return true;
	return c->family == (f->to.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static bool passes_through(const struct foreign_chain *c, const struct candidate *to)
{
	if (!families_meet(c, &to->flow))
		return false;
	switch (c->hook) {
	case NF_INET_PRE_ROUTING:
		return true;
	case NF_INET_LOCAL_IN:
		return to->local || to->translated;
	case NF_INET_FORWARD:
		return !to->local || to->translated;
	default:
		return false;
	}
}

static int add_neighbour(struct neighbours *n, const struct foreign_chain *c, const char *endpoint)
{
	struct neighbour *bigger = reallocarray(n->items, n->count + 1, sizeof(*bigger)), *item;

	if (bigger == NULL)
		return -1;
	n->items = bigger;
	item = &n->items[n->count];
	*item = (struct neighbour){
		.family = c->family == NFPROTO_INET ? "inet" : c->family == NFPROTO_IPV4 ? "ip" : "ip6",
		.hook = c->hook == NF_INET_PRE_ROUTING ? "prerouting" : c->hook == NF_INET_LOCAL_IN ? "input" : "forward",
		.table = strdup(c->table),
		.chain = strdup(c->name),
		.endpoint = strdup(endpoint),
	};
	n->count++;
	return item->table != NULL && item->chain != NULL && item->endpoint != NULL ? 0 : -1;
}

/* One chain and every connection; what is certain of one is told before what may be of others. */
static int judge_chain(struct kernel *k, const struct foreign *f, const struct foreign_chain *chain,
                       const struct candidates *c, struct neighbours *n)
{
	struct neighbour *item = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct candidate *to = &c->items[i];
		struct flow flow = to->flow;
		struct fate fate;

		if (!passes_through(chain, to))
			continue;
		flow.translated = to->translated && chain->hook != NF_INET_PRE_ROUTING;
		fate = foreign_fate(&k->nl, f, chain, &flow);
		/* Where it may not come through here at all, nothing is certain. */
		if (flow.translated && fate.what == FATE_DROPS)
			fate.what = FATE_MAY_DROP;
		if (fate.what == FATE_PASSES)
			continue;
		if (item == NULL) {
			if (add_neighbour(n, chain, to->endpoint) != 0)
				return -1;
			item = &n->items[n->count - 1];
			item->certain = fate.what == FATE_DROPS;
			item->policy = fate.policy;
		} else if (strcmp(item->endpoint, to->endpoint) != 0) {
			item->others++;
		}
		item->certain = item->certain || fate.what == FATE_DROPS;
	}
	return 0;
}

static void find_translated(struct kernel *k, const struct foreign *f, struct candidates *c)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct foreign_chain *chain = &f->chains[i];

		if (!chain->base || !chain->nat || chain->hook != NF_INET_PRE_ROUTING)
			continue;
		for (size_t o = 0; o < c->count; o++)
			if (families_meet(chain, &c->items[o].flow) && foreign_translates(&k->nl, f, chain, &c->items[o].flow))
				c->items[o].translated = true;
	}
}

static int judge_all(struct kernel *k, const struct foreign *f, struct candidates *c, struct neighbours *n)
{
	find_translated(k, f, c);
	for (size_t i = 0; i < f->count; i++)
		if (f->chains[i].base && !f->chains[i].nat && judge_chain(k, f, &f->chains[i], c, n) != 0)
			return -1;
	return 0;
}

int kernel_neighbours(struct kernel *k, const struct policy *p, struct neighbours *n, struct error *err)
{
	struct candidates *c = calloc(1, sizeof(*c));
	struct ifaddrs *local = NULL;
	struct foreign f;
	int rc;

	*n = (struct neighbours){ .count = 0 };
	if (c == NULL || getifaddrs(&local) != 0 || foreign_read(&k->nl, &f) != 0) {
		error_errno(err, errno, "reading the rules of other programs");
		freeifaddrs(local);
		free(c);
		return -1;
	}
	for (size_t i = 0; i < p->endpoint_count; i++) {
		add_candidate(c, &p->endpoints[i], AF_INET, local);
		add_candidate(c, &p->endpoints[i], AF_INET6, local);
	}
	rc = judge_all(k, &f, c, n);
	if (rc != 0) {
		error_errno(err, ENOMEM, "reading the rules of other programs");
		neighbours_free(n);
	}
	foreign_free(&f);
	freeifaddrs(local);
	free(c);
	return rc;
}
