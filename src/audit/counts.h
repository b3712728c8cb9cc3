/* What was recorded in a period, counted by source and by day, without reading each row: from blocks (block.h) where they
 * are wholly in the period, else from their rows.  Exact to the microsecond. */
#ifndef HALLOWD_AUDIT_COUNTS_H
#define HALLOWD_AUDIT_COUNTS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/error.h"
#include "core/time_text.h"

/* A row of table `decision`. */
struct audit_decision {
	int64_t id;
	char *endpoint;
	uint8_t deny;         /* the verdict: 0 allow, 1 deny */
	char *reason;         /* listed, not-listed, observed, granted, … */
	char *list;           /* the one that let it in; else all of the endpoint's, joined by ','; "" where it has none */
	char *revision;       /* likewise */
	uint8_t mirrored;     /* what the policy says of connections that were only seen */
};

struct audit_decisions {
	struct audit_decision *all; /* by id; owned */
	size_t count;
};

/* 0 with *d (audit_decisions_free), or -1 with *err. */
int audit_decisions_read(sqlite3 *db, struct audit_decisions *d, struct error *err);
void audit_decisions_free(struct audit_decisions *d);
const struct audit_decision *audit_decision(const struct audit_decisions *d, int64_t id); /* NULL: there is none */

/* Denied packets of one source that were counted and not recorded one by one. */
struct audit_aggregate {
	char *endpoint;      /* owned */
	struct address source;
	uint64_t packets;
	time_us first, last; /* of the spans that they were counted in */
};

struct audit_aggregates {
	struct audit_aggregate *all; /* in no order, none twice; owned */
	size_t count;
};

/* Of the spans that touch from <= t < to: what crosses an edge counts whole.  0 with *a (audit_aggregates_free), or -1
 * with *err. */
int audit_aggregates_read(sqlite3 *db, time_us from, time_us to, struct audit_aggregates *a, struct error *err);
void audit_aggregates_free(struct audit_aggregates *a);

/* The rows of one source and decision. */
struct audit_source_count {
	struct address source;
	int64_t decision;
	uint64_t rows;
	time_us first, last; /* the earliest and the latest in the period */
};

/* The rows of one decision on one day (UTC). */
struct audit_day_count {
	time_us day; /* its first moment */
	int64_t decision;
	uint64_t rows;
};

struct audit_counts {
	struct audit_source_count *sources; /* in no order, none twice; owned */
	size_t source_count;
	struct audit_day_count *days;       /* by day, then decision, none twice; owned */
	size_t day_count;
};

/* Of the rows of `connection` with from <= time < to, within one read transaction (the caller's, where what else it reads
 * should fit).  0 with *c (audit_counts_free), or -1 with *err. */
int audit_counts_read(sqlite3 *db, time_us from, time_us to, struct audit_counts *c, struct error *err);

/* The days alone: these need not read by source. */
int audit_days_read(sqlite3 *db, time_us from, time_us to, struct audit_counts *c, struct error *err);
void audit_counts_free(struct audit_counts *c);

#endif
