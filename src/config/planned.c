/* What the contract names and this release does not do yet.  It is validated, so that a typing error shows today, and
 * refused, so that nobody believes in a protection that is not there. */
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

#define DAY (24 * 3600)

/* --- agents */

static void take_one_address(struct reader *r, const struct node *n, void *ctx)
{
	struct prefix prefix;

	(void)ctx;
	value_prefix(r, n, &prefix);
}

static void take_addresses(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	(void)into;
	value_each(r, value, "at least one address or prefix", take_one_address, NULL);
}

static void take_host(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	char text[SHOWN_MAX];
	const char *host;

	(void)f;
	(void)into;
	if (value_scalar(r, value, "a host name or an address", &host) && !host_valid(host, strlen(host), false))
		complain(r->complaints, value->at, "%s is neither a host name nor an address; expected such as "
		         "agent.humanitec.io", shown(host, text));
}

static void take_one_reach(struct reader *r, const struct node *n, void *ctx)
{
	char text[SHOWN_MAX], hint[READER_HINT_MAX];
	const char *name;
	size_t index;

	(void)ctx;
	if (!value_scalar(r, n, "the name of an endpoint", &name) || section_find(r->endpoints, name, &index) == 0)
		return;
	hint[0] = '\0';
	if (complaint_would_show(r->complaints, n->at))
		reader_hint(r->endpoints, name, hint);
	complain(r->complaints, n->at, "unknown endpoint %s; expected one that 'endpoints' describes%s",
	         shown(name, text), hint);
}

static void take_reach(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	(void)into;
	value_each(r, value, "at least one endpoint", take_one_reach, NULL);
}

static const struct field tunnel_fields[] = {
	{ KEY("host", take_host), .required = true },
	{ KEY("port", take_number), .min = 1, .max = UINT16_MAX, .required = true },
};

SHAPE(tunnel_shape, "a tunnel", tunnel_fields);

static const struct field agent_fields[] = {
	{ KEY("network", take_name), .required = true },
	{ KEY("address", take_addresses), .required = true },
	{ KEY("tunnel", take_nested), .shape = &tunnel_shape, .required = true },
	{ KEY("reach", take_reach) },
	{ KEY("seen_within", take_duration), .min = 1, .max = 365 * DAY },
};

SHAPE(agent_shape, "an agent", agent_fields);

static void read_agent(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx)
{
	size_t endpoint;

	(void)index;
	(void)ctx;
	if (section_find(r->endpoints, name->text, &endpoint) == 0)
		complain(r->complaints, name->at, "an endpoint has the name '%s' already, so '@%s' would mean two "
		         "things; expected another name", name->text, name->text);
	take_mapping(r, &agent_shape, name->at, value, NULL);
}

void take_agents(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	(void)into;
	section_each(r, value, "the agents", read_agent, NULL);
}
