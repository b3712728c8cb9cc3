/* The difference between the elements of one set as it is and as it is wanted. */
#ifndef HALLOWD_KERNEL_DIFF_SETS_H
#define HALLOWD_KERNEL_DIFF_SETS_H

#include "kernel/batch.h"
#include "kernel/kernel.h"
#include "kernel/model.h"

/* Each: 0, or -1 with errno ENOMEM. */

/* A list: puts what goes and then what comes, and notes both in `change`.  `have` is NULL where the set is made. */
int diff_list(const struct model_set *have, const struct model_set *want, struct batch *b,
              struct kernel_change *change);

/* A list that goes, with its set. */
int diff_list_gone(const struct model_set *have, struct batch *b, struct kernel_change *change);

/* The addresses of all agents or of all endpoints, likewise; what goes and comes is noted as the lists or endpoints that it is. */
int diff_addresses(const struct model_set *have, const struct model_set *want, struct batch *b);

/* A grant: puts its source with the time that it has left, unless the kernel has it; the kernel's own end stays. */
int diff_grant(const struct model_set *have, const struct model_set *want, struct batch *b);

/* A map, in two steps, because between them the chains change: entries that go first, entries that come last.
 * Both note the endpoints that they touch.  For the second, `have` is NULL where the map is made. */
int diff_map_gone(const struct model_set *have, const struct model_set *want, struct batch *b,
                  struct kernel_change *change);
int diff_map_new(const struct model_set *have, const struct model_set *want, struct batch *b,
                 struct kernel_change *change);

#endif
