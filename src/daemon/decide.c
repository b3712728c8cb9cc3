#include "daemon/decide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_all(struct texts *to, const struct texts *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (texts_add(to, "%s", from->items[i]) == -1)
			return -1;
	return 0;
}

/* A decision in the making. */
struct judgement {
	struct texts breached;          /* guards that must stop the change, and be asked of a person */
	bool rejected;                  /* an origin's answer was turned away for its shape */
	const struct prefix_set **use;  /* for each origin, the set that counts; NULL: it has none */
	struct prefix_set outcome;
};

/* An answer that breaks a guard on shape. */
static int take_misshapen(const struct guard_config *guard, struct origin_state *o, struct origin_answer *a,
                          const struct texts *broken, const struct prefix_set **use, struct judgement *j,
                          struct list_result *result)
{
	/* What the publisher has now is not what is kept: the next time it is asked for whole. */
	o->good.etag[0] = o->good.last_modified[0] = '\0';
	if (guard->on_breach == BREACH_HOLD) {
		snprintf(o->held_sha256, sizeof(o->held_sha256), "%s", a->answer.sha256);
		*use = &a->answer.set;
		return add_all(&j->breached, broken);
	}
	snprintf(o->error, sizeof(o->error), "%s", broken->items[0]);
	j->rejected = true;
	return add_all(&result->reasons, broken);
}

/* A preset knows how wide its publisher's prefixes are. */
static struct guard_config guard_of(const struct list_config *c, const struct origin_config *o)
{
	struct guard_config guard = c->guard;

	if (o->min_prefix4 > 0)
		guard.min_prefix4 = o->min_prefix4;
	if (o->min_prefix6 > 0)
		guard.min_prefix6 = o->min_prefix6;
	return guard;
}

static void keep_evidence(struct answer_evidence *e, const struct answer *a)
{
	e->fetched_at = a->fetched_at;
	e->bytes = a->bytes;
	e->entries = prefix_set_count(&a->set);
	e->http_status = a->http_status;
	memcpy(e->sha256, a->sha256, sizeof(e->sha256));
}

/* Takes one origin's answer.  Sets *use to the set that counts for it now: the new answer, or its last good one, or NULL.
 * 0, or -1 with errno ENOMEM. */
static int take_answer(const struct list_config *c, struct origin_state *o, struct origin_answer *a, time_us now,
                       const struct prefix_set **use, struct judgement *j, struct list_result *result)
{
	struct guard_config guard = guard_of(c, o->config);
	struct texts broken = TEXTS_INIT;
	int bad = 0;

	o->tried_at = now;
	*use = origin_counts(o, c, now) ? &o->good.set : NULL;
	if (!a->is_list) {
		result->origin_failed = true;
		snprintf(o->error, sizeof(o->error), "%s", a->error);
		return texts_add(&result->reasons, "origin %s: %s%s", o->config->name, a->error,
		                 !o->known      ? ""
		                 : *use == NULL ? "; its last good answer is older than stale_after and no longer counts"
		                                : "; its last good answer still counts");
	}
	o->error[0] = '\0';
	keep_evidence(&o->last, &a->answer);
	if (strcmp(a->answer.sha256, o->approved_sha256) != 0 &&
	    judge_shape(&guard, o->config->name, &a->answer.set, &a->answer.shape, &broken) == -1)
		bad = -1;
	if (bad == 0 && broken.count == 0) {
		o->held_sha256[0] = '\0';
		o->known = true;
		bad = answer_copy(&o->good, &a->answer);
		*use = &o->good.set;
	} else if (bad == 0) {
		bad = take_misshapen(&guard, o, a, &broken, use, j, result);
	}
	texts_free(&broken);
	return bad;
}

/* Agreement over the sets that count.  0 with `outcome`; 1 where too few origins have a say; -1 with errno ENOMEM. */
static int agree(const struct list_config *c, const struct prefix_set *const *use, struct prefix_set *outcome)
{
	const struct prefix_set **known = calloc(c->origin_count, sizeof(*known));
	size_t count = 0;
	int result;

	if (known == NULL)
		return -1;
	for (size_t i = 0; i < c->origin_count; i++)
		if (use[i] != NULL)
			known[count++] = use[i];
	result = count < c->agree ? 1 : prefix_set_agree(outcome, known, count, c->agree);
	free(known);
	return result;
}

static int breach(struct list_state *s, struct judgement *j, time_us now, struct list_result *result)
{
	char text[TIME_TEXT_MAX];

	if (s->config->guard.on_breach == BREACH_REJECT) {
		result->outcome = REFRESH_REJECTED;
		return add_all(&result->reasons, &j->breached);
	}
	if (s->held.declined && list_held_same(s, &j->outcome, &j->breached)) {
		result->outcome = REFRESH_UNCHANGED;
		prefix_set_free(&result->added);
		prefix_set_free(&result->removed);
		return texts_add(&result->reasons, "the origins still publish the change that was declined on %s",
		                 time_format(s->held.since, 0, text));
	}
	result->outcome = REFRESH_HELD;
	result->newly_held = !list_held_same(s, &j->outcome, &j->breached);
	if (add_all(&result->reasons, &j->breached) == -1)
		return -1;
	return list_hold(s, &j->outcome, &j->breached, now);
}

/* Whatever the origins say, a person's rollback stays until it is unpinned. */
static int pinned(struct list_state *s, struct list_result *result)
{
	bool same = prefix_set_empty(&result->added) && prefix_set_empty(&result->removed);

	/* The difference is that to what the origins say, and nothing of it happens. */
	prefix_set_free(&result->added);
	prefix_set_free(&result->removed);
	list_release(s);
	result->outcome = result->origin_failed ? REFRESH_FAILED : REFRESH_UNCHANGED;
	return same ? 0 : texts_add(&result->reasons, "pinned by %s (%s): what the origins agree on is not put in force until "
	                                              "'hallowctl unpin %s'", s->pin.by, s->pin.reason, s->config->name);
}

static int judge_outcome(struct list_state *s, struct judgement *j, time_us now, struct list_result *result)
{
	if (prefix_set_subtract(&result->added, &j->outcome, &s->now.set) == -1 ||
	    prefix_set_subtract(&result->removed, &s->now.set, &j->outcome) == -1 ||
	    judge_change(&s->config->guard, s->now.revision == 0 || s->reconfigured, &s->now.set, &j->outcome, &result->added,
	                 &result->removed, &j->breached) == -1)
		return -1;
	if (s->pin.is)
		return pinned(s, result);
	if (j->breached.count > 0)
		return breach(s, j, now, result);
	list_release(s);
	if (!prefix_set_empty(&result->added) || !prefix_set_empty(&result->removed)) {
		result->outcome = REFRESH_APPLIED;
		list_put_in_force(s, &j->outcome, now, s->reconfigured ? "configuration" : "guards", &result->before);
	} else if (j->rejected) {
		result->outcome = REFRESH_REJECTED;
	} else {
		result->outcome = result->origin_failed ? REFRESH_FAILED : REFRESH_UNCHANGED;
	}
	return 0;
}

/* Too few origins have a say. */
static int disagree(const struct list_state *s, struct list_result *result)
{
	const char *rest = s->now.revision == 0 ? "" : "; the last good list stays in force";

	if (s->config->agree == 1)
		return texts_add(&result->reasons, "no origin has given a list that counts%s", rest);
	return texts_add(&result->reasons, "%zu origins must agree, and fewer have given a list that counts%s",
	                 s->config->agree, rest);
}

static int judge(struct list_state *s, struct judgement *j, time_us now, struct list_result *result)
{
	switch (agree(s->config, j->use, &j->outcome)) {
	case -1:
		return -1;
	case 1:
		result->outcome = j->rejected ? REFRESH_REJECTED : REFRESH_FAILED;
		result->origin_failed = true;
		return disagree(s, result);
	}
	if (prefix_set_empty(&j->outcome)) {
		result->outcome = REFRESH_FAILED;
		result->origin_failed = true;
		return texts_add(&result->reasons, "the origins agree on no address at all; the last good list stays in force");
	}
	return judge_outcome(s, j, now, result);
}

int decide(struct list_state *s, struct origin_answer *answers, time_us now, struct list_result *result)
{
	struct judgement j = { .use = calloc(s->config->origin_count, sizeof(*j.use)) };
	int bad = j.use == NULL ? -1 : 0;

	result->list = s;
	for (size_t i = 0; i < s->config->origin_count && bad == 0; i++)
		bad = take_answer(s->config, &s->origins[i], &answers[i], now, &j.use[i], &j, result);
	if (bad == 0)
		bad = judge(s, &j, now, result);
	texts_free(&j.breached);
	prefix_set_free(&j.outcome);
	free(j.use);
	return bad;
}
