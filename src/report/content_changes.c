/* What changed, who decided it, and what went wrong. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/number.h"
#include "report/checks.h"
#include "report/content.h"

#define ADDRESSES_SHOWN 6

/* --- lists */

/* "+ 192.0.2.1/32 198.51.100.0/24 and 3 more", from a JSON array. */
static int add_addresses(struct buffer *b, const char *sign, const char *text)
{
	json_t *array = json_loads(text, 0, NULL), *value;
	int status = 0;
	size_t i;

	if (json_array_size(array) > 0)
		status = buffer_printf(b, "%s%s", b->len > 0 ? "; " : "", sign);
	json_array_foreach(array, i, value) {
		const char *cidr = json_string_value(value);

		if (i == ADDRESSES_SHOWN) {
			status |= buffer_printf(b, " and %zu more", json_array_size(array) - i);
			break;
		}
		status |= buffer_printf(b, " %s", cidr != NULL ? cidr : "?");
	}
	json_decref(array);
	return status;
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static int add_entries(struct buffer *b, json_int_t n)
{
	return buffer_printf(b, ", %" JSON_INTEGER_FORMAT " %s", n, number_entries((uint64_t)n));
}

/* "docs: ok, 6 entries, SHA-256 12ab34cd5678; provider: failed". */
static int add_evidence(struct buffer *b, const char *text)
{
	json_t *array = json_loads(text, 0, NULL), *origin;
	int status = 0;
	size_t i;

	json_array_foreach(array, i, origin) {
		const char *hash = member(origin, "sha256");

		status |= buffer_printf(b, "%s%s: %s", i > 0 ? "; " : "", member(origin, "name"), member(origin, "state"));
		if (json_is_integer(json_object_get(origin, "entries")))
			status |= add_entries(b, json_integer_value(json_object_get(origin, "entries")));
		if (*hash != '\0')
			status |= buffer_printf(b, ", SHA-256 %.16s\xe2\x80\xa6", hash);
	}
	json_decref(array);
	return status;
}

static void cell_from(struct document *d, struct buffer *b, int status)
{
	if (status != 0 || buffer_str(b) == NULL)
		d->failed = true;
	else
		doc_cell(d, (const char *)b->data);
	buffer_free(b);
}

static void add_change(struct document *d, const struct report_change *c)
{
	struct buffer addresses = BUFFER_INIT, evidence = BUFFER_INIT;
	int status;

	doc_time(d, c->time);
	doc_cell(d, c->list);
	doc_number(d, c->revision);
	if (*c->reason != '\0')
		doc_cellf(d, "%s: %s", c->decided_by, c->reason);
	else
		doc_cell(d, c->decided_by);
	status = add_addresses(&addresses, "+", c->added);
	status |= add_addresses(&addresses, "-", c->removed);
	cell_from(d, &addresses, status);
	cell_from(d, &evidence, add_evidence(&evidence, c->origins));
}

static void add_changes(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Time", ALIGN_LEFT }, { "List", ALIGN_LEFT }, { "Revision", ALIGN_RIGHT }, { "Decided by", ALIGN_LEFT },
		{ "Addresses", ALIGN_PROSE }, { "Evidence of the origins", ALIGN_PROSE },
	};
	const struct report *r = d->report;

	if (r->change_count == 0) {
		doc_text(d, DOC_TEXT, "No allow list changed.");
		return;
	}
	doc_table(d, "changes", DOC_COLUMNS(columns), "Changes of allow lists, with who decided and what each origin answered");
	for (size_t i = 0; i < r->change_count && i < ROWS_SHOWN; i++)
		add_change(d, &r->changes[i]);
	content_more(d, r->change_count > ROWS_SHOWN ? r->change_count - ROWS_SHOWN : 0, "list_changes.csv");
}

static void add_disagreements(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "List", ALIGN_LEFT }, { "First seen", ALIGN_LEFT }, { "Last seen", ALIGN_LEFT },
		{ "Refreshes", ALIGN_RIGHT }, { "What the origins said", ALIGN_PROSE },
	};
	const struct report *r = d->report;

	if (r->disagreement_count == 0) {
		doc_text(d, DOC_TEXT, "No refresh of the period found publishers of one list that name different numbers of prefixes.");
		return;
	}
	doc_table(d, "disagreements", DOC_COLUMNS(columns), "Publishers that disagree");
	for (size_t i = 0; i < r->disagreement_count && i < ROWS_SHOWN; i++) {
		const struct report_disagreement *g = &r->disagreements[i];

		doc_cell(d, g->list);
		doc_time(d, g->first);
		doc_time(d, g->last);
		doc_number(d, g->refreshes);
		doc_cell(d, g->what);
	}
}

void content_lists(struct document *d)
{
	doc_section(d, "lists", "Allow lists");
	add_changes(d);
	add_disagreements(d);
}

/* --- events */

typedef bool event_test(const struct report_event *e);

/* Rows of a table of events; returns how many were left out. */
static void add_events(struct document *d, const char *id, const char *caption, event_test *pass)
{
	static const struct doc_column columns[] = {
		{ "Time", ALIGN_LEFT }, { "Event", ALIGN_LEFT }, { "Subject", ALIGN_LEFT }, { "Detail", ALIGN_PROSE },
	};
	const struct report *r = d->report;
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];

		if (!pass(e))
			continue;
		if (shown == 0)
			doc_table(d, id, DOC_COLUMNS(columns), "%s", caption);
		if (shown >= ROWS_SHOWN) {
			more++;
			continue;
		}
		shown++;
		doc_time(d, e->time);
		doc_cell(d, e->kind);
		doc_cell(d, e->subject);
		doc_cell(d, strcmp(e->detail, "{}") == 0 ? "" : e->detail);
	}
	content_more(d, more, "events.csv");
}

static bool any_event(const struct report *r, event_test *pass)
{
	for (size_t i = 0; i < r->event_count; i++)
		if (pass(&r->events[i]))
			return true;
	return false;
}

static bool is_decision(const struct report_event *e)
{
	return e->is_decision;
}

static void add_grants(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Grant", ALIGN_RIGHT }, { "Source", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "From", ALIGN_LEFT },
		{ "Until", ALIGN_LEFT }, { "By", ALIGN_LEFT }, { "Connections", ALIGN_RIGHT }, { "Ended", ALIGN_LEFT },
		{ "Reason", ALIGN_PROSE },
	};
	const struct report *r = d->report;

	if (r->grant_count == 0) {
		doc_text(d, DOC_TEXT, "No break-glass grant was made.");
		return;
	}
	doc_table(d, "grants", DOC_COLUMNS(columns), "Break-glass grants, and what was done under them");
	for (size_t i = 0; i < r->grant_count && i < ROWS_SHOWN; i++) {
		const struct report_grant *g = &r->grants[i];

		doc_number(d, g->id);
		doc_cell(d, g->source);
		doc_cell(d, g->endpoint);
		doc_time(d, *g->from != '\0' ? g->from : "before the period");
		doc_time(d, g->until);
		doc_cell(d, g->by);
		doc_number(d, g->connections);
		if (*g->ended != '\0')
			doc_cellf(d, "%.19sZ %s", g->ended, g->how);
		else
			doc_cell(d, g->how);
		doc_cell(d, g->reason);
	}
	content_more(d, r->grant_count > ROWS_SHOWN ? r->grant_count - ROWS_SHOWN : 0, "grants.csv");
}

void content_people(struct document *d)
{
	doc_section(d, "people", "Decisions by people");
	if (any_event(d->report, is_decision))
		add_events(d, "decisions", "Decisions by people", is_decision);
	else
		doc_text(d, DOC_TEXT, "No person decided anything.");
	add_grants(d);
}

static bool is_drift(const struct report_event *e)
{
	return strcmp(e->kind, "drift") == 0 || strcmp(e->kind, "repaired") == 0;
}

static bool is_of_agent(const struct report_event *e)
{
	return strncmp(e->kind, "agent", 5) == 0;
}

static bool is_refresh(const struct report_event *e)
{
	return strcmp(e->kind, "refresh") == 0;
}

static bool is_other(const struct report_event *e)
{
	return !is_drift(e) && !is_of_agent(e) && !is_refresh(e) && !is_decision(e);
}

static void add_losses(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "From", ALIGN_LEFT }, { "To", ALIGN_LEFT }, { "Endpoint", ALIGN_LEFT }, { "Verdict", ALIGN_LEFT },
		{ "Lost", ALIGN_RIGHT },
	};
	const struct report *r = d->report;

	if (r->loss_count == 0) {
		doc_text(d, DOC_TEXT, "Nothing was lost: there is no packet that the kernel counted and no row accounts for.");
		return;
	}
	doc_table(d, "losses", DOC_COLUMNS(columns), "Losses: counted by the kernel, but in no row");
	for (size_t i = 0; i < r->loss_count && i < ROWS_SHOWN; i++) {
		const struct report_loss *l = &r->losses[i];

		doc_time(d, l->from);
		doc_time(d, l->to);
		doc_cell(d, content_endpoint(l->endpoint));
		doc_cell(d, l->verdict);
		doc_number(d, l->lost);
	}
	content_more(d, r->loss_count > ROWS_SHOWN ? r->loss_count - ROWS_SHOWN : 0, "losses.csv");
}

void content_operation(struct document *d)
{
	const struct report *r = d->report;
	size_t refreshes = 0;

	doc_section(d, "operation", "Operation");
	if (any_event(r, is_drift))
		add_events(d, "drift", "Changes of the table by other programs, and repairs", is_drift);
	else
		doc_text(d, DOC_TEXT, "No change of the table by another program was seen.");
	if (any_event(r, is_of_agent))
		add_events(d, "agents", "Agents: when they were missing, and when they came back", is_of_agent);
	add_losses(d);
	if (any_event(r, is_other))
		add_events(d, "events", "Other events", is_other);
	for (size_t i = 0; i < r->event_count; i++)
		refreshes += is_refresh(&r->events[i]);
	if (refreshes > 0)
		doc_text(d, DOC_NOTE, "and %zu %s of lists, which events.csv of report -o csv --output FOLDER has", refreshes,
		         refreshes == 1 ? "refresh" : "refreshes");
}

/* --- secret stores: what is claimed is no more than what is known */

static void add_secret_store(struct document *d, const struct report_endpoint *e)
{
	uint64_t deleted = report_deleted(d->report, e);
	struct buffer b = BUFFER_INIT;
	char percent[32];
	int status;

	if (e->orchestrator_allowed > 0)
		status = buffer_printf(&b, "%s: %" PRIu64 " connection%s of the orchestrator %s allowed", e->name,
		                       e->orchestrator_allowed, number_plural(e->orchestrator_allowed),
		                       e->orchestrator_allowed == 1 ? "was" : "were");
	else
		status = buffer_printf(&b, "%s: no connection of the orchestrator was allowed", e->name);
	if (e->allow.lost > 0)
		status |= buffer_printf(&b, "; of %" PRIu64 " more connections no row says where they came from",
		                        e->allow.lost);
	if (deleted > 0)
		status |= buffer_printf(&b, "; the rows of %" PRIu64 " more were deleted as old", deleted);
	content_percent(e->coverage_percent, percent);
	if (!e->seen)
		status |= buffer_printf(&b, "; it was never in force");
	else if (e->coverage_percent < 100)
		status |= buffer_printf(&b, "; it was in force %s of the time", percent);
	if (status != 0 || buffer_str(&b) == NULL)
		d->failed = true;
	else
		doc_toned(d, e->orchestrator_allowed > 0 ? TONE_UNKNOWN : TONE_PLAIN, "%s", (const char *)b.data);
	buffer_free(&b);
}

/* Everybody who reached one, also those whom its own lists let in. */
static void add_reached(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Secret store", ALIGN_LEFT }, { "Reached by", ALIGN_LEFT }, { "Connections", ALIGN_RIGHT },
		{ "List", ALIGN_LEFT }, { "First seen", ALIGN_LEFT }, { "Last seen", ALIGN_LEFT },
	};
	const struct report *r = d->report;
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		const struct report_endpoint *e = &r->endpoints[i];

		for (size_t j = 0; e->is_secret_store && j < e->source_count; j++) {
			const struct report_source *s = &e->sources[j];

			if (s->allowed == 0 || (shown >= ROWS_SHOWN && ++more > 0))
				continue;
			if (shown++ == 0)
				doc_table(d, "secret-access", DOC_COLUMNS(columns), "Who reached a secret store");
			doc_cell(d, e->name);
			doc_cell(d, s->source);
			doc_number(d, s->allowed);
			doc_cell(d, *s->list != '\0' ? s->list : s->observed > 0 ? "(only observed)" : "");
			doc_time(d, s->first);
			doc_time(d, s->last);
		}
	}
	if (shown == 0)
		doc_text(d, DOC_TEXT, "No row of the period says that anybody reached one.");
	content_more(d, more, "sources.csv");
}

void content_secrets(struct document *d)
{
	const struct report *r = d->report;
	bool any = false;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!r->endpoints[i].is_secret_store)
			continue;
		if (!any) {
			doc_section(d, "secrets", "Secret stores");
			doc_text(d, DOC_TEXT, "Connections of addresses that a published list has or ever had. The configuration %s.",
			         r->secrets_own ? "keeps published lists from secret stores (own store, with the Operator)" :
			                          "does not keep published lists from secret stores");
		}
		any = true;
		add_secret_store(d, &r->endpoints[i]);
	}
	if (any)
		add_reached(d);
}

/* --- integrity */

void content_integrity(struct document *d)
{
	const struct report_integrity *g = &d->report->integrity;
	char from[TIME_TEXT_MAX];

	doc_section(d, "integrity", "Integrity of the audit log");
	if (g->ok == 1)
		doc_toned(d, TONE_GOOD, "The audit log verifies: its hash tree matches its signed checkpoints.");
	else if (g->ok == 0)
		doc_toned(d, TONE_BAD, "The audit log does not verify: %s", g->problem);
	else if (*g->problem != '\0')
		doc_toned(d, TONE_UNKNOWN, "The audit log was not verified in full: %s.", g->problem);
	else
		doc_toned(d, TONE_UNKNOWN, "The audit log was not verified for this report.");
	if (*g->checkpoint != '\0') {
		doc_text(d, DOC_TEXT, "The newest checkpoint:");
		doc_text(d, DOC_COMMAND, "%s", g->checkpoint);
	}
	doc_text(d, DOC_TEXT,
	         "To check it yourself, on the host: 'hallowctl verify' walks the whole log. With a checkpoint that was kept "
	         "elsewhere, 'hallowctl verify --against FILE' shows that nothing before it was changed since. A single row is "
	         "proved by 'hallowctl prove ROW', and the proof is checked with 'hallowctl check-proof FILE' on any machine.");
	doc_text(d, DOC_TEXT, "%" PRIu64 " row%s of the period, connections and denied attempts that were recorded one by one.",
	         d->report->rows, d->report->rows == 1 ? " is" : "s are");
	if (d->report->complete_from > d->report->from)
		doc_text(d, DOC_TEXT, "Older rows were deleted, as 'audit.retention' and 'audit.max_size' say: the log is complete from "
		                      "%s on. Tallies are kept by the hour, and count whole hours.",
		         time_format(d->report->complete_from, 0, from));
	if (d->report->mirrored > 0)
		doc_text(d, DOC_TEXT,
		         "%" PRIu64 " more were only seen on interfaces that are observed; what the policy says of each is "
		         "recorded, and no number of this report counts them. 'hallowctl export' has them, with 'via' mirror.",
		         d->report->mirrored);
}

/* --- controls */

static enum doc_tone tone_of(enum report_status status)
{
	return status == STATUS_MET ? TONE_GOOD : status == STATUS_NOT_MET ? TONE_BAD : TONE_UNKNOWN;
}

static const char *words_of(enum report_status status)
{
	return status == STATUS_MET ? "met" : status == STATUS_NOT_MET ? "not met" : "not covered";
}

void content_controls(struct document *d)
{
	static const struct doc_column columns[] = {
		{ "Control", ALIGN_LEFT }, { "Outcome", ALIGN_LEFT }, { "What it asks for", ALIGN_LEFT },
		{ "Evidence", ALIGN_PROSE },
	};
	const struct report *r = d->report;

	doc_section(d, "controls", "Controls");
	if (r->control_count == 0) {
		doc_text(d, DOC_TEXT, "No framework of controls was given.");
		return;
	}
	doc_text(d, DOC_TEXT,
	         "Met: all that the log shows of it speaks for it. Not met: something in the log speaks against it. Not covered: "
	         "the log cannot show it. A control that is met is met as far as this host and this log reach.");
	if (r->integrity.ok == 0)
		doc_toned(d, TONE_BAD, "The audit log does not verify. An outcome below is as good as the log: it is no evidence before it "
		                       "is known what was changed.");
	for (size_t i = 0; i < r->control_count; i++) {
		const struct report_control *c = &r->controls[i];

		if (i == 0 || strcmp(c->framework, r->controls[i - 1].framework) != 0)
			doc_table(d, "controls", DOC_COLUMNS(columns), "%s", c->framework);
		doc_cell(d, c->id);
		doc_cell_tone(d, tone_of(c->status), words_of(c->status));
		doc_cell(d, c->title);
		doc_cell(d, c->evidence);
	}
}

void content_notes(struct document *d)
{
	const struct report *r = d->report;
	char made[TIME_TEXT_MAX];

	doc_section(d, "notes", "Notes");
	doc_text(d, DOC_TEXT, "All times are UTC. Made at %s by hallowd " PACKAGE_VERSION ".",
	         time_format(r->made_at, 0, made));
}
