#include "daemon/endpoint_change.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/endpoint_text.h"
#include "daemon/json_text.h"

static const char *denial_text(const struct policy_endpoint *e)
{
	return e->deny_with == DENY_REJECT ? "reject" : "drop";
}

static int put_item(struct buffer *out, char sign, const char *text)
{
	return buffer_printf(out, "%s%c %s", out->len == 0 ? "" : ", ", sign, text);
}

/* --- addresses */

static int addresses_of(const struct policy_endpoint *e, struct prefix_set *out)
{
	for (size_t i = 0; e != NULL && i < e->address_count; i++)
		if (prefix_set_add(out, &e->addresses[i]) == -1)
			return -1;
	prefix_set_normalize(out);
	return 0;
}

struct signed_out {
	struct buffer *out;
	char sign;
};

static int put_prefix(void *ctx, const struct prefix *p)
{
	const struct signed_out *s = ctx;
	char text[PREFIX_TEXT_MAX];

	return put_item(s->out, s->sign, prefix_format(p, text));
}

static int put_missing_addresses(struct buffer *out, const struct prefix_set *a, const struct prefix_set *b, char sign)
{
	struct prefix_set missing = PREFIX_SET_INIT;
	struct signed_out s = { out, sign };
	int result = prefix_set_subtract(&missing, a, b) == -1 ? -1 : prefix_set_each(&missing, put_prefix, &s);

	prefix_set_free(&missing);
	return result;
}

static int put_addresses(struct buffer *out, const struct policy_endpoint *was, const struct policy_endpoint *is)
{
	struct prefix_set old = PREFIX_SET_INIT, new = PREFIX_SET_INIT;
	int result = addresses_of(was, &old) == -1 || addresses_of(is, &new) == -1 ||
	                     put_missing_addresses(out, &new, &old, '+') != 0 ||
	                     put_missing_addresses(out, &old, &new, '-') != 0
	                 ? -1 : 0;

	prefix_set_free(&old);
	prefix_set_free(&new);
	return result;
}

/* --- lists */

static bool allows(const struct policy *p, const struct policy_endpoint *e, const char *name)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (strcmp(p->lists[e->lists[i]].name, name) == 0)
			return true;
	return false;
}

static int put_missing_lists(struct buffer *out, const struct policy *p, const struct policy_endpoint *e,
                             const struct policy *q, const struct policy_endpoint *f, char sign)
{
	for (size_t i = 0; i < e->list_count; i++) {
		const char *name = p->lists[e->lists[i]].name;

		if (!allows(q, f, name) && put_item(out, sign, name) == -1)
			return -1;
	}
	return 0;
}

/* --- what differs */

/* {"details"}, of which the array is built line by line. */
static void add_line(json_t *lines, const char *what, struct buffer *text)
{
	if (text->len > 0 && buffer_str(text) != NULL)
		json_array_append_new(lines, json_sprintf("%s: %s", what, buffer_str(text)));
	buffer_free(text);
	*text = (struct buffer)BUFFER_INIT;
}

static void add_step(json_t *lines, const char *what, const char *was, const char *is)
{
	if (strcmp(was, is) != 0)
		json_array_append_new(lines, json_sprintf("%s: %s -> %s", what, was, is));
}

static void add_ports(json_t *lines, const struct policy_endpoint *was, const struct policy_endpoint *is)
{
	struct buffer old = BUFFER_INIT, new = BUFFER_INIT;

	if (endpoint_ports_text(&old, was) == 0 && endpoint_ports_text(&new, is) == 0 && buffer_str(&old) != NULL &&
	    buffer_str(&new) != NULL)
		add_step(lines, "port", buffer_str(&old), buffer_str(&new));
	buffer_free(&old);
	buffer_free(&new);
}

static json_t *differences(const struct policy *now, const struct policy_endpoint *was, const struct policy *next,
                           const struct policy_endpoint *is)
{
	struct buffer text = BUFFER_INIT;
	json_t *lines = json_array();

	if (put_addresses(&text, was, is) == 0)
		add_line(lines, "address", &text);
	add_ports(lines, was, is);
	add_step(lines, "protocol", protocol_name(was->protocol), protocol_name(is->protocol));
	if (put_missing_lists(&text, next, is, now, was, '+') == 0 && put_missing_lists(&text, now, was, next, is, '-') == 0)
		add_line(lines, "allow", &text);
	add_step(lines, "mode", endpoint_mode_text(was), endpoint_mode_text(is));
	add_step(lines, "deny_with", denial_text(was), denial_text(is));
	add_step(lines, "kind", was->kind, is->kind);
	add_step(lines, "owner", was->owner, is->owner);
	add_step(lines, "reason", was->reason, is->reason);
	buffer_free(&text);
	return lines;
}

static json_t *description(const struct policy *p, const struct policy_endpoint *e)
{
	char *where = endpoint_where_text(e);
	struct buffer text = BUFFER_INIT;
	json_t *lines = json_array();

	if (where != NULL)
		json_array_append_new(lines, json_sprintf("at %s", where));
	for (size_t i = 0; i < e->list_count; i++)
		buffer_printf(&text, "%s%s", i == 0 ? "" : ", ", p->lists[e->lists[i]].name);
	if (e->list_count == 0)
		buffer_printf(&text, "nobody");
	add_line(lines, "allow", &text);
	json_array_append_new(lines, json_sprintf("mode: %s", endpoint_mode_text(e)));
	if (e->deny_with == DENY_REJECT)
		json_array_append_new(lines, json_string("deny_with: reject"));
	free(where);
	return lines;
}

/* --- agents */

static bool reaches(const struct policy *p, const struct policy_agent *a, const char *endpoint)
{
	for (size_t i = 0; i < a->reach_count; i++)
		if (strcmp(p->endpoints[a->reach[i]].name, endpoint) == 0)
			return true;
	return false;
}

static int put_missing_reach(struct buffer *out, const struct policy *p, const struct policy_agent *a,
                             const struct policy *q, const struct policy_agent *b, char sign)
{
	for (size_t i = 0; i < a->reach_count; i++) {
		const char *name = p->endpoints[a->reach[i]].name;

		if ((b == NULL || !reaches(q, b, name)) && put_item(out, sign, name) == -1)
			return -1;
	}
	return 0;
}

static const char *agent_mode_text(const struct policy_agent *a)
{
	return a->mode == MODE_OBSERVE ? "observe" : "enforce";
}

/* Addresses are lists ("@NAME", "tunnel:NAME"), and told with these. */
static json_t *agent_differences(const struct policy *now, const struct policy_agent *was, const struct policy *next,
                                 const struct policy_agent *is)
{
	struct buffer text = BUFFER_INIT;
	json_t *lines = json_array();

	add_step(lines, "network", was->network, is->network);
	add_step(lines, "tunnel", was->tunnel_host, is->tunnel_host);
	if (was->tunnel_port != is->tunnel_port)
		json_array_append_new(lines, json_sprintf("tunnel port: %u -> %u", was->tunnel_port, is->tunnel_port));
	if (put_missing_reach(&text, next, is, now, was, '+') == 0 && put_missing_reach(&text, now, was, next, is, '-') == 0)
		add_line(lines, "reach", &text);
	add_step(lines, "mode", agent_mode_text(was), agent_mode_text(is));
	buffer_free(&text);
	return lines;
}

static json_t *agent_description(const struct policy *p, const struct policy_agent *a)
{
	struct buffer text = BUFFER_INIT;
	json_t *lines = json_array();

	json_array_append_new(lines, json_sprintf("tunnel: %s port %u", a->tunnel_host, a->tunnel_port));
	if (put_missing_reach(&text, p, a, NULL, NULL, '+') == 0)
		add_line(lines, "reach", &text);
	json_array_append_new(lines, json_sprintf("mode: %s", agent_mode_text(a)));
	buffer_free(&text);
	return lines;
}

static void add_change(json_t *all, const char *name, const char *what, json_t *details)
{
	json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "endpoint", name, "change", what, "details", details));
}

static void add_differences(json_t *all, const char *name, json_t *lines)
{
	if (json_array_size(lines) > 0)
		add_change(all, name, "changed", lines);
	else
		json_decref(lines);
}

static void add_agents(json_t *all, const struct policy *now, const struct policy *next)
{
	for (size_t i = 0; i < next->agent_count; i++) {
		const struct policy_agent *is = &next->agents[i], *was = policy_find_agent(now, is->name);

		if (was == NULL)
			add_change(all, is->name, "added", agent_description(next, is));
		else
			add_differences(all, is->name, agent_differences(now, was, next, is));
	}
	for (size_t i = 0; i < now->agent_count; i++)
		if (policy_find_agent(next, now->agents[i].name) == NULL)
			add_change(all, now->agents[i].name, "removed", agent_description(now, &now->agents[i]));
}

json_t *endpoint_changes(const struct policy *now, const struct policy *next)
{
	json_t *all = json_array();

	for (size_t i = 0; now != NULL && i < next->endpoint_count; i++) {
		const struct policy_endpoint *is = &next->endpoints[i], *was = policy_find_endpoint(now, is->name);

		if (was == NULL) {
			add_change(all, is->name, "added", description(next, is));
			continue;
		}
		add_differences(all, is->name, differences(now, was, next, is));
	}
	for (size_t i = 0; now != NULL && i < now->endpoint_count; i++)
		if (policy_find_endpoint(next, now->endpoints[i].name) == NULL)
			add_change(all, now->endpoints[i].name, "removed", description(now, &now->endpoints[i]));
	if (now != NULL)
		add_agents(all, now, next);
	return all;
}
