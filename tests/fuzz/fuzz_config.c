/* Any bytes as hallowd.yaml: a configuration that holds together, or errors; never both, never neither.
 * `make fuzz-programs` builds it with clang's libFuzzer; replay.c runs it over the seed corpus in `make check`. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_list(const struct list_config *l)
{
	require(list_name_valid(l->name) && l->line > 0);
	require((l->origin_count == 0) == !prefix_set_empty(&l->entries));
	require(l->origin_count == 0 || (l->agree >= 1 && l->agree <= l->origin_count));
	for (size_t i = 0; i < l->origin_count; i++) {
		const struct origin_config *o = &l->origins[i];

		require(name_valid(o->name) && o->where != NULL && o->preset != NULL && o->select != NULL && o->ca_file != NULL);
		require(o->kind != ORIGIN_FILE || o->where[0] == '/');
		require(o->kind != ORIGIN_URL || strncasecmp(o->where, "http", 4) == 0);
		require(o->shown != NULL && (o->kind != ORIGIN_URL || strpbrk(o->shown, "#") == NULL));
		require(o->max_size > 0 && o->timeout > 0 && o->connect_timeout > 0 && o->first_byte_timeout > 0);
		require((o->client_certificate[0] == '\0') == (o->client_key.kind == SECRET_NONE));
		require((o->token.kind == SECRET_NONE) == (o->token.name == NULL));
		for (size_t k = 0; k < o->header_count; k++)
			require(o->headers[k].name != NULL && o->headers[k].value.name != NULL);
	}
}

static void require_endpoint(const struct config *c, const struct policy_endpoint *e)
{
	require(name_valid(e->name) && protocol_name(e->protocol) != NULL);
	require(e->kind != NULL && e->owner != NULL && e->reason != NULL);
	require(e->address_count > 0 && e->port_count > 0 && e->list_count > 0);
	for (size_t i = 0; i < e->list_count; i++)
		require(e->lists[i] < c->list_count);
	for (size_t i = 0; i < e->port_count; i++) {
		require(e->ports[i].first > 0 && e->ports[i].first <= e->ports[i].last);
		require(i == 0 || e->ports[i - 1].last < e->ports[i].first);
	}
}

static void require_agent(const struct config *c, const struct policy_agent *a)
{
	require(name_valid(a->name) && name_valid(a->network) && a->tunnel_host[0] != '\0' && a->tunnel_port > 0);
	require(a->own < c->list_count && a->tunnel < c->list_count && a->seen_within > 0);
	require(!a->has_resolvers || a->resolvers < c->list_count);
	for (size_t i = 0; i < a->reach_count; i++)
		require(a->reach[i] < c->endpoint_count);
}

static void require_config(const struct config *c)
{
	require(c->state_dir[0] == '/' && c->run_dir[0] == '/');
	for (size_t i = 0; i < c->list_count; i++)
		require_list(&c->lists[i]);
	for (size_t i = 0; i < c->endpoint_count; i++)
		require_endpoint(c, &c->endpoints[i]);
	for (size_t i = 0; i < c->agent_count; i++)
		require_agent(c, &c->agents[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer errors = BUFFER_INIT;
	struct config *c = NULL;

	if (config_parse("fuzz", data, size, &c, &errors) == 0) {
		require(errors.len == 0);
		require_config(c);
	} else {
		require(c == NULL && errors.len > 0);
	}
	config_free(c);
	buffer_free(&errors);
	return 0;
}
