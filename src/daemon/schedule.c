#include "daemon/schedule.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/control.h"
#include "core/log.h"
#include "core/time_text.h"
#include "daemon/name_answer.h"
#include "daemon/refresh.h"

#define RETRY_FIRST_MS 60000
#define SOON_MS 1000
#define CLOCK_STEP_MS 2000 /* a step, which is an event: rows before and after it are in order of their ids, not of time */
#define CLOCK_SET_MS 60000 /* what is less is the clock being kept right */
#define SPREAD_MS 30000 /* of which jitter makes up to a tenth */

/* Up to a tenth later than asked, so that many hosts do not ask a publisher in the same second. */
static int64_t jitter(int64_t ms)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) == -1)
		random = 0;
	return ms + ms / 10 * (random % 1000) / 1000;
}

static int64_t next_refresh_ms(const struct list_state *s)
{
	int64_t regular = s->config->refresh * 1000, retry = RETRY_FIRST_MS;

	if (s->config->origin_count > 0 && s->config->origins[0].kind == ORIGIN_NAME)
		return jitter(name_refresh_ms(&s->origins[0].good, s->failures));
	for (unsigned i = 1; i < s->failures && retry < regular; i++)
		retry *= 2;
	if (s->failures > 0 && (regular == 0 || retry < regular))
		return regular == 0 && !list_unknown(s) ? 0 : jitter(retry);
	return regular == 0 ? 0 : jitter(regular);
}

void schedule_next(struct list_state *s)
{
	int64_t ms = next_refresh_ms(s);

	/* A file that changed while the list was being refreshed is still to be read. */
	if (s->due_ms != 0 && s->due_ms < time_boot_ms() + SOON_MS)
		return;
	s->due_ms = ms == 0 ? 0 : time_boot_ms() + ms;
}

static void set_timer(struct daemon *d);

static void scheduled_done(void *ctx, json_t *result, int code)
{
	struct daemon *d = ctx;
	json_t *item;
	size_t i;

	json_array_foreach(result, i, item)
		log_info("list %s: %s, revision %lld", json_string_value(json_object_get(item, "list")),
		         json_string_value(json_object_get(item, "outcome")),
		         (long long)json_integer_value(json_object_get(item, "revision")));
	if (code != EXIT_DONE)
		log_warning("a refresh needs attention; 'hallowctl lists' and 'hallowctl status' say what");
	json_decref(result);
	set_timer(d);
}

static void due(void *ctx)
{
	struct daemon *d = ctx;
	int64_t now = time_boot_ms();

	d->refresh_timer = 0;
	/* What origins of an unconfirmed configuration say must not outlive it. */
	if (d->tried.state == TRIED_WAITING) {
		d->refresh_timer = loop_after(d->loop, RETRY_FIRST_MS, due, d);
		return;
	}
	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		struct list_state *s = &d->lists->items[i];

		if (s->due_ms == 0 || s->due_ms > now)
			continue;
		s->due_ms = 0; /* set again when it is done */
		if (refresh_submit(d, &s->config->name, 1, NULL, scheduled_done, d) == -1)
			log_error("list %s is not refreshed: no memory", s->config->name);
	}
	set_timer(d);
}

/* One timer, for the list that is due first. */
static void set_timer(struct daemon *d)
{
	int64_t first = INT64_MAX, now = time_boot_ms();

	loop_cancel(d->loop, d->refresh_timer);
	d->refresh_timer = 0;
	if (d->once || d->stopping)
		return;
	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		int64_t at = d->lists->items[i].due_ms;

		if (at != 0 && at < first)
			first = at;
	}
	if (first != INT64_MAX)
		d->refresh_timer = loop_after(d->loop, first > now ? first - now : 0, due, d);
}

void schedule_soon(struct daemon *d, struct list_state *s, int64_t ms)
{
	int64_t at = time_boot_ms() + ms;

	if (s->due_ms == 0 || s->due_ms > at)
		s->due_ms = at;
	set_timer(d);
}

bool schedule_check_clock(struct daemon *d)
{
	int64_t ahead = time_now() / 1000 - time_boot_ms(), before = d->clock_ahead_ms;

	d->clock_ahead_ms = ahead;
	if (before != 0 && llabs((long long)(ahead - before)) >= CLOCK_STEP_MS)
		recorder_event(d->recorder, "clock", "hallowd",
		               json_pack("{s:f}", "seconds", (double)(ahead - before) / 1000));
	if (before == 0 || (ahead - before < CLOCK_SET_MS && before - ahead < CLOCK_SET_MS))
		return false;
	log_notice("the clock was set %s by %lld seconds; lists are refreshed, for their age is counted by it",
	           ahead > before ? "forward" : "back", llabs((long long)(ahead - before)) / 1000);
	for (size_t i = 0; i < d->lists->config->list_count; i++)
		if (d->lists->items[i].config->origin_count > 0 && d->lists->items[i].config->refresh > 0)
			schedule_soon(d, &d->lists->items[i], jitter(SPREAD_MS) - SPREAD_MS);
	return true;
}

void schedule_start(struct daemon *d, bool at_once)
{
	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		struct list_state *s = &d->lists->items[i];

		if (s->config->origin_count == 0 || s->due_ms != 0)
			continue;
		if (at_once && s->config->refresh > 0)
			s->due_ms = time_boot_ms();
		else
			schedule_next(s);
	}
	set_timer(d);
}
