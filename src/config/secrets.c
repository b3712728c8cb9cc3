/* The section `secrets`: who keeps the secrets, and so who may reach a secret store. */
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

static const struct choice modes[] = { { "hosted", SECRETS_HOSTED }, { "own", SECRETS_OWN }, { NULL, 0 } };

static const struct field secrets_fields[] = {
	{ KEY("mode", take_choice), FIELD(struct secrets_config, mode), .choices = modes, .required = true },
	{ KEY("orchestrator_writes", take_truth), FIELD(struct secrets_config, orchestrator_writes) },
};

SHAPE(secrets_shape, "the secrets", secrets_fields);

void take_secrets(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct secrets_config *s = &((struct config *)into)->secrets;
	const struct node *writes;

	(void)f;
	if (!take_mapping(r, &secrets_shape, value->at, value, s))
		return;
	writes = node_get(value, "orchestrator_writes");
	if (s->mode == SECRETS_HOSTED && s->orchestrator_writes)
		complain(r->complaints, writes->at, "with mode: hosted the orchestrator writes to a store of its own, not to "
		         "yours; remove this, or set mode: own");
}

bool secrets_kept_from(const struct config *c, const struct policy_endpoint *e)
{
	return c->secrets.mode == SECRETS_OWN && !c->secrets.orchestrator_writes && strcmp(e->kind, "secret-store") == 0;
}

static void refuse_published(struct reader *r, const struct policy_endpoint *e, const struct node *n, unsigned line)
{
	size_t list;

	if (n->kind == NODE_SCALAR && n->text[0] == '@' && section_find(r->agents, n->text + 1, &list) == 0)
		complain(r->complaints, n->at, "what comes through agent '%s' is the orchestrator's, and by 'secrets' (line %u, "
		         "mode: own) only the Operator reaches secret store '%s'; remove the agent here, or set "
		         "orchestrator_writes: true", n->text + 1, line, e->name);
	if (n->kind != NODE_SCALAR || section_find(r->lists, n->text, &list) != 0 ||
	    r->config->lists[list].origin_count == 0)
		return;
	complain(r->complaints, n->at, "list '%s' has origins: it is the orchestrator's, and by 'secrets' (line %u, "
	         "mode: own) only the Operator reaches secret store '%s'; remove the list here, or set "
	         "orchestrator_writes: true", n->text, line, e->name);
}

/* `line` is that of the section `secrets`, for messages. */
static void check_allow(struct reader *r, const struct policy_endpoint *e, const struct node *allow, unsigned line)
{
	if (allow != NULL && allow->kind == NODE_SEQUENCE)
		for (size_t i = 0; i < allow->count; i++)
			refuse_published(r, e, allow->items[i], line);
	else if (allow != NULL)
		refuse_published(r, e, allow, line);
}

static void refuse_reached(struct reader *r, const char *agent, const struct node *n, unsigned line)
{
	size_t index;

	if (n->kind != NODE_SCALAR || section_find(r->endpoints, n->text, &index) != 0 ||
	    !secrets_kept_from(r->config, &r->config->endpoints[index]))
		return;
	complain(r->complaints, n->at, "what comes through agent '%s' is the orchestrator's, and by 'secrets' (line %u, mode: "
	         "own) only the Operator reaches secret store '%s'; remove it here, or set orchestrator_writes: true", agent,
	         line, n->text);
}

static void check_reaches(struct reader *r, unsigned line)
{
	if (r->agents == NULL || r->agents->kind != NODE_MAPPING || r->config->endpoints == NULL)
		return;
	for (size_t i = 0; i < node_pairs(r->agents); i++) {
		const struct node *key = node_key(r->agents, i), *agent = node_value(r->agents, i);
		const struct node *reach = agent->kind == NODE_MAPPING ? node_get(agent, "reach") : NULL;

		if (key->kind != NODE_SCALAR || reach == NULL)
			continue;
		if (reach->kind != NODE_SEQUENCE)
			refuse_reached(r, key->text, reach, line);
		for (size_t k = 0; reach->kind == NODE_SEQUENCE && k < reach->count; k++)
			refuse_reached(r, key->text, reach->items[k], line);
	}
}

void check_secret_stores(struct reader *r, const struct node *root)
{
	size_t index = 0;

	if (r->complaints->out_of_memory || r->endpoints == NULL || r->endpoints->kind != NODE_MAPPING)
		return;
	for (size_t i = 0; i < node_pairs(r->endpoints); i++) {
		const struct policy_endpoint *e = &r->config->endpoints[index];
		const struct node *endpoint = node_value(r->endpoints, i);

		if (node_key(r->endpoints, i)->kind != NODE_SCALAR)
			continue;
		index++;
		if (secrets_kept_from(r->config, e) && endpoint->kind == NODE_MAPPING)
			check_allow(r, e, node_get(endpoint, "allow"), node_get(root, "secrets")->at.line);
	}
	if (node_get(root, "secrets") != NULL)
		check_reaches(r, node_get(root, "secrets")->at.line);
}
