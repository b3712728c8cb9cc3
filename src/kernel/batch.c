#include "kernel/batch.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "kernel/attrs.h"

#define BATCH_HEADER_ROOM 64

static struct nlmsghdr *open_message(struct batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource,
                                     size_t room)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;
	size_t size = sizeof(*nlh) + ATTRS_ALIGN(sizeof(*nfg)) + ATTRS_ALIGN(room);

	if (buffer_reserve(&b->bytes, size) != 0)
		return NULL;
	memset(b->bytes.data + b->bytes.len, 0, size); /* libmnl leaves what attributes are padded with as it was */
	nlh = mnl_nlmsg_put_header(b->bytes.data + b->bytes.len);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = b->seq++;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
	return nlh;
}

int batch_begin(struct batch *b, uint32_t seq, const uint32_t *generation)
{
	struct nlmsghdr *nlh;

	b->first_seq = b->seq = seq;
	nlh = open_message(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, BATCH_HEADER_ROOM);
	if (nlh == NULL)
		return -1;
	if (generation != NULL)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(*generation));
	b->bytes.len += ATTRS_ALIGN(nlh->nlmsg_len);
	return 0;
}

struct nlmsghdr *batch_open(struct batch *b, uint16_t type, uint16_t flags, size_t room)
{
	return open_message(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0, room);
}

void batch_close(struct batch *b, struct nlmsghdr *nlh)
{
	b->last = b->bytes.len;
	b->bytes.len += ATTRS_ALIGN(nlh->nlmsg_len);
	b->messages++;
}

int batch_end(struct batch *b, int commit)
{
	struct nlmsghdr *nlh;

	if (b->messages != 0) {
		nlh = (struct nlmsghdr *)(void *)(b->bytes.data + b->last);
		nlh->nlmsg_flags |= NLM_F_ACK;
	}
	if (!commit)
		return 0;
	nlh = open_message(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, BATCH_HEADER_ROOM);
	if (nlh == NULL)
		return -1;
	b->bytes.len += ATTRS_ALIGN(nlh->nlmsg_len);
	return 0;
}

void batch_free(struct batch *b)
{
	buffer_free(&b->bytes);
	*b = (struct batch){ .bytes = BUFFER_INIT };
}

const struct nlmsghdr *batch_find(const struct batch *b, uint32_t seq)
{
	size_t at = 0;

	while (b->bytes.len - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)(b->bytes.data + at);

		if (nlh->nlmsg_seq == seq)
			return nlh;
		at += ATTRS_ALIGN(nlh->nlmsg_len);
	}
	return NULL;
}

/* How a kind of message is told, and which attribute holds the name of what it is about. */
static const struct {
	uint16_t type;
	uint16_t name_attr;
	const char *text;
} kinds[] = {
	{ NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, "making table" },
	{ NFT_MSG_DELTABLE, NFTA_TABLE_NAME, "removing table" },
	{ NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "making chain" },
	{ NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, "removing chain" },
	{ NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, "adding a rule to chain" },
	{ NFT_MSG_DELRULE, NFTA_RULE_CHAIN, "emptying chain" },
	{ NFT_MSG_NEWSET, NFTA_SET_NAME, "making set" },
	{ NFT_MSG_DELSET, NFTA_SET_NAME, "removing set" },
	{ NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, "adding to set" },
	{ NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, "removing from set" },
	{ NFT_MSG_NEWOBJ, NFTA_OBJ_NAME, "making counter" },
	{ NFT_MSG_DELOBJ, NFTA_OBJ_NAME, "removing counter" },
};

/* Appends ", element ADDRESS" where `offset` is that of an element whose key starts with an address. */
static void describe_element(const struct nlmsghdr *nlh, uint32_t offset, char out[BATCH_TEXT_MAX])
{
	const struct nlattr *elem, *key;
	struct address a = { .family = AF_INET };
	char text[ADDRESS_TEXT_MAX];
	size_t len = strlen(out);
	uint16_t size;

	if (offset < sizeof(*nlh) || offset + sizeof(*elem) > nlh->nlmsg_len)
		return;
	elem = (const struct nlattr *)(const void *)((const char *)nlh + offset);
	if (elem->nla_len < sizeof(*elem) || offset + elem->nla_len > nlh->nlmsg_len)
		return;
	key = attrs_find(elem, NFTA_SET_ELEM_KEY);
	if (key != NULL)
		key = attrs_find(key, NFTA_DATA_VALUE);
	if (key == NULL)
		return;
	size = mnl_attr_get_payload_len(key);
	if (size == 16 || size == 24)
		a.family = AF_INET6;
	if (size < address_size(a.family))
		return;
	memcpy(a.bytes, mnl_attr_get_payload(key), address_size(a.family));
	snprintf(out + len, BATCH_TEXT_MAX - len, ", element %s", address_format(&a, text));
}

void batch_describe(const struct nlmsghdr *nlh, uint32_t offset, char out[BATCH_TEXT_MAX])
{
	uint16_t type = nlh->nlmsg_type & 0xff;
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const char *text = NULL;
	const struct nlattr *attr;
	uint16_t name_attr = 0;

	snprintf(out, BATCH_TEXT_MAX, "the transaction");
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type != type)
			continue;
		text = kinds[i].text;
		name_attr = kinds[i].name_attr;
	}
	while (text != NULL && (attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == name_attr)
			snprintf(out, BATCH_TEXT_MAX, "%s %.300s", text, mnl_attr_get_str(attr));
	if (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM)
		describe_element(nlh, offset, out);
}
