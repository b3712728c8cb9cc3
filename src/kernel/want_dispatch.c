/* The way from the base chain to the chain of the endpoint that a packet is for.
 *
 * Most packets are for none, and cost one lookup of the destination in a hash table of all addresses where endpoints are.  The
 * map of (destination, protocol, port), which takes ranges, costs more, so it is asked behind that table, in chain `endpoints`.
 * Where endpoints have too many addresses to hold each in the table, the base chain asks the map. */
#include <stdlib.h>
#include <string.h>

#include "kernel/want.h"

#define ADDRESSES_MAX 4096 /* of each family */
#define ADDRESSES_ROOM 1024 /* the least size of the set: to change it is to make the set anew */

/* One bound of a map's key: the parts in network byte order, each padded to four bytes. */
static void put_key(uint8_t key[MAP_KEY_MAX], const void *address, size_t size, uint8_t protocol, uint16_t port)
{
	memset(key, 0, MAP_KEY_MAX);
	memcpy(key, address, size);
	key[size] = protocol;
	key[size + 4] = (uint8_t)(port >> 8);
	key[size + 5] = (uint8_t)port;
}

static void put_address4(uint8_t out[4], uint32_t a)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(a >> (24 - 8 * i));
}

static void add_entries4(struct map_entry *map, size_t *count, const struct policy_endpoint *e,
                         const struct prefix_set *where, const char *chain)
{
	uint8_t first[4], last[4];

	for (size_t i = 0; i < where->v4_count; i++) {
		put_address4(first, where->v4[i].first);
		put_address4(last, where->v4[i].last);
		for (size_t j = 0; j < e->port_count; j++) {
			struct map_entry *entry = &map[(*count)++];

			put_key(entry->first, first, sizeof(first), e->protocol, e->ports[j].first);
			put_key(entry->last, last, sizeof(last), e->protocol, e->ports[j].last);
			entry->chain = chain;
		}
	}
}

static void add_entries6(struct map_entry *map, size_t *count, const struct policy_endpoint *e,
                         const struct prefix_set *where, const char *chain)
{
	uint8_t first[16], last[16];

	for (size_t i = 0; i < where->v6_count; i++) {
		u128_to_bytes(where->v6[i].first, first);
		u128_to_bytes(where->v6[i].last, last);
		for (size_t j = 0; j < e->port_count; j++) {
			struct map_entry *entry = &map[(*count)++];

			put_key(entry->first, first, sizeof(first), e->protocol, e->ports[j].first);
			put_key(entry->last, last, sizeof(last), e->protocol, e->ports[j].last);
			entry->chain = chain;
		}
	}
}

/* Where the endpoint is, merged: its prefixes may overlap each other, the keys of a map may not. */
static int endpoint_addresses(struct prefix_set *where, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < e->address_count; i++)
		if (prefix_set_add(where, &e->addresses[i]) != 0)
			return -1;
	prefix_set_normalize(where);
	return 0;
}

static int add_endpoint_entries(struct model *m, struct model_set maps[2], const struct policy_endpoint *e)
{
	struct prefix_set where = PREFIX_SET_INIT;
	char name[SHAPE_NAME_MAX];
	const char *chain = model_string(m, shape_name(name, SHAPE_ENDPOINT, e->name, NULL));
	int rc = -1;

	if (chain != NULL && endpoint_addresses(&where, e) == 0) {
		add_entries4(maps[0].owned, &maps[0].count, e, &where, chain);
		add_entries6(maps[1].owned, &maps[1].count, e, &where, chain);
		rc = 0;
	}
	prefix_set_free(&where);
	return rc;
}

static const struct policy_endpoint *endpoint_at(const struct policy *p, const size_t *indexes, size_t i)
{
	return &p->endpoints[indexes == NULL ? i : indexes[i]];
}

static size_t most_entries(const struct policy *p, const size_t *indexes, size_t count)
{
	size_t most = 1;

	for (size_t i = 0; i < count; i++)
		most += endpoint_at(p, indexes, i)->address_count * endpoint_at(p, indexes, i)->port_count;
	return most;
}

int want_maps(struct model *m, const struct policy *p, const size_t *indexes, size_t count, const char *const names[2])
{
	struct model_set maps[2] = { { 0 }, { 0 } };
	int rc = 0;

	for (size_t i = 0; i < 2; i++) {
		maps[i].owned = calloc(most_entries(p, indexes, count), sizeof(struct map_entry));
		maps[i].map = maps[i].owned;
		if (maps[i].owned == NULL)
			rc = -1;
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_endpoint_entries(m, maps, endpoint_at(p, indexes, i));
	for (size_t i = 0; i < 2; i++) {
		struct model_set *set = rc == 0 ? model_add_set(m, names[i]) : NULL;

		if (set == NULL) {
			free(maps[i].owned);
			rc = -1;
			continue;
		}
		set->owned = maps[i].owned;
		set->map = maps[i].map;
		set->count = maps[i].count;
	}
	return rc;
}

/* How many addresses endpoints are at; more than ADDRESSES_MAX counts as one more. */
struct spread {
	struct prefix_set at;
	size_t v4, v6;
};

static size_t count4(const struct prefix_set *at)
{
	size_t count = 0;

	for (size_t i = 0; i < at->v4_count && count <= ADDRESSES_MAX; i++)
		count += (size_t)at->v4[i].last - at->v4[i].first + 1;
	return count <= ADDRESSES_MAX ? count : ADDRESSES_MAX + 1;
}

static size_t count6(const struct prefix_set *at)
{
	size_t count = 0;

	for (size_t i = 0; i < at->v6_count && count <= ADDRESSES_MAX; i++) {
		struct u128 more = u128_subtract(at->v6[i].last, at->v6[i].first);

		count += more.hi != 0 || more.lo >= ADDRESSES_MAX ? ADDRESSES_MAX + 1 : (size_t)more.lo + 1;
	}
	return count <= ADDRESSES_MAX ? count : ADDRESSES_MAX + 1;
}

static int find_spread(struct spread *s, const struct policy *p)
{
	for (size_t i = 0; i < p->endpoint_count; i++)
		for (size_t k = 0; k < p->endpoints[i].address_count; k++)
			if (prefix_set_add(&s->at, &p->endpoints[i].addresses[k]) != 0)
				return -1;
	prefix_set_normalize(&s->at);
	s->v4 = count4(&s->at);
	s->v6 = count6(&s->at);
	return 0;
}

static bool few(size_t count)
{
	return count != 0 && count <= ADDRESSES_MAX;
}

static struct model_set *add_addresses(struct model *m, const char *name, size_t count, size_t size)
{
	struct model_set *set = model_add_set(m, name);

	if (set == NULL)
		return NULL;
	set->owned = calloc(count, size);
	set->count = count;
	set->size = ADDRESSES_ROOM;
	while (set->size < count)
		set->size *= 2;
	return set->owned != NULL ? set : NULL;
}

static int want_addresses4(struct model *m, const struct spread *s)
{
	struct model_set *set = add_addresses(m, SHAPE_ADDRESSES4, s->v4, sizeof(struct range4));
	struct range4 *to;

	if (set == NULL)
		return -1;
	set->v4 = to = set->owned;
	for (size_t i = 0; i < s->at.v4_count; i++)
		for (uint64_t a = s->at.v4[i].first; a <= s->at.v4[i].last; a++)
			*to++ = (struct range4){ (uint32_t)a, (uint32_t)a };
	return 0;
}

static int want_addresses6(struct model *m, const struct spread *s)
{
	struct model_set *set = add_addresses(m, SHAPE_ADDRESSES6, s->v6, sizeof(struct range6));
	struct range6 *to;

	if (set == NULL)
		return -1;
	set->v6 = to = set->owned;
	for (size_t i = 0; i < s->at.v6_count; i++) {
		struct u128 a = s->at.v6[i].first;

		for (*to++ = (struct range6){ a, a }; u128_compare(a, s->at.v6[i].last) != 0; *to++ = (struct range6){ a, a })
			a = u128_next(a);
	}
	return 0;
}

static int want_endpoints_chain(struct model *m)
{
	struct model_chain *chain = model_add_chain(m, SHAPE_DISPATCH);

	if (chain == NULL || want_rules(chain, 3) == NULL)
		return -1;
	want_rule(chain, RULE_REPLIES, &want_no_parameters);
	want_rule(chain, RULE_DISPATCH4, &want_no_parameters);
	want_rule(chain, RULE_DISPATCH6, &want_no_parameters);
	return 0;
}

static int want_base_chain(struct model *m, const struct policy *p, const struct spread *s)
{
	struct model_chain *chain = model_add_chain(m, SHAPE_BASE);

	if (chain == NULL || want_rules(chain, 5) == NULL)
		return -1;
	chain->base = true;
	if (p->agent_count != 0 || s->v4 > ADDRESSES_MAX || s->v6 > ADDRESSES_MAX)
		want_rule(chain, RULE_REPLIES, &want_no_parameters);
	if (p->agent_count != 0) {
		want_rule(chain, RULE_AGENTS4, &want_no_parameters);
		want_rule(chain, RULE_AGENTS6, &want_no_parameters);
	}
	if (s->v4 != 0)
		want_rule(chain, few(s->v4) ? RULE_ADDRESSED4 : RULE_DISPATCH4, &want_no_parameters);
	if (s->v6 != 0)
		want_rule(chain, few(s->v6) ? RULE_ADDRESSED6 : RULE_DISPATCH6, &want_no_parameters);
	return 0;
}

static int want_parts(struct model *m, const struct policy *p, const struct spread *s)
{
	static const char *const maps[] = { SHAPE_ENDPOINTS4, SHAPE_ENDPOINTS6 };

	if (want_maps(m, p, NULL, p->endpoint_count, maps) != 0 || (few(s->v4) && want_addresses4(m, s) != 0) ||
	    (few(s->v6) && want_addresses6(m, s) != 0))
		return -1;
	if ((p->agent_count != 0 || few(s->v4) || few(s->v6)) && want_endpoints_chain(m) != 0)
		return -1;
	return want_base_chain(m, p, s);
}

int want_dispatch(struct model *m, const struct policy *p)
{
	struct spread s = { .at = PREFIX_SET_INIT };
	int rc = find_spread(&s, p) != 0 ? -1 : want_parts(m, p, &s);

	prefix_set_free(&s.at);
	return rc;
}
