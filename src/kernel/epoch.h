/* The name of one life of the table: boot, network namespace and the table's handle. */
#ifndef HALLOWD_KERNEL_EPOCH_H
#define HALLOWD_KERNEL_EPOCH_H

#include "core/error.h"

#define EPOCH_HOST_MAX 80

/* "BOOT_ID:NETNS" of the calling process, read once so that a sandbox may close /proc later.  0, or -1 with *err. */
int epoch_read_host(char out[EPOCH_HOST_MAX], struct error *err);

#endif
