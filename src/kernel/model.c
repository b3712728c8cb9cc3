#include "kernel/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BLOCK 4096

/* Strings of a model are many and small and go away together. */
struct model_text {
	struct model_text *next;
	size_t used, size;
	char bytes[];
};

const char *model_string(struct model *m, const char *string)
{
	size_t len = strlen(string) + 1;
	struct model_text *t = m->text;

	if (t == NULL || t->size - t->used < len) {
		size_t size = len > TEXT_BLOCK ? len : TEXT_BLOCK;

		t = malloc(sizeof(*t) + size);
		if (t == NULL)
			return NULL;
		t->next = m->text;
		t->used = 0;
		t->size = size;
		m->text = t;
	}
	t->used += len;
	return memcpy(t->bytes + t->used - len, string, len);
}

void model_free(struct model *m)
{
	struct model_text *next;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->chain_count; i++)
		free(m->chains[i].rules);
	for (size_t i = 0; i < m->set_count; i++)
		free(m->sets[i].owned);
	free(m->chains);
	free(m->sets);
	free(m->objects);
	for (struct model_text *t = m->text; t != NULL; t = next) {
		next = t->next;
		free(t);
	}
	memset(m, 0, sizeof(*m));
}

/* The array with room for one more; NULL with errno ENOMEM, then the array is as it was. */
static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 16 : *cap * 2;
	void *p;

	if (count < *cap)
		return array;
	p = reallocarray(array, more, size);
	if (p != NULL)
		*cap = more;
	return p;
}

struct model_chain *model_add_chain(struct model *m, const char *name)
{
	struct model_chain *chains = grown(m->chains, m->chain_count, &m->chain_cap, sizeof(*chains));

	if (chains == NULL)
		return NULL;
	m->chains = chains;
	chains[m->chain_count] = (struct model_chain){ .name = model_string(m, name) };
	return chains[m->chain_count].name != NULL ? &chains[m->chain_count++] : NULL;
}

struct model_set *model_add_set(struct model *m, const char *name)
{
	struct model_set *sets = grown(m->sets, m->set_count, &m->set_cap, sizeof(*sets));

	if (sets == NULL)
		return NULL;
	m->sets = sets;
	sets[m->set_count] = (struct model_set){ .name = model_string(m, name), .kind = set_kind(name) };
	return sets[m->set_count].name != NULL ? &sets[m->set_count++] : NULL;
}

struct model_object *model_add_object(struct model *m, const char *name, uint32_t type)
{
	struct model_object *objects = grown(m->objects, m->object_count, &m->object_cap, sizeof(*objects));

	if (objects == NULL)
		return NULL;
	m->objects = objects;
	objects[m->object_count] = (struct model_object){ .name = model_string(m, name), .type = type };
	return objects[m->object_count].name != NULL ? &objects[m->object_count++] : NULL;
}

int map_entry_compare(const struct map_entry *a, const struct map_entry *b)
{
	int c = memcmp(a->first, b->first, sizeof(a->first));

	return c != 0 ? c : memcmp(a->last, b->last, sizeof(a->last));
}

int model_compare_chains(const void *a, const void *b)
{
	return strcmp(((const struct model_chain *)a)->name, ((const struct model_chain *)b)->name);
}

int model_compare_sets(const void *a, const void *b)
{
	return strcmp(((const struct model_set *)a)->name, ((const struct model_set *)b)->name);
}

int model_compare_objects(const void *a, const void *b)
{
	const struct model_object *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c != 0 ? c : (x->type > y->type) - (x->type < y->type);
}

static int compare_entries(const void *a, const void *b)
{
	return map_entry_compare(a, b);
}

/* qsort takes no null pointer, not even for nothing. */
static void sort(void *array, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count > 1)
		qsort(array, count, size, compare);
}

void model_sort(struct model *m)
{
	sort(m->chains, m->chain_count, sizeof(*m->chains), model_compare_chains);
	sort(m->sets, m->set_count, sizeof(*m->sets), model_compare_sets);
	sort(m->objects, m->object_count, sizeof(*m->objects), model_compare_objects);
	for (size_t i = 0; i < m->set_count; i++)
		if (m->sets[i].map != NULL)
			sort(m->sets[i].owned, m->sets[i].count, sizeof(struct map_entry), compare_entries);
}

struct model_chain *model_find_chain(const struct model *m, const char *name)
{
	struct model_chain key = { .name = name };

	return m->chain_count == 0 ? NULL : bsearch(&key, m->chains, m->chain_count, sizeof(key), model_compare_chains);
}

struct model_set *model_find_set(const struct model *m, const char *name)
{
	struct model_set key = { .name = name };

	return m->set_count == 0 ? NULL : bsearch(&key, m->sets, m->set_count, sizeof(key), model_compare_sets);
}
