#include "kernel/put.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "kernel/kernel.h"

/* Room for a message's attributes; the longest rule with the longest names takes less than half of it. */
#define ROOM 2048

static int put_names(struct batch *b, uint16_t type, uint16_t attr_table, uint16_t attr_name, const char *name)
{
	struct nlmsghdr *nlh = batch_open(b, type, 0, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, attr_table, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, attr_name, name);
	batch_close(b, nlh);
	return 0;
}

int put_table(struct batch *b, const char *name, uint32_t flags)
{
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(flags));
	batch_close(b, nlh);
	return 0;
}

int put_table_gone(struct batch *b, const char *name)
{
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_DELTABLE, 0, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	batch_close(b, nlh);
	return 0;
}

static void put_hook(struct nlmsghdr *nlh, const char *chain)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);

	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(shape_hook(chain)));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)SHAPE_HOOK_PRIORITY));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

int put_chain(struct batch *b, const struct model_chain *chain)
{
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
	if (chain->base)
		put_hook(nlh, chain->name);
	batch_close(b, nlh);
	return 0;
}

int put_chain_empty(struct batch *b, const char *chain)
{
	return put_names(b, NFT_MSG_DELRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, chain);
}

int put_chain_gone(struct batch *b, const char *chain)
{
	return put_names(b, NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, chain);
}

int put_rule(struct batch *b, const char *chain, const struct rule *rule)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nlmsghdr *nlh = NULL;

	if (r == NULL) {
		errno = ENOMEM;
		return -1;
	}
	if (nftnl_rule_set_str(r, NFTNL_RULE_TABLE, KERNEL_TABLE) == 0 &&
	    nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain) == 0 && rule_build(rule, r) == 0)
		nlh = batch_open(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, ROOM);
	if (nlh != NULL) {
		nftnl_rule_nlmsg_build_payload(nlh, r);
		batch_close(b, nlh);
	}
	nftnl_rule_free(r);
	return nlh != NULL ? 0 : -1;
}

static void put_description(struct nlmsghdr *nlh, const struct model_set *set, const struct set_shape *shape)
{
	struct nlattr *desc, *concat, *field;

	if (set->size == 0 && shape->field_count == 0)
		return;
	desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	if (set->size != 0)
		mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl(set->size));
	if (shape->field_count != 0) {
		concat = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);
		for (uint8_t i = 0; i < shape->field_count; i++) {
			field = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
			mnl_attr_put_u32(nlh, NFTA_SET_FIELD_LEN, htonl(shape->fields[i]));
			mnl_attr_nest_end(nlh, field);
		}
		mnl_attr_nest_end(nlh, concat);
	}
	mnl_attr_nest_end(nlh, desc);
}

int put_set(struct batch *b, const struct model_set *set)
{
	const struct set_shape *shape = set_shape(set->kind);
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(shape->flags));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(shape->key_type));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(shape->key_size));
	if (shape->flags & NFT_SET_MAP) {
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_TYPE, htonl(NFT_DATA_VERDICT));
		mnl_attr_put_u32(nlh, NFTA_SET_DATA_LEN, htonl(0));
	}
	/* Messages later in the batch refer to sets by name, but the kernel wants a number as well. */
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl((uint32_t)b->messages + 1));
	if (shape->timeout != 0)
		mnl_attr_put_u64(nlh, NFTA_SET_TIMEOUT, htobe64(shape->timeout));
	put_description(nlh, set, shape);
	batch_close(b, nlh);
	return 0;
}

int put_set_empty(struct batch *b, const char *set)
{
	return put_names(b, NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, set);
}

int put_set_gone(struct batch *b, const char *set)
{
	return put_names(b, NFT_MSG_DELSET, NFTA_SET_TABLE, NFTA_SET_NAME, set);
}

int put_object(struct batch *b, const struct model_object *object)
{
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_EXCL, ROOM);
	struct nlattr *data;

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, object->name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(object->type));
	data = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, 0);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, 0);
	mnl_attr_nest_end(nlh, data);
	batch_close(b, nlh);
	return 0;
}

int put_object_gone(struct batch *b, const struct model_object *object)
{
	struct nlmsghdr *nlh = batch_open(b, NFT_MSG_DELOBJ, 0, ROOM);

	if (nlh == NULL)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, object->name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(object->type));
	batch_close(b, nlh);
	return 0;
}
