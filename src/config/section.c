/* Sections that map names to things: lists, endpoints, agents, origins. */
#include <string.h>

#include "config/sections.h"
#include "config/value.h"

bool section_each(struct reader *r, const struct node *section, const char *what, named_read *read, void *ctx)
{
	size_t index = 0;

	if (section->kind == NODE_REFUSED)
		return false;
	if (section->kind != NODE_MAPPING) {
		complain(r->complaints, section->at, "%s stands where %s are named; expected a mapping of names, or "
		         "{} for none", node_kind_text(section), what);
		return false;
	}
	for (size_t i = 0; i < node_pairs(section); i++) {
		const struct node *key = node_key(section, i);
		const char *name;

		if (key->kind != NODE_SCALAR)
			continue;
		value_name(r, key, &name);
		read(r, index++, key, node_value(section, i), ctx);
	}
	return true;
}

size_t section_count(const struct node *section)
{
	size_t count = 0;

	if (section == NULL || section->kind != NODE_MAPPING)
		return 0;
	for (size_t i = 0; i < node_pairs(section); i++)
		count += node_key(section, i)->kind == NODE_SCALAR;
	return count;
}

int section_find(const struct node *section, const char *name, size_t *index)
{
	size_t at = 0;

	if (section == NULL || section->kind != NODE_MAPPING)
		return -1;
	for (size_t i = 0; i < node_pairs(section); i++) {
		const struct node *key = node_key(section, i);

		if (key->kind != NODE_SCALAR)
			continue;
		if (strcmp(key->text, name) == 0) {
			*index = at;
			return 0;
		}
		at++;
	}
	return -1;
}
