#include "config/endpoint_preset.h"

#include <stdlib.h>

#include "config/sections.h"
#include "config/shipped.h"
#include "config/value.h"

struct endpoint_preset {
	struct policy_endpoint says; /* kind and ports */
};

static void take_kind(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct endpoint_preset *p = into;

	take_endpoint_kind(r, f, value, &p->says);
}

static void take_port(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct endpoint_preset *p = into;

	(void)f;
	value_ports(r, value, &p->says.ports, &p->says.port_count);
}

static void take_name_of_store(struct reader *r, const struct node *n, void *ctx)
{
	const char *text;

	(void)ctx;
	value_scalar(r, n, "a host name, with words in capitals to be filled in", &text);
}

/* For people: an endpoint is protected by its addresses. */
static void take_names(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)f;
	(void)into;
	value_each(r, value, "at least one host name", take_name_of_store, NULL);
}

static const struct field preset_fields[] = {
	{ KEY("kind", take_kind), .required = true },
	{ KEY("port", take_port), .required = true },
	{ KEY("names", take_names) },
};

SHAPE(preset_shape, "an endpoint's preset", preset_fields);

void endpoint_preset_apply(struct reader *r, const struct node *endpoint, struct policy_endpoint *e)
{
	const struct node *preset = node_get(endpoint, "preset");
	struct endpoint_preset p = { .says = { .kind = NULL } };
	const char *name;

	if (preset == NULL || !value_shipped(r, preset, &shipped_endpoints, &name))
		return;
	if (shipped_take(r, preset->at, &shipped_endpoints, name, &preset_shape, &p)) {
		if (node_get(endpoint, "kind") == NULL)
			reader_set_text(r, &e->kind, p.says.kind);
		if (node_get(endpoint, "port") == NULL) {
			free(e->ports);
			e->ports = p.says.ports;
			e->port_count = p.says.port_count;
			p.says.ports = NULL;
		}
	}
	free(p.says.kind);
	free(p.says.ports);
}
