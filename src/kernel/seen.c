#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/read.h"
#include "kernel/state.h"

struct collector {
	struct kernel_seen *items;
	size_t count, cap;
	sa_family_t family;
};

/* The key is the agent's address and the tunnel's. */
static int visit_seen(const struct read_element *e, void *ctx)
{
	struct collector *c = ctx;
	size_t size = address_size(c->family);
	struct kernel_seen *s;

	if (e->key_size != 2 * size) {
		errno = EBADMSG;
		return -1;
	}
	if (c->count == c->cap) {
		size_t cap = c->cap == 0 ? 16 : c->cap * 2;

		s = reallocarray(c->items, cap, sizeof(*s));
		if (s == NULL)
			return -1;
		c->items = s;
		c->cap = cap;
	}
	s = &c->items[c->count++];
	memset(s, 0, sizeof(*s));
	s->agent.family = s->tunnel.family = c->family;
	memcpy(s->agent.bytes, e->key, size);
	memcpy(s->tunnel.bytes, e->key + size, size);
	if (e->expires_ms < (uint64_t)AGENT_SEEN_MS)
		s->age_ms = AGENT_SEEN_MS - (int64_t)e->expires_ms;
	return 0;
}

static int read_set(struct kernel *k, struct collector *c, sa_family_t family, const char *set)
{
	c->family = family;
	return read_each_element(&k->nl, set, visit_seen, c) == 0 || errno == ENOENT ? 0 : -1;
}

int kernel_read_seen(struct kernel *k, struct kernel_seen **seen, size_t *count, struct error *err)
{
	struct collector c = { .count = 0 };

	if (read_set(k, &c, AF_INET, SHAPE_SEEN4) != 0 || read_set(k, &c, AF_INET6, SHAPE_SEEN6) != 0) {
		error_errno(err, errno, "reading when tunnels were up");
		free(c.items);
		return -1;
	}
	*seen = c.items;
	*count = c.count;
	return 0;
}
