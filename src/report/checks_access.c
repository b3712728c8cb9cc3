/* What the report can say of endpoints and agents: who could reach them, when, and why. */
#include <inttypes.h>
#include <string.h>

#include "core/number.h"
#include "report/outcome.h"

static bool was_observed(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	for (size_t i = 0; i < e->span_count; i++)
		if (e->spans[i].state == REPORT_OBSERVED)
			return true;
	return strcmp(e->mode, "observe") == 0;
}

static bool never_in_force(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return !e->seen;
}

static bool was_unprotected(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return !e->seen || e->coverage_percent < 100;
}

static bool had_a_gap(const struct report *r, const struct report_endpoint *e)
{
	return e->seen && was_unprotected(r, e);
}

void check_default_deny(const struct report *r, struct outcome *o)
{
	uint64_t denied = 0;

	if (outcome_no_endpoints(r, o))
		return;
	for (size_t i = 0; i < r->endpoint_count; i++)
		denied += r->endpoints[i].deny.counted;
	if (outcome_count(r, was_observed) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Only observed for some of the time, so that nothing was denied then:", was_observed);
	}
	if (outcome_count(r, never_in_force) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Configured, but never in force in this period:", never_in_force);
	}
	if (outcome_count(r, had_a_gap) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Not protected for some of the time, so that nothing was denied then:", had_a_gap);
	}
	if (o->status == STATUS_MET)
		outcome_say(o, "All %zu endpoint%s denied whatever no list and no grant allowed.", outcome_count(r, NULL),
		            number_plural(outcome_count(r, NULL)));
	outcome_say(o, "%" PRIu64 " packet%s denied.", denied, denied == 1 ? " was" : "s were");
}

static bool came_later(const struct report *r, const struct report_endpoint *e)
{
	for (size_t i = 0; i < r->gap_count; i++)
		if (r->gaps[i].kind == GAP_BEFORE && &r->endpoints[r->gaps[i].endpoint] == e)
			return true;
	return false;
}

void check_coverage(const struct report *r, struct outcome *o)
{
	size_t gaps = report_count_gaps(r, GAP_UNPROTECTED);

	if (outcome_no_endpoints(r, o))
		return;
	if (outcome_count(r, was_unprotected) == 0) {
		outcome_say(o, "Each endpoint was %s at every moment from its first sight to its last in the period.",
		            outcome_count(r, was_observed) == 0 ? "enforced" : "enforced or observed");
	} else {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Not protected for some of the time:", was_unprotected);
	}
	if (gaps > 0)
		outcome_say(o, "%zu gap%s, each with its reason under Coverage.", gaps, gaps == 1 ? " is listed" : "s are listed");
	if (outcome_count(r, came_later) > 0)
		outcome_say_endpoints(o, r, "First seen within the period, and not known before:", came_later);
	if (outcome_count(r, report_lost_sight) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Not known at the end of the period, as hallowd gave no sign of life:", report_lost_sight);
	}
}

/* Of allowed connections, by why it is not known who it was. */
static void say_unknown(const struct report *r, struct outcome *o, uint64_t lost, uint64_t deleted)
{
	char from[TIME_TEXT_MAX];

	if (lost > 0)
		outcome_say(o, "Of %" PRIu64 " more, no row says where they came from.", lost);
	if (deleted > 0)
		outcome_say(o, "The rows of %" PRIu64 " more were deleted as old: the log is complete from %s on.", deleted,
		            time_format(r->complete_from, 0, from));
}

void check_sources_named(const struct report *r, struct outcome *o)
{
	uint64_t allowed = 0, observed = 0, granted = 0, lost = 0, deleted = 0;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		lost += r->endpoints[i].allow.lost;
		deleted += report_deleted(r, &r->endpoints[i]);
		for (size_t j = 0; j < r->endpoints[i].source_count; j++) {
			allowed += r->endpoints[i].sources[j].allowed;
			observed += r->endpoints[i].sources[j].observed;
		}
	}
	for (size_t i = 0; i < r->grant_count; i++)
		granted += r->grants[i].connections;
	if (allowed == 0 && lost == 0 && deleted == 0) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "No connection was allowed in this period.");
		return;
	}
	outcome_say(o, "%" PRIu64 " connection%s allowed, of which %" PRIu64 " by a break-glass grant and %" PRIu64
	               " only because an endpoint was observed.",
	            allowed, allowed == 1 ? " was" : "s were", granted, observed);
	if (deleted > 0 || outcome_count(r, had_a_gap) > 0)
		o->status = STATUS_NOT_COVERED;
	if (observed > 0 || lost > 0)
		o->status = STATUS_NOT_MET;
	say_unknown(r, o, lost, deleted);
	if (outcome_count(r, had_a_gap) > 0)
		outcome_say_endpoints(o, r, "While these were not protected, nobody was counted:", had_a_gap);
}

static bool lacks_place(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return *e->place == '\0' || *e->kind == '\0';
}

void check_services(const struct report *r, struct outcome *o)
{
	if (outcome_no_endpoints(r, o))
		return;
	if (outcome_count(r, lacks_place) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "The log does not say the addresses, ports and protocol of:", lacks_place);
		return;
	}
	outcome_say(o, "Addresses, ports, protocol and allowed lists of all %zu endpoint%s are in the log.",
	            outcome_count(r, NULL), number_plural(outcome_count(r, NULL)));
}

static bool lacks_purpose(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->present && (*e->reason == '\0' || *e->owner == '\0');
}

void check_purpose(const struct report *r, struct outcome *o)
{
	if (outcome_no_endpoints(r, o))
		return;
	if (outcome_count(r, lacks_purpose) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Without a reason or an owner in the configuration:", lacks_purpose);
		return;
	}
	outcome_say(o, "Each endpoint has a reason and an owner in the configuration.");
}

static bool was_unused(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->present && e->allow.counted == 0;
}

void check_review(const struct report *r, struct outcome *o)
{
	o->status = STATUS_NOT_COVERED;
	if (outcome_no_endpoints(r, o))
		return;
	outcome_say(o,
	            "A review is made by a person; 'hallowctl report --review' prints the form for it. Of %zu rule%s, not used: "
	            "%zu; without a reason or an owner: %zu.",
	            outcome_count(r, NULL), number_plural(outcome_count(r, NULL)), outcome_count(r, was_unused),
	            outcome_count(r, lacks_purpose));
}

/* --- egress and secrets */

static bool is_agent(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return strcmp(e->kind, AGENT_KIND) == 0;
}

static bool is_open_agent(const struct report *r, const struct report_endpoint *e)
{
	return is_agent(r, e) && (was_observed(r, e) || never_in_force(r, e) || e->coverage_percent < 100);
}

void check_egress(const struct report *r, struct outcome *o)
{
	uint64_t denied = 0;

	if (outcome_count(r, is_agent) == 0) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "No agent is configured, so the log holds only connections that come in.");
		return;
	}
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (is_agent(r, &r->endpoints[i]))
			denied += r->endpoints[i].deny.counted;
	outcome_say_endpoints(o, r, "Agents may reach the end of their tunnel and the endpoints that their configuration names:",
	                      is_agent);
	outcome_say(o, "%" PRIu64 " packet%s to anything else %s denied.", denied, number_plural(denied),
	            denied == 1 ? "was" : "were");
	if (outcome_count(r, is_open_agent) > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say_endpoints(o, r, "Not enforced for some of the time:", is_open_agent);
	}
}

static bool is_secret_store(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->is_secret_store;
}

void check_secret_stores_separate(const struct report *r, struct outcome *o)
{
	uint64_t reached = 0, lost = 0, deleted = 0;

	if (outcome_count(r, is_secret_store) == 0) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "No secret store is among the endpoints.");
		return;
	}
	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!r->endpoints[i].is_secret_store)
			continue;
		reached += r->endpoints[i].orchestrator_allowed;
		lost += r->endpoints[i].allow.lost;
		deleted += report_deleted(r, &r->endpoints[i]);
	}
	outcome_say(o, "%" PRIu64 " connection%s from addresses of published lists reached a secret store.", reached,
	            number_plural(reached));
	say_unknown(r, o, lost, deleted);
	if (deleted > 0)
		o->status = STATUS_NOT_COVERED;
	if (r->secrets_own && (reached > 0 || lost > 0))
		o->status = STATUS_NOT_MET;
	if (!r->secrets_own) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "The configuration does not keep published lists from secret stores (secrets: {mode: own}).");
	}
}
