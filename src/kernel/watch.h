/* Hears of changes that other programs make to table inet hallowd, where it has no owner: group NFNLGRP_NFTABLES
 * (linux/netfilter/nfnetlink.h), to which the kernel tells each part of a transaction and, last, the new generation
 * with the process that made it (NFTA_GEN_PROC_PID and NFTA_GEN_PROC_NAME of linux/netfilter/nf_tables.h).
 *
 * An owned table needs no watch, and must not have one: the kernel would tell us each element that we load. */
#ifndef HALLOWD_KERNEL_WATCH_H
#define HALLOWD_KERNEL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "kernel/kernel.h"

struct kernel_watch; /* opaque */

/* Opens a socket of its own; needs CAP_NET_ADMIN.  Transactions of `k` are none of others. */
int kernel_watch_open(struct kernel_watch **w, const struct kernel *k, struct error *err);
void kernel_watch_close(struct kernel_watch *w);
int kernel_watch_fd(const struct kernel_watch *w); /* readable when there is something */

#define DRIFT_PROCESS_MAX 32
#define DRIFT_WHAT_MAX 512

/* What one program, or several in a row, did. */
struct kernel_drift {
	bool any;                        /* the table was touched, or may have been */
	uint32_t pid;                    /* of who was first, as the kernel tells it; 0 where it does not */
	char process[DRIFT_PROCESS_MAX]; /* its name, "" where it is not told */
	char what[DRIFT_WHAT_MAX];       /* "rule added to chain prerouting, table removed"; the first few */
};

/* Reads all that waits, without waiting, into *drift (which is emptied first). */
void kernel_watch_read(struct kernel_watch *w, struct kernel_drift *drift);

#endif
