#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/object.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/read.h"
#include "kernel/state.h"

#define TRIES 20

struct reader {
	struct audit_reading *reading;
	const struct policy *policy;
	size_t counter_cap, denied_cap;
	enum set_kind kind; /* of the set that is being read */
};

/* The array with room for one more; NULL with errno ENOMEM, then it is as it was. */
static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *p;

	if (count < *cap)
		return array;
	p = reallocarray(array, more, size);
	if (p != NULL)
		*cap = more;
	return p;
}

static int add_counter(struct reader *r, struct nftnl_obj *o, enum counter_kind kind, const char *endpoint, size_t len)
{
	struct audit_reading *reading = r->reading;
	struct audit_counter *counters, *c;

	counters = grown(reading->counters, reading->counter_count, &r->counter_cap, sizeof(*counters));
	if (counters == NULL)
		return -1;
	reading->counters = counters;
	c = &counters[reading->counter_count];
	c->endpoint = strndup(endpoint, len);
	if (c->endpoint == NULL)
		return -1;
	c->kind = (uint8_t)kind;
	c->packets = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_PKTS);
	c->handle = nftnl_obj_get_u64(o, NFTNL_OBJ_HANDLE);
	reading->counter_count++;
	return 0;
}

static int take_object(struct reader *r, struct nftnl_obj *o)
{
	static const struct {
		const char *name;
		enum counter_kind kind;
	} kinds[] = { { SHAPE_ALLOW, COUNTER_ALLOW }, { SHAPE_DENY, COUNTER_DENY }, { SHAPE_OVER, COUNTER_OVER } };
	const char *endpoint;
	size_t len;

	if (nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER)
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		len = shape_part(nftnl_obj_get_str(o, NFTNL_OBJ_NAME), kinds[i].name, &endpoint);
		if (len != 0)
			return add_counter(r, o, kinds[i].kind, endpoint, len);
	}
	return 0;
}

static int visit_counter(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_obj *o = nftnl_obj_alloc();
	int rc = -1;

	if (o == NULL) {
		errno = ENOMEM;
		return -1;
	}
	if (nftnl_obj_nlmsg_parse(nlh, o) < 0)
		errno = EBADMSG;
	else
		rc = take_object(ctx, o);
	nftnl_obj_free(o);
	return rc;
}

static bool has_ports(enum set_kind kind)
{
	return kind == SET_DENIED4 || kind == SET_DENIED6;
}

/* The key is source, destination, protocol and, where it has ports, the port, each padded to four bytes. */
static void parse_key(const struct read_element *e, enum set_kind kind, struct audit_denied *d)
{
	sa_family_t family = kind == SET_DENIED4 || kind == SET_OTHERS4 ? AF_INET : AF_INET6;
	size_t size = address_size(family);

	d->source.family = d->destination.family = family;
	memcpy(d->source.bytes, e->key, size);
	memcpy(d->destination.bytes, e->key + size, size);
	d->protocol = e->key[2 * size];
	if (has_ports(kind))
		d->port = (uint16_t)(e->key[2 * size + 4] << 8 | e->key[2 * size + 5]);
	d->packets = e->packets;
}

static int visit_denied(const struct read_element *e, void *ctx)
{
	struct reader *r = ctx;
	struct audit_reading *reading = r->reading;
	struct audit_denied *denied = grown(reading->denied, reading->denied_count, &r->denied_cap, sizeof(*denied));
	const char *endpoint;
	struct audit_denied *d;

	if (denied == NULL)
		return -1;
	reading->denied = denied;
	if (e->key_size != set_shape(r->kind)->key_size) {
		errno = EBADMSG;
		return -1;
	}
	d = &denied[reading->denied_count];
	memset(d, 0, sizeof(*d));
	parse_key(e, r->kind, d);
	endpoint = policy_denier(r->policy, &d->source, &d->destination, d->protocol, d->port);
	d->endpoint = strdup(endpoint != NULL ? endpoint : "");
	if (d->endpoint == NULL)
		return -1;
	reading->denied_count++;
	return 0;
}

static int compare_denied(const void *a, const void *b)
{
	const struct audit_denied *x = a, *y = b;
	int c = address_compare(&x->destination, &y->destination);

	if (c == 0)
		c = address_compare(&x->source, &y->source);
	if (c == 0)
		c = (x->protocol > y->protocol) - (x->protocol < y->protocol);
	if (c == 0)
		c = (x->port > y->port) - (x->port < y->port);
	return c != 0 ? c : (x->packets < y->packets) - (x->packets > y->packets);
}

static bool same_key(const struct audit_denied *a, const struct audit_denied *b)
{
	return address_compare(&a->destination, &b->destination) == 0 && address_compare(&a->source, &b->source) == 0 &&
	       a->protocol == b->protocol && a->port == b->port;
}

/* The set grows while it is read, and may then show an element twice: the higher count is the later one. */
static void drop_repeated(struct audit_reading *r)
{
	size_t kept = 0;

	if (r->denied_count > 1)
		qsort(r->denied, r->denied_count, sizeof(*r->denied), compare_denied);
	for (size_t i = 0; i < r->denied_count; i++) {
		if (kept != 0 && same_key(&r->denied[kept - 1], &r->denied[i]))
			free(r->denied[i].endpoint);
		else
			r->denied[kept++] = r->denied[i];
	}
	r->denied_count = kept;
}

static int read_denied(struct kernel *k, struct reader *r, enum set_kind kind, const char *set)
{
	r->kind = kind;
	return read_each_element(&k->nl, set, visit_denied, r);
}

/* Of protocols without ports; where the table was made for a policy without agents, there are none. */
static int read_others(struct kernel *k, struct reader *r, enum set_kind kind, const char *set)
{
	if (r->policy->agent_count == 0 || read_denied(k, r, kind, set) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

/* Everything once, into an empty reading.  -1 with errno; EINTR where the ruleset changed meanwhile. */
static int read_once(struct kernel *k, const struct policy *p, struct audit_reading *reading)
{
	struct reader r = { .reading = reading, .policy = p };
	char room[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh;

	reading->time = time_now();
	nlh = netlink_get(&k->nl, NFT_MSG_GETOBJ, NLM_F_DUMP, room);
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, KERNEL_TABLE);
	if (netlink_request(&k->nl, nlh, visit_counter, &r) != 0)
		return -1;
	/* After the counters: a packet that they count is then in the sets too, and not taken for lost. */
	if (read_denied(k, &r, SET_DENIED4, SHAPE_DENIED4) != 0 || read_denied(k, &r, SET_DENIED6, SHAPE_DENIED6) != 0 ||
	    read_others(k, &r, SET_OTHERS4, SHAPE_OTHERS4) != 0 || read_others(k, &r, SET_OTHERS6, SHAPE_OTHERS6) != 0)
		return -1;
	drop_repeated(reading);
	return 0;
}

static int name_epoch(struct kernel *k, struct audit_reading *reading, struct error *err)
{
	struct kernel_state state;

	if (kernel_state(k, &state, err) != 0)
		return -1;
	if (state.handle == 0)
		return error_set(err, "table inet " KERNEL_TABLE " is not there");
	reading->epoch = strdup(state.epoch);
	return reading->epoch != NULL ? 0 : error_errno(err, errno, "reading counters");
}

int kernel_read_counters(struct kernel *k, const struct policy *p, struct audit_reading *reading, struct error *err)
{
	int saved = 0;

	for (int i = 0; i < TRIES; i++) {
		memset(reading, 0, sizeof(*reading));
		if (name_epoch(k, reading, err) != 0)
			return -1;
		if (read_once(k, p, reading) == 0)
			return 0;
		saved = errno;
		audit_reading_free(reading);
		if (saved != EINTR)
			break;
	}
	if (saved == EINTR)
		return error_set(err, "reading counters: the ruleset changed each of %d times", TRIES);
	return error_errno(err, saved, "reading counters of table inet " KERNEL_TABLE);
}
