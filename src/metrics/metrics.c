#include "metrics/metrics.h"

#include <stdbool.h>
#include <string.h>

#include "core/time_text.h"

enum kind { GAUGE, COUNTER, INFO, STATESET };

struct writer {
	FILE *out;
	enum metrics_form form;
	const char *name; /* of the family that is being written */
	enum kind kind;
	json_t *families; /* with METRICS_JSON: all that were begun */
	bool failed;      /* memory ran out for one of them */
};

static const char *const kinds[] = { "gauge", "counter", "info", "stateset" };

/* --- JSON */

static void json_family(struct writer *w, const char *help)
{
	json_t *family = json_pack("{s:s+, s:s, s:s, s:[]}", "name", "hallowd_", w->name, "type", kinds[w->kind], "help", help,
	                           "samples");

	w->failed |= json_array_append_new(w->families, family) == -1;
}

static void json_sample(struct writer *w, const char *const *labels, double value)
{
	json_t *family = json_array_get(w->families, json_array_size(w->families) - 1), *named = json_object(), *sample;
	bool whole = value > -1e15 && value < 1e15 && value == (double)(json_int_t)value;

	for (size_t i = 0; labels != NULL && labels[i] != NULL; i += 2)
		w->failed |= json_object_set_new(named, labels[i], json_string(labels[i + 1])) == -1;
	sample = json_pack("{s:o, s:o}", "labels", named, "value", whole ? json_integer((json_int_t)value) : json_real(value));
	w->failed |= json_array_append_new(json_object_get(family, "samples"), sample) == -1;
}

/* --- the two texts */

/* In the older text the name of a counter ends in _total everywhere; it has no info and no stateset. */
static const char *suffix(const struct writer *w)
{
	if (w->kind == COUNTER)
		return "_total";
	return w->kind == INFO ? "_info" : "";
}

static void family(struct writer *w, const char *name, enum kind kind, const char *help)
{
	const char *end;

	w->name = name;
	w->kind = kind;
	if (w->form == METRICS_JSON) {
		json_family(w, help);
		return;
	}
	end = w->form == METRICS_PROMETHEUS ? suffix(w) : "";
	fprintf(w->out, "# HELP hallowd_%s%s %s\n", name, end, help);
	fprintf(w->out, "# TYPE hallowd_%s%s %s\n", name, end,
	        w->form == METRICS_PROMETHEUS && kind > COUNTER ? "gauge" : kinds[kind]);
}

static void label_value(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			putc(*text, out);
	}
}

/* `labels`: names and values in turns, up to a NULL. */
static void sample(struct writer *w, const char *const *labels, double value)
{
	if (w->form == METRICS_JSON) {
		json_sample(w, labels, value);
		return;
	}
	fprintf(w->out, "hallowd_%s%s", w->name, suffix(w));
	for (size_t i = 0; labels != NULL && labels[i] != NULL; i += 2) {
		fprintf(w->out, "%s%s=\"", i == 0 ? "{" : ",", labels[i]);
		label_value(w->out, labels[i + 1]);
		fputs("\"", w->out);
	}
	if (labels != NULL && labels[0] != NULL)
		putc('}', w->out);
	fprintf(w->out, " %.17g\n", value);
}

static void single(struct writer *w, const char *name, enum kind kind, const char *help, double value)
{
	family(w, name, kind, help);
	sample(w, NULL, value);
}

/* --- the answer's fields */

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value == NULL ? "" : value;
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static double truth(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? 1 : 0;
}

/* Seconds since 1970; 0 where it is no time. */
static double seconds(const json_t *object, const char *key)
{
	time_us t;

	return time_parse(&t, text(object, key), 0) == 0 ? (double)t / (double)US_PER_SECOND : 0;
}

/* One family of a gauge or counter for each element of an array, by its name. */
static void each(struct writer *w, const json_t *array, const char *label, const char *name, enum kind kind,
                 const char *help, const char *key, double (*value)(const json_t *object, const char *key))
{
	json_t *item;
	size_t i;

	family(w, name, kind, help);
	json_array_foreach(array, i, item)
		sample(w, (const char *const[]){ label, text(item, "name"), NULL }, value(item, key));
}

/* --- subjects */

static void write_daemon(struct writer *w, const json_t *status)
{
	const json_t *daemon = json_object_get(status, "daemon"), *recorder = json_object_get(status, "recorder");

	family(w, "build", INFO, "Version of hallowd.");
	sample(w, (const char *const[]){ "version", text(daemon, "version"), NULL }, 1);
	single(w, "running", GAUGE, "1 while hallowd runs.", truth(daemon, "running"));
	single(w, "start_time_seconds", GAUGE, "When hallowd was started, in seconds since 1970.", seconds(daemon, "since"));
	single(w, "enforcing", GAUGE, "1 while the policy is in the kernel.", truth(status, "enforcing"));
	single(w, "recording", GAUGE, "1 while connections are recorded.", truth(status, "recording"));
	single(w, "table_owned", GAUGE, "1 while no other program can change the kernel's table.",
	       truth(json_object_get(status, "table"), "owned"));
	single(w, "problems", GAUGE, "What hallowctl status tells as problems.",
	       (double)json_array_size(json_object_get(status, "problems")));
	single(w, "recorder_restarts", COUNTER, "How often the recorder had to be started again.", number(recorder, "restarts"));
	single(w, "events_waiting", GAUGE, "Events and revisions that are not in the audit log yet.", number(recorder, "waiting"));
}

static void write_lists(struct writer *w, const json_t *lists)
{
	static const char *const states[] = { "current", "held", "stale", "failed" };
	json_t *list;
	size_t i;

	each(w, lists, "list", "list_entries", GAUGE, "Prefixes in force.", "entries", number);
	each(w, lists, "list", "list_revision", GAUGE, "The revision in force.", "revision", number);
	each(w, lists, "list", "list_applied_time_seconds", GAUGE, "When the revision came into force, in seconds since 1970.",
	     "applied_at", seconds);
	family(w, "list_state", STATESET, "What state a list is in.");
	json_array_foreach(lists, i, list)
		for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
			sample(w, (const char *const[]){ "list", text(list, "name"), "hallowd_list_state", states[k], NULL },
			       strcmp(states[k], text(list, "state")) == 0);
}

static void write_endpoints(struct writer *w, const json_t *endpoints)
{
	json_t *endpoint;
	size_t i;

	each(w, endpoints, "endpoint", "allowed_connections", COUNTER, "New connections that were let in, as the kernel counts.",
	     "allowed", number);
	each(w, endpoints, "endpoint", "denied_packets", COUNTER, "Packets that were denied, as the kernel counts.", "denied",
	     number);
	family(w, "endpoint_enforced", GAUGE, "1 where others are denied, 0 where they are only observed.");
	json_array_foreach(endpoints, i, endpoint)
		sample(w, (const char *const[]){ "endpoint", text(endpoint, "name"), NULL },
		       strcmp(text(endpoint, "mode"), "enforce") == 0);
}

static void write_agents(struct writer *w, const json_t *agents)
{
	json_t *agent;
	size_t i;

	if (json_array_size(agents) == 0)
		return;
	family(w, "agent_seen_time_seconds", GAUGE, "When the agent's tunnel was last seen, in seconds since 1970; 0: never.");
	json_array_foreach(agents, i, agent)
		sample(w, (const char *const[]){ "agent", text(agent, "name"), "network", text(agent, "network"), NULL },
		       seconds(agent, "last_seen"));
	family(w, "agent_up", GAUGE, "1 where the agent's tunnel was seen recently enough.");
	json_array_foreach(agents, i, agent)
		sample(w, (const char *const[]){ "agent", text(agent, "name"), "network", text(agent, "network"), NULL },
		       truth(agent, "up"));
	each(w, agents, "agent", "agent_denied_packets", COUNTER, "Packets of an agent to elsewhere that were denied.", "denied",
	     number);
}

static void write_audit(struct writer *w, const json_t *audit)
{
	if (!json_is_object(audit))
		return;
	single(w, "audit_recorded", COUNTER, "Connections and denied packets recorded one by one.", number(audit, "recorded"));
	single(w, "audit_aggregated", COUNTER, "Denied packets recorded in sums, under a flood.", number(audit, "aggregated"));
	single(w, "audit_lost", COUNTER, "What the kernel counted and the audit log has not.", number(audit, "lost"));
}

static void write_rest(struct writer *w, const json_t *status)
{
	const json_t *notify = json_object_get(status, "notify");

	single(w, "grants", GAUGE, "Grants in force.", (double)json_array_size(json_object_get(status, "grants")));
	single(w, "neighbours", GAUGE, "Other firewalls' chains that drop, or may drop, what is let in.",
	       (double)json_array_size(json_object_get(status, "neighbours")));
	if (!json_is_object(notify))
		return;
	single(w, "notifications", COUNTER, "Notifications that the command took.", number(notify, "told"));
	single(w, "notifications_failed", COUNTER, "Notifications that the command did not take.", number(notify, "failed"));
	single(w, "notifications_left_out", COUNTER, "Events that were not told, because there were too many.",
	       number(notify, "left_out"));
}

static int write_json(FILE *out, struct writer *w)
{
	bool bad = w->failed || json_dumpf(w->families, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) == -1 || putc('\n', out) == EOF;

	json_decref(w->families);
	return bad || fflush(out) != 0 ? -1 : 0;
}

int metrics_write(FILE *out, const json_t *status, enum metrics_form form)
{
	struct writer w = { .out = out, .form = form, .families = form == METRICS_JSON ? json_array() : NULL };

	write_daemon(&w, status);
	write_lists(&w, json_object_get(status, "lists"));
	write_endpoints(&w, json_object_get(status, "endpoints"));
	write_agents(&w, json_object_get(status, "agents"));
	write_audit(&w, json_object_get(status, "audit"));
	write_rest(&w, status);
	if (form == METRICS_JSON)
		return write_json(out, &w);
	if (form == METRICS_OPENMETRICS)
		fputs("# EOF\n", out);
	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
