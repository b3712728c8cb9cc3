/* From what the kernel has to what is wanted: one batch, in an order that the kernel accepts, and what it comes to. */
#ifndef HALLOWD_KERNEL_DIFF_H
#define HALLOWD_KERNEL_DIFF_H

#include "kernel/batch.h"
#include "kernel/kernel.h"
#include "kernel/model.h"

/* Puts into the batch (begun by the caller) what turns `have` into `want`; nothing where they are the same.
 * want->flags are those that the table is to have; the caller sees to it that nobody else owns it.  Both models are
 * sorted.
 * `change` must be empty; it gets all but bytes and committed_at.
 * 0, or -1 with errno ENOMEM; then batch and change are to be thrown away. */
int diff_models(const struct model *have, const struct model *want, struct batch *b, struct kernel_change *change);

#endif
