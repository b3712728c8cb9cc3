#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/attrs.h"
#include "kernel/kernel.h"
#include "kernel/read.h"

static void parse_key(const struct nlattr *nest, const uint8_t **key, size_t *size)
{
	const struct nlattr *attr = attrs_find(nest, NFTA_DATA_VALUE);

	if (attr == NULL)
		return;
	*key = mnl_attr_get_payload(attr);
	*size = mnl_attr_get_payload_len(attr);
}

static void parse_verdict(const struct nlattr *data, struct read_element *e)
{
	const struct nlattr *attr, *verdict = attrs_find(data, NFTA_DATA_VERDICT);
	struct attrs in;

	if (verdict == NULL)
		return;
	in = attrs_of_nest(verdict);
	while ((attr = attrs_next(&in)) != NULL) {
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			e->verdict = (int32_t)ntohl(mnl_attr_get_u32(attr));
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			e->chain = mnl_attr_get_str(attr);
	}
}

/* An element's expression: its name, and inside its data, for a counter, the packets. */
static void parse_expression(const struct nlattr *expression, struct read_element *e)
{
	const struct nlattr *name = attrs_find(expression, NFTA_EXPR_NAME);
	const struct nlattr *data = attrs_find(expression, NFTA_EXPR_DATA);
	const struct nlattr *packets;

	if (name == NULL || data == NULL || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) != 0 ||
	    strcmp(mnl_attr_get_str(name), "counter") != 0)
		return;
	packets = attrs_find(data, NFTA_COUNTER_PACKETS);
	if (packets != NULL && mnl_attr_validate(packets, MNL_TYPE_U64) == 0)
		e->packets = be64toh(mnl_attr_get_u64(packets));
}

static void parse_expressions(const struct nlattr *nest, struct read_element *e)
{
	struct attrs in = attrs_of_nest(nest);
	const struct nlattr *expression;

	while ((expression = attrs_next(&in)) != NULL)
		parse_expression(expression, e);
}

static void parse_element(const struct nlattr *nest, struct read_element *e)
{
	struct attrs in = attrs_of_nest(nest);
	const struct nlattr *attr;

	*e = (struct read_element){ .verdict = NFT_CONTINUE, .chain = "" };
	while ((attr = attrs_next(&in)) != NULL) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_ELEM_KEY:
			parse_key(attr, &e->key, &e->key_size);
			break;
		case NFTA_SET_ELEM_KEY_END:
			parse_key(attr, &e->key_end, &e->key_end_size);
			break;
		case NFTA_SET_ELEM_FLAGS:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
				e->flags = ntohl(mnl_attr_get_u32(attr));
			break;
		case NFTA_SET_ELEM_DATA:
			parse_verdict(attr, e);
			break;
		case NFTA_SET_ELEM_EXPIRATION:
			if (mnl_attr_validate(attr, MNL_TYPE_U64) == 0)
				e->expires_ms = be64toh(mnl_attr_get_u64(attr));
			break;
		case NFTA_SET_ELEM_EXPR:
			parse_expression(attr, e);
			break;
		case NFTA_SET_ELEM_EXPRESSIONS:
			parse_expressions(attr, e);
			break;
		}
	}
}

struct each {
	read_element_visit *visit;
	void *ctx;
};

static int visit_elements(const struct nlattr *list, const struct each *each)
{
	struct attrs in = attrs_of_nest(list);
	const struct nlattr *elem;
	struct read_element e;

	while ((elem = attrs_next(&in)) != NULL) {
		parse_element(elem, &e);
		if (each->visit(&e, each->ctx) != 0)
			return -1;
	}
	return 0;
}

static int visit_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs in = attrs_of_message(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *attr;

	while ((attr = attrs_next(&in)) != NULL)
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS && visit_elements(attr, ctx) != 0)
			return -1;
	return 0;
}

int read_each_element(struct netlink *nl, const char *set, read_element_visit *visit, void *ctx)
{
	struct each each = { visit, ctx };
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = netlink_get(nl, NFT_MSG_GETSETELEM, NLM_F_DUMP, room);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, KERNEL_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return netlink_request(nl, nlh, visit_message, &each);
}

/* One bound of a range of either family; IPv4 in the low bits. */
struct bound {
	struct u128 at;
	bool end;
};

/* IPv4 bounds are kept in a third of the room, because lists are long. */
struct bounds {
	struct model_set *set;
	uint64_t *v4; /* address << 1 | start */
	struct bound *v6;
	size_t count, cap;
};

static int reserve(struct bounds *b)
{
	size_t cap = b->cap == 0 ? 64 : b->cap * 2;
	void *p;

	if (b->count < b->cap)
		return 0;
	if (set_is_v4(b->set->kind))
		p = reallocarray(b->v4, cap, sizeof(*b->v4));
	else
		p = reallocarray(b->v6, cap, sizeof(*b->v6));
	if (p == NULL)
		return -1;
	if (set_is_v4(b->set->kind))
		b->v4 = p;
	else
		b->v6 = p;
	b->cap = cap;
	return 0;
}

static int visit_bound(const struct read_element *e, void *ctx)
{
	struct bounds *b = ctx;
	bool end = e->flags & NFT_SET_ELEM_INTERVAL_END;
	uint32_t v4;

	/* A catch-all element has no key, and would let everybody in. */
	if (e->flags & NFT_SET_ELEM_CATCHALL || e->key_size != set_shape(b->set->kind)->key_size) {
		b->set->irregular = true;
		return 0;
	}
	if (reserve(b) != 0)
		return -1;
	if (set_is_v4(b->set->kind)) {
		memcpy(&v4, e->key, sizeof(v4));
		b->v4[b->count++] = (uint64_t)ntohl(v4) << 1 | !end;
	} else {
		b->v6[b->count++] = (struct bound){ u128_from_bytes(e->key), end };
	}
	return 0;
}

static int compare_v4(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* An end sorts before a start at the same address, as two ranges side by side have them. */
static int compare_bounds(const void *a, const void *b)
{
	const struct bound *x = a, *y = b;
	int c = u128_compare(x->at, y->at);

	return c != 0 ? c : y->end - x->end;
}

/* The kernel's tree gives its elements in order, from the top; to sort them would take as much memory once more. */
static void sort_v4(uint64_t *v, size_t count)
{
	for (size_t i = 0, j = count - 1; i < j; i++, j--) {
		uint64_t low = v[j];

		v[j] = v[i];
		v[i] = low;
	}
	for (size_t i = 1; i < count; i++)
		if (v[i - 1] > v[i]) {
			qsort(v, count, sizeof(*v), compare_v4);
			return;
		}
}

static void sort_v6(struct bound *v, size_t count)
{
	for (size_t i = 0, j = count - 1; i < j; i++, j--) {
		struct bound low = v[j];

		v[j] = v[i];
		v[i] = low;
	}
	for (size_t i = 1; i < count; i++)
		if (compare_bounds(&v[i - 1], &v[i]) > 0) {
			qsort(v, count, sizeof(*v), compare_bounds);
			return;
		}
}

static struct bound bound_at(const struct bounds *b, size_t i)
{
	if (set_is_v4(b->set->kind))
		return (struct bound){ { 0, b->v4[i] >> 1 }, !(b->v4[i] & 1) };
	return b->v6[i];
}

static void put_range(struct model_set *set, struct u128 first, struct u128 last)
{
	if (set_is_v4(set->kind))
		((struct range4 *)set->owned)[set->count++] = (struct range4){ (uint32_t)first.lo, (uint32_t)last.lo };
	else
		((struct range6 *)set->owned)[set->count++] = (struct range6){ first, last };
}

/* Pairs starts with ends.  False where they are not pairs, as when another program put its own marks into the set. */
static bool pair_bounds(const struct bounds *b, size_t i)
{
	const struct u128 top4 = { 0, UINT32_MAX }, top6 = { UINT64_MAX, UINT64_MAX };

	for (; i < b->count; i++) {
		struct bound start = bound_at(b, i);

		if (start.end)
			return false;
		if (i + 1 == b->count) {
			put_range(b->set, start.at, set_is_v4(b->set->kind) ? top4 : top6);
			return true;
		}
		struct bound end = bound_at(b, ++i);
		if (!end.end)
			return false;
		put_range(b->set, start.at, u128_previous(end.at));
	}
	return true;
}

/* Sorts the bounds, and makes room for that many ranges. */
static int begin_ranges(struct bounds *b, size_t most)
{
	struct model_set *set = b->set;

	if (set_is_v4(set->kind)) {
		sort_v4(b->v4, b->count);
		set->v4 = set->owned = reallocarray(NULL, most, sizeof(*set->v4));
	} else {
		sort_v6(b->v6, b->count);
		set->v6 = set->owned = reallocarray(NULL, most, sizeof(*set->v6));
	}
	return set->owned != NULL ? 0 : -1;
}

/* A hash table that grows while it is read in several parts gives some elements twice and others not at all: as many of the
 * one as of the other, so one that comes twice tells that the reading is to be done again. */
static int take_hosts(struct bounds *b)
{
	if (b->count == 0)
		return 0;
	if (begin_ranges(b, b->count) != 0)
		return -1;
	for (size_t i = 0; i < b->count; i++) {
		struct bound host = bound_at(b, i);

		if (i > 0 && u128_compare(bound_at(b, i - 1).at, host.at) == 0) {
			errno = EINTR;
			return -1;
		}
		put_range(b->set, host.at, host.at);
	}
	return 0;
}

static int take_ranges(struct bounds *b)
{
	struct model_set *set = b->set;
	bool marked;

	if (b->count == 0)
		return 0;
	if (begin_ranges(b, b->count / 2 + 1) != 0)
		return -1;
	/* nft marks the bottom of the address space as an end, where nothing ends. */
	marked = bound_at(b, 0).end && u128_width(bound_at(b, 0).at) == 0;
	if (marked)
		set->irregular = true;
	if (!pair_bounds(b, marked)) {
		set->irregular = true;
		set->count = 0;
	}
	return 0;
}

static int read_list(struct netlink *nl, struct model_set *set)
{
	struct bounds b = { .set = set };
	int rc = read_each_element(nl, set->name, visit_bound, &b);

	if (rc == 0)
		rc = set_is_hosts(set->kind) ? take_hosts(&b) : take_ranges(&b);
	free(b.v4);
	free(b.v6);
	return rc;
}

struct map_reader {
	struct model *model;
	struct model_set *set;
	struct map_entry *entries;
	size_t cap;
};

static int visit_entry(const struct read_element *e, void *ctx)
{
	struct map_reader *r = ctx;
	size_t size = set_shape(r->set->kind)->key_size;
	struct map_entry *entry;

	if (e->key_size != size || (e->key_end_size != size && e->key_end_size != 0)) {
		r->set->irregular = true;
		return 0;
	}
	if (r->set->count == r->cap) {
		size_t cap = r->cap == 0 ? 16 : r->cap * 2;

		entry = reallocarray(r->entries, cap, sizeof(*entry));
		if (entry == NULL)
			return -1;
		r->entries = entry;
		r->cap = cap;
	}
	entry = &r->entries[r->set->count];
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->first, e->key, size);
	memcpy(entry->last, e->key_end_size != 0 ? e->key_end : e->key, size);
	entry->chain = e->verdict == NFT_GOTO ? model_string(r->model, e->chain) : "";
	if (entry->chain == NULL)
		return -1;
	r->set->count++;
	return 0;
}

static int read_map(struct netlink *nl, struct model *m, struct model_set *set)
{
	struct map_reader r = { .model = m, .set = set };
	int rc = read_each_element(nl, set->name, visit_entry, &r);

	set->map = set->owned = r.entries;
	return rc;
}

int read_elements(struct netlink *nl, struct model *m, struct model_set *set)
{
	switch (set->kind) {
	case SET_LIST4:
	case SET_LIST6:
	case SET_HOSTS4:
	case SET_HOSTS6:
	case SET_ADDRESSES4:
	case SET_ADDRESSES6:
	case SET_AGENTS4:
	case SET_AGENTS6:
	case SET_GRANT4:
	case SET_GRANT6:
		return read_list(nl, set);
	case SET_ENDPOINTS4:
	case SET_ENDPOINTS6:
	case SET_REACH4:
	case SET_REACH6:
		return read_map(nl, m, set);
	case SET_DENIED4:
	case SET_DENIED6:
	case SET_OTHERS4:
	case SET_OTHERS6:
	case SET_SEEN4:
	case SET_SEEN6:
	case SET_UNKNOWN:
		return 0;
	}
	return 0;
}
