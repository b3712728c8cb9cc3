/* What the kernel has of table inet hallowd. */
#ifndef HALLOWD_KERNEL_READ_H
#define HALLOWD_KERNEL_READ_H

#include "core/error.h"
#include "kernel/model.h"
#include "kernel/netlink.h"

/* Reads the table itself into m: present, flags, owner, handle.  0 also where there is none; -1 with errno. */
int read_table(struct netlink *nl, struct model *m);

/* Whether the table has the base chain.  0 with *there, or -1 with errno. */
int read_base_chain(struct netlink *nl, bool *there);

/* Reads all of it, sorted, as it was at one moment; m->generation is the ruleset's then.  `m` must be empty.
 * 0, or -1 with *err. */
int read_model(struct netlink *nl, struct model *m, struct error *err);

/* Reads the elements of the set, whose name and kind are filled in, into it.  0, or -1 with errno. */
int read_elements(struct netlink *nl, struct model *m, struct model_set *set);

/* A parsed element of a set.  Lengths are 0 where a part is missing. */
struct read_element {
	const uint8_t *key, *key_end;
	size_t key_size, key_end_size;
	uint32_t flags;     /* NFT_SET_ELEM_* */
	uint64_t packets;   /* of its counter, 0 where it has none */
	uint64_t expires_ms; /* until it goes away by itself, 0 where it does not */
	int32_t verdict;    /* maps: NFT_GOTO, ...; NFT_CONTINUE where it has none */
	const char *chain;  /* that the verdict goes to; "" for none */
};

typedef int read_element_visit(const struct read_element *e, void *ctx); /* 0, or -1 with errno */

/* Visits each element of a set.  0, or -1 with errno: EINTR where the ruleset changed meanwhile. */
int read_each_element(struct netlink *nl, const char *set, read_element_visit *visit, void *ctx);

#endif
