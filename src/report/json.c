#include <errno.h>
#include <jansson.h>
#include <string.h>

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

static json_t *endpoint_json(const struct report_endpoint *e)
{
	struct report_count total = report_total(e);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "name", json_string(e->name), "kind", text_or_null(e->kind), "mode", text_or_null(e->mode),
	                 "allowed", number(e->allow.recorded), "denied", number(e->deny.recorded),
	                 "aggregated", number(total.aggregated), "lost", number(total.lost),
	                 "counted", number(total.counted),
	                 "coverage_percent", e->seen ? json_real(e->coverage_percent) : json_null(),
	                 "orchestrator_allowed", e->is_secret_store ? number(e->orchestrator_allowed) : json_null(),
	                 "sources", sources_json(e));
}

static json_t *endpoints_json(const struct report *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->endpoint_count; i++)
		json_array_append_new(array, endpoint_json(&r->endpoints[i]));
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

int report_json(const struct report *r, FILE *out)
{
	json_t *all = json_pack("{s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:n, s:o, s:n}, s:[]}",
	                        "period", "from", time_value(r->from), "to", time_value(r->to),
	                        "host", text_or_null(r->host), "endpoints", endpoints_json(r),
	                        "list_changes", changes_json(r), "decisions", events_json(r, true),
	                        "events", events_json(r, false), "losses", losses_json(r),
	                        "integrity", "ok", "rows", number(r->rows), "checkpoint", "controls");
	int rc;

	if (all == NULL) {
		errno = ENOMEM;
		return -1;
	}
	rc = json_dumpf(all, out, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(7));
	json_decref(all);
	fputc('\n', out);
	return rc;
}
