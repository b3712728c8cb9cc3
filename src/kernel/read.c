#include "kernel/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/attrs.h"
#include "kernel/kernel.h"
#include "kernel/table.h"

#define TRIES 20
#define CHAIN_BINDING 4 /* NFT_CHAIN_BINDING: a chain that belongs to one rule, and goes with it */

static int no_memory(void)
{
	errno = ENOMEM;
	return -1;
}

static int not_understood(void)
{
	errno = EBADMSG;
	return -1;
}

static int visit_table(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct model *m = ctx;
	int rc = 0;

	if (t == NULL)
		return no_memory();
	if (nftnl_table_nlmsg_parse(nlh, t) < 0) {
		rc = not_understood();
	} else {
		m->present = true;
		m->flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
		m->handle = nftnl_table_get_u64(t, NFTNL_TABLE_HANDLE);
		m->owner = nftnl_table_is_set(t, NFTNL_TABLE_OWNER) ? nftnl_table_get_u32(t, NFTNL_TABLE_OWNER) : 0;
	}
	nftnl_table_free(t);
	return rc;
}

int read_table(struct netlink *nl, struct model *m)
{
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, NFT_MSG_GETTABLE, 0, room);

	m->present = false;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, KERNEL_TABLE);
	return netlink_request(nl, nlh, visit_table, m) == 0 || errno == ENOENT ? 0 : -1;
}

static int visit_base_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	bool *there = ctx;
	int rc = 0;

	if (c == NULL)
		return no_memory();
	if (nftnl_chain_nlmsg_parse(nlh, c) < 0)
		rc = not_understood();
	else
		*there = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
	nftnl_chain_free(c);
	return rc;
}

int read_base_chain(struct netlink *nl, bool *there)
{
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, NFT_MSG_GETCHAIN, 0, room);

	*there = false;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, SHAPE_BASE);
	return netlink_request(nl, nlh, visit_base_chain, there) == 0 || errno == ENOENT ? 0 : -1;
}

static bool hook_is_ours(const struct nftnl_chain *c)
{
	return nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) == shape_hook(nftnl_chain_get_str(c, NFTNL_CHAIN_NAME)) &&
	       nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO) == SHAPE_HOOK_PRIORITY &&
	       nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_ACCEPT &&
	       strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE), "filter") == 0;
}

static int take_chain(struct model *m, const struct nftnl_chain *c)
{
	struct model_chain *chain;

	/* Older kernels give the chains of all tables, whatever was asked for. */
	if (nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY) != NFPROTO_INET ||
	    strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), KERNEL_TABLE) != 0)
		return 0;
	if (nftnl_chain_is_set(c, NFTNL_CHAIN_FLAGS) && nftnl_chain_get_u32(c, NFTNL_CHAIN_FLAGS) & CHAIN_BINDING)
		return 0;
	chain = model_add_chain(m, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
	if (chain == NULL)
		return -1;
	chain->base = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
	chain->foreign_hook = chain->base && !hook_is_ours(c);
	chain->text = "";
	return 0;
}

static int visit_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	int rc;

	if (c == NULL)
		return no_memory();
	rc = nftnl_chain_nlmsg_parse(nlh, c) < 0 ? not_understood() : take_chain(ctx, c);
	nftnl_chain_free(c);
	return rc;
}

/* Rules come chain by chain, in their order. */
struct rules_reader {
	struct model *model;
	struct model_chain *chain; /* whose rules `text` holds, NULL for none */
	struct buffer text;
};

static int end_chain(struct rules_reader *r)
{
	const char *text = buffer_str(&r->text);

	if (text == NULL)
		return -1;
	if (r->chain != NULL)
		r->chain->text = model_string(r->model, text);
	r->text.len = 0;
	return r->chain != NULL && r->chain->text == NULL ? -1 : 0;
}

static int start_chain(struct rules_reader *r, const char *name)
{
	if (r->chain != NULL && strcmp(r->chain->name, name) == 0)
		return 0;
	if (end_chain(r) != 0)
		return -1;
	r->chain = model_find_chain(r->model, name);
	/* A chain that is not known belongs to one rule, and that rule is none of ours. */
	if (r->chain == NULL || r->chain->text[0] == '\0')
		return 0;
	errno = EINTR; /* its rules came before, and others between: they changed meanwhile */
	return -1;
}

static const char *chain_of(const struct nlmsghdr *nlh)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == NFTA_RULE_CHAIN && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

static int visit_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const char *chain = chain_of(nlh);
	struct rules_reader *r = ctx;
	struct nftnl_rule *rule;
	int rc;

	if (chain == NULL)
		return not_understood();
	if (start_chain(r, chain) != 0)
		return -1;
	rule = nftnl_rule_alloc();
	if (rule == NULL)
		return no_memory();
	if (nftnl_rule_nlmsg_parse(nlh, rule) < 0) /* an expression that the library does not know: none of ours */
		rc = buffer_printf(&r->text, "unknown\n");
	else
		rc = rule_text(rule, &r->text);
	nftnl_rule_free(rule);
	return rc;
}

static bool set_is_foreign(const struct nftnl_set *s, enum set_kind kind)
{
	const struct set_shape *shape = set_shape(kind);
	uint64_t timeout = nftnl_set_is_set(s, NFTNL_SET_TIMEOUT) ? nftnl_set_get_u64(s, NFTNL_SET_TIMEOUT) : 0;

	if (shape == NULL)
		return true;
	if (shape->flags & NFT_SET_MAP && nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE) != NFT_DATA_VERDICT)
		return true;
	return nftnl_set_get_u32(s, NFTNL_SET_FLAGS) != shape->flags ||
	       nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE) != shape->key_type ||
	       nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN) != shape->key_size || timeout != shape->timeout;
}

static int take_set(struct model *m, const struct nftnl_set *s)
{
	struct model_set *set;

	/* Anonymous sets belong to a rule and go with it. */
	if (nftnl_set_get_u32(s, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS)
		return 0;
	set = model_add_set(m, nftnl_set_get_str(s, NFTNL_SET_NAME));
	if (set == NULL)
		return -1;
	set->size = nftnl_set_is_set(s, NFTNL_SET_DESC_SIZE) ? nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE) : 0;
	set->foreign = set_is_foreign(s, set->kind);
	return 0;
}

static int visit_set(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_set *s = nftnl_set_alloc();
	int rc;

	if (s == NULL)
		return no_memory();
	rc = nftnl_set_nlmsg_parse(nlh, s) < 0 ? not_understood() : take_set(ctx, s);
	nftnl_set_free(s);
	return rc;
}

/* Without the library, which does not know all types. */
static int visit_object(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;
	const char *name = NULL;
	uint32_t type = NFT_OBJECT_UNSPEC;

	while ((attr = attrs_next(&in)) != NULL) {
		if (mnl_attr_get_type(attr) == NFTA_OBJ_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			name = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == NFTA_OBJ_TYPE && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			type = ntohl(mnl_attr_get_u32(attr));
	}
	if (name == NULL)
		return not_understood();
	return model_add_object(ctx, name, type) != NULL ? 0 : -1;
}

/* Asks for all things of one kind in our table. */
static int dump(struct netlink *nl, uint16_t type, uint16_t attr_table, netlink_visit *visit, void *ctx)
{
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, type, NLM_F_DUMP, room);

	mnl_attr_put_strz(nlh, attr_table, KERNEL_TABLE);
	return netlink_request(nl, nlh, visit, ctx);
}

static int read_rules(struct netlink *nl, struct model *m)
{
	struct rules_reader r = { .model = m, .text = BUFFER_INIT };
	int rc = dump(nl, NFT_MSG_GETRULE, NFTA_RULE_TABLE, visit_rule, &r);

	if (rc == 0)
		rc = end_chain(&r);
	buffer_free(&r.text);
	return rc;
}

static int read_parts(struct netlink *nl, struct model *m)
{
	if (dump(nl, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, visit_chain, m) != 0 ||
	    dump(nl, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, visit_object, m) != 0 ||
	    dump(nl, NFT_MSG_GETSET, NFTA_SET_TABLE, visit_set, m) != 0)
		return -1;
	model_sort(m);
	for (size_t i = 0; i < m->set_count; i++)
		if (!m->sets[i].foreign && read_elements(nl, m, &m->sets[i]) != 0)
			return -1;
	model_sort(m);
	return read_rules(nl, m);
}

/* -1 with EINTR where the ruleset was another at the end than at the start. */
static int read_once(struct netlink *nl, struct model *m)
{
	uint32_t generation;

	if (netlink_generation(nl, &m->generation) != 0 || read_table(nl, m) != 0)
		return -1;
	if (m->present && read_parts(nl, m) != 0)
		return -1;
	if (netlink_generation(nl, &generation) != 0)
		return -1;
	if (generation == m->generation)
		return 0;
	errno = EINTR;
	return -1;
}

int read_model(struct netlink *nl, struct model *m, struct error *err)
{
	int saved = 0;

	for (int i = 0; i < TRIES; i++) {
		if (read_once(nl, m) == 0)
			return 0;
		saved = errno;
		model_free(m);
		/* ENOENT: what a dump had listed was gone when it was asked for. */
		if (saved != EINTR && saved != ENOENT)
			break;
	}
	if (saved == EINTR || saved == ENOENT)
		return error_set(err, "reading the kernel's ruleset: it changed each of %d times", TRIES);
	if (saved == EPERM)
		return error_set(err, "reading the kernel's ruleset: not permitted; " TABLE_RIGHT);
	return error_errno(err, saved, "reading the kernel's ruleset");
}
