/* lists.h: what is in memory. */
#include "daemon/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_US(config) ((config)->stale_after * US_PER_SECOND)

void answer_free(struct answer *a)
{
	prefix_set_free(&a->set);
	free(a->named);
	memset(a, 0, sizeof(*a));
}

int answer_copy(struct answer *to, const struct answer *from)
{
	struct prefix_set set = PREFIX_SET_INIT;
	struct named_address *named = calloc(from->named_count + 1, sizeof(*named));

	if (named == NULL || prefix_set_copy(&set, &from->set) == -1) {
		free(named);
		return -1;
	}
	if (from->named_count > 0)
		memcpy(named, from->named, from->named_count * sizeof(*named));
	prefix_set_free(&to->set);
	free(to->named);
	*to = *from;
	to->set = set;
	to->named = named;
	to->shape.bad_example = to->bad_example;
	return 0;
}

static void list_state_free(struct list_state *s)
{
	list_in_force_free(&s->now);
	prefix_set_free(&s->held.set);
	texts_free(&s->held.reasons);
	for (size_t i = 0; s->origins != NULL && i < s->config->origin_count; i++)
		answer_free(&s->origins[i].good);
	free(s->origins);
}

void lists_free(struct lists *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; l->items != NULL && i < l->config->list_count; i++)
		list_state_free(&l->items[i]);
	free(l->items);
	config_free(l->config);
	free(l);
}

struct list_state *lists_find(struct lists *l, const char *name)
{
	for (size_t i = 0; i < l->config->list_count; i++)
		if (strcmp(l->config->lists[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}

bool list_unknown(const struct list_state *s)
{
	return s->config->origin_count > 0 && s->now.revision == 0;
}

bool list_wants_answers(const struct list_state *s)
{
	return list_unknown(s) || (s->reconfigured && !s->pin.is);
}

bool origin_counts(const struct origin_state *o, const struct list_config *c, time_us now)
{
	return o->known && now - o->good.fetched_at <= STALE_US(c);
}

time_us list_fresh_at(const struct list_state *s)
{
	time_us oldest = INT64_MAX;

	for (size_t i = 0; i < s->config->origin_count; i++) {
		const struct origin_state *o = &s->origins[i];

		if (!o->known)
			return 0;
		if (o->good.fetched_at < oldest)
			oldest = o->good.fetched_at;
	}
	return oldest;
}

/* A time that is to come is of a clock that was wrong, and says nothing of how old the answer is. */
static bool too_old(time_us fresh_at, const struct list_config *c, time_us now)
{
	return now - fresh_at > STALE_US(c) || fresh_at - now > STALE_US(c);
}

enum list_condition list_condition(const struct list_state *s, time_us now)
{
	if (s->config->origin_count == 0)
		return LIST_CURRENT;
	if (s->held.is)
		return LIST_HELD;
	if (s->now.revision != 0 && too_old(list_fresh_at(s), s->config, now))
		return LIST_STALE;
	for (size_t i = 0; i < s->config->origin_count; i++)
		if (s->origins[i].error[0] != '\0')
			return LIST_FAILED;
	return s->now.revision == 0 ? LIST_FAILED : LIST_CURRENT;
}

const char *list_condition_text(enum list_condition c)
{
	static const char *const names[] = { "current", "held", "stale", "failed" };

	return names[c];
}

void list_in_force_free(struct list_in_force *f)
{
	prefix_set_free(&f->set);
	*f = (struct list_in_force){ 0 };
}

void list_put_in_force(struct list_state *s, struct prefix_set *set, time_us when, const char *decided_by,
                       struct list_in_force *before)
{
	*before = s->now;
	s->now.revision = before->revision + 1;
	s->now.set = *set;
	s->now.applied_at = when;
	snprintf(s->now.decided_by, sizeof(s->now.decided_by), "%s", decided_by);
	*set = (struct prefix_set)PREFIX_SET_INIT;
}

void list_undo(struct list_state *s, struct list_in_force *before)
{
	list_in_force_free(&s->now);
	s->now = *before;
	*before = (struct list_in_force){ 0 };
}

bool list_held_same(const struct list_state *s, const struct prefix_set *set, const struct texts *reasons)
{
	return (s->held.is || s->held.declined) && prefix_set_equal(&s->held.set, set) &&
	       texts_equal(&s->held.reasons, reasons);
}

int list_hold(struct list_state *s, const struct prefix_set *set, const struct texts *reasons, time_us when)
{
	/* The same answer again does not ask twice: it goes on waiting since it first came. */
	if (list_held_same(s, set, reasons))
		return 0;
	s->held.declined = false;
	if (prefix_set_copy(&s->held.set, set) == -1 || texts_copy(&s->held.reasons, reasons) == -1) {
		list_release(s);
		return -1;
	}
	s->held.is = true;
	s->held.since = when;
	return 0;
}

void list_release(struct list_state *s)
{
	prefix_set_free(&s->held.set);
	texts_free(&s->held.reasons);
	s->held.is = s->held.declined = false;
	s->held.since = 0;
}
