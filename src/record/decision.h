/* From what a log rule said (its prefix) and when, to the decision that the row names: endpoint, verdict, reason,
 * list and the list's revision at that time. */
#ifndef HALLOWD_RECORD_DECISION_H
#define HALLOWD_RECORD_DECISION_H

#include "record/log_prefix.h"
#include "record/policies.h"
#include "record/store.h"
#include "record/tally.h"

/* Which life of the kernel's table a packet was counted in. */
enum epoch_of { EPOCH_CURRENT, EPOCH_NEWER, EPOCH_OLDER };

struct decision {
	int64_t id;
	struct pool *pool;   /* borrowed from the pools */
	enum epoch_of epoch; /* against the one that the pools count in */
};

struct decided {
	bool known;
	const struct audit_policy *policy; /* that it was decided by */
	struct decision decision;
};

struct decider {
	struct store *store;
	struct pools *pools;
	const struct policies *policies;
	const struct log_prefixes *prefixes;
	struct decided *cache; /* for each prefix, the newest; owned */
	size_t cache_count;
};

void decider_free(struct decider *d); /* what it owns; it may be used again */

/* To be called when policies, pools or the epoch have changed, and after a rollback. */
void decider_forget(struct decider *d);

/* 0 with *decision, or -1 with store->err. */
int decide(struct decider *d, const struct row *row, struct decision *decision);

#endif
