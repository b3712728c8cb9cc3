#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/put.h"

/* The length of a nest is 16 bits wide.  A message is closed once it is this full, with room left for one element. */
#define NEST_FULL 48000
#define ROOM 65536

/* Opens a message where none is open or the open one is full. */
static int make_room(struct put_elements *p)
{
	if (p->nlh != NULL && p->nlh->nlmsg_len < NEST_FULL)
		return 0;
	put_elements_end(p);
	p->nlh = batch_open(p->b, p->type, p->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0, ROOM);
	if (p->nlh == NULL)
		return -1;
	mnl_attr_put_strz(p->nlh, NFTA_SET_ELEM_LIST_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(p->nlh, NFTA_SET_ELEM_LIST_SET, p->set);
	p->nest = mnl_attr_nest_start(p->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	return 0;
}

void put_elements_end(struct put_elements *p)
{
	if (p->nlh == NULL)
		return;
	mnl_attr_nest_end(p->nlh, p->nest);
	batch_close(p->b, p->nlh);
	p->nlh = NULL;
}

static void put_header(unsigned char *at, size_t len, uint16_t type)
{
	struct nlattr attr = { .nla_len = (uint16_t)len, .nla_type = type };

	memcpy(at, &attr, sizeof(attr));
}

/* One bound of a range.  Written without the library: half a million of these are most of what a first load costs here.
 * The end of a range has no timeout of its own (NFTA_SET_ELEM_TIMEOUT is refused for it): it goes with the start. */
static void put_bound(struct put_elements *p, const void *address, size_t size, bool end)
{
	unsigned char *at = mnl_nlmsg_get_payload_tail(p->nlh);
	const uint32_t flags = htonl(NFT_SET_ELEM_INTERVAL_END);
	const uint64_t timeout = htobe64(p->timeout);
	const size_t header = sizeof(struct nlattr), flag_size = end ? header + sizeof(flags) : 0;
	const size_t timeout_size = !end && p->timeout != 0 ? header + sizeof(timeout) : 0;
	const size_t len = header + flag_size + timeout_size + header + header + size;

	put_header(at, len, NFTA_LIST_ELEM | NLA_F_NESTED);
	at += header;
	if (flag_size != 0) {
		put_header(at, flag_size, NFTA_SET_ELEM_FLAGS);
		memcpy(at + header, &flags, sizeof(flags));
		at += flag_size;
	}
	if (timeout_size != 0) {
		put_header(at, timeout_size, NFTA_SET_ELEM_TIMEOUT);
		memcpy(at + header, &timeout, sizeof(timeout));
		at += timeout_size;
	}
	put_header(at, 2 * header + size, NFTA_SET_ELEM_KEY | NLA_F_NESTED);
	put_header(at + header, header + size, NFTA_DATA_VALUE);
	memcpy(at + 2 * header, address, size);
	p->nlh->nlmsg_len += (uint32_t)len;
}

int put_range4(struct put_elements *p, const struct range4 *r)
{
	uint32_t bound = htonl(r->first);

	if (make_room(p) != 0)
		return -1;
	put_bound(p, &bound, sizeof(bound), false);
	if (p->hosts || r->last == UINT32_MAX)
		return 0;
	bound = htonl(r->last + 1);
	put_bound(p, &bound, sizeof(bound), true);
	return 0;
}

int put_range6(struct put_elements *p, const struct range6 *r)
{
	struct u128 end = { r->last.hi, r->last.lo + 1 };
	uint8_t bound[16];

	if (make_room(p) != 0)
		return -1;
	u128_to_bytes(r->first, bound);
	put_bound(p, bound, sizeof(bound), false);
	if (p->hosts || (end.lo == 0 && ++end.hi == 0))
		return 0;
	u128_to_bytes(end, bound);
	put_bound(p, bound, sizeof(bound), true);
	return 0;
}

static void put_key(struct nlmsghdr *nlh, uint16_t type, const uint8_t *key, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, size, key);
	mnl_attr_nest_end(nlh, nest);
}

static void put_goto(struct nlmsghdr *nlh, const char *chain)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_GOTO));
	mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}

/* A removal names the key only. */
int put_entry(struct put_elements *p, enum set_kind kind, const struct map_entry *entry)
{
	size_t size = set_shape(kind)->key_size;
	struct nlattr *elem;

	if (make_room(p) != 0)
		return -1;
	elem = mnl_attr_nest_start(p->nlh, NFTA_LIST_ELEM);
	put_key(p->nlh, NFTA_SET_ELEM_KEY, entry->first, size);
	put_key(p->nlh, NFTA_SET_ELEM_KEY_END, entry->last, size);
	if (p->type == NFT_MSG_NEWSETELEM)
		put_goto(p->nlh, entry->chain);
	mnl_attr_nest_end(p->nlh, elem);
	return 0;
}
