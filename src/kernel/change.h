/* Gathers what a transaction comes to, for people: struct kernel_change. */
#ifndef HALLOWD_KERNEL_CHANGE_H
#define HALLOWD_KERNEL_CHANGE_H

#include <stddef.h>

#include "kernel/kernel.h"

enum endpoint_change { ENDPOINT_ADDED, ENDPOINT_CHANGED, ENDPOINT_REMOVED };

/* Each of these: 0, or -1 with errno ENOMEM. */

/* Notes that a part of the endpoint (name of `len` bytes) changed; may be told of one endpoint again and again. */
int change_endpoint(struct kernel_change *c, enum endpoint_change what, const char *name, size_t len);

/* The list's entry, made where it was not there; lists come one after the other.  NULL with errno ENOMEM. */
struct kernel_list_change *change_list(struct kernel_change *c, const char *name, size_t len);

/* After the last note: each endpoint once, in one place; of each list the addresses, however they were grouped. */
int change_finish(struct kernel_change *c);

#endif
