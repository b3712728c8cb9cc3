#include "daemon/impact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/time_text.h"
#include "daemon/endpoint_text.h"

/* One comparison. */
struct comparison {
	const struct policy *now, *next;
	bool *changed;    /* of each list of `now`: `next` has not just the same */
	struct impact *out;
	char **keys;      /* of each cut: what it comes of */
};

/* --- what endpoints are */

static int destinations(const struct policy_endpoint *e, struct prefix_set *out)
{
	for (size_t i = 0; i < e->address_count; i++)
		if (prefix_set_add(out, &e->addresses[i]) == -1)
			return -1;
	prefix_set_normalize(out);
	return 0;
}

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

static bool share_addresses(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	for (size_t i = 0; i < a->address_count; i++)
		for (size_t j = 0; j < b->address_count; j++)
			if (prefixes_overlap(&a->addresses[i], &b->addresses[j]))
				return true;
	return false;
}

static bool share_ports(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	for (size_t i = 0; i < a->port_count; i++)
		for (size_t j = 0; j < b->port_count; j++)
			if (a->ports[i].first <= b->ports[j].last && b->ports[j].first <= a->ports[i].last)
				return true;
	return false;
}

static bool share_destinations(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	return a->protocol == b->protocol && share_ports(a, b) && share_addresses(a, b);
}

static bool same_prefixes(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	if (a->address_count != b->address_count)
		return false;
	for (size_t i = 0; i < a->address_count; i++)
		if (prefix_compare(&a->addresses[i], &b->addresses[i]) != 0)
			return false;
	return true;
}

/* False also where the same is written in another order. */
static bool same_destinations(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	return a->protocol == b->protocol && a->port_count == b->port_count &&
	       memcmp(a->ports, b->ports, a->port_count * sizeof(*a->ports)) == 0 && same_prefixes(a, b);
}

/* --- who is let in */

static int add_set(struct prefix_set *out, const struct prefix_set *more)
{
	struct prefix_set both = PREFIX_SET_INIT;

	if (prefix_set_union(&both, out, more) == -1)
		return -1;
	prefix_set_free(out);
	*out = both;
	return 0;
}

/* By lists and grants, whatever the mode. */
static int let_in(const struct policy *p, const struct policy_endpoint *e, struct prefix_set *out)
{
	struct prefix_set granted = PREFIX_SET_INIT;
	int result = 0;

	for (size_t i = 0; result == 0 && i < e->list_count; i++)
		result = add_set(out, &p->lists[e->lists[i]].set);
	for (size_t i = 0; result == 0 && i < p->grant_count; i++)
		if (p->grants[i].endpoint == (size_t)(e - p->endpoints) && time_boot_ms() < p->grants[i].until_ms)
			result = prefix_set_add(&granted, &p->grants[i].source);
	prefix_set_normalize(&granted);
	if (result == 0)
		result = add_set(out, &granted);
	prefix_set_free(&granted);
	return result;
}

static int everybody(struct prefix_set *out)
{
	struct u128 last = { UINT64_MAX, UINT64_MAX };

	if (prefix_set_add_range4(out, 0, UINT32_MAX) == -1 || prefix_set_add_range6(out, (struct u128){ 0, 0 }, last) == -1)
		return -1;
	prefix_set_normalize(out);
	return 0;
}

/* --- who is let in no more */

static bool has_grant(const struct policy *p, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < p->grant_count; i++)
		if (p->grants[i].endpoint == (size_t)(e - p->endpoints))
			return true;
	return false;
}

static bool allows(const struct policy *p, const struct policy_endpoint *e, const char *list)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (strcmp(p->lists[e->lists[i]].name, list) == 0)
			return true;
	return false;
}

/* Whether all that `e` lets in by its lists, `f` lets in by the same lists. */
static bool lists_stay(const struct comparison *c, const struct policy_endpoint *e, const struct policy_endpoint *f)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (c->changed[e->lists[i]] || !allows(c->next, f, c->now->lists[e->lists[i]].name))
			return false;
	return true;
}

static int put_lists(struct buffer *key, const struct policy *p, const struct policy_endpoint *e)
{
	int bad = 0;

	for (size_t i = 0; i < e->list_count; i++)
		bad |= buffer_printf(key, "%s,", p->lists[e->lists[i]].name);
	/* What a grant adds is the endpoint's own. */
	if (has_grant(p, e))
		bad |= buffer_printf(key, " %s", e->name);
	return bad | buffer_printf(key, " %s>", endpoint_mode_text(e));
}

/* Endpoints with the same key have the same cut.  NULL with errno ENOMEM. */
static char *cut_key(const struct comparison *c, const struct policy_endpoint *e, const struct policy_endpoint *f)
{
	struct buffer key = BUFFER_INIT;
	char *text = NULL;

	if (put_lists(&key, c->now, e) == 0 && put_lists(&key, c->next, f) == 0 && buffer_str(&key) != NULL)
		text = strdup(buffer_str(&key));
	buffer_free(&key);
	return text;
}

static int work_out_cut(const struct comparison *c, const struct policy_endpoint *e, const struct policy_endpoint *f,
                        struct cut_off *cut)
{
	struct prefix_set before = PREFIX_SET_INIT, after = PREFIX_SET_INIT;
	int result = let_in(c->next, f, &after);

	if (result == 0 && e->mode == MODE_OBSERVE) {
		result = everybody(&cut->sources);
		cut->except = after;
		after = (struct prefix_set)PREFIX_SET_INIT;
	} else if (result == 0) {
		result = let_in(c->now, e, &before) == -1 ? -1 : prefix_set_subtract(&cut->sources, &before, &after);
	}
	prefix_set_free(&before);
	prefix_set_free(&after);
	return result;
}

static void cut_free(struct cut_off *cut)
{
	texts_free(&cut->endpoints);
	prefix_set_free(&cut->sources);
	prefix_set_free(&cut->except);
}

static struct cut_off *find_cut(struct comparison *c, const char *key)
{
	for (size_t i = 0; i < c->out->cut_count; i++)
		if (strcmp(c->keys[i], key) == 0)
			return &c->out->cuts[i];
	return NULL;
}

/* Takes over `key`. */
static struct cut_off *add_cut(struct comparison *c, char *key)
{
	size_t n = c->out->cut_count;
	struct cut_off *cuts = reallocarray(c->out->cuts, n + 1, sizeof(*cuts));
	char **keys;

	if (cuts != NULL)
		c->out->cuts = cuts;
	keys = cuts == NULL ? NULL : reallocarray(c->keys, n + 1, sizeof(*keys));
	if (keys == NULL) {
		free(key);
		return NULL;
	}
	c->keys = keys;
	keys[n] = key;
	cuts[n] = (struct cut_off){ TEXTS_INIT, PREFIX_SET_INIT, PREFIX_SET_INIT };
	c->out->cut_count++;
	return &cuts[n];
}

/* What was at `e` is at `f` from then on. */
static int note_cut(struct comparison *c, const struct policy_endpoint *e, const struct policy_endpoint *f)
{
	struct cut_off *cut;
	char *key;

	if (f->mode == MODE_OBSERVE)
		return 0;
	if (e->mode == MODE_ENFORCE && lists_stay(c, e, f) && !has_grant(c->now, e))
		return 0;
	key = cut_key(c, e, f);
	if (key == NULL)
		return -1;
	cut = find_cut(c, key);
	if (cut != NULL) {
		free(key);
	} else {
		cut = add_cut(c, key);
		if (cut == NULL || work_out_cut(c, e, f, cut) == -1)
			return -1;
	}
	/* One that becomes several is named once. */
	if (cut->endpoints.count > 0 && strcmp(cut->endpoints.items[cut->endpoints.count - 1], e->name) == 0)
		return 0;
	return texts_add(&cut->endpoints, "%s", e->name);
}

/* Cuts that cut nobody are none. */
static void drop_empty_cuts(struct impact *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->cut_count; i++) {
		if (prefix_set_empty(&out->cuts[i].sources))
			cut_free(&out->cuts[i]);
		else
			out->cuts[kept++] = out->cuts[i];
	}
	out->cut_count = kept;
}

/* --- what is protected no more */

/* The ports from `first` on that the same endpoints of `next` have: up to which, at most `last`. */
static uint16_t same_up_to(const struct policy *next, uint8_t protocol, uint16_t first, uint16_t last)
{
	for (size_t i = 0; i < next->endpoint_count; i++) {
		const struct policy_endpoint *f = &next->endpoints[i];

		for (size_t k = 0; f->protocol == protocol && k < f->port_count; k++) {
			if (f->ports[k].first > first && f->ports[k].first <= last)
				last = (uint16_t)(f->ports[k].first - 1);
			if (f->ports[k].first <= first && f->ports[k].last >= first && f->ports[k].last < last)
				last = f->ports[k].last;
		}
	}
	return last;
}

/* Takes from `where` all that an endpoint of `next` has at this port. */
static int take_protected(const struct policy *next, uint8_t protocol, uint16_t port, struct prefix_set *where)
{
	for (size_t i = 0; i < next->endpoint_count; i++) {
		const struct policy_endpoint *f = &next->endpoints[i];
		struct prefix_set at = PREFIX_SET_INIT, left = PREFIX_SET_INIT;
		bool here = false;
		int result;

		for (size_t k = 0; f->protocol == protocol && k < f->port_count; k++)
			here = here || (f->ports[k].first <= port && f->ports[k].last >= port);
		if (!here)
			continue;
		result = destinations(f, &at) == -1 ? -1 : prefix_set_subtract(&left, where, &at);
		prefix_set_free(&at);
		if (result == -1)
			return -1;
		prefix_set_free(where);
		*where = left;
	}
	return 0;
}

static int put_prefix(void *ctx, const struct prefix *p)
{
	struct buffer *out = ctx;
	char text[PREFIX_TEXT_MAX];
	bool host = p->length == address_size(p->addr.family) * 8;

	return buffer_printf(out, "%s%s", out->len == 0 ? "" : ", ",
	                     host ? address_format(&p->addr, text) : prefix_format(p, text));
}

static int warn_unprotected(struct texts *warnings, const struct policy_endpoint *e, const struct prefix_set *where,
                            uint16_t first, uint16_t last)
{
	struct buffer text = BUFFER_INIT;
	int result = prefix_set_each(where, put_prefix, &text);

	if (result == 0 && first != last)
		result = buffer_printf(&text, " port %u-%u %s", first, last, protocol_name(e->protocol));
	else if (result == 0)
		result = buffer_printf(&text, " port %u %s", first, protocol_name(e->protocol));
	if (result == 0 && buffer_str(&text) != NULL)
		result = texts_add(warnings, "endpoint %s: %s is protected no more, so everybody may connect there", e->name,
		                   buffer_str(&text));
	buffer_free(&text);
	return result == 0 ? 0 : -1;
}

static int warn_of_ports(struct comparison *c, const struct policy_endpoint *e, const struct port_range *range)
{
	uint32_t first = range->first;

	while (first <= range->last) {
		uint16_t last = same_up_to(c->next, e->protocol, (uint16_t)first, range->last);
		struct prefix_set where = PREFIX_SET_INIT;
		int result = destinations(e, &where);

		if (result == 0)
			result = take_protected(c->next, e->protocol, (uint16_t)first, &where);
		if (result == 0 && !prefix_set_empty(&where))
			result = warn_unprotected(&c->out->warnings, e, &where, (uint16_t)first, last);
		prefix_set_free(&where);
		if (result == -1)
			return -1;
		first = (uint32_t)last + 1;
	}
	return 0;
}

static int warn_of_destinations(struct comparison *c, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < e->port_count; i++)
		if (warn_of_ports(c, e, &e->ports[i]) == -1)
			return -1;
	return 0;
}

static int warn_of_modes(struct comparison *c, const struct policy_endpoint *e, const struct policy_endpoint *f)
{
	if (e->mode == MODE_ENFORCE && f->mode == MODE_OBSERVE)
		return texts_add(&c->out->warnings, "endpoint %s: nobody is denied any more (mode observe)", f->name);
	if (e->mode == MODE_OBSERVE && f->mode == MODE_ENFORCE)
		return texts_add(&c->out->warnings, "endpoint %s: who is on none of its lists is denied from then on (mode enforce)",
		                 f->name);
	return 0;
}

/* --- all of it */

static int compare_endpoint(struct comparison *c, const struct policy_endpoint *e)
{
	const struct policy_endpoint *same = policy_find_endpoint(c->next, e->name);

	/* No two endpoints overlap, so nobody else can have what one of them has wholly. */
	if (same != NULL && same_destinations(e, same))
		return note_cut(c, e, same) == -1 || warn_of_modes(c, e, same) == -1 ? -1 : 0;
	for (size_t i = 0; i < c->next->endpoint_count; i++) {
		const struct policy_endpoint *f = &c->next->endpoints[i];

		if (share_destinations(e, f) && (note_cut(c, e, f) == -1 || warn_of_modes(c, e, f) == -1))
			return -1;
	}
	return warn_of_destinations(c, e);
}

static bool nobody_listed(const struct policy *p, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < e->list_count; i++)
		if (!prefix_set_empty(&p->lists[e->lists[i]].set))
			return false;
	return true;
}

/* An endpoint that lets nobody in is told where that is new. */
static int warn_of_nobody(struct comparison *c)
{
	for (size_t i = 0; i < c->next->endpoint_count; i++) {
		const struct policy_endpoint *f = &c->next->endpoints[i], *e = policy_find_endpoint(c->now, f->name);

		if (f->mode == MODE_ENFORCE && nobody_listed(c->next, f) && (e == NULL || !nobody_listed(c->now, e)) &&
		    texts_add(&c->out->warnings, "endpoint %s: no list that it allows has an entry, so it lets nobody in",
		              f->name) == -1)
			return -1;
	}
	return 0;
}

/* What agents send is controlled, or not. */
static int warn_of_agents(struct comparison *c)
{
	for (size_t i = 0; i < c->now->agent_count; i++) {
		const struct policy_agent *a = &c->now->agents[i], *b = policy_find_agent(c->next, a->name);
		int result = 0;

		if (b == NULL)
			result = texts_add(&c->out->warnings, "agent %s goes: what its hosts send is controlled no more", a->name);
		else if (a->mode == MODE_ENFORCE && b->mode == MODE_OBSERVE)
			result = texts_add(&c->out->warnings, "agent %s: nothing that it sends is denied any more (mode observe)", a->name);
		else if (a->mode == MODE_OBSERVE && b->mode == MODE_ENFORCE)
			result = texts_add(&c->out->warnings, "agent %s: all that it sends but to its tunnel and to what it may reach is "
			                                      "denied from then on (mode enforce)", a->name);
		if (result == -1)
			return -1;
	}
	return 0;
}

static int find_changed_lists(struct comparison *c)
{
	c->changed = calloc(c->now->list_count + 1, sizeof(*c->changed));
	if (c->changed == NULL)
		return -1;
	for (size_t i = 0; i < c->now->list_count; i++) {
		const struct policy_list *l = policy_find_list(c->next, c->now->lists[i].name);

		c->changed[i] = l == NULL || !prefix_set_equal(&l->set, &c->now->lists[i].set);
	}
	return 0;
}

int impact_of(const struct policy *now, const struct policy *next, struct impact *out)
{
	struct comparison c = { .now = now, .next = next, .out = out };
	int result;

	*out = (struct impact){ .warnings = TEXTS_INIT };
	result = find_changed_lists(&c);
	for (size_t i = 0; result == 0 && i < now->endpoint_count; i++)
		result = compare_endpoint(&c, &now->endpoints[i]);
	if (result == 0)
		result = warn_of_nobody(&c) == -1 ? -1 : warn_of_agents(&c);
	for (size_t i = 0; i < out->cut_count; i++)
		free(c.keys[i]);
	free(c.keys);
	free(c.changed);
	if (result == -1) {
		impact_free(out);
		errno = ENOMEM;
		return -1;
	}
	drop_empty_cuts(out);
	return 0;
}

void impact_free(struct impact *i)
{
	for (size_t k = 0; k < i->cut_count; k++)
		cut_free(&i->cuts[k]);
	free(i->cuts);
	texts_free(&i->warnings);
	*i = (struct impact){ .warnings = TEXTS_INIT };
}
