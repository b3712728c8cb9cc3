/* What struct kernel is, for the files of this folder. */
#ifndef HALLOWD_KERNEL_STATE_H
#define HALLOWD_KERNEL_STATE_H

#include "kernel/epoch.h"
#include "kernel/kernel.h"
#include "kernel/model.h"
#include "kernel/netlink.h"

struct kernel {
	struct netlink nl;
	char host[EPOCH_HOST_MAX];
	bool flags_known;
	uint32_t flags;     /* that the table is to have: TABLE_OWNER | TABLE_PERSIST, or none */
	bool remembered;    /* whether `known` is what the kernel has, as far as this process can tell */
	struct model known;
};

#endif
