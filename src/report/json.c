#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "report/checks.h"
#include "report/report.h"

/* Unset in the model is null for programs. */
static json_t *text_or_null(const char *text)
{
	json_t *value;

	if (text == NULL || *text == '\0')
		return json_null();
	value = json_string(text);
	return value != NULL ? value : json_string("(not UTF-8)");
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* A column that holds JSON; where it does not parse, it is given as the text that it is. */
static json_t *parsed(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : text_or_null(text);
}

static json_t *time_value(time_us t)
{
	char text[TIME_TEXT_MAX];

	return json_string(time_format(t, 0, text));
}

static json_t *source_json(const struct report_source *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "source", text_or_null(s->source), "allowed", number(s->allowed),
	                 "observed", number(s->observed), "denied", number(s->denied),
	                 "aggregated", number(s->aggregated), "list", text_or_null(s->list),
	                 "first", text_or_null(s->first), "last", text_or_null(s->last));
}

static json_t *sources_json(const struct report_endpoint *e)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < e->source_count; i++)
		json_array_append_new(array, source_json(&e->sources[i]));
	return array;
}

/* An object's members, one after the other; what is NULL for lack of memory is noticed by the last. */
static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* "a,b" as ["a", "b"]. */
static json_t *names_json(const char *names)
{
	json_t *array = json_array();

	while (*names != '\0') {
		size_t len = strcspn(names, ",");

		json_array_append_new(array, json_stringn(names, len));
		names += names[len] == ',' ? len + 1 : len;
	}
	return array;
}

static json_t *slot_json(const struct report *r, const struct report_slot *s, size_t i)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "from", time_value(report_slot_start(r, i)), "allowed",
	                 number(s->allowed), "denied", number(s->denied), "aggregated", number(s->aggregated), "lost",
	                 number(s->lost));
}

static bool is_quiet(const struct report_slot *s)
{
	return s->allowed == 0 && s->denied == 0 && s->aggregated == 0 && s->lost == 0;
}

/* Those in which something happened. */
static json_t *slots_json(const struct report *r, const struct report_slot *slots)
{
	json_t *array = json_array();

	for (size_t i = 0; slots != NULL && i < r->slot_count; i++)
		if (!is_quiet(&slots[i]))
			json_array_append_new(array, slot_json(r, &slots[i], i));
	return array;
}

static json_t *would_deny_json(const struct report_endpoint *e)
{
	uint64_t sources, connections = report_would_deny(e, &sources);

	return json_pack("{s:o, s:o}", "connections", number(connections), "sources", number(sources));
}

static json_t *endpoint_json(const struct report *r, const struct report_endpoint *e)
{
	struct report_count total = report_total(e);
	json_t *object = json_object();

	set(object, "name", json_string(e->name));
	set(object, "kind", text_or_null(e->kind));
	set(object, "mode", text_or_null(e->mode));
	set(object, "allowed", number(e->allow.recorded));
	set(object, "denied", number(e->deny.recorded));
	set(object, "aggregated", number(total.aggregated));
	set(object, "lost", number(total.lost));
	set(object, "counted", number(total.counted));
	set(object, "coverage_percent", e->seen ? json_real(e->coverage_percent) : json_null());
	set(object, "orchestrator_allowed", e->is_secret_store ? number(e->orchestrator_allowed) : json_null());
	set(object, "rows", json_pack("{s:o, s:o, s:o}", "allowed", number(e->rows.allowed), "denied",
	                              number(e->rows.denied), "aggregated", number(e->rows.aggregated)));
	set(object, "would_deny", would_deny_json(e));
	set(object, "place", text_or_null(e->place));
	set(object, "lists", names_json(e->lists));
	set(object, "way", text_or_null(e->way));
	set(object, "owner", text_or_null(e->owner));
	set(object, "reason", text_or_null(e->reason));
	set(object, "timeline", slots_json(r, e->slots));
	set(object, "sources", sources_json(e));
	return object;
}

static json_t *endpoints_json(const struct report *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->endpoint_count; i++)
		json_array_append_new(array, endpoint_json(r, &r->endpoints[i]));
	return array;
}

static json_t *change_json(const struct report_change *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "list", text_or_null(c->list), "revision", number(c->revision), "time", text_or_null(c->time),
	                 "added", parsed(c->added), "removed", parsed(c->removed), "origins", parsed(c->origins),
	                 "decided_by", text_or_null(c->decided_by), "reason", text_or_null(c->reason));
}

static json_t *changes_json(const struct report *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->change_count; i++)
		json_array_append_new(array, change_json(&r->changes[i]));
	return array;
}

static json_t *event_json(const struct report_event *e)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "time", text_or_null(e->time), "kind", text_or_null(e->kind),
	                 "subject", text_or_null(e->subject), "detail", parsed(e->detail));
}

static json_t *events_json(const struct report *r, bool only_decisions)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->event_count; i++) {
		if (r->events[i].is_decision || !only_decisions)
			json_array_append_new(array, event_json(&r->events[i]));
	}
	return array;
}

static json_t *loss_json(const struct report_loss *l)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "endpoint", json_string(l->endpoint),
	                 "verdict", text_or_null(l->verdict), "from", text_or_null(l->from), "to", text_or_null(l->to),
	                 "lost", number(l->lost));
}

static json_t *losses_json(const struct report *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->loss_count; i++)
		json_array_append_new(array, loss_json(&r->losses[i]));
	return array;
}

static const char *state_text(enum report_state state)
{
	return state == REPORT_UNPROTECTED ? "unprotected" : state == REPORT_OBSERVED ? "observed" : "enforced";
}

static json_t *coverage_json(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		for (size_t j = 0; j < e->span_count; j++)
			json_array_append_new(
			    array, json_pack("{s:o, s:o, s:o, s:s}", "endpoint", json_string(e->name), "from",
			                     time_value(e->spans[j].from), "to", time_value(e->spans[j].to), "state",
			                     state_text(e->spans[j].state)));
	}
	return array;
}

static json_t *gaps_json(const struct report *r)
{
	static const char *const kinds[] = { "unprotected", "before", "after" };
	json_t *array = json_array();

	for (size_t i = 0; i < r->gap_count; i++) {
		const struct report_gap *g = &r->gaps[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:s, s:b, s:o}", "endpoint",
		                                       json_string(r->endpoints[g->endpoint].name), "from",
		                                       time_value(g->from), "to", time_value(g->to), "kind", kinds[g->kind],
		                                       "explained", (int)g->explained, "why", text_or_null(g->why)));
	}
	return array;
}

static json_t *floods_json(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->flood_count; i++) {
		const struct report_flood *f = &r->floods[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "endpoint", json_string(f->endpoint),
		                                       "from", time_value(f->from), "to", time_value(f->to), "sources",
		                                       number(f->sources), "attempts", number(f->attempts)));
	}
	return array;
}

static json_t *grants_json(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->grant_count; i++) {
		const struct report_grant *g = &r->grants[i];

		json_array_append_new(
		    array, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", number(g->id), "source",
		                     text_or_null(g->source), "endpoint", text_or_null(g->endpoint), "from",
		                     text_or_null(g->from), "until", text_or_null(g->until), "ended", text_or_null(g->ended),
		                     "how", text_or_null(g->how), "by", text_or_null(g->by), "reason",
		                     text_or_null(g->reason), "connections", number(g->connections)));
	}
	return array;
}

static json_t *disagreements_json(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->disagreement_count; i++) {
		const struct report_disagreement *g = &r->disagreements[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "list", text_or_null(g->list), "first",
		                                       text_or_null(g->first), "last", text_or_null(g->last), "refreshes",
		                                       number(g->refreshes), "what", text_or_null(g->what)));
	}
	return array;
}

static json_t *integrity_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "ok",
	                 r->integrity.ok == -1 ? json_null() : json_boolean(r->integrity.ok), "rows", number(r->rows),
	                 "checkpoint", text_or_null(r->integrity.checkpoint), "problem",
	                 text_or_null(r->integrity.problem));
}

static json_t *met_json(enum report_status status)
{
	return status == STATUS_NOT_COVERED ? json_null() : json_boolean(status == STATUS_MET);
}

static json_t *checks_json(const struct report *r)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < CHECK_COUNT; i++)
		json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:o}", "name", check_name((enum check)i), "met",
		                                       met_json(r->findings[i].status), "status",
		                                       report_status_text(r->findings[i].status), "evidence",
		                                       text_or_null(r->findings[i].evidence)));
	return array;
}

static json_t *control_json(const struct report_control *c)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < c->check_count; i++)
		json_array_append_new(checks, json_string(c->checks[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "framework", text_or_null(c->framework), "id",
	                 text_or_null(c->id), "title", text_or_null(c->title), "evidence", text_or_null(c->evidence), "met",
	                 met_json(c->status), "status", report_status_text(c->status), "checks", checks);
}

static json_t *controls_json(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->control_count; i++)
		json_array_append_new(array, control_json(&r->controls[i]));
	return array;
}

static int write_json(json_t *all, FILE *out)
{
	int rc = all == NULL ? -1 : json_dumpf(all, out, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(7));

	json_decref(all);
	if (rc == -1)
		errno = ENOMEM;
	fputc('\n', out);
	return rc;
}

static json_t *heading_json(const struct report *r)
{
	return json_pack("{s:{s:o, s:o}, s:o, s:o, s:s}", "period", "from", time_value(r->from), "to", time_value(r->to),
	                 "host", text_or_null(r->host), "made_at", time_value(r->made_at), "version", PACKAGE_VERSION);
}

int report_json(const struct report *r, FILE *out)
{
	json_t *all = heading_json(r);

	set(all, "endpoints", endpoints_json(r));
	set(all, "coverage", coverage_json(r));
	set(all, "gaps", gaps_json(r));
	set(all, "timeline", json_pack("{s:I, s:o}", "slot_seconds", (json_int_t)(r->slot / US_PER_SECOND), "slots",
	                               slots_json(r, r->slots)));
	set(all, "floods", floods_json(r));
	set(all, "list_changes", changes_json(r));
	set(all, "disagreements", disagreements_json(r));
	set(all, "decisions", events_json(r, true));
	set(all, "grants", grants_json(r));
	set(all, "events", events_json(r, false));
	set(all, "losses", losses_json(r));
	set(all, "complete_from", r->complete_from == 0 ? json_null() : time_value(r->complete_from));
	set(all, "integrity", integrity_json(r));
	set(all, "checks", checks_json(r));
	set(all, "controls", controls_json(r));
	return write_json(all, out);
}

static json_t *rule_json(const struct report_endpoint *e)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "name", json_string(e->name), "kind",
	                 text_or_null(e->kind), "mode", text_or_null(e->mode), "place", text_or_null(e->place), "lists",
	                 names_json(e->lists), "owner", text_or_null(e->owner), "reason", text_or_null(e->reason),
	                 "used", number(e->allow.counted), "unused", (int)(e->allow.counted == 0), "last_used",
	                 text_or_null(report_last_use(e)));
}

int review_json(const struct report *r, FILE *out)
{
	json_t *all = heading_json(r), *rules = json_array();

	for (size_t i = 0; i < r->endpoint_count; i++)
		if (*r->endpoints[i].name != '\0' && r->endpoints[i].present)
			json_array_append_new(rules, rule_json(&r->endpoints[i]));
	set(all, "rules", rules);
	return write_json(all, out);
}
