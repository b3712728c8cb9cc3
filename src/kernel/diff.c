#include "kernel/diff.h"

#include <errno.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/change.h"
#include "kernel/diff_sets.h"
#include "kernel/put.h"
#include "kernel/table.h"

/* What becomes of one thing. */
enum action { KEEP, REFILL /* of a chain: its rules go, and others come */, MAKE, REMOVE, REMAKE };

struct step {
	const void *have, *want; /* the thing, NULL where it is not there or not wanted */
	enum action action;
};

struct steps {
	struct step *steps;
	size_t count;
};

struct diff {
	struct steps chains, sets, objects;
	struct batch *b;
	struct kernel_change *change;
};

typedef int compare_things(const void *a, const void *b);

/* Pairs two sorted arrays. */
static int pair_up(struct steps *out, const void *have, size_t have_count, const void *want, size_t want_count,
                   size_t size, compare_things *compare)
{
	const char *h = have, *w = want;

	out->steps = calloc(have_count + want_count + 1, sizeof(*out->steps));
	if (out->steps == NULL)
		return -1;
	while (have_count != 0 || want_count != 0) {
		int c = have_count == 0 ? 1 : want_count == 0 ? -1 : compare(h, w);
		struct step *s = &out->steps[out->count++];

		s->action = c < 0 ? REMOVE : c > 0 ? MAKE : KEEP;
		if (c <= 0) {
			s->have = h;
			h += size;
			have_count--;
		}
		if (c >= 0) {
			s->want = w;
			w += size;
			want_count--;
		}
	}
	return 0;
}

/* The text that the kernel would show of the wanted rules. */
static int wanted_text(const struct model_chain *want, struct buffer *text)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < want->rule_count; i++) {
		struct nftnl_rule *rule = nftnl_rule_alloc();

		if (rule == NULL) {
			errno = ENOMEM;
			return -1;
		}
		rc = rule_build(&want->rules[i], rule) != 0 ? -1 : rule_text(rule, text);
		nftnl_rule_free(rule);
	}
	return rc;
}

/* 1 where the rules are the same, 0 where not, -1 with errno ENOMEM. */
static int same_rules(const struct model_chain *have, const struct model_chain *want)
{
	struct buffer text = BUFFER_INIT;
	const char *wanted;
	int rc = -1;

	if (have->text == NULL) {
		if (have->rule_count != want->rule_count)
			return 0;
		for (size_t i = 0; i < want->rule_count; i++)
			if (!rule_equal(&have->rules[i], &want->rules[i]))
				return 0;
		return 1;
	}
	if (wanted_text(want, &text) == 0 && (wanted = buffer_str(&text)) != NULL)
		rc = strcmp(wanted, have->text) == 0;
	buffer_free(&text);
	return rc;
}

static int plan_chains(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++) {
		struct step *s = &d->chains.steps[i];
		const struct model_chain *have = s->have, *want = s->want;
		int same;

		if (s->action != KEEP)
			continue;
		if (have->base != want->base || have->foreign_hook) {
			s->action = REMAKE;
			continue;
		}
		same = same_rules(have, want);
		if (same < 0)
			return -1;
		if (!same)
			s->action = REFILL;
	}
	return 0;
}

/* A set that is made anew takes with it all rules that look into it; which ones is not worth knowing. */
static void plan_sets(struct diff *d)
{
	bool refill = false;

	for (size_t i = 0; i < d->sets.count; i++) {
		struct step *s = &d->sets.steps[i];
		const struct model_set *have = s->have, *want = s->want;

		if (s->action != KEEP || (!have->foreign && have->size == want->size))
			continue;
		s->action = REMAKE;
		refill = true;
	}
	for (size_t i = 0; refill && i < d->chains.count; i++)
		if (d->chains.steps[i].action == KEEP)
			d->chains.steps[i].action = REFILL;
}

/* Notes the endpoint that a part named KIND/ENDPOINT or KIND/ENDPOINT/LIST belongs to. */
static int note_part(struct diff *d, const char *name, const char *kind, enum endpoint_change what)
{
	const char *endpoint;
	size_t len = shape_part(name, kind, &endpoint);

	return len == 0 ? 0 : change_endpoint(d->change, what, endpoint, len);
}

static int note_chain(struct diff *d, const struct step *s)
{
	const struct model_chain *chain = s->want != NULL ? s->want : s->have;
	enum endpoint_change what = ENDPOINT_CHANGED;
	const char *name = chain->name;

	if (s->action == KEEP)
		return 0;
	if (s->action == MAKE)
		what = ENDPOINT_ADDED;
	else if (s->action == REMOVE)
		what = ENDPOINT_REMOVED;
	if (note_part(d, name, SHAPE_ENDPOINT, what) != 0 || note_part(d, name, SHAPE_AGENT, what) != 0)
		return -1;
	return note_part(d, name, SHAPE_ALLOW, ENDPOINT_CHANGED);
}

static int note_object(struct diff *d, const struct step *s)
{
	const struct model_object *object = s->want != NULL ? s->want : s->have;
	const char *const kinds[] = { SHAPE_ALLOW, SHAPE_DENY, SHAPE_OVER };

	if (s->action == KEEP)
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (note_part(d, object->name, kinds[i], ENDPOINT_CHANGED) != 0)
			return -1;
	return 0;
}

static int note_endpoints(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++)
		if (note_chain(d, &d->chains.steps[i]) != 0)
			return -1;
	for (size_t i = 0; i < d->objects.count; i++)
		if (note_object(d, &d->objects.steps[i]) != 0)
			return -1;
	return 0;
}

static bool is_list(const struct model_set *set)
{
	return set_is_list(set->kind);
}

static bool is_grant(const struct model_set *set)
{
	return set_is_grant(set->kind);
}

static bool is_agents_or_addresses(const struct model_set *set)
{
	return set_is_agents(set->kind) || set_is_addresses(set->kind);
}

static bool is_map(const struct model_set *set)
{
	return set_is_map(set->kind);
}

static int unlink_map_entries(struct diff *d)
{
	for (size_t i = 0; i < d->sets.count; i++) {
		const struct step *s = &d->sets.steps[i];

		if (s->action == KEEP && is_map(s->want) && diff_map_gone(s->have, s->want, d->b, d->change) != 0)
			return -1;
	}
	return 0;
}

static int empty_chains(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++) {
		const struct step *s = &d->chains.steps[i];
		const struct model_chain *have = s->have;

		if (s->action != KEEP && s->action != MAKE && put_chain_empty(d->b, have->name) != 0)
			return -1;
	}
	return 0;
}

static int remove_sets(struct diff *d)
{
	for (size_t i = 0; i < d->sets.count; i++) {
		const struct step *s = &d->sets.steps[i];
		const struct model_set *have = s->have;
		int rc = 0;

		if (s->action == REMOVE && is_list(have))
			rc = diff_list_gone(have, d->b, d->change);
		else if (s->action == REMOVE || s->action == REMAKE)
			rc = put_set_gone(d->b, have->name);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int remove_chains(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++) {
		const struct step *s = &d->chains.steps[i];
		const struct model_chain *have = s->have;

		if ((s->action == REMOVE || s->action == REMAKE) && put_chain_gone(d->b, have->name) != 0)
			return -1;
	}
	return 0;
}

static int change_objects(struct diff *d)
{
	for (size_t i = 0; i < d->objects.count; i++) {
		const struct step *s = &d->objects.steps[i];

		if (s->action == REMOVE && put_object_gone(d->b, s->have) != 0)
			return -1;
		if (s->action == MAKE && put_object(d->b, s->want) != 0)
			return -1;
	}
	return 0;
}

static int make_sets(struct diff *d)
{
	for (size_t i = 0; i < d->sets.count; i++) {
		const struct step *s = &d->sets.steps[i];
		const struct model_set *have = s->action == KEEP ? s->have : NULL;

		if (s->want == NULL)
			continue;
		if (s->action != KEEP && put_set(d->b, s->want) != 0)
			return -1;
		if (is_grant(s->want) && diff_grant(have, s->want, d->b) != 0)
			return -1;
		if (is_agents_or_addresses(s->want) && diff_addresses(have, s->want, d->b) != 0)
			return -1;
		if (is_list(s->want) && diff_list(have, s->want, d->b, d->change) != 0)
			return -1;
	}
	return 0;
}

static int make_chains(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++) {
		const struct step *s = &d->chains.steps[i];

		if ((s->action == MAKE || s->action == REMAKE) && put_chain(d->b, s->want) != 0)
			return -1;
	}
	return 0;
}

static int fill_chains(struct diff *d)
{
	for (size_t i = 0; i < d->chains.count; i++) {
		const struct step *s = &d->chains.steps[i];
		const struct model_chain *want = s->want;

		if (s->action == KEEP || s->action == REMOVE)
			continue;
		for (size_t j = 0; j < want->rule_count; j++)
			if (put_rule(d->b, want->name, &want->rules[j]) != 0)
				return -1;
	}
	return 0;
}

static int link_map_entries(struct diff *d)
{
	for (size_t i = 0; i < d->sets.count; i++) {
		const struct step *s = &d->sets.steps[i];

		if (s->want != NULL && is_map(s->want) &&
		    diff_map_new(s->action == KEEP ? s->have : NULL, s->want, d->b, d->change) != 0)
			return -1;
	}
	return 0;
}

/* What refers to a thing goes before the thing, and comes after it. */
static int put_all(struct diff *d)
{
	if (unlink_map_entries(d) != 0 || empty_chains(d) != 0 || remove_sets(d) != 0 || remove_chains(d) != 0)
		return -1;
	if (change_objects(d) != 0 || make_sets(d) != 0 || make_chains(d) != 0 || fill_chains(d) != 0)
		return -1;
	return link_map_entries(d);
}

static int pair_all(struct diff *d, const struct model *have, const struct model *want)
{
	if (pair_up(&d->chains, have->chains, have->chain_count, want->chains, want->chain_count, sizeof(*want->chains),
	            model_compare_chains) != 0)
		return -1;
	if (pair_up(&d->sets, have->sets, have->set_count, want->sets, want->set_count, sizeof(*want->sets),
	            model_compare_sets) != 0)
		return -1;
	return pair_up(&d->objects, have->objects, have->object_count, want->objects, want->object_count,
	               sizeof(*want->objects), model_compare_objects);
}

static int diff_parts(const struct model *have, const struct model *want, struct batch *b, struct kernel_change *change)
{
	struct diff d = { .b = b, .change = change };
	int rc = -1;

	if (pair_all(&d, have, want) == 0 && plan_chains(&d) == 0 && note_endpoints(&d) == 0) {
		plan_sets(&d);
		rc = put_all(&d);
	}
	free(d.chains.steps);
	free(d.sets.steps);
	free(d.objects.steps);
	return rc;
}

int diff_models(const struct model *have, const struct model *want, struct batch *b, struct kernel_change *change)
{
	static const struct model nothing;
	bool replace = have->present && !table_flags_fit(have->flags, want->flags);
	size_t only_flags = 0;

	if (replace && put_table_gone(b, KERNEL_TABLE) != 0)
		return -1;
	change->table_made = replace || !have->present;
	change->adopted = !change->table_made && want->flags & TABLE_OWNER && !(have->flags & TABLE_OWNER);
	if (change->table_made || have->flags != want->flags) {
		if (put_table(b, KERNEL_TABLE, want->flags) != 0)
			return -1;
		/* Taking a table over changes nothing in what it does; waking a dormant one does. */
		only_flags = change->adopted && !(have->flags & NFT_TABLE_F_DORMANT);
	}
	if (diff_parts(change->table_made ? &nothing : have, want, b, change) != 0 || change_finish(change) != 0)
		return -1;
	change->messages = b->messages;
	change->any = b->messages > only_flags;
	return 0;
}
