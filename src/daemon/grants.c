#include "daemon/grants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "daemon/daemon.h"
#include "daemon/enforce.h"
#include "daemon/grants_file.h"
#include "daemon/operation.h"

void grants_free(struct grants *g)
{
	free(g->items);
	*g = (struct grants){ 0 };
}

static bool has_time_left(const struct grant *g)
{
	return time_boot_ms() < g->until_ms;
}

int grants_into_policy(const struct grants *g, struct policy *p)
{
	p->grants = calloc(g->count + 1, sizeof(*p->grants));
	if (p->grants == NULL)
		return -1;
	for (size_t i = 0; i < g->count; i++) {
		const struct policy_endpoint *e = policy_find_endpoint(p, g->items[i].endpoint);

		if (e == NULL || !has_time_left(&g->items[i]))
			continue;
		p->grants[p->grant_count++] = (struct policy_grant){ g->items[i].id, (size_t)(e - p->endpoints),
			                                                 g->items[i].source, g->items[i].until_ms };
	}
	return 0;
}

static json_t *detail(const struct grant *g, const char *by, const char *reason)
{
	char source[PREFIX_TEXT_MAX], until[TIME_TEXT_MAX];

	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)g->id, "source", prefix_format(&g->source, source),
	                 "until", time_format(g->until, 0, until), "by", by, "reason", reason);
}

/* --- making one */

static size_t active(const struct grants *g)
{
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++)
		count += has_time_left(&g->items[i]);
	return count;
}

static int check_limits(const struct daemon *d, const struct grant_request *r, struct error *err)
{
	const struct grants_config *c = &d->lists->config->grants;
	uint8_t least = r->source.addr.family == AF_INET ? c->min_prefix4 : c->min_prefix6;
	char source[PREFIX_TEXT_MAX], longest[TIME_TEXT_MAX];

	if (r->seconds > c->max_duration)
		return error_set(err, "a grant may last %s at most (grants.max_duration in %s)",
		                 duration_format(c->max_duration, longest), d->config_path);
	if (r->source.length < least)
		return error_set(err, "%s is more than a grant may let in: a prefix of at least /%u (grants.min_prefix%c in %s)",
		                 prefix_format(&r->source, source), least, r->source.addr.family == AF_INET ? '4' : '6',
		                 d->config_path);
	if (active(&d->grants) >= c->max_active)
		return error_set(err, "%u grants are in force, and there may be no more (grants.max_active in %s); 'hallowctl grants' "
		                      "shows them", (unsigned)active(&d->grants), d->config_path);
	return 0;
}

/* Adds it in memory; on failure nothing has changed. */
static struct grant *add(struct grants *g, const struct grant_request *r)
{
	struct grant *items = reallocarray(g->items, g->count + 1, sizeof(*items)), *made;

	if (items == NULL)
		return NULL;
	g->items = items;
	made = &items[g->count++];
	*made = (struct grant){ .id = g->last_id + 1, .source = r->source, .from = time_now() };
	made->until = made->from + r->seconds * US_PER_SECOND;
	made->until_ms = time_boot_ms() + r->seconds * 1000;
	snprintf(made->endpoint, sizeof(made->endpoint), "%s", r->endpoint);
	snprintf(made->by, sizeof(made->by), "%s", r->by);
	snprintf(made->reason, sizeof(made->reason), "%s", r->reason);
	return made;
}

static void set_timer(struct daemon *d);

int grant_make(struct daemon *d, const struct grant_request *request, uint64_t *id, struct error *err)
{
	struct grants *all = &d->grants;
	struct error ignored;
	struct grant *g;

	if (d->torn_down.is)
		return error_set(err, "nothing is enforced, so there is nothing to grant; 'hallowctl reload' enforces again");
	if (check_limits(d, request, err) == -1)
		return -1;
	g = add(all, request);
	if (g == NULL)
		return error_errno(err, ENOMEM, "the grant");
	if (enforce(d, NULL, NULL, err) == -1) {
		all->count--;
		return -1;
	}
	all->last_id++;
	if (grants_save(all, d->state_fd, err) == -1) {
		all->count--;
		if (enforce(d, NULL, NULL, &ignored) == -1)
			log_error("a grant that could not be saved ends by itself: %s", ignored.text);
		return -1;
	}
	*id = g->id;
	recorder_event(d->recorder, "granted", g->endpoint, detail(g, g->by, g->reason));
	set_timer(d);
	return 0;
}

/* --- ending one */

static void drop(struct grants *g, size_t at)
{
	g->count--;
	memmove(&g->items[at], &g->items[at + 1], (g->count - at) * sizeof(*g->items));
}

static void put_back(struct grants *g, size_t at, const struct grant *gone)
{
	memmove(&g->items[at + 1], &g->items[at], (g->count - at) * sizeof(*g->items));
	g->items[at] = *gone;
	g->count++;
}

int grant_revoke(struct daemon *d, uint64_t id, const char *by, const char *reason, const struct session *session,
                 struct error *err)
{
	struct grants *all = &d->grants;
	struct grant gone;
	struct error save_error;
	size_t at = 0;

	while (at < all->count && (all->items[at].id != id || !has_time_left(&all->items[at])))
		at++;
	if (at == all->count)
		return error_set(err, "no grant %" PRIu64 " is in force; 'hallowctl grants' shows those that are", id);
	gone = all->items[at];
	drop(all, at);
	if (enforce(d, session, NULL, err) == -1) {
		put_back(all, at, &gone);
		return -1;
	}
	/* It has ended in the kernel; should this file be read again, it would come back for what was left. */
	if (grants_save(all, d->state_fd, &save_error) == -1)
		log_error("grant %" PRIu64 " is revoked, but a restart would not know: %s", id, save_error.text);
	recorder_event(d->recorder, "revoked", gone.endpoint, detail(&gone, by, reason));
	set_timer(d);
	return 0;
}

static void run_expire(struct daemon *d, void *ctx)
{
	(void)ctx;
	grants_expire(d);
	operation_end(d);
}

static void time_over(void *ctx)
{
	struct daemon *d = ctx;

	d->grants.timer = 0;
	if (!d->stopping && operation_submit(d, run_expire, NULL) == -1)
		set_timer(d);
}

static void set_timer(struct daemon *d)
{
	int64_t first = INT64_MAX, left;

	loop_cancel(d->loop, d->grants.timer);
	d->grants.timer = 0;
	if (d->once || d->stopping)
		return;
	for (size_t i = 0; i < d->grants.count; i++)
		if (d->grants.items[i].until_ms < first)
			first = d->grants.items[i].until_ms;
	left = first - time_boot_ms();
	if (first != INT64_MAX)
		d->grants.timer = loop_after(d->loop, left > 0 ? left : 0, time_over, d);
}

void grants_expire(struct daemon *d)
{
	struct grants *all = &d->grants;
	struct error err;
	bool any = false;

	for (size_t i = 0; i < all->count;) {
		const struct grant *g = &all->items[i];

		if (has_time_left(g)) {
			i++;
			continue;
		}
		log_notice("grant %" PRIu64 " has ended", g->id);
		recorder_event_at(d->recorder, g->until, "expired", g->endpoint, detail(g, g->by, g->reason));
		drop(all, i);
		any = true;
	}
	if (any && d->applied && enforce(d, NULL, NULL, &err) == -1)
		log_warning("what is left of ended grants is not yet removed from the kernel: %s", err.text);
	if (any && grants_save(all, d->state_fd, &err) == -1)
		log_error("%s", err.text);
	set_timer(d);
}

json_t *grants_json(const struct daemon *d)
{
	json_t *array = json_array();
	char source[PREFIX_TEXT_MAX], from[TIME_TEXT_MAX], until[TIME_TEXT_MAX];

	for (size_t i = 0; i < d->grants.count; i++) {
		const struct grant *g = &d->grants.items[i];
		bool in_force = !d->torn_down.is && policy_find_endpoint(&d->policy, g->endpoint) != NULL;

		if (!has_time_left(g))
			continue;
		json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)g->id, "source",
		                                       prefix_format(&g->source, source), "endpoint", g->endpoint, "from",
		                                       time_format(g->from, 0, from), "until", time_format(g->until, 0, until),
		                                       "by", g->by, "reason", g->reason, "in_force", in_force));
	}
	return array;
}
