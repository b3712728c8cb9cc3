#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/time_text.h"
#include "kernel/want.h"

#define RATE_MAX 1000000000u /* bursts are twice that, in 32 bits */

/* An endpoint's chain has a handful of rules and at most four for each list. */
struct rule *want_rules(struct model_chain *chain, size_t most)
{
	chain->rules = calloc(most, sizeof(*chain->rules));
	return chain->rules;
}

void want_rule(struct model_chain *chain, enum rule_kind kind, const struct rule *parameters)
{
	struct rule *r = &chain->rules[chain->rule_count++];

	*r = *parameters;
	r->kind = kind;
}

const struct rule want_no_parameters;

static int want_refuse_chain(struct model *m)
{
	struct model_chain *chain = model_add_chain(m, SHAPE_REFUSE);

	if (chain == NULL || want_rules(chain, 2) == NULL)
		return -1;
	want_rule(chain, RULE_RESET, &want_no_parameters);
	want_rule(chain, RULE_UNREACHABLE, &want_no_parameters);
	return 0;
}

int want_allow_chain(struct model *m, const char *name, enum rule_kind kind, const struct rule *allow)
{
	struct model_chain *chain = model_add_chain(m, name);

	if (chain == NULL || want_rules(chain, 3) == NULL)
		return -1;
	want_rule(chain, RULE_NOT_NEW, &want_no_parameters);
	want_rule(chain, RULE_REPEATED, &want_no_parameters);
	want_rule(chain, kind, allow);
	return 0;
}

static int want_grant_set(struct model *m, const struct policy_grant *g, const char *id, int64_t left_ms)
{
	bool v4 = g->source.addr.family == AF_INET;
	struct prefix_set source = PREFIX_SET_INIT;
	char name[SHAPE_NAME_MAX];
	struct model_set *set = model_add_set(m, shape_grant_set(name, id, v4 ? "4" : "6"));

	if (set == NULL || prefix_set_add(&source, &g->source) != 0)
		return -1;
	prefix_set_normalize(&source);
	set->count = 1;
	set->timeout = (uint64_t)left_ms;
	/* The set's arrays become the model's. */
	set->v4 = source.v4;
	set->v6 = source.v6;
	set->owned = v4 ? (void *)source.v4 : (void *)source.v6;
	return 0;
}

/* The chain for those whom a list or a grant lets in.  While the policy is closed, the first packet of a connection is denied
 * there; those of connections that there are already go on. */
static int want_gate(struct model *m, const char *name, enum rule_kind kind, const struct rule *allow,
                     const struct policy *p, const struct policy_endpoint *e)
{
	struct rule deny = { .endpoint = allow->endpoint, .group = allow->group, .refuse = e->deny_with == DENY_REJECT,
		                 .unrecorded = true };
	struct model_chain *chain;

	if (!p->closed || e->mode != MODE_ENFORCE)
		return want_allow_chain(m, name, kind, allow);
	chain = model_add_chain(m, name);
	if (chain == NULL || want_rules(chain, 7) == NULL)
		return -1;
	want_rule(chain, RULE_NOT_NEW, &want_no_parameters);
	want_rule(chain, RULE_REPEATED, &want_no_parameters);
	want_denial(chain, &deny, &p->limits);
	return 0;
}

static int want_grant(struct model *m, struct model_chain *chain, const struct rule *allow, const struct policy *p,
                      const struct policy_grant *g, int64_t left_ms)
{
	enum rule_kind kind = g->source.addr.family == AF_INET ? RULE_GRANTED4 : RULE_GRANTED6;
	char id[24], name[SHAPE_NAME_MAX];
	struct rule r = *allow;

	snprintf(id, sizeof(id), "%" PRIu64, g->id);
	r.list = model_string(m, id);
	if (r.list == NULL || want_grant_set(m, g, id, left_ms) != 0 ||
	    want_gate(m, shape_grant_chain(name, r.endpoint, id), RULE_GRANT, &r, p, &p->endpoints[g->endpoint]) != 0)
		return -1;
	want_rule(chain, kind, &(struct rule){ .endpoint = r.endpoint, .list = r.list });
	return 0;
}

/* Behind the lists, so that who is listed anyway is recorded as that. */
static int want_grants(struct model *m, struct model_chain *chain, const struct rule *allow, const struct policy *p,
                       size_t endpoint)
{
	int64_t now = time_boot_ms();

	for (size_t i = 0; i < p->grant_count; i++) {
		const struct policy_grant *g = &p->grants[i];

		if (g->endpoint == endpoint && g->until_ms > now &&
		    want_grant(m, chain, allow, p, g, g->until_ms - now) != 0)
			return -1;
	}
	return 0;
}

void want_observing(struct model_chain *chain, const struct rule *r)
{
	want_rule(chain, RULE_NOT_NEW, &(struct rule){ .go_on = r->go_on });
	want_rule(chain, RULE_REPEATED, &(struct rule){ .go_on = r->go_on });
	want_rule(chain, RULE_OBSERVE, r);
}

/* The order keeps the sum right: each denied packet is counted, and then is a log line, a tally, or over. */
void want_denial(struct model_chain *chain, const struct rule *r, const struct policy_limits *limits)
{
	struct rule count = { .endpoint = r->endpoint };
	struct rule log = { .endpoint = r->endpoint, .group = r->group, .rate = limits->denied_log_rate,
		                .refuse = r->refuse, .egress = r->egress, .unrecorded = r->unrecorded,
		                .whole = limits->denied_whole };
	struct rule tally = { .refuse = r->refuse };
	struct rule over = { .endpoint = r->endpoint, .refuse = r->refuse };

	want_rule(chain, RULE_DENY_COUNT, &count);
	if (log.rate != 0)
		want_rule(chain, RULE_DENY_LOG, &log);
	if (r->egress) { /* an endpoint has one protocol, an agent sends any */
		want_rule(chain, RULE_OTHERS4, &tally);
		want_rule(chain, RULE_OTHERS6, &tally);
	}
	want_rule(chain, RULE_DENY_TALLY4, &tally);
	want_rule(chain, RULE_DENY_TALLY6, &tally);
	want_rule(chain, RULE_DENY_OVER, &over);
}

static bool listed_before(const struct policy_endpoint *e, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (e->lists[i] == e->lists[at])
			return true;
	return false;
}

static void want_listed(struct model_chain *chain, const struct rule *r)
{
	bool apart = shape_hosts_apart(r->list);

	if (apart)
		want_rule(chain, RULE_HOST4, r);
	want_rule(chain, RULE_LISTED4, r);
	if (apart)
		want_rule(chain, RULE_HOST6, r);
	want_rule(chain, RULE_LISTED6, r);
}

static int want_endpoint_chains(struct model *m, const struct policy *p, const struct policy_endpoint *e)
{
	char name[SHAPE_NAME_MAX];
	struct rule r = { .endpoint = model_string(m, e->name), .group = p->limits.nflog_group,
	                  .refuse = e->deny_with == DENY_REJECT };
	struct rule allow = { .endpoint = r.endpoint, .group = r.group };
	struct rule observe = allow;
	struct model_chain chain = { 0 }, *added;

	if (r.endpoint == NULL || want_rules(&chain, 4 * e->list_count + p->grant_count + 5) == NULL)
		return -1;
	for (size_t i = 0; i < e->list_count; i++) {
		if (listed_before(e, i))
			continue;
		allow.list = model_string(m, p->lists[e->lists[i]].name);
		if (allow.list == NULL ||
		    want_gate(m, shape_allow_chain(name, e->name, allow.list), RULE_ALLOW, &allow, p, e) != 0)
			goto out;
		want_listed(&chain, &(struct rule){ .endpoint = r.endpoint, .list = allow.list });
	}
	if (want_grants(m, &chain, &observe, p, (size_t)(e - p->endpoints)) != 0)
		goto out;
	if (e->mode == MODE_OBSERVE)
		want_observing(&chain, &observe);
	else
		want_denial(&chain, &r, &p->limits);
	added = model_add_chain(m, shape_name(name, SHAPE_ENDPOINT, e->name, NULL));
	if (added == NULL)
		goto out;
	added->rules = chain.rules;
	added->rule_count = chain.rule_count;
	return 0;
out:
	free(chain.rules);
	return -1;
}

int want_counters(struct model *m, const char *endpoint)
{
	static const char *const kinds[] = { SHAPE_ALLOW, SHAPE_DENY, SHAPE_OVER };
	char name[SHAPE_NAME_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (model_add_object(m, shape_name(name, kinds[i], endpoint, NULL), NFT_OBJECT_COUNTER) == NULL)
			return -1;
	return 0;
}

int want_ranges(struct model *m, const char *const names[2], struct prefix_set *ranges)
{
	struct model_set *set = model_add_set(m, names[0]);

	if (set != NULL) {
		set->v4 = set->owned = ranges->v4;
		set->count = ranges->v4_count;
		ranges->v4 = NULL;
		set = model_add_set(m, names[1]);
	}
	if (set != NULL) {
		set->v6 = set->owned = ranges->v6;
		set->count = ranges->v6_count;
		ranges->v6 = NULL;
	}
	prefix_set_free(ranges);
	return set != NULL ? 0 : -1;
}

static int split(const struct prefix_set *list, struct prefix_set *hosts, struct prefix_set *wider)
{
	for (size_t i = 0; i < list->v4_count; i++) {
		const struct range4 *r = &list->v4[i];

		if (prefix_set_add_range4(r->first == r->last ? hosts : wider, r->first, r->last) != 0)
			return -1;
	}
	for (size_t i = 0; i < list->v6_count; i++) {
		const struct range6 *r = &list->v6[i];

		if (prefix_set_add_range6(u128_compare(r->first, r->last) == 0 ? hosts : wider, r->first, r->last) != 0)
			return -1;
	}
	return 0;
}

static int want_list(struct model *m, const struct policy_list *list)
{
	struct prefix_set hosts = PREFIX_SET_INIT, wider = PREFIX_SET_INIT;
	char hosts4[SHAPE_NAME_MAX], hosts6[SHAPE_NAME_MAX], wider4[SHAPE_NAME_MAX], wider6[SHAPE_NAME_MAX];
	const char *const of_hosts[] = { shape_hosts_set(hosts4, list->name, "4"), shape_hosts_set(hosts6, list->name, "6") };
	const char *const of_wider[] = { shape_list_set(wider4, list->name, "4"), shape_list_set(wider6, list->name, "6") };
	bool apart = shape_hosts_apart(list->name);

	if ((apart ? split(&list->set, &hosts, &wider) : prefix_set_copy(&wider, &list->set)) != 0) {
		prefix_set_free(&hosts);
		prefix_set_free(&wider);
		return -1;
	}
	if (want_ranges(m, of_wider, &wider) != 0) {
		prefix_set_free(&hosts);
		return -1;
	}
	return apart ? want_ranges(m, of_hosts, &hosts) : 0;
}

int want_dynamic_sets(struct model *m, const char *const names[2], uint32_t size)
{
	for (size_t i = 0; i < 2; i++) {
		struct model_set *set = model_add_set(m, names[i]);

		if (set == NULL)
			return -1;
		set->size = size;
	}
	return 0;
}

static int want_all(struct model *m, const struct policy *p)
{
	static const char *const denied[] = { SHAPE_DENIED4, SHAPE_DENIED6 };
	bool refuse = false;

	for (size_t i = 0; i < p->list_count; i++)
		if (want_list(m, &p->lists[i]) != 0)
			return -1;
	for (size_t i = 0; i < p->endpoint_count; i++) {
		const struct policy_endpoint *e = &p->endpoints[i];

		if (want_counters(m, e->name) != 0 || want_endpoint_chains(m, p, e) != 0)
			return -1;
		refuse = refuse || (e->mode == MODE_ENFORCE && e->deny_with == DENY_REJECT);
	}
	for (size_t i = 0; i < p->agent_count; i++)
		refuse = refuse || (p->agents[i].mode == MODE_ENFORCE && p->agents[i].deny_with == DENY_REJECT);
	if (want_dynamic_sets(m, denied, p->limits.denied_set_size) != 0 || want_agents(m, p) != 0)
		return -1;
	if (refuse && want_refuse_chain(m) != 0)
		return -1;
	return want_dispatch(m, p);
}

static int check_names(const struct policy *p, struct error *err)
{
	for (size_t i = 0; i < p->list_count; i++)
		if (!list_name_valid(p->lists[i].name))
			return error_set(err, "\"%s\" is no name for a list", p->lists[i].name);
	for (size_t i = 0; i < p->endpoint_count; i++)
		if (!name_valid(p->endpoints[i].name))
			return error_set(err, "\"%s\" is no name for an endpoint", p->endpoints[i].name);
	for (size_t i = 0; i < p->agent_count; i++)
		if (!name_valid(p->agents[i].name))
			return error_set(err, "\"%s\" is no name for an agent", p->agents[i].name);
	return 0;
}

int model_want(struct model *m, const struct policy *p, struct error *err)
{
	/* To the kernel, 0 is a set without limit, which a flood would fill. */
	if (p->limits.denied_set_size == 0)
		return error_set(err, "the limit of denied packets' keys is 0; it must be at least 1");
	if (p->limits.denied_log_rate > RATE_MAX)
		return error_set(err, "the rate of %" PRIu32 " logged packets a second is more than %u",
		                 p->limits.denied_log_rate, RATE_MAX);
	if (check_names(p, err) != 0)
		return -1;
	if (want_all(m, p) != 0) {
		error_errno(err, errno, "working out the ruleset");
		model_free(m);
		return -1;
	}
	m->present = true;
	model_sort(m);
	return 0;
}
