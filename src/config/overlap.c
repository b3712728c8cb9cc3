/* Each destination (address, protocol, port) belongs to one endpoint, or a packet would have two policies.
 *
 * Prefixes are nested or disjoint, so in the order of their first address, the wider first, those that hold a prefix
 * are the ones still open when it comes: a stack. */
#include <stdlib.h>

#include "config/sections.h"
#include "core/policy.h"

static int compare_destinations(const void *a, const void *b)
{
	const struct destination *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order != 0)
		return order;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->at.column < y->at.column ? -1 : x->at.column > y->at.column;
}

/* The first port that both have; 0 for none. */
static unsigned common_port(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	size_t i = 0, j = 0;

	while (i < a->port_count && j < b->port_count) {
		const struct port_range *x = &a->ports[i], *y = &b->ports[j];

		if (x->last < y->first)
			i++;
		else if (y->last < x->first)
			j++;
		else
			return x->first > y->first ? x->first : y->first;
	}
	return 0;
}

static bool stands_later(const struct destination *a, const struct destination *b)
{
	return a->at.line != b->at.line ? a->at.line > b->at.line : a->at.column > b->at.column;
}

static void complain_twice(struct reader *r, const struct destination *later, const struct destination *earlier)
{
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];

	complain(r->complaints, later->at, "%s is in %s of the same endpoint (line %u) already; remove one of the two",
	         prefix_format(&later->prefix, text), prefix_format(&earlier->prefix, other), earlier->at.line);
}

static void complain_overlap(struct reader *r, const struct destination *later, const struct destination *earlier,
                             unsigned port)
{
	const struct policy_endpoint *ours = &r->config->endpoints[later->endpoint];
	const struct policy_endpoint *theirs = &r->config->endpoints[earlier->endpoint];
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];

	complain(r->complaints, later->at,
	         "endpoints '%s' (line %u) and '%s' (line %u) overlap: %s and %s, both with %s port %u; expected each "
	         "address, protocol and port in one endpoint only", ours->name, later->at.line, theirs->name,
	         earlier->at.line, prefix_format(&later->prefix, text), prefix_format(&earlier->prefix, other),
	         protocol_name(ours->protocol), port);
}

/* What was told of an endpoint: one complaint of a kind is enough to act on. */
struct told {
	bool twice, overlap;
};

static void compare_pair(struct reader *r, const struct destination *a, const struct destination *b,
                         struct told *all_told)
{
	const struct destination *later = stands_later(a, b) ? a : b;
	const struct destination *earlier = later == a ? b : a;
	const struct policy_endpoint *ours = &r->config->endpoints[later->endpoint];
	const struct policy_endpoint *theirs = &r->config->endpoints[earlier->endpoint];
	struct told *told = &all_told[later->endpoint];
	unsigned port;

	if (ours == theirs && !told->twice) {
		complain_twice(r, later, earlier);
		told->twice = true;
	}
	if (ours == theirs || ours->protocol != theirs->protocol || told->overlap)
		return;
	port = common_port(ours, theirs);
	if (port != 0) {
		complain_overlap(r, later, earlier, port);
		told->overlap = true;
	}
}

/* A prefix that is open, with what tells most pairs apart at a glance: thousands of endpoints may be at one address. */
struct open {
	const struct destination *destination;
	size_t endpoint;
	uint16_t first, last; /* ports */
	uint8_t protocol;
};

static struct open open_at(const struct reader *r, const struct destination *d)
{
	const struct policy_endpoint *e = &r->config->endpoints[d->endpoint];
	struct open o = { .destination = d, .endpoint = d->endpoint, .first = 1, .last = 0, .protocol = e->protocol };

	if (e->port_count != 0) {
		o.first = e->ports[0].first;
		o.last = e->ports[e->port_count - 1].last;
	}
	return o;
}

static bool may_overlap(const struct open *a, const struct open *b)
{
	return a->endpoint == b->endpoint || (a->protocol == b->protocol && a->first <= b->last && b->first <= a->last);
}

void refuse_overlaps(struct reader *r)
{
	size_t count = r->destination_count, depth = 0;
	struct open *open = calloc(count + 1, sizeof(*open));
	struct told *told = calloc(r->config->endpoint_count + 1, sizeof(*told));

	if (open == NULL || told == NULL) {
		r->complaints->out_of_memory = true;
		goto out;
	}
	if (count > 1)
		qsort(r->destinations, count, sizeof(r->destinations[0]), compare_destinations);
	for (size_t i = 0; i < count; i++) {
		const struct open o = open_at(r, &r->destinations[i]);

		while (depth > 0 && !prefix_contains(&open[depth - 1].destination->prefix, &o.destination->prefix.addr))
			depth--;
		for (size_t j = 0; j < depth; j++)
			if (may_overlap(&o, &open[j]))
				compare_pair(r, o.destination, open[j].destination, told);
		open[depth++] = o;
	}
out:
	free(open);
	free(told);
}
