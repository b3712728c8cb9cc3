#include "daemon/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/time_text.h"

struct watch {
	int fd;
	short events;
	unsigned round; /* in which the watch began */
	loop_ready *ready;
	void *ctx;
};

struct timer {
	unsigned id;
	int64_t due; /* CLOCK_BOOTTIME, ms */
	loop_timer *fire;
	void *ctx;
};

struct loop {
	struct watch *watches;
	size_t watch_count, watch_cap;
	struct timer *timers;
	size_t timer_count, timer_cap;
	unsigned last_id;
	unsigned round; /* grows with each poll */
	bool stopped;
};

struct loop *loop_new(void)
{
	return calloc(1, sizeof(struct loop));
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	free(l->watches);
	free(l->timers);
	free(l);
}

/* Makes room for one more; 0 or -1. */
static int grow(void **array, size_t count, size_t *cap, size_t size)
{
	size_t want = *cap == 0 ? 16 : *cap * 2;
	void *bigger;

	if (count < *cap)
		return 0;
	bigger = reallocarray(*array, want, size);
	if (bigger == NULL)
		return -1;
	*array = bigger;
	*cap = want;
	return 0;
}

static struct watch *find_watch(struct loop *l, int fd)
{
	for (size_t i = 0; i < l->watch_count; i++)
		if (l->watches[i].fd == fd)
			return &l->watches[i];
	return NULL;
}

int loop_watch(struct loop *l, int fd, short events, loop_ready *ready, void *ctx)
{
	struct watch *w = find_watch(l, fd);

	if (w == NULL) {
		if (grow((void **)&l->watches, l->watch_count, &l->watch_cap, sizeof(*w)) == -1)
			return -1;
		w = &l->watches[l->watch_count++];
		w->round = l->round;
	}
	*w = (struct watch){ fd, events, w->round, ready, ctx };
	return 0;
}

void loop_unwatch(struct loop *l, int fd)
{
	struct watch *w = find_watch(l, fd);

	if (w != NULL)
		*w = l->watches[--l->watch_count];
}

unsigned loop_after(struct loop *l, int64_t ms, loop_timer *timer, void *ctx)
{
	if (grow((void **)&l->timers, l->timer_count, &l->timer_cap, sizeof(*l->timers)) == -1)
		return 0;
	if (++l->last_id == 0)
		l->last_id = 1;
	l->timers[l->timer_count++] = (struct timer){ l->last_id, time_boot_ms() + ms, timer, ctx };
	return l->last_id;
}

void loop_cancel(struct loop *l, unsigned id)
{
	for (size_t i = 0; i < l->timer_count; i++)
		if (l->timers[i].id == id) {
			l->timers[i] = l->timers[--l->timer_count];
			return;
		}
}

static int wait_ms(const struct loop *l)
{
	int64_t next = INT64_MAX, now;

	for (size_t i = 0; i < l->timer_count; i++)
		if (l->timers[i].due < next)
			next = l->timers[i].due;
	if (next == INT64_MAX)
		return -1;
	now = time_boot_ms();
	if (next <= now)
		return 0;
	return next - now > INT_MAX ? INT_MAX : (int)(next - now);
}

/* One at a time, since a timer may add and cancel others. */
static void fire_timers(struct loop *l)
{
	int64_t now = time_boot_ms();

	for (;;) {
		size_t best = l->timer_count;
		struct timer t;

		for (size_t i = 0; i < l->timer_count; i++)
			if (l->timers[i].due <= now && (best == l->timer_count || l->timers[i].due < l->timers[best].due))
				best = i;
		if (best == l->timer_count || l->stopped)
			return;
		t = l->timers[best];
		l->timers[best] = l->timers[--l->timer_count];
		t.fire(t.ctx);
	}
}

static void call_ready(struct loop *l, const struct pollfd *ready, size_t count)
{
	for (size_t i = 0; i < count && !l->stopped; i++) {
		struct watch *w;

		if (ready[i].revents == 0)
			continue;
		/* An earlier callback may have ended this watch, and the number may be another file's since. */
		w = find_watch(l, ready[i].fd);
		if (w != NULL && w->round != l->round &&
		    (ready[i].revents & (w->events | POLLERR | POLLHUP | POLLNVAL)) != 0)
			w->ready(w->ctx, ready[i].revents);
	}
}

int loop_run(struct loop *l)
{
	struct pollfd *fds = NULL;
	int result = 0;

	l->stopped = false;
	while (!l->stopped) {
		size_t count = l->watch_count;
		struct pollfd *bigger = reallocarray(fds, count + 1, sizeof(*fds));

		l->round++;
		if (bigger == NULL) {
			result = -1;
			break;
		}
		fds = bigger;
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){ l->watches[i].fd, l->watches[i].events, 0 };
		if (poll(fds, count, wait_ms(l)) == -1) {
			if (errno == EINTR)
				continue;
			result = -1;
			break;
		}
		call_ready(l, fds, count);
		fire_timers(l);
	}
	free(fds);
	return result;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}
