#include "report/checks.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/read.h"

#define DAY_SECONDS INT64_C(86400)
#define YEAR_DAYS 365
#define QUARTER_DAYS 90

/* An outcome and its evidence; a text that memory lacks for is noticed at the end. */
struct outcome {
	enum report_status status;
	struct buffer evidence;
	bool failed;
};

typedef void check_function(const struct report *r, struct outcome *o);

static void __attribute__((format(printf, 2, 3))) say(struct outcome *o, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1) {
		o->failed = true;
		return;
	}
	if (buffer_printf(&o->evidence, "%s%s", o->evidence.len > 0 ? " " : "", text) == -1)
		o->failed = true;
	free(text);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* How many endpoints of the period, and of those how many are so. */
typedef bool endpoint_test(const struct report *r, const struct report_endpoint *e);

static bool is_known(const struct report_endpoint *e)
{
	return *e->name != '\0' && (e->seen || e->present);
}

static size_t count_endpoints(const struct report *r, endpoint_test *test)
{
	size_t n = 0;

	for (size_t i = 0; i < r->endpoint_count; i++)
		n += is_known(&r->endpoints[i]) && (test == NULL || test(r, &r->endpoints[i]));
	return n;
}

/* "api, orders and 3 more": those that are so. */
static void say_names(struct outcome *o, const struct report *r, const char *before, endpoint_test *test)
{
	struct buffer b = BUFFER_INIT;
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!is_known(&r->endpoints[i]) || !test(r, &r->endpoints[i]))
			continue;
		if (shown == 5)
			more++;
		else if (buffer_printf(&b, "%s%s", shown++ > 0 ? ", " : "", r->endpoints[i].name) == -1)
			o->failed = true;
	}
	if (more > 0 && buffer_printf(&b, " and %zu more", more) == -1)
		o->failed = true;
	if (buffer_str(&b) != NULL)
		say(o, "%s %s.", before, (const char *)b.data);
	else
		o->failed = true;
	buffer_free(&b);
}

static bool no_endpoints(const struct report *r, struct outcome *o)
{
	if (count_endpoints(r, NULL) > 0)
		return false;
	o->status = STATUS_NOT_COVERED;
	say(o, "No endpoint was protected in this period.");
	return true;
}

/* --- access */

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

static void check_default_deny(const struct report *r, struct outcome *o)
{
	uint64_t denied = 0;

	if (no_endpoints(r, o))
		return;
	for (size_t i = 0; i < r->endpoint_count; i++)
		denied += r->endpoints[i].deny.counted;
	if (count_endpoints(r, was_observed) > 0) {
		o->status = STATUS_NOT_MET;
		say_names(o, r, "Only observed for some of the time, so that nothing was denied then:", was_observed);
	}
	if (count_endpoints(r, never_in_force) > 0) {
		o->status = STATUS_NOT_MET;
		say_names(o, r, "Configured, but never in force in this period:", never_in_force);
	}
	if (o->status == STATUS_MET)
		say(o, "All %zu endpoint%s denied whatever no list and no grant allowed.", count_endpoints(r, NULL),
		    plural(count_endpoints(r, NULL)));
	say(o, "%" PRIu64 " packet%s denied.", denied, denied == 1 ? " was" : "s were");
}

static bool was_unprotected(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return !e->seen || e->coverage_percent < 100;
}

static void check_coverage(const struct report *r, struct outcome *o)
{
	size_t gaps = 0;

	if (no_endpoints(r, o))
		return;
	for (size_t i = 0; i < r->gap_count; i++)
		gaps += r->gaps[i].kind == GAP_UNPROTECTED;
	if (count_endpoints(r, was_unprotected) == 0) {
		say(o, "Each endpoint was protected at every moment from its first sight to its last in the period.");
		return;
	}
	o->status = STATUS_NOT_MET;
	say_names(o, r, "Not protected for some of the time:", was_unprotected);
	say(o, "%zu gap%s, each with its reason under Coverage.", gaps, gaps == 1 ? " is listed" : "s are listed");
}

/* Of allowed connections, by why it is not known who it was. */
static void say_unknown(const struct report *r, struct outcome *o, uint64_t lost, uint64_t deleted)
{
	char from[TIME_TEXT_MAX];

	if (lost > 0)
		say(o, "Of %" PRIu64 " more, no row says where they came from.", lost);
	if (deleted > 0)
		say(o, "The rows of %" PRIu64 " more were deleted as old: the log is complete from %s on.", deleted,
		    time_format(r->complete_from, 0, from));
}

static void check_sources_named(const struct report *r, struct outcome *o)
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
		say(o, "No connection was allowed in this period.");
		return;
	}
	say(o, "%" PRIu64 " connection%s allowed, of which %" PRIu64 " by a break-glass grant and %" PRIu64
	       " only because an endpoint was observed.",
	    allowed, allowed == 1 ? " was" : "s were", granted, observed);
	if (deleted > 0)
		o->status = STATUS_NOT_COVERED;
	if (observed > 0 || lost > 0)
		o->status = STATUS_NOT_MET;
	say_unknown(r, o, lost, deleted);
}

static bool lacks_place(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return *e->place == '\0' || *e->kind == '\0';
}

static void check_services(const struct report *r, struct outcome *o)
{
	if (no_endpoints(r, o))
		return;
	if (count_endpoints(r, lacks_place) > 0) {
		o->status = STATUS_NOT_MET;
		say_names(o, r, "The log does not say the addresses, ports and protocol of:", lacks_place);
		return;
	}
	say(o, "Addresses, ports, protocol and allowed lists of all %zu endpoint%s are in the log.",
	    count_endpoints(r, NULL), plural(count_endpoints(r, NULL)));
}

static bool lacks_purpose(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->present && (*e->reason == '\0' || *e->owner == '\0');
}

static void check_purpose(const struct report *r, struct outcome *o)
{
	if (no_endpoints(r, o))
		return;
	if (count_endpoints(r, lacks_purpose) > 0) {
		o->status = STATUS_NOT_MET;
		say_names(o, r, "Without a reason or an owner in the configuration:", lacks_purpose);
		return;
	}
	say(o, "Each endpoint has a reason and an owner in the configuration.");
}

/* --- changes */

static void check_changes(const struct report *r, struct outcome *o)
{
	size_t by_people = 0, bare = 0;

	if (r->change_count == 0) {
		say(o, "No allow list changed in this period.");
		return;
	}
	for (size_t i = 0; i < r->change_count; i++) {
		const struct report_change *c = &r->changes[i];
		bool person = strncmp(c->decided_by, "user ", 5) == 0;

		by_people += person;
		bare += *c->decided_by == '\0' || (person && *c->reason == '\0');
	}
	say(o, "%zu change%s of allow lists, each with who decided it: %zu by a person, %zu by the guards of the configuration.",
	    r->change_count, plural(r->change_count), by_people, r->change_count - by_people);
	if (bare == 0)
		return;
	o->status = STATUS_NOT_MET;
	say(o, "%zu of them %s without a person's reason.", bare, bare == 1 ? "is" : "are");
}

/* Whether each origin that answered has the hash of its answer. */
static bool has_evidence(const char *origins)
{
	json_t *array = json_loads(origins, 0, NULL), *origin;
	bool has = true;
	size_t i;

	json_array_foreach(array, i, origin) {
		const char *state = json_string_value(json_object_get(origin, "state"));
		const char *hash = json_string_value(json_object_get(origin, "sha256"));

		if (state != NULL && strcmp(state, "ok") == 0 && (hash == NULL || *hash == '\0'))
			has = false;
	}
	json_decref(array);
	return has;
}

static void check_origins(const struct report *r, struct outcome *o)
{
	size_t published = 0, bare = 0;

	for (size_t i = 0; i < r->change_count; i++) {
		if (*r->changes[i].origins == '\0' || strcmp(r->changes[i].origins, "[]") == 0)
			continue;
		published++;
		bare += !has_evidence(r->changes[i].origins);
	}
	if (published == 0) {
		o->status = STATUS_NOT_COVERED;
		say(o, "No published list changed in this period.");
		return;
	}
	say(o, "%zu change%s of published lists; %zu with the SHA-256 of what each origin answered.", published,
	    plural(published), published - bare);
	if (bare > 0)
		o->status = STATUS_NOT_MET;
}

static void check_grants(const struct report *r, struct outcome *o)
{
	uint64_t connections = 0;
	size_t bare = 0;

	if (r->grant_count == 0) {
		say(o, "No break-glass grant was made in this period.");
		return;
	}
	for (size_t i = 0; i < r->grant_count; i++) {
		const struct report_grant *g = &r->grants[i];

		connections += g->connections;
		bare += *g->until == '\0' || (*g->from != '\0' && (*g->by == '\0' || *g->reason == '\0'));
	}
	say(o, "%zu break-glass grant%s, each with its end, who gave it and why; %" PRIu64 " connection%s under them.",
	    r->grant_count, plural(r->grant_count), connections, connections == 1 ? " was made" : "s were made");
	if (bare > 0) {
		o->status = STATUS_NOT_MET;
		say(o, "Of %zu one of these is missing.", bare);
	}
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

static void check_egress(const struct report *r, struct outcome *o)
{
	uint64_t denied = 0;

	if (count_endpoints(r, is_agent) == 0) {
		o->status = STATUS_NOT_COVERED;
		say(o, "No agent is configured, so the log holds only connections that come in.");
		return;
	}
	for (size_t i = 0; i < r->endpoint_count; i++)
		if (is_agent(r, &r->endpoints[i]))
			denied += r->endpoints[i].deny.counted;
	say_names(o, r, "Agents may reach the end of their tunnel and the endpoints that their configuration names:", is_agent);
	say(o, "%" PRIu64 " packet%s of theirs to anything else denied.", denied, denied == 1 ? " was" : "s were");
	if (count_endpoints(r, is_open_agent) > 0) {
		o->status = STATUS_NOT_MET;
		say_names(o, r, "Not enforced for some of the time:", is_open_agent);
	}
}

static bool is_secret_store(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->is_secret_store;
}

static void check_secret_stores(const struct report *r, struct outcome *o)
{
	uint64_t reached = 0, lost = 0, deleted = 0;

	if (count_endpoints(r, is_secret_store) == 0) {
		o->status = STATUS_NOT_COVERED;
		say(o, "No secret store is among the endpoints.");
		return;
	}
	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!r->endpoints[i].is_secret_store)
			continue;
		reached += r->endpoints[i].orchestrator_allowed;
		lost += r->endpoints[i].allow.lost;
		deleted += report_deleted(r, &r->endpoints[i]);
	}
	say(o, "%" PRIu64 " connection%s from addresses of published lists reached a secret store.", reached,
	    plural(reached));
	say_unknown(r, o, lost, deleted);
	if (deleted > 0)
		o->status = STATUS_NOT_COVERED;
	if (r->secrets_own && (reached > 0 || lost > 0))
		o->status = STATUS_NOT_MET;
	if (!r->secrets_own) {
		o->status = STATUS_NOT_COVERED;
		say(o, "The configuration does not keep published lists from secret stores (secrets: {mode: own}).");
	}
}

/* --- what went wrong */

static size_t count_events(const struct report *r, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->event_count; i++)
		n += strcmp(r->events[i].kind, kind) == 0;
	return n;
}

static void check_drift(const struct report *r, struct outcome *o)
{
	size_t drift = count_events(r, "drift"), repaired = count_events(r, "repaired");

	if (drift == 0) {
		say(o, "No change of the table by another program was seen.");
		return;
	}
	say(o, "Other programs changed the table %zu time%s; it was made to match again %zu time%s.", drift, plural(drift),
	    repaired, plural(repaired));
	if (repaired == 0)
		o->status = STATUS_NOT_MET;
}

static void check_failures(const struct report *r, struct outcome *o)
{
	size_t died = count_events(r, "child-died"), failed = count_events(r, "refresh-failed");
	size_t stale = count_events(r, "stale"), missing = count_events(r, "agent-missing"), unexplained = 0;

	if (no_endpoints(r, o))
		return;
	for (size_t i = 0; i < r->gap_count; i++)
		unexplained += !r->gaps[i].explained;
	say(o,
	    "Detected and recorded: %zu death%s of a process, %zu publisher%s that failed, %zu stale list%s, %zu missing "
	    "agent%s, %zu span%s with losses, %zu gap%s of coverage.",
	    died, plural(died), failed, plural(failed), stale, plural(stale), missing, plural(missing), r->loss_count,
	    plural(r->loss_count), r->gap_count, plural(r->gap_count));
	if (unexplained > 0) {
		o->status = STATUS_NOT_MET;
		say(o, "No event explains %zu of the gaps.", unexplained);
	}
}

/* --- the log itself */

static void check_complete(const struct report *r, struct outcome *o)
{
	uint64_t counted = 0, lost = 0;
	bool balanced = true;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		struct report_count total = report_total(&r->endpoints[i]);

		counted += total.counted;
		lost += total.lost;
		balanced = balanced && report_balanced(&total);
	}
	if (no_endpoints(r, o))
		return;
	say(o, "The kernel counted %" PRIu64 "; %" PRIu64 " of these are in no row.", counted, lost);
	if (lost > 0 || !balanced)
		o->status = STATUS_NOT_MET;
	if (!balanced)
		say(o, "The sums do not match.");
}

static void check_detailed(const struct report *r, struct outcome *o)
{
	if (r->rows == 0) {
		o->status = STATUS_NOT_COVERED;
		say(o, r->complete_from > r->from ? "No row of this period is there any more; what is counted of it is in tallies." :
		       "No connection was recorded in this period.");
		return;
	}
	say(o, "%" PRIu64 " row%s, each with time, source, destination, protocol, verdict, and the rule that decided it.",
	    r->rows, plural(r->rows));
}

static void check_intact(const struct report *r, struct outcome *o)
{
	if (r->integrity.ok == 1) {
		say(o, "The audit log's hash tree matches its signed checkpoints.");
	} else if (r->integrity.ok == 0) {
		o->status = STATUS_NOT_MET;
		say(o, "The audit log does not verify: %s.", r->integrity.problem);
	} else {
		o->status = STATUS_NOT_COVERED;
		if (*r->integrity.problem != '\0')
			say(o, "The audit log was not verified in full: %s.", r->integrity.problem);
		else
			say(o, "The audit log was not verified for this report.");
	}
}

/* Whether rows are kept for so long, and have been. */
static void retained_for(const struct report *r, struct outcome *o, int64_t wanted)
{
	int64_t days = r->retention / DAY_SECONDS, reach;

	if (r->retention < 0) {
		o->status = STATUS_NOT_COVERED;
		say(o, "The configured retention is not known.");
		return;
	}
	if (r->retention == 0)
		say(o, "Rows are kept for ever.");
	else
		say(o, "Rows are kept for %" PRId64 " days; asked for are %" PRId64 ".", days, wanted);
	if (r->retention != 0 && days < wanted)
		o->status = STATUS_NOT_MET;
	reach = r->complete_from > r->oldest ? r->complete_from : r->oldest;
	reach = reach == 0 ? 0 : (r->made_at - reach) / US_PER_SECOND / DAY_SECONDS;
	say(o, "The log reaches back %" PRId64 " day%s so far.", reach, plural((uint64_t)reach));
	if (o->status == STATUS_MET && reach < wanted)
		o->status = STATUS_NOT_COVERED;
}

static void check_retained(const struct report *r, struct outcome *o)
{
	retained_for(r, o, YEAR_DAYS);
}

static void check_retained_quarter(const struct report *r, struct outcome *o)
{
	retained_for(r, o, QUARTER_DAYS);
}

/* Whether the clock was right all the time is nowhere in the log; that it was wrong may be. */
static void check_time(const struct report *r, struct outcome *o)
{
	size_t set = count_events(r, "clock");

	o->status = STATUS_NOT_COVERED;
	if (set > 0) {
		o->status = STATUS_NOT_MET;
		say(o, "The clock was set %zu time%s while hallowd ran.", set, plural(set));
	}
	if (r->clock_steps > 0) {
		o->status = STATUS_NOT_MET;
		say(o, "The clock went back by more than a second; %" PRIu64 " row%s after it.", r->clock_steps,
		    r->clock_steps == 1 ? " was recorded" : "s were recorded");
	} else {
		say(o, "No step back of the clock is in the rows of this period.");
	}
	if (r->clock_known && !r->clock_synchronised) {
		o->status = STATUS_NOT_MET;
		say(o, "When the report was made, the kernel said that its clock is not synchronised.");
	} else if (r->clock_known) {
		say(o, "When the report was made, the kernel said that its clock is synchronised; the log does not say so of "
		       "the whole period.");
	}
}

static bool was_unused(const struct report *r, const struct report_endpoint *e)
{
	(void)r;
	return e->present && e->allow.counted == 0;
}

static void check_review(const struct report *r, struct outcome *o)
{
	o->status = STATUS_NOT_COVERED;
	if (no_endpoints(r, o))
		return;
	say(o,
	    "A review is made by a person; 'hallowctl report --review' prints the form for it. Of %zu rule%s, %zu were not "
	    "used and %zu lack a reason or an owner.",
	    count_endpoints(r, NULL), plural(count_endpoints(r, NULL)), count_endpoints(r, was_unused),
	    count_endpoints(r, lacks_purpose));
}

/* --- all of them */

static const struct {
	const char *name, *title;
	check_function *run;
} checks[CHECK_COUNT] = {
	[CHECK_DEFAULT_DENY] = { "default-deny", "Denied by default", check_default_deny },
	[CHECK_COVERAGE_COMPLETE] = { "coverage-complete", "Protected without a gap", check_coverage },
	[CHECK_SOURCES_NAMED] = { "sources-named", "Every source by a list or a grant", check_sources_named },
	[CHECK_SERVICES_DESCRIBED] = { "services-described", "Services described", check_services },
	[CHECK_PURPOSE_RECORDED] = { "purpose-recorded", "Reason and owner", check_purpose },
	[CHECK_CHANGES_APPROVED] = { "changes-approved", "Changes of lists decided", check_changes },
	[CHECK_ORIGINS_EVIDENCED] = { "origins-evidenced", "Evidence of the origins", check_origins },
	[CHECK_GRANTS_BOUNDED] = { "grants-bounded", "Grants with an end", check_grants },
	[CHECK_EGRESS_LIMITED] = { "egress-limited", "Egress limited", check_egress },
	[CHECK_SECRET_STORES_SEPARATE] = { "secret-stores-separate", "Secret stores kept apart", check_secret_stores },
	[CHECK_DRIFT_REPAIRED] = { "drift-repaired", "Changes by others repaired", check_drift },
	[CHECK_LOG_COMPLETE] = { "log-complete", "Log complete", check_complete },
	[CHECK_LOG_DETAILED] = { "log-detailed", "Log detailed", check_detailed },
	[CHECK_LOG_INTACT] = { "log-intact", "Log intact", check_intact },
	[CHECK_LOG_RETAINED] = { "log-retained", "Log kept for twelve months", check_retained },
	[CHECK_LOG_RETAINED_QUARTER] = { "log-retained-90-days", "Log kept for 90 days", check_retained_quarter },
	[CHECK_FAILURES_DETECTED] = { "failures-detected", "Failures explained", check_failures },
	[CHECK_TIME_SYNCHRONISED] = { "time-synchronised", "Clock", check_time },
	[CHECK_REVIEW_DUE] = { "review-due", "Review of the rules", check_review },
};

const char *check_name(enum check c)
{
	return checks[c].name;
}

const char *check_title(enum check c)
{
	return checks[c].title;
}

int check_parse(enum check *c, const char *name)
{
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		if (strcmp(checks[i].name, name) == 0) {
			*c = (enum check)i;
			return 0;
		}
	}
	return -1;
}

int report_check_all(struct report *r, struct error *err)
{
	r->findings = calloc(CHECK_COUNT, sizeof(*r->findings));
	if (r->findings == NULL)
		return report_no_memory(err);
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		struct outcome o = { STATUS_MET, BUFFER_INIT, false };
		int status;

		checks[i].run(r, &o);
		r->findings[i].status = o.status;
		status = o.failed || buffer_str(&o.evidence) == NULL ?
		             report_no_memory(err) :
		             report_copy(&r->findings[i].evidence, buffer_str(&o.evidence), err);
		buffer_free(&o.evidence);
		if (status == -1)
			return -1;
	}
	return 0;
}

const char *report_status_text(enum report_status status)
{
	switch (status) {
	case STATUS_MET:
		return "met";
	case STATUS_NOT_MET:
		return "not-met";
	case STATUS_NOT_COVERED:
		break;
	}
	return "not-covered";
}
