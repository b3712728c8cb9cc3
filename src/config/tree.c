#include "config/tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/yaml_error.h"

struct builder {
	yaml_parser_t parser;
	struct complaints *complaints;
	struct node *root;
	struct node *open[TREE_DEPTH_MAX]; /* the collections that the parser is in, outermost first */
	size_t depth;
	bool root_seen;
	bool done;
	bool refused; /* cannot be taken as a whole; complained about */
};

void node_free(struct node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->count; i++)
		node_free(n->items[i]);
	free(n->items);
	free(n->text);
	free(n);
}

size_t node_pairs(const struct node *mapping)
{
	return mapping->count / 2;
}

const struct node *node_key(const struct node *mapping, size_t pair)
{
	return mapping->items[2 * pair];
}

const struct node *node_value(const struct node *mapping, size_t pair)
{
	return mapping->items[2 * pair + 1];
}

const struct node *node_get(const struct node *n, const char *key)
{
	if (n == NULL || n->kind != NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i < node_pairs(n); i++) {
		const struct node *k = node_key(n, i);

		if (k->kind == NODE_SCALAR && strcmp(k->text, key) == 0)
			return node_value(n, i);
	}
	return NULL;
}

bool node_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->plain &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

const char *node_kind_text(const struct node *n)
{
	if (n->kind == NODE_MAPPING)
		return "a mapping";
	if (n->kind == NODE_SEQUENCE)
		return "a sequence";
	return node_is_null(n) ? "nothing" : "text";
}

static struct place place_of(const yaml_mark_t *mark)
{
	return (struct place){ .line = (unsigned)mark->line + 1, .column = (unsigned)mark->column + 1 };
}

static struct node *node_new(enum node_kind kind, const yaml_mark_t *mark)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n != NULL) {
		n->kind = kind;
		n->at = place_of(mark);
	}
	return n;
}

static int node_append(struct node *to, struct node *item)
{
	if (to->count == to->cap) {
		size_t cap = to->cap == 0 ? 8 : to->cap * 2;
		struct node **items = realloc(to->items, cap * sizeof(struct node *));

		if (items == NULL)
			return -1;
		to->items = items;
		to->cap = cap;
	}
	to->items[to->count++] = item;
	return 0;
}

static bool key_expected(const struct node *in)
{
	return in != NULL && in->kind == NODE_MAPPING && in->count % 2 == 0;
}

static bool key_acceptable(struct builder *b, const struct node *key)
{
	if (key->kind == NODE_SCALAR && key->plain && strcmp(key->text, "<<") == 0) {
		complain(b->complaints, key->at, "merge keys ('<<') are not supported; write the values out");
		return false;
	}
	if (key->kind == NODE_SCALAR || key->kind == NODE_REFUSED)
		return true;
	complain(b->complaints, key->at, "a key is %s here; expected one word, such as 'lists'", node_kind_text(key));
	return false;
}

/* Puts a node where the parser is.  Takes over `n`, on failure too. */
static int place_node(struct builder *b, struct node *n)
{
	struct node *in = b->depth > 0 ? b->open[b->depth - 1] : NULL;

	if (n == NULL)
		return -1;
	if (in == NULL) {
		b->root = n;
		b->root_seen = true;
		return 0;
	}
	if (key_expected(in) && !key_acceptable(b, n))
		n->kind = NODE_REFUSED;
	if (node_append(in, n) == 0)
		return 0;
	node_free(n);
	return -1;
}

static void refuse_decoration(struct builder *b, const yaml_mark_t *mark, const yaml_char_t *anchor,
                              const yaml_char_t *tag)
{
	if (anchor != NULL)
		complain(b->complaints, place_of(mark),
		         "anchors ('&') are not supported; write the value out where it is needed");
	if (tag != NULL)
		complain(b->complaints, place_of(mark), "tags ('!') are not supported; leave the tag out");
}

static int take_scalar(struct builder *b, const yaml_event_t *e)
{
	struct node *n = node_new(NODE_SCALAR, &e->start_mark);
	const char *value = (const char *)e->data.scalar.value;

	refuse_decoration(b, &e->start_mark, e->data.scalar.anchor, e->data.scalar.tag);
	if (n == NULL)
		return -1;
	n->text = strdup(value);
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (n->text == NULL) {
		node_free(n);
		return -1;
	}
	if (strlen(value) != e->data.scalar.length) {
		complain(b->complaints, n->at, "the text holds a NUL character; leave it out");
		n->kind = NODE_REFUSED;
	}
	return place_node(b, n);
}

static int take_alias(struct builder *b, const yaml_event_t *e)
{
	struct node *n = node_new(NODE_REFUSED, &e->start_mark);

	if (n != NULL)
		complain(b->complaints, n->at, "aliases ('*') are not supported; write the value out");
	return place_node(b, n);
}

static int open_collection(struct builder *b, enum node_kind kind, const yaml_event_t *e)
{
	struct node *n;

	if (b->depth == TREE_DEPTH_MAX) {
		complain(b->complaints, place_of(&e->start_mark), "this is nested too deep; the most is %d levels",
		         TREE_DEPTH_MAX);
		b->refused = true;
		return 0;
	}
	n = node_new(kind, &e->start_mark);
	if (place_node(b, n) != 0)
		return -1;
	b->open[b->depth++] = n;
	return 0;
}

struct key_at {
	struct node *key;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key_at *x = a, *y = b;
	int order = strcmp(x->key->text, y->key->text);

	if (order != 0)
		return order;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The first of the same keys counts; each later one is refused. */
static int refuse_duplicates(struct builder *b, struct node *mapping)
{
	struct key_at *keys = calloc(node_pairs(mapping) + 1, sizeof(*keys));
	size_t count = 0, first = 0;
	char text[SHOWN_MAX];

	if (keys == NULL)
		return -1;
	for (size_t i = 0; i < mapping->count; i += 2)
		if (mapping->items[i]->kind == NODE_SCALAR)
			keys[count++] = (struct key_at){ .key = mapping->items[i], .index = i };
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(keys[i].key->text, keys[first].key->text) != 0) {
			first = i;
			continue;
		}
		complain(b->complaints, keys[i].key->at,
		         "%s stands here a second time (first on line %u); keep one of the two",
		         shown(keys[i].key->text, text), keys[first].key->at.line);
		keys[i].key->kind = NODE_REFUSED;
	}
	free(keys);
	return 0;
}

static int close_collection(struct builder *b)
{
	struct node *n = b->open[--b->depth];

	/* A collection in the place of a key is refused already, and has no kind any more. */
	return n->kind == NODE_MAPPING ? refuse_duplicates(b, n) : 0;
}

static int begin_document(struct builder *b, const yaml_event_t *e)
{
	if (b->root_seen) {
		complain(b->complaints, place_of(&e->start_mark),
		         "a second document begins here; expected one in the file; remove the line '---'");
		b->done = true;
	}
	return 0;
}

static int take_event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(b, e);
	case YAML_SCALAR_EVENT:
		return take_scalar(b, e);
	case YAML_ALIAS_EVENT:
		return take_alias(b, e);
	case YAML_SEQUENCE_START_EVENT:
		refuse_decoration(b, &e->start_mark, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		return open_collection(b, NODE_SEQUENCE, e);
	case YAML_MAPPING_START_EVENT:
		refuse_decoration(b, &e->start_mark, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return open_collection(b, NODE_MAPPING, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(b);
	case YAML_STREAM_END_EVENT:
		b->done = true;
		return 0;
	default:
		return 0;
	}
}

/* 0, or -1 where memory ran out. */
static int build(struct builder *b, const char *text, size_t len)
{
	yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b->parser, (const unsigned char *)text, len);
	while (!b->done && !b->refused) {
		yaml_event_t event;
		int result;

		if (!yaml_parser_parse(&b->parser, &event)) {
			b->refused = true;
			return yaml_error_complain(&b->parser, text, len, b->complaints);
		}
		result = take_event(b, &event);
		yaml_event_delete(&event);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* A byte order mark is no part of the text, and would shift the columns of the first line. */
static void skip_byte_order_mark(const char **text, size_t *len)
{
	if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*len -= 3;
	}
}

struct node *tree_parse(const char *text, size_t len, struct complaints *complaints)
{
	struct builder b = { .complaints = complaints };

	if (!yaml_parser_initialize(&b.parser)) {
		complaints->out_of_memory = true;
		return NULL;
	}
	skip_byte_order_mark(&text, &len);
	if (build(&b, text, len) != 0)
		complaints->out_of_memory = true;
	if (complaints->out_of_memory || b.refused) {
		node_free(b.root);
		b.root = NULL;
	} else if (!b.root_seen) {
		complain(complaints, (struct place){ 1, 1 },
		         "the file is empty; expected a configuration that begins with 'version: 1'");
	}
	yaml_parser_delete(&b.parser);
	return b.root;
}
