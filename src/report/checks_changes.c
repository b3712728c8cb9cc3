/* What the report can say of changes, by people, publishers and others, and of failures. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "core/number.h"
#include "report/outcome.h"

void check_changes(const struct report *r, struct outcome *o)
{
	size_t by_people = 0, bare = 0;

	if (r->change_count == 0) {
		outcome_say(o, "No allow list changed in this period.");
		return;
	}
	for (size_t i = 0; i < r->change_count; i++) {
		const struct report_change *c = &r->changes[i];
		bool person = strncmp(c->decided_by, "user ", 5) == 0;

		by_people += person;
		bare += *c->decided_by == '\0' || (person && *c->reason == '\0');
	}
	outcome_say(o,
	            "%zu change%s of allow lists, each with who decided it: %zu by a person, %zu by the guards of the "
	            "configuration.",
	            r->change_count, number_plural(r->change_count), by_people, r->change_count - by_people);
	if (bare == 0)
		return;
	o->status = STATUS_NOT_MET;
	outcome_say(o, "%zu of them %s without a person's reason.", bare, bare == 1 ? "is" : "are");
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

void check_origins(const struct report *r, struct outcome *o)
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
		outcome_say(o, "No published list changed in this period.");
		return;
	}
	outcome_say(o, "%zu change%s of published lists; %zu with the SHA-256 of what each origin answered.", published,
	            number_plural(published), published - bare);
	if (bare > 0)
		o->status = STATUS_NOT_MET;
}

void check_grants(const struct report *r, struct outcome *o)
{
	uint64_t connections = 0;
	size_t bare = 0;

	if (r->grant_count == 0) {
		outcome_say(o, "No break-glass grant was made in this period.");
		return;
	}
	for (size_t i = 0; i < r->grant_count; i++) {
		const struct report_grant *g = &r->grants[i];

		connections += g->connections;
		bare += *g->until == '\0' || (*g->from != '\0' && (*g->by == '\0' || *g->reason == '\0'));
	}
	outcome_say(o, "%zu break-glass grant%s, each with its end, who gave it and why; %" PRIu64 " connection%s under them.",
	            r->grant_count, number_plural(r->grant_count), connections, connections == 1 ? " was made" : "s were made");
	if (bare > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "Of %zu one of these is missing.", bare);
	}
}

/* --- what went wrong */

/* Whether the last change by another program was answered. */
static bool is_repaired(const struct report *r)
{
	for (size_t i = r->event_count; i-- > 0;) {
		if (strcmp(r->events[i].kind, "repaired") == 0)
			return true;
		if (strcmp(r->events[i].kind, "drift") == 0)
			return false;
	}
	return true;
}

void check_drift(const struct report *r, struct outcome *o)
{
	size_t drift = outcome_events(r, "drift"), repaired = outcome_events(r, "repaired");

	if (drift == 0) {
		outcome_say(o, "No change of the table by another program was seen.");
		return;
	}
	outcome_say(o, "Other programs changed the table %zu time%s; it was made to match again %zu time%s.", drift,
	            number_plural(drift), repaired, number_plural(repaired));
	if (!is_repaired(r)) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "After the last change, it was not within the period.");
	}
}

void check_failures(const struct report *r, struct outcome *o)
{
	size_t died = outcome_events(r, "child-died"), failed = outcome_events(r, "refresh-failed");
	size_t stale = outcome_events(r, "stale"), missing = outcome_events(r, "agent-missing"), unexplained = 0;
	size_t gaps = report_count_gaps(r, -1);

	if (outcome_no_endpoints(r, o))
		return;
	for (size_t i = 0; i < r->gap_count; i++)
		unexplained += !r->gaps[i].explained && (i == 0 || !report_same_gap(&r->gaps[i - 1], &r->gaps[i]));
	outcome_say(o,
	            "Detected and recorded: %zu death%s of a process, %zu publisher%s that failed, %zu stale list%s, %zu missing "
	            "agent%s, %zu span%s with losses, %zu gap%s of coverage.",
	            died, number_plural(died), failed, number_plural(failed), stale, number_plural(stale), missing,
	            number_plural(missing), r->loss_count, number_plural(r->loss_count), gaps, number_plural(gaps));
	if (unexplained > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "No event explains %zu of the gaps.", unexplained);
	}
}
