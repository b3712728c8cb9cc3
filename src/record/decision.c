#include "record/decision.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void decider_forget(struct decider *d)
{
	for (size_t i = 0; i < d->cache_count; i++)
		d->cache[i].known = false;
}

void decider_free(struct decider *d)
{
	free(d->cache);
	d->cache = NULL;
	d->cache_count = 0;
}

/* --- which revision */

static const struct audit_policy_list *list_of(const struct audit_policy_endpoint *e, const char *name)
{
	for (size_t i = 0; e != NULL && i < e->list_count; i++)
		if (strcmp(e->lists[i].name, name) == 0)
			return &e->lists[i];
	return NULL;
}

/* From the log of revisions: for packets that waited while no recorder ran, from before the oldest known policy.
 * 1 with *revision, 0 where there is none, -1. */
static int revision_at(struct store *s, const char *list, time_us time, uint64_t *revision)
{
	sqlite3_stmt *stmt = store_use(s, ST_REVISION_AT);
	int got;

	sqlite3_bind_text(stmt, 1, list, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, time);
	got = store_step(s, stmt);
	if (got == 1) {
		*revision = (uint64_t)sqlite3_column_int64(stmt, 0);
		store_reset(stmt);
	}
	return got;
}

/* The revision in force at `time` by the policy of that time, by the log, or as known since; 0 where nobody knows. */
static int find_revision(struct decider *d, const struct audit_policy *p, const struct audit_policy_endpoint *e,
                         const char *list, time_us time, uint64_t *revision)
{
	const struct audit_policy_list *l = p == NULL ? NULL : list_of(e, list);
	int got;

	*revision = 0;
	for (size_t i = 0; l == NULL && p != NULL && i < p->endpoint_count; i++)
		l = list_of(&p->endpoints[i], list);
	if (l != NULL) {
		*revision = l->revision;
		return 0;
	}
	got = revision_at(d->store, list, time, revision);
	if (got != 0)
		return got == 1 ? 0 : -1;
	for (size_t i = 0; l == NULL && d->policies->latest != NULL && i < d->policies->latest->endpoint_count; i++)
		l = list_of(&d->policies->latest->endpoints[i], list);
	if (l != NULL)
		*revision = l->revision;
	return 0;
}

/* --- which lists */

struct texts {
	struct buffer list, revision;
	size_t count;
};

static int add_list(struct decider *d, const struct audit_policy *p, const struct audit_policy_endpoint *e,
                    const char *list, time_us time, struct texts *t)
{
	const char *comma = t->count++ == 0 ? "" : ",";
	uint64_t revision;

	if (find_revision(d, p, e, list, time, &revision) == -1)
		return -1;
	if (buffer_printf(&t->list, "%s%s", comma, list) == -1 ||
	    buffer_printf(&t->revision, "%s%" PRIu64, comma, revision) == -1)
		return store_no_memory(d->store);
	return 0;
}

/* As the endpoint was last described. */
static int add_stored_lists(struct decider *d, const char *names, time_us time, struct texts *t)
{
	char *copy = strdup(names), *rest = copy, *name;
	int result = 0;

	if (copy == NULL)
		return store_no_memory(d->store);
	while (result == 0 && (name = strsep(&rest, ",")) != NULL)
		if (*name != '\0')
			result = add_list(d, NULL, NULL, name, time, t);
	free(copy);
	return result;
}

/* Before the oldest known policy, or for an endpoint that the policy of that time lacks. */
static int lists_from_store(struct decider *d, int64_t endpoint, time_us time, struct texts *t)
{
	sqlite3_stmt *stmt = store_use(d->store, ST_ENDPOINT_LISTS);
	char *names;
	int got;

	sqlite3_bind_int64(stmt, 1, endpoint);
	got = store_step(d->store, stmt);
	if (got != 1)
		return got;
	names = strdup((const char *)sqlite3_column_text(stmt, 0));
	store_reset(stmt);
	if (names == NULL)
		return store_no_memory(d->store);
	got = add_stored_lists(d, names, time, t);
	free(names);
	return got;
}

static int collect_lists(struct decider *d, const struct log_prefix *prefix, const struct audit_policy *p,
                         int64_t endpoint, time_us time, struct texts *t)
{
	const struct audit_policy_endpoint *e = policy_endpoint(p, prefix->endpoint);

	/* A grant has a number and no revision. */
	if (prefix->kind == LOG_KIND_GRANT)
		return buffer_printf(&t->list, "grant:%s", prefix->list) == -1 ? store_no_memory(d->store) : 0;
	if (prefix->kind == LOG_KIND_ALLOW)
		return add_list(d, p, e, prefix->list, time, t);
	if (e == NULL)
		return lists_from_store(d, endpoint, time, t);
	for (size_t i = 0; i < e->list_count; i++)
		if (add_list(d, p, e, e->lists[i].name, time, t) == -1)
			return -1;
	return 0;
}

/* --- the decision */

static const char *const reasons[] = {
	[LOG_KIND_ALLOW] = "listed",
	[LOG_KIND_OBSERVE] = "observed",
	[LOG_KIND_DENY] = "not-listed",
	[LOG_KIND_GRANT] = "granted",
	[LOG_KIND_EGRESS] = "egress-denied",
	[LOG_KIND_UNRECORDED] = "not-recorded",
};

static enum epoch_of epoch_of(const struct decider *d, const struct audit_policy *p)
{
	if (p == NULL || strcmp(p->epoch, d->store->state.epoch) == 0)
		return EPOCH_CURRENT;
	return strcmp(p->epoch, d->policies->latest->epoch) == 0 ? EPOCH_NEWER : EPOCH_OLDER;
}

static enum verdict verdict_of(enum log_kind kind)
{
	switch (kind) {
	case LOG_KIND_DENY:
	case LOG_KIND_EGRESS:
	case LOG_KIND_UNRECORDED:
		return VERDICT_DENY;
	default:
		return VERDICT_ALLOW;
	}
}

static int resolve(struct decider *d, const struct log_prefix *prefix, const struct audit_policy *p, time_us time,
                   struct decision *decision)
{
	enum verdict verdict = verdict_of(prefix->kind);
	struct texts t = { BUFFER_INIT, BUFFER_INIT, 0 };
	struct decision_text text;
	int result;

	if (pools_get(d->pools, d->store, prefix->endpoint, verdict, &decision->pool) == -1)
		return -1;
	decision->epoch = epoch_of(d, p);
	result = collect_lists(d, prefix, p, decision->pool->endpoint, time, &t);
	if (result == 0) {
		text = (struct decision_text){ decision->pool->endpoint, verdict, reasons[prefix->kind], buffer_str(&t.list),
			                           buffer_str(&t.revision), t.count == 1, VIA_KERNEL };
		if (text.list == NULL || text.revision == NULL)
			result = store_no_memory(d->store);
		else
			result = store_decision(d->store, &text, &decision->id);
	}
	buffer_free(&t.list);
	buffer_free(&t.revision);
	return result;
}

static int reserve_cache(struct decider *d)
{
	size_t count = d->prefixes->count + 16;
	struct decided *cache = realloc(d->cache, count * sizeof(*cache));

	if (cache == NULL)
		return store_no_memory(d->store);
	memset(&cache[d->cache_count], 0, (count - d->cache_count) * sizeof(*cache));
	d->cache = cache;
	d->cache_count = count;
	return 0;
}

int decide(struct decider *d, const struct row *row, struct decision *decision)
{
	const struct audit_policy *p = policies_at(d->policies, row->time);
	struct decided *known;

	if (row->prefix >= d->cache_count && reserve_cache(d) == -1)
		return -1;
	known = &d->cache[row->prefix];
	if (!known->known || known->policy != p || p == NULL) {
		known->known = false;
		if (resolve(d, &d->prefixes->all[row->prefix], p, row->time, &known->decision) == -1)
			return -1;
		known->policy = p;
		known->known = true;
	}
	*decision = known->decision;
	return 0;
}
