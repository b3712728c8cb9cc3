/* Lists that the configuration makes of its own parts, each a list with that name:
 *   "@NAME" in `allow`   the addresses of another endpoint, or of an agent
 *   "tunnel:AGENT"       where its tunnel ends: an address, or what a name resolves to
 *   "resolvers:AGENT"    the DNS servers that it may ask
 *
 * They stand behind those of the section `lists`, in the order in which they are named first; what their entries are is
 * known once the whole file is read. */
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

int derived_list(struct reader *r, enum address_list_kind kind, size_t index, const char *name, unsigned line,
                 size_t *list)
{
	struct address_list *more;
	size_t at;

	if (!find_named(r, name, &at)) {
		more = reallocarray(r->address_lists, r->address_list_count + 1, sizeof(*more));
		if (more != NULL)
			r->address_lists = more;
		at = r->address_list_count;
		if (more == NULL || (more[at].name = strdup(name)) == NULL) {
			r->complaints->out_of_memory = true;
			return -1;
		}
		more[at].kind = kind;
		more[at].index = index;
		more[at].line = line;
		r->address_list_count++;
	}
	*list = section_count(r->lists) + at;
	return 0;
}

int address_list(struct reader *r, const struct node *n, size_t *list)
{
	size_t index;

	if (section_find(r->endpoints, n->text + 1, &index) == 0)
		return derived_list(r, LIST_OF_ENDPOINT, index, n->text, n->at.line, list);
	if (section_find(r->agents, n->text + 1, &index) == 0)
		return derived_list(r, LIST_OF_AGENT, index, n->text, n->at.line, list);
	return -1;
}

static void add_addresses(struct reader *r, struct prefix_set *to, const struct policy_endpoint *e)
{
	for (size_t i = 0; i < e->address_count; i++)
		if (prefix_set_add(to, &e->addresses[i]) != 0)
			r->complaints->out_of_memory = true;
	prefix_set_normalize(to);
}

static void copy_set(struct reader *r, struct prefix_set *to, const struct prefix_set *from)
{
	if (prefix_set_copy(to, from) != 0)
		r->complaints->out_of_memory = true;
}

static void fill_in(struct reader *r, struct list_config *list, const struct address_list *made)
{
	reader_set_text(r, &list->name, made->name);
	list->line = made->line;
	switch (made->kind) {
	case LIST_OF_ENDPOINT:
		add_addresses(r, &list->entries, &r->config->endpoints[made->index]);
		break;
	case LIST_OF_AGENT:
		copy_set(r, &list->entries, &r->agent_parts[made->index].addresses);
		break;
	case LIST_OF_RESOLVERS:
		copy_set(r, &list->entries, &r->agent_parts[made->index].resolvers);
		break;
	case LIST_OF_TUNNEL:
		tunnel_list(r, list, &r->agent_parts[made->index]);
		break;
	}
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
