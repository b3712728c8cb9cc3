#include "kernel/change.h"

#include <stdlib.h>
#include <string.h>

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void free_list(struct kernel_list_change *l)
{
	free(l->list);
	prefix_set_free(&l->added);
	prefix_set_free(&l->removed);
}

void kernel_change_free(struct kernel_change *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->list_count; i++)
		free_list(&c->lists[i]);
	free(c->lists);
	free_names(c->added, c->added_count);
	free_names(c->changed, c->changed_count);
	free_names(c->removed, c->removed_count);
	memset(c, 0, sizeof(*c));
}

static int add_name(char ***names, size_t *count, const char *name, size_t len)
{
	char **grown;

	/* An endpoint's parts often come one behind the other. */
	if (*count != 0 && strncmp((*names)[*count - 1], name, len) == 0 && (*names)[*count - 1][len] == '\0')
		return 0;
	/* Doubling whenever the count is a power of two keeps this linear without a field for the capacity. */
	if ((*count & (*count - 1)) == 0) {
		grown = reallocarray(*names, *count == 0 ? 1 : *count * 2, sizeof(**names));
		if (grown == NULL)
			return -1;
		*names = grown;
	}
	(*names)[*count] = strndup(name, len);
	if ((*names)[*count] == NULL)
		return -1;
	++*count;
	return 0;
}

int change_endpoint(struct kernel_change *c, enum endpoint_change what, const char *name, size_t len)
{
	switch (what) {
	case ENDPOINT_ADDED:
		return add_name(&c->added, &c->added_count, name, len);
	case ENDPOINT_CHANGED:
		return add_name(&c->changed, &c->changed_count, name, len);
	case ENDPOINT_REMOVED:
		return add_name(&c->removed, &c->removed_count, name, len);
	}
	return 0;
}

struct kernel_list_change *change_list(struct kernel_change *c, const char *name, size_t len)
{
	struct kernel_list_change *lists = c->lists;

	if (c->list_count != 0) {
		struct kernel_list_change *last = &lists[c->list_count - 1];

		if (strncmp(last->list, name, len) == 0 && last->list[len] == '\0')
			return last;
	}
	lists = reallocarray(lists, c->list_count + 1, sizeof(*lists));
	if (lists == NULL)
		return NULL;
	c->lists = lists;
	lists[c->list_count] = (struct kernel_list_change){ strndup(name, len), PREFIX_SET_INIT, PREFIX_SET_INIT };
	return lists[c->list_count].list != NULL ? &lists[c->list_count++] : NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool holds(char *const *names, size_t count, char *const *name)
{
	return count != 0 && bsearch(name, names, count, sizeof(*names), compare_names) != NULL;
}

/* Sorts the names, and drops those that come twice or are in one of the others. */
static void tidy(char **names, size_t *count, const struct kernel_change *others)
{
	size_t kept = 0;

	if (*count > 1)
		qsort(names, *count, sizeof(*names), compare_names);
	for (size_t i = 0; i < *count; i++) {
		if ((kept != 0 && strcmp(names[kept - 1], names[i]) == 0) ||
		    (others != NULL && (holds(others->added, others->added_count, &names[i]) ||
		                        holds(others->removed, others->removed_count, &names[i]))))
			free(names[i]);
		else
			names[kept++] = names[i];
	}
	*count = kept;
}

/* Ranges that went and came, to addresses that went and came: 10.0.0.0/24 that becomes 10.0.0.0/23 adds 10.0.1.0/24. */
static int settle(struct kernel_list_change *l)
{
	struct prefix_set added = PREFIX_SET_INIT, removed = PREFIX_SET_INIT;

	prefix_set_normalize(&l->added);
	prefix_set_normalize(&l->removed);
	if (prefix_set_empty(&l->added) || prefix_set_empty(&l->removed))
		return 0;
	if (prefix_set_subtract(&added, &l->added, &l->removed) != 0 ||
	    prefix_set_subtract(&removed, &l->removed, &l->added) != 0) {
		prefix_set_free(&added);
		return -1;
	}
	prefix_set_free(&l->added);
	prefix_set_free(&l->removed);
	l->added = added;
	l->removed = removed;
	return 0;
}

int change_finish(struct kernel_change *c)
{
	size_t kept = 0;

	tidy(c->added, &c->added_count, NULL);
	tidy(c->removed, &c->removed_count, NULL);
	tidy(c->changed, &c->changed_count, c);
	for (size_t i = 0; i < c->list_count; i++)
		if (settle(&c->lists[i]) != 0)
			return -1;
	for (size_t i = 0; i < c->list_count; i++) {
		if (prefix_set_empty(&c->lists[i].added) && prefix_set_empty(&c->lists[i].removed))
			free_list(&c->lists[i]);
		else
			c->lists[kept++] = c->lists[i];
	}
	c->list_count = kept;
	return 0;
}
