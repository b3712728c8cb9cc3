#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/attrs.h"
#include "kernel/foreign.h"
#include "kernel/kernel.h"

#define TRIES 5

void foreign_free(struct foreign *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct foreign_chain *c = &f->chains[i];

		for (size_t r = 0; r < c->rule_count; r++)
			nftnl_rule_free(c->rules[r]);
		free(c->rules);
		free(c->table);
		free(c->name);
	}
	free(f->chains);
	*f = (struct foreign){ .count = 0 };
}

static bool is_chain(const struct foreign_chain *c, uint8_t family, const char *table, const char *name)
{
	return c->family == family && strcmp(c->name, name) == 0 && strcmp(c->table, table) == 0;
}

const struct foreign_chain *foreign_find(const struct foreign *f, uint8_t family, const char *table, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_chain(&f->chains[i], family, table, name))
			return &f->chains[i];
	return NULL;
}

static bool of_interest(uint32_t family, const char *table)
{
	if (family == NFPROTO_INET)
		return strcmp(table, KERNEL_TABLE) != 0;
	return family == NFPROTO_IPV4 || family == NFPROTO_IPV6;
}

static struct foreign_chain *add_chain(struct foreign *f)
{
	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 32 : f->cap * 2;
		struct foreign_chain *bigger = reallocarray(f->chains, cap, sizeof(*bigger));

		if (bigger == NULL)
			return NULL;
		f->chains = bigger;
		f->cap = cap;
	}
	f->chains[f->count] = (struct foreign_chain){ .family = 0 };
	return &f->chains[f->count++];
}

static int take_chain(struct foreign *f, const struct nftnl_chain *c)
{
	const char *table = nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), *type = nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE);
	uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	struct foreign_chain *chain;

	if (!of_interest(family, table))
		return 0;
	chain = add_chain(f);
	if (chain == NULL)
		return -1;
	chain->family = (uint8_t)family;
	chain->base = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
	chain->nat = type != NULL && strcmp(type, "nat") == 0;
	chain->hook = chain->base ? nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) : 0;
	chain->policy_drop =
	    nftnl_chain_is_set(c, NFTNL_CHAIN_POLICY) && nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP;
	chain->table = strdup(table);
	chain->name = strdup(nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
	return chain->table != NULL && chain->name != NULL ? 0 : -1;
}

static int visit_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	int rc = c == NULL ? -1 : 0;

	if (c != NULL && nftnl_chain_nlmsg_parse(nlh, c) >= 0)
		rc = take_chain(ctx, c);
	nftnl_chain_free(c);
	if (rc == -1)
		errno = ENOMEM;
	return rc;
}

/* Takes over the rule. */
static int take_rule(struct foreign *f, struct nftnl_rule *r)
{
	const char *table = nftnl_rule_get_str(r, NFTNL_RULE_TABLE);
	uint32_t family = nftnl_rule_get_u32(r, NFTNL_RULE_FAMILY);
	struct nftnl_rule **bigger;
	struct foreign_chain *c;
	size_t i = 0;

	while (i < f->count && !is_chain(&f->chains[i], (uint8_t)family, table, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN)))
		i++;
	if (i == f->count) {
		nftnl_rule_free(r);
		return 0;
	}
	c = &f->chains[i];
	bigger = reallocarray(c->rules, c->rule_count + 1, sizeof(struct nftnl_rule *));
	if (bigger == NULL) {
		nftnl_rule_free(r);
		return -1;
	}
	c->rules = bigger;
	c->rules[c->rule_count++] = r;
	return 0;
}

static const char *text_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == type && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	return "";
}

static void note_unread(struct foreign *f, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *table = text_attr(nlh, NFTA_RULE_TABLE), *chain = text_attr(nlh, NFTA_RULE_CHAIN);

	for (size_t i = 0; i < f->count; i++)
		if (is_chain(&f->chains[i], nfg->nfgen_family, table, chain))
			f->chains[i].unread = true;
}

static int visit_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (r != NULL && nftnl_rule_nlmsg_parse(nlh, r) < 0) {
		nftnl_rule_free(r);
		note_unread(ctx, nlh);
		return 0;
	}
	if (r != NULL && take_rule(ctx, r) == 0)
		return 0;
	errno = ENOMEM;
	return -1;
}

static int dump(struct netlink *nl, uint16_t type, netlink_visit *visit, void *ctx)
{
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, type, NLM_F_DUMP, room);
	struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	nfg->nfgen_family = NFPROTO_UNSPEC;
	return netlink_request(nl, nlh, visit, ctx);
}

int foreign_read(struct netlink *nl, struct foreign *f)
{
	*f = (struct foreign){ .count = 0 };
	for (int i = 0; i < TRIES; i++) {
		int saved;

		if (dump(nl, NFT_MSG_GETCHAIN, visit_chain, f) == 0 && dump(nl, NFT_MSG_GETRULE, visit_rule, f) == 0)
			return 0;
		saved = errno;
		foreign_free(f);
		errno = saved;
		if (saved != EINTR)
			break;
	}
	return -1;
}

/* --- one element of a set */

static void take_data(const struct nlattr *data, struct foreign_verdict *v)
{
	const struct nlattr *verdict = attrs_find(data, NFTA_DATA_VERDICT);
	const struct nlattr *code = verdict == NULL ? NULL : attrs_find(verdict, NFTA_VERDICT_CODE);
	const struct nlattr *chain = verdict == NULL ? NULL : attrs_find(verdict, NFTA_VERDICT_CHAIN);

	if (code != NULL && mnl_attr_validate(code, MNL_TYPE_U32) == 0)
		v->code = (int32_t)ntohl(mnl_attr_get_u32(code));
	if (chain != NULL && mnl_attr_validate(chain, MNL_TYPE_NUL_STRING) == 0)
		snprintf(v->chain, sizeof(v->chain), "%s", mnl_attr_get_str(chain));
}

static int visit_element(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr, *element, *data;

	while ((attr = attrs_next(&in)) != NULL) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		element = attrs_find(attr, NFTA_LIST_ELEM);
		data = element == NULL ? NULL : attrs_find(element, NFTA_SET_ELEM_DATA);
		if (data != NULL)
			take_data(data, ctx);
	}
	return 0;
}

int foreign_ask_set(struct netlink *nl, const struct foreign_chain *in, const char *set, const uint8_t *key, size_t len,
                    struct foreign_verdict *v)
{
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, NFT_MSG_GETSETELEM, 0, room);
	struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct nlattr *list, *element, *nest;

	*v = (struct foreign_verdict){ .code = NFT_CONTINUE };
	nfg->nfgen_family = in->family;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, in->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, key);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	if (netlink_request(nl, nlh, visit_element, v) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}
