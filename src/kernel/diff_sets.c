#include "kernel/diff_sets.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "kernel/change.h"
#include "kernel/put.h"

static const struct model_set empty;

/* What can be told apart in the set; one with foreign elements counts as empty, because it is emptied first. */
static const struct model_set *contents(const struct model_set *set)
{
	return set == NULL || set->irregular || set->foreign ? &empty : set;
}

static int compare4(const struct range4 *a, const struct range4 *b)
{
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return (a->last > b->last) - (a->last < b->last);
}

static int compare6(const struct range6 *a, const struct range6 *b)
{
	int c = u128_compare(a->first, b->first);

	return c != 0 ? c : u128_compare(a->last, b->last);
}

/* Puts the ranges of `a` that `b` has not, and adds them to `noted`. */
static int put_ranges4(struct put_elements *p, const struct model_set *a, const struct model_set *b,
                       struct prefix_set *noted)
{
	for (size_t i = 0, j = 0; i < a->count; i++) {
		const struct range4 *r = &a->v4[i];

		while (j < b->count && compare4(&b->v4[j], r) < 0)
			j++;
		if (j < b->count && compare4(&b->v4[j], r) == 0)
			continue;
		if (p->b != NULL && put_range4(p, r) != 0)
			return -1;
		if (prefix_set_add_range4(noted, r->first, r->last) != 0)
			return -1;
	}
	put_elements_end(p);
	return 0;
}

static int put_ranges6(struct put_elements *p, const struct model_set *a, const struct model_set *b,
                       struct prefix_set *noted)
{
	for (size_t i = 0, j = 0; i < a->count; i++) {
		const struct range6 *r = &a->v6[i];

		while (j < b->count && compare6(&b->v6[j], r) < 0)
			j++;
		if (j < b->count && compare6(&b->v6[j], r) == 0)
			continue;
		if (p->b != NULL && put_range6(p, r) != 0)
			return -1;
		if (prefix_set_add_range6(noted, r->first, r->last) != 0)
			return -1;
	}
	put_elements_end(p);
	return 0;
}

static int put_ranges(struct put_elements *p, const struct model_set *a, const struct model_set *b,
                      struct prefix_set *noted)
{
	enum set_kind kind = a->count != 0 ? a->kind : b->kind;

	return set_is_v4(kind) ? put_ranges4(p, a, b, noted) : put_ranges6(p, a, b, noted);
}

/* Puts nothing: what is in a set that is removed or emptied as a whole. */
static int note_gone(const struct model_set *have, struct kernel_list_change *noted)
{
	struct put_elements none = PUT_ELEMENTS(NULL, NFT_MSG_DELSETELEM, have->name);

	return have->foreign ? 0 : put_ranges(&none, have, &empty, &noted->removed);
}

static struct kernel_list_change *note_list(struct kernel_change *change, const char *set)
{
	char list[SHAPE_NAME_MAX];

	shape_list_name(list, set);
	return change_list(change, list, strlen(list));
}

int diff_list_gone(const struct model_set *have, struct batch *b, struct kernel_change *change)
{
	struct kernel_list_change *noted = note_list(change, have->name);

	return noted == NULL || note_gone(have, noted) != 0 ? -1 : put_set_gone(b, have->name);
}

int diff_list(const struct model_set *have, const struct model_set *want, struct batch *b,
              struct kernel_change *change)
{
	struct kernel_list_change *noted = note_list(change, want->name);
	struct put_elements gone = PUT_ELEMENTS(b, NFT_MSG_DELSETELEM, want->name);
	struct put_elements come = PUT_ELEMENTS(b, NFT_MSG_NEWSETELEM, want->name);
	const struct model_set *old = contents(have);

	if (noted == NULL)
		return -1;
	if (have != NULL && have->irregular && (note_gone(have, noted) != 0 || put_set_empty(b, have->name) != 0))
		return -1;
	return put_ranges(&gone, old, want, &noted->removed) != 0 ? -1 : put_ranges(&come, want, old, &noted->added);
}

int diff_addresses(const struct model_set *have, const struct model_set *want, struct batch *b)
{
	struct kernel_list_change noted = { NULL, PREFIX_SET_INIT, PREFIX_SET_INIT };
	struct put_elements gone = PUT_ELEMENTS(b, NFT_MSG_DELSETELEM, want->name);
	struct put_elements come = PUT_ELEMENTS(b, NFT_MSG_NEWSETELEM, want->name);
	const struct model_set *old = contents(have);
	int rc = have != NULL && have->irregular ? put_set_empty(b, have->name) : 0;

	if (rc == 0)
		rc = put_ranges(&gone, old, want, &noted.removed);
	if (rc == 0)
		rc = put_ranges(&come, want, old, &noted.added);
	prefix_set_free(&noted.added);
	prefix_set_free(&noted.removed);
	return rc;
}

static bool same_range(const struct model_set *a, const struct model_set *b)
{
	if (a->count != 1 || a->kind != b->kind)
		return false;
	return set_is_v4(a->kind) ? compare4(a->v4, b->v4) == 0 : compare6(a->v6, b->v6) == 0;
}

int diff_grant(const struct model_set *have, const struct model_set *want, struct batch *b)
{
	struct put_elements come = PUT_ELEMENTS(b, NFT_MSG_NEWSETELEM, want->name);
	int rc;

	if (same_range(contents(have), want))
		return 0;
	/* One that has just ended may leave the bound of its range behind. */
	if (have != NULL && (have->irregular || have->count != 0) && put_set_empty(b, have->name) != 0)
		return -1;
	come.timeout = want->timeout;
	rc = set_is_v4(want->kind) ? put_range4(&come, want->v4) : put_range6(&come, want->v6);
	if (rc == 0)
		put_elements_end(&come);
	return rc;
}

/* An entry of the endpoints' map is its endpoint's; one of reach/AGENT the agent's. */
static int note_endpoint(struct kernel_change *change, const char *set, const struct map_entry *entry)
{
	const char *name;
	size_t len = shape_part(set, SHAPE_REACH, &name);

	if (len == 0)
		len = shape_part(entry->chain, SHAPE_ENDPOINT, &name);
	return len == 0 ? 0 : change_endpoint(change, ENDPOINT_CHANGED, name, len);
}

/* Puts the entries of `a` that `b` has not with the same chain. */
static int put_entries(struct put_elements *p, const struct model_set *a, const struct model_set *b,
                       struct kernel_change *change)
{
	for (size_t i = 0, j = 0; i < a->count; i++) {
		const struct map_entry *e = &a->map[i];

		while (j < b->count && map_entry_compare(&b->map[j], e) < 0)
			j++;
		if (j < b->count && map_entry_compare(&b->map[j], e) == 0 && strcmp(b->map[j].chain, e->chain) == 0)
			continue;
		if (put_entry(p, a->kind, e) != 0 || note_endpoint(change, p->set, e) != 0)
			return -1;
	}
	put_elements_end(p);
	return 0;
}

int diff_map_gone(const struct model_set *have, const struct model_set *want, struct batch *b,
                  struct kernel_change *change)
{
	struct put_elements gone = PUT_ELEMENTS(b, NFT_MSG_DELSETELEM, have->name);

	if (have->irregular)
		return put_set_empty(b, have->name);
	return put_entries(&gone, contents(have), contents(want), change);
}

int diff_map_new(const struct model_set *have, const struct model_set *want, struct batch *b,
                 struct kernel_change *change)
{
	struct put_elements come = PUT_ELEMENTS(b, NFT_MSG_NEWSETELEM, want->name);

	return put_entries(&come, contents(want), contents(have), change);
}
