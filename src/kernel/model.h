/* What table inet hallowd holds: as a policy wants it, as the kernel has it, or as the last transaction left it. */
#ifndef HALLOWD_KERNEL_MODEL_H
#define HALLOWD_KERNEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/policy.h"
#include "core/prefix_set.h"
#include "kernel/rules.h"
#include "kernel/shape.h"

struct model_chain {
	const char *name;
	bool base;          /* hangs on a hook */
	bool foreign_hook;  /* read: a base chain whose hook, priority or policy are not ours */
	struct rule *rules; /* wanted or remembered: owned */
	size_t rule_count;
	const char *text;   /* read: the rules as rule_text writes them; else NULL */
};

/* One range of destinations, protocol and ports, and the chain that it goes to.  Keys as in the kernel: address,
 * protocol and port, each padded to four bytes, in network byte order; 12 or 24 bytes by the kind of set. */
#define MAP_KEY_MAX 24

struct map_entry {
	uint8_t first[MAP_KEY_MAX], last[MAP_KEY_MAX];
	const char *chain; /* "" where the verdict is none of ours */
};

struct model_set {
	const char *name;
	enum set_kind kind;
	uint32_t size;    /* most elements; 0: no limit */
	uint64_t timeout; /* wanted: milliseconds that a grant has left; 0: no end */
	bool foreign;     /* read: the definition is not the one of its kind, so it must be made anew */
	bool irregular;   /* read: holds elements that hallowd never writes, so it must be emptied */
	size_t count;
	const struct range4 *v4;     /* by kind, one of the three: addresses (set_is_v4) */
	const struct range6 *v6;     /* of IPv6 */
	const struct map_entry *map; /* set_is_map */
	void *owned;                 /* that memory, the model's */
};

struct model_object {
	const char *name;
	uint32_t type; /* NFT_OBJECT_* */
};

struct model_text; /* where a model keeps its strings */

struct model {
	bool present;
	uint32_t flags;      /* of the table */
	uint32_t owner;      /* netlink port, 0 for none */
	uint64_t handle;
	uint32_t generation; /* of the ruleset that this is true of */
	struct model_chain *chains;
	size_t chain_count, chain_cap;
	struct model_set *sets;
	size_t set_count, set_cap;
	struct model_object *objects;
	size_t object_count, object_cap;
	struct model_text *text;
};

void model_free(struct model *m); /* frees what it holds; it is then empty */

/* Each adds an empty one and returns it for the caller to fill in; valid until the next is added.  NULL with errno
 * ENOMEM. */
struct model_chain *model_add_chain(struct model *m, const char *name);
struct model_set *model_add_set(struct model *m, const char *name);
struct model_object *model_add_object(struct model *m, const char *name, uint32_t type);

/* A copy of the string that lives as long as the model.  NULL with errno ENOMEM. */
const char *model_string(struct model *m, const char *string);

/* Sorts each kind of thing by name, and the entries of maps by key. */
void model_sort(struct model *m);

/* NULL where there is none; the model must be sorted. */
struct model_chain *model_find_chain(const struct model *m, const char *name);
struct model_set *model_find_set(const struct model *m, const char *name);

/* The order that things are sorted in, for qsort and the like. */
int model_compare_chains(const void *a, const void *b);
int model_compare_sets(const void *a, const void *b);
int model_compare_objects(const void *a, const void *b);
int map_entry_compare(const struct map_entry *a, const struct map_entry *b); /* by first, then last */

/* What the policy comes to, sorted; nothing in it is the policy's.  `m` must be empty.
 * 0, or -1 with *err (no memory; a limit or a name that is none). */
int model_want(struct model *m, const struct policy *p, struct error *err);

#endif
