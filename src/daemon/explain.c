#include "daemon/explain.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "daemon/grants.h"
#include "daemon/texts.h"

#define CANDIDATES_SHOWN 5

struct destination {
	struct address address;
	bool has_port, has_protocol;
	uint16_t port;
	uint8_t protocol;
};

/* Protocols that no endpoint can have, so that asking for one gets the kernel's answer: it is left alone. */
static const struct {
	const char *name;
	uint8_t number;
} others[] = {
	{ "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 }, { "igmp", IPPROTO_IGMP }, { "ipip", IPPROTO_IPIP },
	{ "gre", IPPROTO_GRE },   { "esp", IPPROTO_ESP },       { "ah", IPPROTO_AH },     { "dccp", IPPROTO_DCCP },
	{ "udplite", IPPROTO_UDPLITE },
};

static int parse_protocol(uint8_t *protocol, const char *name)
{
	if (protocol_parse(protocol, name) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i].name, name) == 0) {
			*protocol = others[i].number;
			return 0;
		}
	return -1;
}

static const char *name_of_protocol(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].number == protocol)
			return others[i].name;
	return protocol_name(protocol);
}

static int parse_port(struct destination *d, const char *text, struct error *err)
{
	if (number_parse_port(&d->port, text) == -1)
		return error_set(err, "'%s' is no port; expected a number up to 65535", text);
	d->has_port = true;
	return 0;
}

/* "[ADDRESS]" or "[ADDRESS]:PORT" */
static int parse_bracketed(char *text, struct destination *d, struct error *err)
{
	char *close = strchr(text, ']');

	if (close == NULL || (close[1] != '\0' && close[1] != ':'))
		return error_set(err, "'%s' is no destination; expected [ADDRESS]:PORT", text);
	*close = '\0';
	if (address_parse(&d->address, text + 1) == -1 || d->address.family != AF_INET6)
		return error_set(err, "'%s' is no IPv6 address; only such stand in brackets", text + 1);
	return close[1] == '\0' ? 0 : parse_port(d, close + 2, err);
}

/* "ADDRESS" or "ADDRESS:PORT" */
static int parse_plain(char *text, struct destination *d, struct error *err)
{
	char *colon = strrchr(text, ':');

	if (address_parse(&d->address, text) == 0)
		return 0;
	if (colon == NULL)
		return error_set(err, "'%s' is no destination; expected ADDRESS:PORT, for IPv6 [ADDRESS]:PORT", text);
	*colon = '\0';
	if (address_parse(&d->address, text) == -1)
		return error_set(err, "'%s' is no address; expected IPv4, or IPv6 as [ADDRESS]:PORT", text);
	if (d->address.family == AF_INET6)
		return error_set(err, "an IPv6 address with a port stands in brackets: [%s]:%s", text, colon + 1);
	return parse_port(d, colon + 1, err);
}

/* Takes `text` apart. */
static int parse_destination(char *text, struct destination *d, struct error *err)
{
	char *slash = strchr(text, '/');

	*d = (struct destination){ .protocol = IPPROTO_TCP };
	if (slash != NULL) {
		*slash = '\0';
		if (parse_protocol(&d->protocol, slash + 1) == -1)
			return error_set(err, "'%s' is no protocol; expected tcp, udp or sctp", slash + 1);
		d->has_protocol = true;
	}
	if ((text[0] == '[' ? parse_bracketed(text, d, err) : parse_plain(text, d, err)) == -1)
		return -1;
	if (d->has_port && protocol_name(d->protocol) == NULL)
		return error_set(err, "%s has no ports; leave ':%u' out", name_of_protocol(d->protocol), d->port);
	return 0;
}

/* --- what was left out --- */

/* The endpoints that the words may mean, and the one that they do: the only one, or the only one with tcp. */
struct meant {
	const struct policy_endpoint *one;
	struct texts all;
	size_t tcp;
};

static int find_meant(const struct policy *p, const struct destination *d, struct meant *m)
{
	for (size_t i = 0; i < p->endpoint_count; i++) {
		const struct policy_endpoint *e = &p->endpoints[i];
		bool is_tcp = e->protocol == IPPROTO_TCP;

		if (!policy_endpoint_has_address(e, &d->address) || (d->has_protocol && e->protocol != d->protocol) ||
		    (d->has_port && !policy_endpoint_has_port(e, d->port)))
			continue;
		if (m->one == NULL || (is_tcp && m->tcp == 0))
			m->one = e;
		m->tcp += is_tcp;
		if (m->all.count < CANDIDATES_SHOWN + 1 &&
		    texts_add(&m->all, "%s (%u/%s)", e->name, d->has_port ? d->port : e->ports[0].first,
		              protocol_name(e->protocol)) == -1)
			return -1;
	}
	return 0;
}

static int say_several(const struct texts *all, struct error *err)
{
	struct buffer names = BUFFER_INIT;
	size_t shown = all->count > CANDIDATES_SHOWN ? CANDIDATES_SHOWN : all->count;

	for (size_t i = 0; i < shown; i++)
		buffer_printf(&names, "%s%s", i == 0 ? "" : ", ", all->items[i]);
	error_set(err, "several endpoints have this address: %s%s; name one: ADDRESS:PORT/PROTOCOL",
	          buffer_str(&names) == NULL ? "" : buffer_str(&names), all->count > shown ? " and others" : "");
	buffer_free(&names);
	return -1;
}

/* Fills in a port or a protocol that was not named. */
static int complete(const struct policy *p, struct destination *d, struct error *err)
{
	struct meant m = { .all = TEXTS_INIT };
	int result = 0;

	if (d->has_port && d->has_protocol)
		return 0;
	if (find_meant(p, d, &m) == -1)
		result = error_set(err, "no memory");
	else if (m.all.count > 1 && !(m.tcp == 1 && d->has_port))
		result = say_several(&m.all, err);
	else if (m.one != NULL) {
		d->port = d->has_port ? d->port : m.one->ports[0].first;
		d->protocol = m.one->protocol;
	}
	texts_free(&m.all);
	return result;
}

/* --- the answer --- */

static json_t *lists_of(const struct policy *p, const struct policy_answer *a)
{
	const struct policy_endpoint *e = a->endpoint;
	json_t *array = json_array();

	if (a->agent != NULL)
		json_array_append_new(array, json_string(p->lists[a->agent->tunnel].name));
	if (a->agent != NULL && a->agent->has_resolvers)
		json_array_append_new(array, json_string(p->lists[a->agent->resolvers].name));

	for (size_t i = 0; e != NULL && i < e->list_count; i++)
		json_array_append_new(array, json_string(p->lists[e->lists[i]].name));
	return array;
}

/* As the column `list` of the view `connections` has it. */
static json_t *by_list(const struct policy_answer *a)
{
	if (a->grant != NULL)
		return json_sprintf("grant:%" PRIu64, a->grant->id);
	return a->list == NULL ? json_null() : json_string(a->list->name);
}

static json_t *grant_json(const struct daemon *d, uint64_t id)
{
	json_t *all = grants_json(d), *found = json_null(), *grant;
	size_t i;

	json_array_foreach(all, i, grant)
		if (json_integer_value(json_object_get(grant, "id")) == (json_int_t)id)
			found = json_incref(grant);
	json_decref(all);
	return found;
}

static json_t *answer_json(const struct daemon *d, const struct address *from, const struct destination *to,
                           const struct policy_answer *a)
{
	static const char *const verdicts[] = { "allow", "deny", "unmatched" };
	const char *decider = policy_decider(a);
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX], entry[PREFIX_TEXT_MAX];
	bool by_entry = a->list != NULL || a->grant != NULL;

	return json_pack(
	    "{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:o, s:o}", "verdict", verdicts[a->verdict], "endpoint",
	    decider == NULL ? json_null() : json_string(decider), "reason", policy_reason_text(a), "list", by_list(a),
	    "entry", by_entry ? json_string(prefix_format(&a->entry, entry)) : json_null(), "revision",
	    a->list == NULL ? json_null() : json_integer((json_int_t)a->list->revision), "source", address_format(from, source),
	    "destination", address_format(&to->address, destination), "port", (int)to->port, "protocol",
	    name_of_protocol(to->protocol), "lists", lists_of(&d->policy, a), "grant",
	    a->grant == NULL ? json_null() : grant_json(d, a->grant->id));
}

json_t *explain(const struct daemon *d, const char *source, const char *destination, struct error *err)
{
	struct policy_answer a;
	struct destination to;
	struct address from;
	char *copy;
	int bad;

	if (address_parse(&from, source) == -1) {
		error_set(err, "'%s' is no source; expected an IPv4 or IPv6 address", source);
		return NULL;
	}
	copy = strdup(destination);
	bad = copy == NULL ? error_set(err, "no memory") : parse_destination(copy, &to, err);
	free(copy);
	if (bad == -1 || complete(&d->policy, &to, err) == -1)
		return NULL;
	policy_explain(&d->policy, &from, &to.address, to.protocol, to.port, &a);
	return answer_json(d, &from, &to, &a);
}
