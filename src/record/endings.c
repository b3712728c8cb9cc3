#include "record/endings.h"

bool endings_wait(const struct conntrack *c, const struct opens *o)
{
	return c->known || c->dump == DUMP_DONE || (c->fd == -1 && o->count > 0);
}

static int write_end(struct store *s, const struct end *e, const struct open *open)
{
	time_us start = e->start == TIME_UNKNOWN ? open->time : e->start;
	time_us stop = e->stop == TIME_UNKNOWN ? e->heard : e->stop;
	struct ending ending = {
		.connection = open->id,
		.time = stop,
		.watched = true,
		.counted = e->counted,
		.packets = e->packets,
		.bytes_in = e->bytes_in,
		.bytes_out = e->bytes_out,
		.duration = stop > start ? stop - start : 0,
	};

	return store_ending(s, &ending);
}

static int write_unwatched(struct store *s, const struct open *open)
{
	struct ending ending = { .connection = open->id, .time = time_now() };

	return store_ending(s, &ending);
}

/* Between a packet and its connection's entry, for as long as a busy kernel may take. */
#define YOUNG (US_PER_SECOND / 2)

/* From the end, since the last one takes the place of the one that is removed. */
static int expire(struct conntrack *c, struct opens *o, struct store *s)
{
	bool young = false;

	for (uint32_t i = o->count; i > 0; i--) {
		struct open *open = &o->all[i - 1];

		if (c->fd != -1 && (open->seen == c->dump_seq || open->time >= c->dump_began - YOUNG)) {
			young |= open->seen != c->dump_seq;
			continue;
		}
		if (write_unwatched(s, open) == -1 || opens_remove(o, s, open) == -1)
			return -1;
	}
	if (young && c->dump_twice)
		c->dump_due_ms = time_monotonic_ms() + DUMP_YOUNG_MS;
	c->dump_twice = false;
	return 0;
}

int endings_write(struct conntrack *c, struct opens *o, struct store *s)
{
	for (size_t i = 0; i < c->count; i++) {
		struct end *e = &c->ends[i];
		struct open *open = opens_find(o, &e->flow, e->start);

		if (open == NULL)
			continue;
		if (write_end(s, e, open) == -1 || opens_remove(o, s, open) == -1)
			return -1;
		e->taken = true;
	}
	return c->dump == DUMP_DONE || c->fd == -1 ? expire(c, o, s) : 0;
}

void endings_committed(struct conntrack *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++)
		if (!c->ends[i].taken)
			c->ends[kept++] = c->ends[i];
	c->count = kept;
	c->known = false;
	if (c->dump == DUMP_DONE)
		c->dump = DUMP_NONE;
}

void endings_refused(struct conntrack *c, int64_t now_ms)
{
	for (size_t i = 0; i < c->count; i++)
		c->ends[i].taken = false;
	conntrack_forget_dump(c, now_ms);
}

void endings_drop_strangers(struct conntrack *c, int64_t reached_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++)
		if (c->ends[i].due_ms > reached_ms)
			c->ends[kept++] = c->ends[i];
	c->count = kept;
}
