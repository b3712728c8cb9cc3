/* The section `lists`: lists from origins, with agreement, schedule and guards; and lists of one's own. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "config/suggest.h"
#include "config/value.h"
#include "core/number.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define LONGEST (3650 * DAY) /* of a schedule */

static const struct choice breaches[] = { { "hold", BREACH_HOLD }, { "reject", BREACH_REJECT }, { NULL, 0 } };

static const struct field guard_fields[] = {
	{ KEY("min_entries", take_number), FIELD(struct guard_config, min_entries), .max = UINT32_MAX },
	{ KEY("max_entries", take_number), FIELD(struct guard_config, max_entries), .min = 1, .max = UINT32_MAX },
	{ KEY("max_added", take_amount), FIELD(struct guard_config, max_added), .max = 10000 },
	{ KEY("max_removed", take_amount), FIELD(struct guard_config, max_removed), .max = 100 },
	{ KEY("min_prefix4", take_number), FIELD(struct guard_config, min_prefix4), .max = 32 },
	{ KEY("min_prefix6", take_number), FIELD(struct guard_config, min_prefix6), .max = 128 },
	{ KEY("max_bad", take_number), FIELD(struct guard_config, max_bad), .max = UINT32_MAX },
	{ KEY("special", take_truth), FIELD(struct guard_config, special) },
	{ KEY("on_breach", take_choice), FIELD(struct guard_config, on_breach), .choices = breaches },
};

SHAPE(guard_shape, "a guard", guard_fields);

static void take_guard(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct guard_config *g = &((struct list_config *)into)->guard;

	(void)f;
	if (take_mapping(r, &guard_shape, value->at, value, g) && g->min_entries > g->max_entries)
		complain(r->complaints, value->at, "min_entries (%llu) is more than max_entries (%llu): no list could "
		         "pass; expected the least first", (unsigned long long)g->min_entries,
		         (unsigned long long)g->max_entries);
}

static void add_to_set(struct reader *r, struct prefix_set *set, const struct range *range)
{
	if (prefix_set_add_range(set, range) != 0)
		r->complaints->out_of_memory = true;
}

static void take_entry(struct reader *r, const struct node *n, void *ctx)
{
	struct prefix_set *set = ctx;
	char text[SHOWN_MAX];
	enum prefix_parse result;
	struct prefix prefix;
	struct range range;

	if (n->kind != NODE_SCALAR || strchr(n->text, '-') == NULL) {
		if (value_prefix(r, n, &prefix)) {
			prefix_range(&prefix, &range);
			add_to_set(r, set, &range);
		}
		return;
	}
	result = range_parse(&range, n->text, strlen(n->text));
	if (result == PREFIX_OK)
		add_to_set(r, set, &range);
	else
		complain(r->complaints, n->at, "%s is no range of addresses: %s; expected FIRST-LAST, such as "
		         "203.0.113.10-203.0.113.20", shown(n->text, text), prefix_parse_text(result));
}

static void take_entries(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct list_config *list = into;

	(void)f;
	value_each(r, value, "at least one address, prefix or range", take_entry, &list->entries);
	prefix_set_normalize(&list->entries);
}

/* Its meaning depends on how many origins there are: read_agree, when the list was read. */
static void take_later(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	(void)r;
	(void)f;
	(void)value;
	(void)into;
}

static const struct field list_fields[] = {
	{ KEY("origins", take_origins) },
	{ KEY("entries", take_entries) },
	{ KEY("agree", take_later) },
	{ KEY("refresh", take_duration), FIELD(struct list_config, refresh), .max = LONGEST },
	{ KEY("stale_after", take_duration), FIELD(struct list_config, stale_after), .min = 1, .max = LONGEST },
	{ KEY("guard", take_guard) },
};

SHAPE(list_shape, "a list", list_fields);

static void complain_of_agree(struct reader *r, const struct list_config *list, struct place at, const char *given)
{
	char text[SHOWN_MAX], near[SUGGEST_TEXT_MAX];
	struct suggestion s;

	suggest_begin(&s, given);
	suggest_consider(&s, "all");
	suggest_consider(&s, "any");
	complain(r->complaints, at, "%s cannot be how many origins agree; expected all, any, or a number from 1 to %zu, as the "
	         "list has %zu origin%s%s", shown(given, text), list->origin_count, list->origin_count,
	         number_plural(list->origin_count), suggest_text(&s, near));
}

static void read_agree(struct reader *r, struct list_config *list, const struct node *n)
{
	const char *given;
	uint64_t number;

	list->agree = list->origin_count;
	if (n == NULL || !value_scalar(r, n, "all, any or how many origins", &given) || strcmp(given, "all") == 0)
		return;
	if (strcmp(given, "any") == 0)
		list->agree = 1;
	else if (digits_parse(given, strlen(given), list->origin_count, &number) && number > 0)
		list->agree = (size_t)number;
	else
		complain_of_agree(r, list, n->at, given);
}

static void refuse_in_own_list(struct reader *r, const struct node *value)
{
	static const char *const keys[] = { "agree", "refresh", "stale_after", "guard" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct node *n = node_get(value, keys[i]);

		if (n != NULL)
			complain(r->complaints, n->at, "'%s' has no meaning for a list with 'entries', which changes "
			         "only when this file does; remove it", keys[i]);
	}
}

static void list_defaults(struct list_config *list)
{
	list->refresh = 6 * HOUR;
	list->stale_after = 3 * DAY;
	list->guard = (struct guard_config){
		.min_entries = 1,
		.max_entries = 100000,
		.max_added = { .is_share = true, .value = 50 },
		.max_removed = { .is_share = true, .value = 25 },
		.min_prefix4 = 16,
		.min_prefix6 = 32,
		.on_breach = BREACH_HOLD,
	};
}

/* What the list says itself comes before what a preset recommends. */
static void settle_preset_guards(struct list_config *list, const struct node *guard)
{
	for (size_t i = 0; i < list->origin_count; i++) {
		if (node_get(guard, "min_prefix4") != NULL)
			list->origins[i].min_prefix4 = 0;
		if (node_get(guard, "min_prefix6") != NULL)
			list->origins[i].min_prefix6 = 0;
	}
}

static void read_list(struct reader *r, size_t index, const struct node *name, const struct node *value, void *ctx)
{
	struct list_config *list = &r->config->lists[index];
	const struct node *origins, *entries;

	(void)ctx;
	reader_set_text(r, &list->name, name->text);
	list->line = name->at.line;
	list_defaults(list);
	if (!take_mapping(r, &list_shape, name->at, value, list))
		return;
	origins = node_get(value, "origins");
	entries = node_get(value, "entries");
	if (origins != NULL && entries != NULL) {
		complain(r->complaints, entries->at, "this list has both 'origins' and 'entries'; expected one of "
		         "them; make two lists and allow both");
	} else if (origins == NULL && entries == NULL) {
		complain(r->complaints, name->at, "this list has neither 'origins' nor 'entries'; expected one of "
		         "them");
	} else if (entries != NULL) {
		list->refresh = 0;
		refuse_in_own_list(r, value);
	} else if (list->origin_count > 0) {
		read_agree(r, list, node_get(value, "agree"));
		settle_preset_guards(list, node_get(value, "guard"));
	}
}

void take_lists(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct config *c = into;
	size_t count = section_count(value);

	(void)f;
	c->lists = calloc(count + 1, sizeof(c->lists[0]));
	if (c->lists == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	c->list_count = count;
	section_each(r, value, "the lists", read_list, NULL);
}
