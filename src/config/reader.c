#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "config/value.h"

#define KEYS_TEXT_MAX 512

void reader_set_text(struct reader *r, char **member, const char *text)
{
	free(*member);
	*member = strdup(text);
	if (*member == NULL)
		r->complaints->out_of_memory = true;
}

const char *reader_hint(const struct node *mapping, const char *wrong, char out[READER_HINT_MAX])
{
	struct suggestion s;

	_Static_assert(READER_HINT_MAX == SUGGEST_TEXT_MAX, "one buffer serves both");
	suggest_begin(&s, wrong);
	if (mapping != NULL && mapping->kind == NODE_MAPPING)
		for (size_t i = 0; i < node_pairs(mapping); i++)
			if (node_key(mapping, i)->kind == NODE_SCALAR)
				suggest_consider(&s, node_key(mapping, i)->text);
	return suggest_text(&s, out);
}

static const struct field *find_field(const struct shape *shape, const char *key)
{
	for (size_t i = 0; i < shape->field_count; i++)
		if (strcmp(shape->fields[i].key, key) == 0)
			return &shape->fields[i];
	return NULL;
}

/* "a, b or c": the keys that may stand in the mapping. */
static const char *keys_text(const struct shape *shape, char out[KEYS_TEXT_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < shape->field_count && len < KEYS_TEXT_MAX; i++) {
		const char *between = i == 0 ? "" : i == shape->field_count - 1 ? " or " : ", ";

		len += (size_t)snprintf(out + len, KEYS_TEXT_MAX - len, "%s%s", between, shape->fields[i].key);
	}
	return out;
}

static void complain_unknown_key(struct reader *r, const struct shape *shape, const struct node *key)
{
	char text[SHOWN_MAX], keys[KEYS_TEXT_MAX], hint[SUGGEST_TEXT_MAX];
	struct suggestion s;

	suggest_begin(&s, key->text);
	for (size_t i = 0; i < shape->field_count; i++)
		suggest_consider(&s, shape->fields[i].key);
	complain(r->complaints, key->at, "unknown key %s in %s; expected %s%s", shown(key->text, text), shape->what,
	         keys_text(shape, keys), suggest_text(&s, hint));
}

static void take_pair(struct reader *r, const struct shape *shape, const struct node *key, const struct node *value,
                      void *into)
{
	const struct field *f;

	if (key->kind != NODE_SCALAR)
		return;
	f = find_field(shape, key->text);
	if (f == NULL) {
		complain_unknown_key(r, shape, key);
		return;
	}
	f->take(r, f, value, into);
}

static bool is_missing(const struct field *f, const struct node *n)
{
	return f->required && node_get(n, f->key) == NULL && (f->or_else == NULL || node_get(n, f->or_else) == NULL);
}

bool take_mapping(struct reader *r, const struct shape *shape, struct place owner, const struct node *n, void *into)
{
	char keys[KEYS_TEXT_MAX];

	if (n->kind == NODE_REFUSED)
		return false;
	if (n->kind != NODE_MAPPING) {
		complain(r->complaints, n->at, "%s stands where %s is described; expected a mapping of %s",
		         node_kind_text(n), shape->what, keys_text(shape, keys));
		return false;
	}
	for (size_t i = 0; i < node_pairs(n); i++)
		take_pair(r, shape, node_key(n, i), node_value(n, i), into);
	for (size_t i = 0; i < shape->field_count; i++)
		if (is_missing(&shape->fields[i], n))
			complain(r->complaints, owner, "the key '%s' is missing in %s", shape->fields[i].key,
			         shape->what);
	return true;
}

static void *member(const struct field *f, void *into)
{
	return into == NULL ? NULL : (char *)into + f->offset;
}

/* Integers and enums of any width: the value was checked against the field's bounds. */
static void store(const struct field *f, void *into, uint64_t value)
{
	uint8_t v8 = (uint8_t)value;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	if (into == NULL)
		return;
	switch (f->size) {
	case sizeof(v8):
		memcpy(member(f, into), &v8, sizeof(v8));
		break;
	case sizeof(v16):
		memcpy(member(f, into), &v16, sizeof(v16));
		break;
	case sizeof(v32):
		memcpy(member(f, into), &v32, sizeof(v32));
		break;
	default:
		memcpy(member(f, into), &value, sizeof(value));
	}
}

void take_text(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	char **text = member(f, into);
	char *new;

	if (!value_text(r, value, &new))
		return;
	if (text == NULL) {
		free(new);
		return;
	}
	free(*text);
	*text = new;
}

void take_path(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	const char *path;

	if (value_path(r, value, &path) && into != NULL)
		reader_set_text(r, member(f, into), path);
}

void take_name(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	const char *name;

	if (value_name(r, value, &name) && into != NULL)
		reader_set_text(r, member(f, into), name);
}

void take_truth(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	bool truth;

	if (value_truth(r, value, &truth) && into != NULL)
		*(bool *)member(f, into) = truth;
}

void take_number(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	uint64_t number;

	if (value_number(r, value, f->min, f->max, &number))
		store(f, into, number);
}

void take_duration(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	int64_t seconds;

	if (value_duration(r, value, f->min, f->max, &seconds) && into != NULL)
		*(int64_t *)member(f, into) = seconds;
}

void take_size(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	uint64_t bytes;

	if (value_size(r, value, f->min, f->max, &bytes))
		store(f, into, bytes);
}

void take_amount(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	struct amount amount;

	if (value_amount(r, value, f->max, &amount) && into != NULL)
		*(struct amount *)member(f, into) = amount;
}

void take_choice(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	unsigned choice;

	if (value_choice(r, value, f->choices, &choice))
		store(f, into, choice);
}

void take_reference(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	value_reference(r, value, member(f, into));
}

void take_nested(struct reader *r, const struct field *f, const struct node *value, void *into)
{
	take_mapping(r, f->shape, value->at, value, member(f, into));
}
