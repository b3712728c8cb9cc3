/* The section `endpoints`: what is protected, and who may reach it. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/endpoint_preset.h"
#include "config/sections.h"
#include "config/suggest.h"
#include "config/value.h"

static const struct choice kinds[] = {
	{ "kubernetes-api", 0 }, { "database", 0 }, { "secret-store", 0 }, { "bastion", 0 }, { "git", 0 },
	{ "https", 0 }, { "other", 0 }, { NULL, 0 }
};

static const struct choice protocols[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP }, { NULL, 0 }
};

static const struct choice modes[] = { { "enforce", MODE_ENFORCE }, { "observe", MODE_OBSERVE }, { NULL, 0 } };

static const struct choice denials[] = { { "drop", DENY_DROP }, { "reject", DENY_REJECT }, { NULL, 0 } };

void take_endpoint_kind(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_endpoint *e = into;
	unsigned ignored;

	(void)f;
	if (value_choice(r, value, kinds, &ignored))
		reader_set_text(r, &e->kind, value->text);
}

static bool keep_destination(struct reader *r, const struct destination *d)
{
	if (r->destination_count == r->destination_cap) {
		size_t cap = r->destination_cap == 0 ? 64 : r->destination_cap * 2;
		struct destination *more = realloc(r->destinations, cap * sizeof(*more));

		if (more == NULL) {
			r->complaints->out_of_memory = true;
			return false;
		}
		r->destinations = more;
		r->destination_cap = cap;
	}
	r->destinations[r->destination_count++] = *d;
	return true;
}

/* 0.0.0.0 and :: stand for 'any address' where a server listens, but no packet is sent to them: an endpoint with such
 * an address would protect nothing. */
static bool is_unspecified(const struct prefix *p)
{
	static const uint8_t zero[16];
	unsigned size = address_size(p->addr.family);

	return p->length == size * 8 && memcmp(p->addr.bytes, zero, size) == 0;
}

static void take_one_address(struct reader *r, const struct node *n, void *ctx)
{
	struct policy_endpoint *e = ctx;
	struct destination d = { .at = n->at, .endpoint = (size_t)(e - r->config->endpoints) };

	if (!value_prefix(r, n, &d.prefix))
		return;
	if (is_unspecified(&d.prefix)) {
		complain(r->complaints, n->at, "no packet is sent to '%s', so nothing would be protected; expected the "
		         "addresses that clients connect to", n->text);
		return;
	}
	if (keep_destination(r, &d))
		e->addresses[e->address_count++] = d.prefix;
}

static void take_address(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_endpoint *e = into;

	(void)f;
	e->addresses = calloc(value->kind == NODE_SEQUENCE ? value->count + 1 : 1, sizeof(e->addresses[0]));
	if (e->addresses == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	value_each(r, value, "at least one address or prefix", take_one_address, e);
}

static void take_port(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_endpoint *e = into;

	(void)f;
	value_ports(r, value, &e->ports, &e->port_count);
}

/* "@NAME": the addresses of another endpoint or of an agent.  0 with the list that they are, or -1 with a complaint. */
static int find_at_name(struct reader *r, const struct policy_endpoint *e, const struct node *n, size_t *list)
{
	const char *name = n->text + 1;
	char hint[READER_HINT_MAX], text[SHOWN_MAX];

	if (strcmp(name, e->name) == 0) {
		complain(r->complaints, n->at, "an endpoint cannot allow itself; expected another endpoint");
		return -1;
	}
	if (address_list(r, n, list) == 0)
		return 0;
	hint[0] = '\0';
	if (complaint_would_show(r->complaints, n->at) && reader_hint(r->endpoints, name, hint)[0] == '\0')
		reader_hint(r->agents, name, hint);
	complain(r->complaints, n->at, "no endpoint or agent has the name %s; expected one that this file describes%s",
	         shown(name, text), hint);
	return -1;
}

static int find_list(struct reader *r, const struct node *n, size_t *list)
{
	char hint[READER_HINT_MAX], text[SHOWN_MAX];

	if (section_find(r->lists, n->text, list) == 0)
		return 0;
	hint[0] = '\0';
	if (complaint_would_show(r->complaints, n->at))
		reader_hint(r->lists, n->text, hint);
	complain(r->complaints, n->at, "unknown list %s; expected one that 'lists' describes%s", shown(n->text, text), hint);
	return -1;
}

static bool allows(const struct policy_endpoint *e, size_t list)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (e->lists[i] == list)
			return true;
	return false;
}

static void take_one_allow(struct reader *r, const struct node *n, void *ctx)
{
	struct policy_endpoint *e = ctx;
	const char *name;
	size_t list;

	if (!value_scalar(r, n, "the name of a list, or '@' and the name of an endpoint or agent", &name))
		return;
	if ((name[0] == '@' ? find_at_name(r, e, n, &list) : find_list(r, n, &list)) != 0)
		return;
	if (allows(e, list))
		complain(r->complaints, n->at, "list '%s' is allowed twice; remove one", name);
	else
		e->lists[e->list_count++] = list;
}

static void take_allow(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct policy_endpoint *e = into;

	(void)f;
	e->lists = calloc(value->kind == NODE_SEQUENCE ? value->count + 1 : 1, sizeof(e->lists[0]));
	if (e->lists == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	value_each(r, value, "at least one list", take_one_allow, e);
}

/* What it says is filled in when the other keys are known: endpoint_preset_apply. */
static void take_later(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)r;
	(void)f;
	(void)value;
	(void)into;
}

static const struct field endpoint_fields[] = {
	{ KEY("preset", take_later) },
	{ KEY("kind", take_endpoint_kind) },
	{ KEY("address", take_address), .required = true },
	{ KEY("port", take_port), .required = true, .or_else = "preset" },
	{ KEY("protocol", take_choice), FIELD(struct policy_endpoint, protocol), .choices = protocols },
	{ KEY("allow", take_allow), .required = true },
	{ KEY("mode", take_choice), FIELD(struct policy_endpoint, mode), .choices = modes },
	{ KEY("deny_with", take_choice), FIELD(struct policy_endpoint, deny_with), .choices = denials },
	{ KEY("reason", take_text), FIELD(struct policy_endpoint, reason) },
	{ KEY("owner", take_text), FIELD(struct policy_endpoint, owner) },
};

SHAPE(endpoint_shape, "an endpoint", endpoint_fields);

static void read_endpoint(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx)
{
	struct policy_endpoint *e = &r->config->endpoints[index];

	(void)ctx;
	reader_set_text(r, &e->name, name->text);
	reader_set_text(r, &e->kind, "other");
	reader_set_text(r, &e->reason, "");
	reader_set_text(r, &e->owner, "");
	e->protocol = IPPROTO_TCP;
	e->mode = MODE_ENFORCE;
	e->deny_with = DENY_DROP;
	if (r->complaints->out_of_memory)
		return;
	if (take_mapping(r, &endpoint_shape, name->at, value, e))
		endpoint_preset_apply(r, value, e);
}

void take_endpoints(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;
	size_t count = section_count(value);

	(void)f;
	c->endpoints = calloc(count + 1, sizeof(c->endpoints[0]));
	if (c->endpoints == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	c->endpoint_count = count;
	section_each(r, value, "the endpoints", read_endpoint, NULL);
	refuse_overlaps(r);
}
