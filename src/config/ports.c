/* value_ports: "6443", "8000-8010", or a sequence of them. */
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

#define EXPECTED "a port from 1 to 65535, or a range such as 8000-8010"

struct port_item {
	struct port_range range;
	struct place at;
};

struct port_items {
	struct port_item *items;
	size_t count, cap;
};

static bool port_parse(const char *text, size_t len, uint16_t *port)
{
	uint64_t number;

	if (!digits_parse(text, len, UINT16_MAX, &number) || number == 0)
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool range_parse_ports(const char *text, struct port_range *range)
{
	const char *dash = strchr(text, '-');
	size_t first_len = dash != NULL ? (size_t)(dash - text) : strlen(text);

	if (!port_parse(text, first_len, &range->first))
		return false;
	range->last = range->first;
	return dash == NULL || port_parse(dash + 1, strlen(dash + 1), &range->last);
}

static void take_item(struct reader *r, const struct node *n, void *ctx)
{
	struct port_items *list = ctx;
	char text[SHOWN_MAX];
	const char *given;
	struct port_range range;

	if (!value_scalar(r, n, EXPECTED, &given))
		return;
	if (!range_parse_ports(given, &range)) {
		complain(r->complaints, n->at, "%s is no port; expected " EXPECTED, shown(given, text));
		return;
	}
	if (range.last < range.first) {
		complain(r->complaints, n->at, "the range %s ends before it begins; expected '%u-%u'",
		         shown(given, text), range.last, range.first);
		return;
	}
	if (list->count < list->cap)
		list->items[list->count++] = (struct port_item){ .range = range, .at = n->at };
}

static int compare_items(const void *a, const void *b)
{
	const struct port_item *x = a, *y = b;

	if (x->range.first != y->range.first)
		return x->range.first < y->range.first ? -1 : 1;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->at.column < y->at.column ? -1 : x->at.column > y->at.column;
}

/* Items that overlap are a slip worth telling: one of them was meant to be another port. */
static bool sort_items(struct reader *r, struct port_items *list)
{
	bool disjoint = true;
	uint16_t highest = 0;

	qsort(list->items, list->count, sizeof(list->items[0]), compare_items);
	for (size_t i = 0; i < list->count; i++) {
		const struct port_item *item = &list->items[i];

		if (item->range.first <= highest) {
			complain(r->complaints, item->at, "port %u is named twice for this endpoint; remove one",
			         item->range.first);
			disjoint = false;
		}
		if (item->range.last > highest)
			highest = item->range.last;
	}
	return disjoint;
}

static bool copy_ranges(struct reader *r, const struct port_items *list, struct port_range **ports, size_t *count)
{
	*ports = calloc(list->count, sizeof(**ports));
	if (*ports == NULL) {
		r->complaints->out_of_memory = true;
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		(*ports)[i] = list->items[i].range;
	*count = list->count;
	return true;
}

bool value_ports(struct reader *r, const struct node *n, struct port_range **ports, size_t *count)
{
	struct port_items list = { .cap = n->kind == NODE_SEQUENCE ? n->count : 1 };
	bool good;

	list.items = calloc(list.cap + 1, sizeof(list.items[0]));
	if (list.items == NULL) {
		r->complaints->out_of_memory = true;
		return false;
	}
	good = value_each(r, n, EXPECTED, take_item, &list) && sort_items(r, &list) && list.count > 0 &&
	       copy_ranges(r, &list, ports, count);
	free(list.items);
	return good;
}
