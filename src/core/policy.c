#include "core/policy.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/time_text.h"

/* Not isalpha(): a name is the same in every locale. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len > NAME_MAX_LENGTH || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !is_digit(name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	return true;
}

bool list_name_valid(const char *name)
{
	static const char *const makes[] = { "@", TUNNEL_LIST, RESOLVERS_LIST };

	for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
		if (strncmp(name, makes[i], strlen(makes[i])) == 0)
			return name_valid(name + strlen(makes[i]));
	return name_valid(name);
}

static void list_free(struct policy_list *l)
{
	free(l->name);
	prefix_set_free(&l->set);
}

void policy_endpoint_free(struct policy_endpoint *e)
{
	free(e->name);
	free(e->kind);
	free(e->addresses);
	free(e->ports);
	free(e->lists);
	free(e->owner);
	free(e->reason);
}

/* A copy of `count` items; one that is empty has an address too. */
static void *copy_items(const void *items, size_t count, size_t size)
{
	void *copy = calloc(count + 1, size);

	if (copy != NULL && count > 0)
		memcpy(copy, items, count * size);
	return copy;
}

static char *copy_text(const char *text)
{
	return strdup(text == NULL ? "" : text);
}

int policy_endpoint_copy(struct policy_endpoint *to, const struct policy_endpoint *from)
{
	*to = *from;
	to->name = copy_text(from->name);
	to->kind = copy_text(from->kind);
	to->owner = copy_text(from->owner);
	to->reason = copy_text(from->reason);
	to->addresses = copy_items(from->addresses, from->address_count, sizeof(*to->addresses));
	to->ports = copy_items(from->ports, from->port_count, sizeof(*to->ports));
	to->lists = copy_items(from->lists, from->list_count, sizeof(*to->lists));
	if (to->name != NULL && to->kind != NULL && to->owner != NULL && to->reason != NULL && to->addresses != NULL &&
	    to->ports != NULL && to->lists != NULL)
		return 0;
	policy_endpoint_free(to);
	memset(to, 0, sizeof(*to));
	return -1;
}

void policy_agent_free(struct policy_agent *a)
{
	free(a->name);
	free(a->network);
	free(a->tunnel_host);
	free(a->owner);
	free(a->reason);
	free(a->reach);
}

int policy_agent_copy(struct policy_agent *to, const struct policy_agent *from)
{
	*to = *from;
	to->name = copy_text(from->name);
	to->network = copy_text(from->network);
	to->tunnel_host = copy_text(from->tunnel_host);
	to->owner = copy_text(from->owner);
	to->reason = copy_text(from->reason);
	to->reach = copy_items(from->reach, from->reach_count, sizeof(*to->reach));
	if (to->name != NULL && to->network != NULL && to->tunnel_host != NULL && to->owner != NULL && to->reason != NULL &&
	    to->reach != NULL)
		return 0;
	policy_agent_free(to);
	memset(to, 0, sizeof(*to));
	return -1;
}

void policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->list_count; i++)
		list_free(&p->lists[i]);
	for (size_t i = 0; i < p->endpoint_count; i++)
		policy_endpoint_free(&p->endpoints[i]);
	for (size_t i = 0; i < p->agent_count; i++)
		policy_agent_free(&p->agents[i]);
	free(p->agents);
	free(p->lists);
	free(p->endpoints);
	free(p->grants);
	memset(p, 0, sizeof(*p));
}

const struct policy_list *policy_find_list(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->list_count; i++)
		if (strcmp(p->lists[i].name, name) == 0)
			return &p->lists[i];
	return NULL;
}

const struct policy_endpoint *policy_find_endpoint(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (strcmp(p->endpoints[i].name, name) == 0)
			return &p->endpoints[i];
	return NULL;
}

const struct policy_agent *policy_find_agent(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->agent_count; i++)
		if (strcmp(p->agents[i].name, name) == 0)
			return &p->agents[i];
	return NULL;
}

static bool list_holds(const struct policy *p, size_t list, const struct address *a, struct prefix *entry)
{
	return prefix_set_lookup(&p->lists[list].set, a, entry) == 0;
}

const struct policy_agent *policy_agent_of(const struct policy *p, const struct address *source)
{
	struct prefix entry;

	for (size_t i = 0; i < p->agent_count; i++)
		if (list_holds(p, p->agents[i].own, source, &entry))
			return &p->agents[i];
	return NULL;
}

bool policy_endpoint_has_address(const struct policy_endpoint *e, const struct address *a)
{
	for (size_t i = 0; i < e->address_count; i++)
		if (prefix_contains(&e->addresses[i], a))
			return true;
	return false;
}

bool policy_endpoint_has_port(const struct policy_endpoint *e, uint16_t port)
{
	for (size_t i = 0; i < e->port_count; i++)
		if (port >= e->ports[i].first && port <= e->ports[i].last)
			return true;
	return false;
}

/* The configuration lets no two endpoints overlap, so the first that matches is the only one. */
const struct policy_endpoint *policy_match(const struct policy *p, const struct address *destination, uint8_t protocol,
                                           uint16_t port)
{
	for (size_t i = 0; i < p->endpoint_count; i++) {
		const struct policy_endpoint *e = &p->endpoints[i];

		if (e->protocol == protocol && policy_endpoint_has_port(e, port) && policy_endpoint_has_address(e, destination))
			return e;
	}
	return NULL;
}

static const struct policy_grant *find_grant(const struct policy *p, size_t endpoint, const struct address *source)
{
	for (size_t i = 0; i < p->grant_count; i++) {
		const struct policy_grant *g = &p->grants[i];

		if (g->endpoint == endpoint && prefix_contains(&g->source, source) && time_boot_ms() < g->until_ms)
			return g;
	}
	return NULL;
}

/* The first of the endpoint's lists, or else grants, that holds the source; else the endpoint's mode. */
static void explain_endpoint(const struct policy *p, const struct policy_endpoint *e, const struct address *source,
                             struct policy_answer *answer)
{
	answer->endpoint = e;
	for (size_t i = 0; i < e->list_count; i++) {
		if (list_holds(p, e->lists[i], source, &answer->entry)) {
			answer->verdict = ANSWER_ALLOW;
			answer->reason = REASON_LISTED;
			answer->list = &p->lists[e->lists[i]];
			return;
		}
	}
	answer->grant = find_grant(p, (size_t)(e - p->endpoints), source);
	if (answer->grant != NULL) {
		answer->verdict = ANSWER_ALLOW;
		answer->reason = REASON_GRANTED;
		answer->entry = answer->grant->source;
		return;
	}
	answer->verdict = e->mode == MODE_OBSERVE ? ANSWER_ALLOW : ANSWER_DENY;
	answer->reason = e->mode == MODE_OBSERVE ? REASON_OBSERVED : REASON_NOT_LISTED;
}

static bool may_reach(const struct policy *p, const struct policy_agent *agent, const struct policy_endpoint *e)
{
	for (size_t i = 0; e != NULL && i < agent->reach_count; i++)
		if (&p->endpoints[agent->reach[i]] == e)
			return true;
	return false;
}

/* What its egress control says of an agent's connection; ANSWER_UNMATCHED where that is none of its business. */
static void explain_egress(const struct policy *p, const struct policy_agent *agent, const struct policy_endpoint *e,
                           const struct address *source, const struct address *destination, uint8_t protocol,
                           uint16_t port, struct policy_answer *answer)
{
	const struct policy_list *list = NULL;

	if (protocol == IPPROTO_TCP && port == agent->tunnel_port &&
	    list_holds(p, agent->tunnel, destination, &answer->entry))
		list = &p->lists[agent->tunnel];
	else if (agent->has_resolvers && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && port == RESOLVER_PORT &&
	         list_holds(p, agent->resolvers, destination, &answer->entry))
		list = &p->lists[agent->resolvers];
	else if (may_reach(p, agent, e) || address_compare(source, destination) == 0)
		return;
	answer->agent = agent;
	answer->list = list;
	answer->verdict = list != NULL || agent->mode == MODE_OBSERVE ? ANSWER_ALLOW : ANSWER_DENY;
	answer->reason = list != NULL ? REASON_LISTED : agent->mode == MODE_OBSERVE ? REASON_OBSERVED : REASON_EGRESS;
}

void policy_explain(const struct policy *p, const struct address *source, const struct address *destination,
                    uint8_t protocol, uint16_t port, struct policy_answer *answer)
{
	const struct policy_endpoint *e;
	const struct policy_agent *agent;
	struct policy_answer egress;

	*answer = (struct policy_answer){ .verdict = ANSWER_UNMATCHED, .reason = REASON_UNMATCHED };
	if (source->family != destination->family)
		return;
	e = policy_match(p, destination, protocol, port);
	agent = policy_agent_of(p, source);
	egress = *answer;
	if (agent != NULL)
		explain_egress(p, agent, e, source, destination, protocol, port, &egress);
	if (egress.verdict != ANSWER_DENY && e != NULL)
		explain_endpoint(p, e, source, answer);
	else
		*answer = egress;
	if (p->closed && agent != NULL && egress.list != NULL && agent->mode == MODE_ENFORCE)
		*answer = (struct policy_answer){ .verdict = ANSWER_DENY, .reason = REASON_NOT_RECORDED, .agent = agent };
	if (p->closed && e != NULL && answer->endpoint == e && answer->verdict == ANSWER_ALLOW && e->mode == MODE_ENFORCE)
		*answer = (struct policy_answer){
			.verdict = ANSWER_DENY, .reason = REASON_NOT_RECORDED, .endpoint = e, .agent = answer->agent
		};
}

const char *policy_denier(const struct policy *p, const struct address *source, const struct address *destination,
                          uint8_t protocol, uint16_t port)
{
	struct policy_answer a;

	policy_explain(p, source, destination, protocol, port, &a);
	return policy_decider(&a);
}

const char *policy_decider(const struct policy_answer *a)
{
	if (a->agent != NULL)
		return a->agent->name;
	return a->endpoint != NULL ? a->endpoint->name : NULL;
}

const char *policy_reason_text(const struct policy_answer *a)
{
	static const char *const reasons[] = {
		[REASON_LISTED] = "listed",       [REASON_NOT_LISTED] = "not-listed", [REASON_OBSERVED] = "observed",
		[REASON_UNMATCHED] = "unmatched", [REASON_GRANTED] = "granted",       [REASON_EGRESS] = "egress-denied",
		[REASON_NOT_RECORDED] = "not-recorded",
	};

	return reasons[a->reason];
}

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const char *protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

int protocol_parse(uint8_t *protocol, const char *name)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (strcmp(protocols[i].name, name) == 0) {
			*protocol = protocols[i].number;
			return 0;
		}
	}
	return -1;
}
