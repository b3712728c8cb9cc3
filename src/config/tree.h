/* A YAML file as a tree in which every node knows where it stands.
 *
 * What YAML has and a configuration does not need is refused with its place rather than given a meaning that a reader
 * may miss: anchors and aliases, merge keys, tags, several documents, keys that are no scalars, the same key twice. */
#ifndef HALLOWD_CONFIG_TREE_H
#define HALLOWD_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/complaint.h"

#define TREE_SIZE_MAX ((size_t)1024 * 1024) /* bytes of a file */
#define TREE_DEPTH_MAX 16                   /* collections within each other */

enum node_kind {
	NODE_SCALAR,
	NODE_SEQUENCE,
	NODE_MAPPING,
	NODE_REFUSED /* complained about already: whoever meets it says nothing more */
};

struct node {
	enum node_kind kind;
	struct place at;
	char *text;          /* scalars: without a NUL inside */
	bool plain;          /* scalars: written without quotes and not as a block */
	struct node **items; /* sequences: the items; mappings: key, value, key, value ... */
	size_t count, cap;
};

/* Parses `len` bytes of UTF-8.  The tree (node_free) holds the whole file even where there were complaints about parts
 * of it; NULL where it cannot be read as YAML or is empty, with a complaint, or where memory ran out. */
struct node *tree_parse(const char *text, size_t len, struct complaints *complaints);
void node_free(struct node *n);

/* The pairs of a mapping, in the order of the file.  The key of a pair that was refused is a NODE_REFUSED. */
size_t node_pairs(const struct node *mapping);
const struct node *node_key(const struct node *mapping, size_t pair);
const struct node *node_value(const struct node *mapping, size_t pair);

/* The value of a key; NULL where there is none, or where n is NULL or no mapping. */
const struct node *node_get(const struct node *n, const char *key);

/* Nothing was written: "key:" alone, or "~" or "null". */
bool node_is_null(const struct node *n);

/* "a mapping", "a sequence", "nothing", "text": for messages. */
const char *node_kind_text(const struct node *n);

#endif
