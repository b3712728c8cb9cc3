/* "@NAME" in `allow`: the addresses of another endpoint, as a list of one's own with that name.
 *
 * The lists stand behind those of the section `lists`, in the order in which they are named first; what their entries
 * are is known once the whole file is read. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

static bool find_named(const struct reader *r, const char *name, size_t *at)
{
	for (size_t i = 0; i < r->address_list_count; i++) {
		if (strcmp(r->address_lists[i].name, name) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

int address_list(struct reader *r, const struct node *n, size_t *list)
{
	struct address_list *more;
	size_t at, endpoint;

	if (section_find(r->endpoints, n->text + 1, &endpoint) != 0)
		return -1;
	if (!find_named(r, n->text, &at)) {
		more = reallocarray(r->address_lists, r->address_list_count + 1, sizeof(*more));
		if (more == NULL) {
			r->complaints->out_of_memory = true;
			return -1;
		}
		r->address_lists = more;
		at = r->address_list_count++;
		more[at] = (struct address_list){ n->text, n->at.line, endpoint };
	}
	*list = section_count(r->lists) + at;
	return 0;
}

static void fill_in(struct reader *r, struct list_config *list, const struct address_list *named)
{
	const struct policy_endpoint *e = &r->config->endpoints[named->endpoint];

	reader_set_text(r, &list->name, named->name);
	list->line = named->line;
	for (size_t i = 0; i < e->address_count; i++)
		if (prefix_set_add(&list->entries, &e->addresses[i]) != 0)
			r->complaints->out_of_memory = true;
	prefix_set_normalize(&list->entries);
}

void make_address_lists(struct reader *r)
{
	struct config *c = r->config;
	struct list_config *lists;

	if (r->address_list_count == 0 || r->complaints->total != 0 || r->complaints->out_of_memory)
		return;
	lists = reallocarray(c->lists, c->list_count + r->address_list_count, sizeof(*lists));
	if (lists == NULL) {
		r->complaints->out_of_memory = true;
		return;
	}
	c->lists = lists;
	for (size_t i = 0; i < r->address_list_count; i++) {
		lists[c->list_count] = (struct list_config){ .entries = PREFIX_SET_INIT };
		fill_in(r, &lists[c->list_count++], &r->address_lists[i]);
	}
}
