#include "daemon/endpoint_text.h"

#include <stdlib.h>
#include <string.h>

int endpoint_addresses_text(struct buffer *out, const struct policy_endpoint *e)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < e->address_count; i++) {
		const struct prefix *p = &e->addresses[i];
		bool host = p->length == address_size(p->addr.family) * 8;

		if (buffer_printf(out, "%s%s", i == 0 ? "" : ", ",
		                  host ? address_format(&p->addr, text) : prefix_format(p, text)) == -1)
			return -1;
	}
	return 0;
}

int endpoint_ports_text(struct buffer *out, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < e->port_count; i++) {
		const struct port_range *r = &e->ports[i];

		if (buffer_printf(out, "%s%u", i == 0 ? "" : ", ", r->first) == -1 ||
		    (r->last != r->first && buffer_printf(out, "-%u", r->last) == -1))
			return -1;
	}
	return 0;
}

char *endpoint_where_text(const struct policy_endpoint *e)
{
	struct buffer b = BUFFER_INIT;
	char *text = NULL;

	if (endpoint_addresses_text(&b, e) == 0 && buffer_printf(&b, " port ") == 0 && endpoint_ports_text(&b, e) == 0 &&
	    buffer_printf(&b, " %s", protocol_name(e->protocol)) == 0 && buffer_str(&b) != NULL)
		text = strdup(buffer_str(&b));
	buffer_free(&b);
	return text;
}

struct set_text {
	struct buffer *out;
	const char *between;
};

static int add_prefix_text(void *ctx, const struct prefix *p)
{
	struct set_text *t = ctx;
	char text[PREFIX_TEXT_MAX];
	bool host = p->length == address_size(p->addr.family) * 8;
	int bad = buffer_printf(t->out, "%s%s", t->between, host ? address_format(&p->addr, text) : prefix_format(p, text));

	t->between = ", ";
	return bad;
}

char *agent_where_text(const struct policy *p, const struct policy_agent *a)
{
	struct buffer b = BUFFER_INIT;
	struct set_text t = { &b, "" };
	char *text = NULL;

	if (prefix_set_each(&p->lists[a->own].set, add_prefix_text, &t) == 0 &&
	    buffer_printf(&b, " to %s port %u tcp, network %s", a->tunnel_host, (unsigned)a->tunnel_port, a->network) == 0 &&
	    buffer_str(&b) != NULL)
		text = strdup(buffer_str(&b));
	buffer_free(&b);
	return text;
}

const char *endpoint_mode_text(const struct policy_endpoint *e)
{
	return e->mode == MODE_OBSERVE ? "observe" : "enforce";
}
