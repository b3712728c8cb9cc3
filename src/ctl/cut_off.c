#include "ctl/cut_off.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/counts.h"
#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/daemon.h"

#define SHOWN 10 /* sources of one endpoint in a warning; cut_off has all of them */

/* Sources that some endpoints would let in no more. */
struct cut {
	const json_t *endpoints; /* borrowed */
	struct prefix_set sources, except;
	bool concerned;          /* by the endpoint that is looked at */
};

struct search {
	struct cut *cuts;
	size_t count;
	json_t *found; /* what becomes of `cut_off` */
};

static void search_free(struct search *s)
{
	for (size_t i = 0; i < s->count; i++) {
		prefix_set_free(&s->cuts[i].sources);
		prefix_set_free(&s->cuts[i].except);
	}
	free(s->cuts);
}

static int read_cuts(const json_t *array, struct search *s, struct error *err)
{
	json_t *value;
	size_t i;

	s->cuts = calloc(json_array_size(array) + 1, sizeof(*s->cuts));
	if (s->cuts == NULL)
		return error_set(err, "out of memory");
	json_array_foreach(array, i, value) {
		struct cut *c = &s->cuts[s->count++];

		c->endpoints = json_object_get(value, "endpoints");
		if (answer_prefixes(json_object_get(value, "sources"), &c->sources) == -1 ||
		    answer_prefixes(json_object_get(value, "except"), &c->except) == -1)
			return error_set(err, errno == ENOMEM ? "out of memory" : "what hallowd answered to 'plan' is not understood");
	}
	return 0;
}

static bool names(const json_t *array, const char *name)
{
	json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
			return true;
	return false;
}

/* Whether any cut concerns the endpoint; marks those that do. */
static bool look_at(struct search *s, const char *endpoint)
{
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		s->cuts[i].concerned = names(s->cuts[i].endpoints, endpoint);
		any = any || s->cuts[i].concerned;
	}
	return any;
}

static bool is_cut(const struct search *s, const struct address *source)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->cuts[i].concerned && prefix_set_contains(&s->cuts[i].sources, source) &&
		    !prefix_set_contains(&s->cuts[i].except, source))
			return true;
	return false;
}

/* What was let in at one endpoint: of each source and decision, with the endpoint's name. */
struct came {
	const char *endpoint; /* borrowed */
	const struct audit_source_count *count;
};

static int compare_came(const void *a, const void *b)
{
	const struct came *x = a, *y = b;
	int c = strcmp(x->endpoint, y->endpoint);

	return c != 0 ? c : address_compare(&x->count->source, &y->count->source);
}

static void note(struct search *s, const struct came *c, uint64_t connections, time_us last)
{
	char source[ADDRESS_TEXT_MAX], time[TIME_TEXT_MAX];

	json_array_append_new(s->found, json_pack("{s:s, s:s, s:I, s:s}", "endpoint", c->endpoint, "source",
	                                          address_format(&c->count->source, source), "connections",
	                                          (json_int_t)connections, "last", time_format(last, 0, time)));
}

/* One source may have been let in by several decisions: they stand together. */
static void note_all(struct search *s, const struct came *came, size_t count)
{
	bool concerned = false;

	for (size_t i = 0, next; i < count; i = next) {
		uint64_t connections = 0;
		time_us last = 0;

		for (next = i; next < count && compare_came(&came[next], &came[i]) == 0; next++) {
			connections += came[next].count->rows;
			last = came[next].count->last > last ? came[next].count->last : last;
		}
		if (i == 0 || strcmp(came[i].endpoint, came[i - 1].endpoint) != 0)
			concerned = look_at(s, came[i].endpoint);
		if (concerned && is_cut(s, &came[i].count->source))
			note(s, &came[i], connections, last);
	}
}

static int gather(struct search *s, const struct audit_counts *counts, const struct audit_decisions *decisions,
                  struct error *err)
{
	struct came *came = calloc(counts->source_count + 1, sizeof(*came));
	size_t n = 0;

	if (came == NULL)
		return error_set(err, "out of memory");
	for (size_t i = 0; i < counts->source_count; i++) {
		const struct audit_decision *d = audit_decision(decisions, counts->sources[i].decision);

		if (d != NULL && d->deny == 0)
			came[n++] = (struct came){ d->endpoint, &counts->sources[i] };
	}
	qsort(came, n, sizeof(*came), compare_came);
	note_all(s, came, n);
	free(came);
	return 0;
}

static int search_all(struct search *s, sqlite3 *db, struct error *err)
{
	time_us now = time_now();
	struct audit_counts counts = { 0 };
	struct audit_decisions decisions = { 0 };
	int rc;

	/* In one transaction, so that each row's decision is there; closing the log ends it. */
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return error_set(err, "the audit log cannot be read: %s", sqlite3_errmsg(db));
	rc = audit_decisions_read(db, &decisions, err);
	if (rc == 0)
		rc = audit_counts_read(db, now - CUT_OFF_DAYS * INT64_C(86400) * US_PER_SECOND, now + US_PER_SECOND, &counts, err);
	if (rc == 0)
		rc = gather(s, &counts, &decisions, err);
	audit_counts_free(&counts);
	audit_decisions_free(&decisions);
	return rc;
}

/* --- for people */

static void add_source(struct buffer *text, size_t nth, const json_t *source)
{
	long long n = answer_number(source, "connections");

	if (nth < SHOWN)
		buffer_printf(text, "%s%s (%lld connection%s, the last at %s)", nth == 0 ? "" : ", ", answer_text(source, "source"), n,
		              number_plural((uint64_t)n), answer_text(source, "last"));
}

/* The sources of one endpoint stand together, from `first` on.  Returns where the next endpoint's begin. */
static size_t warn_of_endpoint(const json_t *found, size_t first, json_t *warnings)
{
	const char *endpoint = answer_text(json_array_get(found, first), "endpoint");
	struct buffer text = BUFFER_INIT;
	size_t end = first;

	for (; end < json_array_size(found); end++) {
		const json_t *source = json_array_get(found, end);

		if (strcmp(answer_text(source, "endpoint"), endpoint) != 0)
			break;
		add_source(&text, end - first, source);
	}
	if (end - first > SHOWN)
		buffer_printf(&text, " and %zu more", end - first - SHOWN);
	json_array_append_new(warnings, json_sprintf("endpoint %s: would cut off %zu source%s let in within the last %d days: %s",
	                                             endpoint, end - first, number_plural(end - first), CUT_OFF_DAYS,
	                                             buffer_str(&text) != NULL ? buffer_str(&text) : ""));
	buffer_free(&text);
	return end;
}

static void warn_of_all(const json_t *found, json_t *warnings)
{
	size_t i = 0;

	while (i < json_array_size(found))
		i = warn_of_endpoint(found, i, warnings);
}

/* 0 also where there is no audit log yet: then nobody has come. */
static int find(struct ctl *ctl, const json_t *cuts, json_t *found, struct error *err)
{
	struct search s = { .found = found };
	sqlite3 *db = NULL;
	int rc;

	daemon_sync(ctl);
	rc = audit_open_reader(&db, ctl->config->state_dir, err);
	if (rc == -1 && errno == ENOENT)
		return 0;
	if (rc == 0)
		rc = read_cuts(cuts, &s, err) == -1 ? -1 : search_all(&s, db, err);
	sqlite3_close(db);
	search_free(&s);
	return rc;
}

void cut_off_add(struct ctl *ctl, json_t *plan)
{
	const json_t *cuts = json_object_get(plan, "cut");
	json_t *found = json_array(), *warnings = json_object_get(plan, "warnings");
	struct error err;

	if (found == NULL || !json_is_array(warnings)) {
		json_decref(found);
		return;
	}
	if (json_array_size(cuts) > 0 && find(ctl, cuts, found, &err) == -1)
		json_array_append_new(warnings, json_sprintf("who came lately and would be cut off is not known: %s", err.text));
	warn_of_all(found, warnings);
	json_object_set_new(plan, "cut_off", found);
	json_object_del(plan, "cut");
}
