/* The section `agents`: hosts that reach the end of their tunnel, some endpoints, and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define SEEN_WITHIN (10 * 60)
#define SEEN_MOST (7 * DAY) /* as long as the kernel remembers: AGENT_SEEN_MS in kernel/shape.h */

/* The widest that an agent's addresses may be: a whole private network.  Wider is a typing error, and would be the end of
 * what this host itself sends. */
#define WIDEST4 8
#define WIDEST6 16

/* How a name is asked for, and what may come: see doc/hallowd.yaml.5. */
#define NAME_REFRESH HOUR
#define NAME_STALE DAY
#define NAME_ADDRESSES 256
#define NAME_TIMEOUT 20

static const struct choice modes[] = { { "enforce", MODE_ENFORCE }, { "observe", MODE_OBSERVE }, { NULL, 0 } };

static const struct choice denials[] = { { "drop", DENY_DROP }, { "reject", DENY_REJECT }, { NULL, 0 } };

static struct agent_parts *parts_of(struct reader *r, const struct policy_agent *a)
{
	return &r->agent_parts[a - r->config->agents];
}

/* --- addresses */

static const char *no_source(const struct prefix *p)
{
	static const uint8_t zero[16], last[16] = { [15] = 1 };
	const uint8_t *b = p->addr.bytes;

	if (p->length < (p->addr.family == AF_INET ? WIDEST4 : WIDEST6))
		return "is wider than a network of agents can be";
	if (p->addr.family == AF_INET)
		return b[0] == 127 ? "is loopback, which no packet leaves a host from" : b[0] == 0 || b[0] >= 224
		           ? "is no address that a host sends from" : NULL;
	if (memcmp(b, zero, 15) == 0 && b[15] <= last[15] && p->length == 128)
		return "is no address that a host sends packets to others from";
	return b[0] == 0xff ? "is multicast, which no host sends from" : NULL;
}

static void take_one_address(struct reader *r, const struct node *n, void *ctx)
{
	struct agent_parts *parts = ctx;
	struct prefix p;
	const char *why;

	if (!value_prefix(r, n, &p))
		return;
	why = no_source(&p);
	if (why != NULL)
		complain(r->complaints, n->at, "'%s' %s; expected the addresses that the agent sends from, such as 10.20.0.5",
		         n->text, why);
	else if (prefix_set_add(&parts->addresses, &p) != 0)
		r->complaints->out_of_memory = true;
}

static void take_addresses(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct agent_parts *parts = parts_of(r, into);

	(void)f;
	parts->address_at = value->at;
	value_each(r, value, "at least one address or prefix", take_one_address, parts);
	prefix_set_normalize(&parts->addresses);
}

static void take_one_resolver(struct reader *r, const struct node *n, void *ctx)
{
	struct agent_parts *parts = ctx;
	struct prefix p;

	if (!value_prefix(r, n, &p))
		return;
	if (p.length != address_size(p.addr.family) * 8)
		complain(r->complaints, n->at, "'%s' is no single address; expected that of a DNS server", n->text);
	else if (prefix_set_add(&parts->resolvers, &p) != 0)
		r->complaints->out_of_memory = true;
}

static void take_resolvers(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_agent *a = into;
	struct agent_parts *parts = parts_of(r, a);

	(void)f;
	a->has_resolvers = true;
	value_each(r, value, "at least one address of a DNS server", take_one_resolver, parts);
	prefix_set_normalize(&parts->resolvers);
}

/* --- the tunnel */

static bool is_address(const char *host, struct prefix *p)
{
	return strchr(host, '/') == NULL && prefix_parse(p, host, strlen(host)) == PREFIX_OK;
}

static void take_host(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_agent *a = into;
	char text[SHOWN_MAX];
	const char *host;

	(void)f;
	if (!value_scalar(r, value, "a host name or an address", &host))
		return;
	if (!host_valid(host, strlen(host), false)) {
		complain(r->complaints, value->at, "%s is neither a host name nor an address; expected such as "
		         "agent.humanitec.io", shown(host, text));
		return;
	}
	parts_of(r, a)->host = host;
	reader_set_text(r, &a->tunnel_host, host);
}

/* The same as a host that is one. */
static void take_end(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct prefix p;
	const char *text;

	if (!value_scalar(r, value, "an address", &text))
		return;
	if (is_address(text, &p))
		take_host(r, f, value, into);
	else
		complain(r->complaints, value->at, "the end of a tunnel is no address here; expected an IPv4 or IPv6 address, or in "
		         "place of 'address' the key 'host' for a name");
}

static void take_private(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	value_truth(r, value, &parts_of(r, into)->private_addresses);
}

static const struct field tunnel_fields[] = {
	{ KEY("host", take_host) },
	{ KEY("address", take_end) },
	{ KEY("port", take_number), FIELD(struct policy_agent, tunnel_port), .min = 1, .max = UINT16_MAX, .required = true },
	{ KEY("private", take_private) },
};

SHAPE(tunnel_shape, "a tunnel", tunnel_fields);

static void check_end(struct reader *r, const struct node *tunnel)
{
	const struct node *host = node_get(tunnel, "host"), *address = node_get(tunnel, "address");

	if (tunnel->kind != NODE_MAPPING)
		return;
	if (host == NULL && address == NULL)
		complain(r->complaints, tunnel->at, "the key 'host' is missing in a tunnel");
	else if (host != NULL && address != NULL)
		complain(r->complaints, address->at, "this tunnel has 'host' and 'address'; expected just one of them");
}

static void take_tunnel(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	const struct node *private = node_get(value, "private");
	struct prefix p;
	const char *host;

	(void)f;
	take_mapping(r, &tunnel_shape, value->at, value, into);
	check_end(r, value);
	host = parts_of(r, into)->host;
	if (private != NULL && host != NULL && is_address(host, &p))
		complain(r->complaints, private->at, "'private' is about what a name resolves to, and the host is an address; "
		         "remove it");
}

static void name_list(struct reader *r, struct list_config *list, const struct agent_parts *parts)
{
	struct origin_config *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	list->origins = o;
	list->origin_count = list->agree = 1;
	list->refresh = NAME_REFRESH;
	list->stale_after = NAME_STALE;
	list->guard = (struct guard_config){
		.min_entries = 1,
		.max_entries = NAME_ADDRESSES,
		.max_added = { .value = NAME_ADDRESSES },
		.max_removed = { .value = NAME_ADDRESSES },
		.min_prefix4 = 32,
		.min_prefix6 = 128,
		.special = true,
		.outside = !parts->private_addresses,
		.on_breach = BREACH_HOLD,
	};
	origin_defaults(r, o);
	o->kind = ORIGIN_NAME;
	o->timeout = NAME_TIMEOUT;
	o->retries = 1;
	reader_set_text(r, &o->name, "dns");
	reader_set_text(r, &o->where, parts->host);
	reader_set_text(r, &o->shown, parts->host);
}

void tunnel_list(struct reader *r, struct list_config *list, const struct agent_parts *parts)
{
	struct prefix p;

	if (!is_address(parts->host, &p))
		name_list(r, list, parts);
	else if (prefix_set_add(&list->entries, &p) != 0)
		r->complaints->out_of_memory = true;
	prefix_set_normalize(&list->entries);
}

/* --- reach */

static bool reaches(const struct policy_agent *a, size_t endpoint)
{
	for (size_t i = 0; i < a->reach_count; i++)
		if (a->reach[i] == endpoint)
			return true;
	return false;
}

static void take_one_reach(struct reader *r, const struct node *n, void *ctx)
{
	char text[SHOWN_MAX], hint[READER_HINT_MAX];
	struct policy_agent *a = ctx;
	const char *name;
	size_t index;

	if (!value_scalar(r, n, "the name of an endpoint", &name))
		return;
	if (section_find(r->endpoints, name, &index) == 0) {
		if (reaches(a, index))
			complain(r->complaints, n->at, "endpoint '%s' is named twice; remove one", name);
		else
			a->reach[a->reach_count++] = index;
		return;
	}
	hint[0] = '\0';
	if (complaint_would_show(r->complaints, n->at))
		reader_hint(r->endpoints, name, hint);
	complain(r->complaints, n->at, "unknown endpoint %s; expected one that 'endpoints' describes%s",
	         shown(name, text), hint);
}

static void take_reach(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_agent *a = into;

	(void)f;
	a->reach = calloc(value->kind == NODE_SEQUENCE ? value->count + 1 : 1, sizeof(a->reach[0]));
	if (a->reach == NULL)
		r->complaints->out_of_memory = true;
	else if (value->kind != NODE_SEQUENCE || value->count > 0) /* [] says that there is none */
		value_each(r, value, "at least one endpoint", take_one_reach, a);
}

static void let_in(struct reader *r, struct policy_endpoint *e, size_t list)
{
	size_t *lists;

	for (size_t i = 0; i < e->list_count; i++)
		if (e->lists[i] == list)
			return;
	lists = reallocarray(e->lists, e->list_count + 1, sizeof(*lists));
	if (lists == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	e->lists = lists;
	lists[e->list_count++] = list;
}

void let_agents_in(struct reader *r)
{
	struct config *c = r->config;

	if (r->complaints->total != 0 || r->complaints->out_of_memory)
		return;
	for (size_t i = 0; i < c->agent_count; i++)
		for (size_t k = 0; k < c->agents[i].reach_count; k++)
			let_in(r, &c->endpoints[c->agents[i].reach[k]], c->agents[i].own);
}

int config_doubts(const struct config *c, struct buffer *out)
{
	for (size_t i = 0; i < c->agent_count; i++) {
		const struct policy_agent *a = &c->agents[i];

		for (size_t k = 0; k < c->endpoint_count && a->mode == MODE_ENFORCE; k++)
			for (size_t l = 0; l < c->endpoints[k].list_count; l++)
				if (c->endpoints[k].lists[l] == a->own && !reaches(a, k) &&
				    buffer_printf(out, "endpoint %s allows @%s, but agent %s may not reach it: its egress is denied; add it "
				                       "to 'reach', or remove it from 'allow'\n", c->endpoints[k].name, a->name,
				                  a->name) == -1)
					return -1;
	}
	return 0;
}

/* --- an agent */

static const struct field agent_fields[] = {
	{ KEY("network", take_name), FIELD(struct policy_agent, network), .required = true },
	{ KEY("address", take_addresses), .required = true },
	{ KEY("tunnel", take_tunnel), .required = true },
	{ KEY("reach", take_reach) },
	{ KEY("resolvers", take_resolvers) },
	{ KEY("seen_within", take_duration), FIELD(struct policy_agent, seen_within), .min = 1, .max = SEEN_MOST },
	{ KEY("mode", take_choice), FIELD(struct policy_agent, mode), .choices = modes },
	{ KEY("deny_with", take_choice), FIELD(struct policy_agent, deny_with), .choices = denials },
	{ KEY("reason", take_text), FIELD(struct policy_agent, reason) },
	{ KEY("owner", take_text), FIELD(struct policy_agent, owner) },
};

SHAPE(agent_shape, "an agent", agent_fields);

/* The lists that it comes to; which others are made before them depends on the order of the file. */
static void name_lists(struct reader *r, size_t index, struct policy_agent *a, const struct node *name)
{
	static const struct {
		enum address_list_kind kind;
		const char *begin;
	} lists[] = { { LIST_OF_AGENT, "@" }, { LIST_OF_TUNNEL, TUNNEL_LIST }, { LIST_OF_RESOLVERS, RESOLVERS_LIST } };
	size_t *const into[] = { &a->own, &a->tunnel, &a->resolvers };
	struct buffer text = BUFFER_INIT;

	for (size_t i = 0; i < 3; i++) {
		if (lists[i].kind == LIST_OF_RESOLVERS && !a->has_resolvers)
			continue;
		text.len = 0;
		if (buffer_printf(&text, "%s%s", lists[i].begin, name->text) == -1 || buffer_str(&text) == NULL)
			r->complaints->out_of_memory = true;
		else
			derived_list(r, lists[i].kind, index, buffer_str(&text), name->at.line, into[i]);
	}
	buffer_free(&text);
}

static void refuse_shared(struct reader *r, size_t index)
{
	const struct agent_parts *ours = &r->agent_parts[index];

	for (size_t i = 0; i < index; i++) {
		struct prefix_set both = PREFIX_SET_INIT;
		char text[PREFIX_TEXT_MAX];
		struct prefix first;
		struct address at;

		if (prefix_set_intersect(&both, &ours->addresses, &r->agent_parts[i].addresses) != 0) {
			r->complaints->out_of_memory = true;
		} else if (!prefix_set_empty(&both)) {
			at = both.v4_count > 0 ? address_from4(both.v4[0].first) : (struct address){ .family = AF_INET6 };
			if (both.v4_count == 0)
				u128_to_bytes(both.v6[0].first, at.bytes);
			prefix_set_lookup(&both, &at, &first);
			complain(r->complaints, ours->address_at, "agents '%s' and '%s' (line %u) overlap: both have %s; expected each "
			         "address with one agent only", r->config->agents[index].name, r->config->agents[i].name,
			         r->agent_parts[i].address_at.line, prefix_format(&first, text));
		}
		prefix_set_free(&both);
	}
}

static void read_agent(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx)
{
	struct policy_agent *a = &r->config->agents[index];
	size_t endpoint;

	(void)ctx;
	if (section_find(r->endpoints, name->text, &endpoint) == 0)
		complain(r->complaints, name->at, "an endpoint has the name '%s' already, so '@%s' would mean two "
		         "things; expected another name", name->text, name->text);
	reader_set_text(r, &a->name, name->text);
	reader_set_text(r, &a->network, "");
	reader_set_text(r, &a->tunnel_host, "");
	reader_set_text(r, &a->reason, "");
	reader_set_text(r, &a->owner, "");
	a->seen_within = SEEN_WITHIN;
	if (r->complaints->out_of_memory)
		return;
	take_mapping(r, &agent_shape, name->at, value, a);
	name_lists(r, index, a, name);
	refuse_shared(r, index);
}

void take_agents(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;
	size_t count = section_count(value);

	(void)f;
	c->agents = calloc(count + 1, sizeof(c->agents[0]));
	r->agent_parts = calloc(count + 1, sizeof(r->agent_parts[0]));
	if (c->agents == NULL || r->agent_parts == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	c->agent_count = count;
	section_each(r, value, "the agents", read_agent, NULL);
}

void free_agent_parts(struct reader *r)
{
	for (size_t i = 0; r->agent_parts != NULL && i < r->config->agent_count; i++) {
		prefix_set_free(&r->agent_parts[i].addresses);
		prefix_set_free(&r->agent_parts[i].resolvers);
	}
	free(r->agent_parts);
	r->agent_parts = NULL;
}
