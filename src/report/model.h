/* What a report says, read once from the views of audit.db (interface.md, "The audit log for people with sqlite3"), in
 * one read transaction, so that its numbers belong together.  Each format renders this and nothing else. */
#ifndef HALLOWD_REPORT_MODEL_H
#define HALLOWD_REPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "core/address.h"
#include "core/error.h"
#include "core/policy.h"
#include "core/time_text.h"

/* counted = recorded + aggregated + lost.  New connections for the verdict allow, packets for deny. */
struct report_count {
	uint64_t counted, recorded, aggregated, lost;
};

/* What one source did at one endpoint. */
struct report_source {
	char *source;
	uint64_t allowed;    /* new connections recorded */
	uint64_t observed; /* of those: let in only because the endpoint is observed; enforced, they would be denied */
	uint64_t denied;     /* attempts recorded one by one */
	uint64_t aggregated; /* attempts counted, not recorded one by one */
	char *list;          /* that let it in last; "" for none */
	char *first, *last;  /* RFC 3339 */
	struct address address; /* for the order; family 0 where `source` is no address */
};

struct report_endpoint {
	char *name;              /* "": denied packets to a destination that no endpoint has any more */
	char *kind;              /* "" where neither the audit log nor the configuration says */
	char *mode;              /* "enforce", "observe", or "" likewise */
	struct report_count allow, deny;
	bool seen;               /* coverage knows it in this period; else it was never in force */
	double coverage_percent; /* 0..100, rounded down; only where `seen` */
	time_us covered_from, covered_to; /* the span that it is a share of; only where `seen` */
	struct report_source *sources; /* by address */
	size_t source_count;
	bool is_secret_store;
	uint64_t orchestrator_allowed; /* of a secret store: recorded connections of addresses that a list with origins ever
	                                  had, whatever let them in */
};

struct report_change {
	char *list;
	uint64_t revision;
	char *time;
	char *added, *removed; /* JSON arrays of CIDR */
	char *origins;         /* JSON */
	char *decided_by, *reason;
};

struct report_event {
	char *time, *kind, *subject;
	char *detail;     /* JSON object */
	bool is_decision; /* a person decided something */
};

/* A span in which something was counted that is in no row. */
struct report_loss {
	char *endpoint, *verdict, *from, *to;
	uint64_t lost;
};

struct report {
	time_us from, to;   /* the period: from <= t < to */
	char *host;
	struct report_endpoint *endpoints;
	size_t endpoint_count;
	struct report_change *changes;
	size_t change_count;
	struct report_event *events; /* all of them, decisions included */
	size_t event_count;
	struct report_loss *losses;
	size_t loss_count;
	uint64_t rows;      /* connections of the period, recorded one by one */
};

/* What to report, and what the configuration knows of the endpoints that the views do not say. */
struct report_request {
	time_us from, to;
	const char *host;
	const struct policy_endpoint *endpoints;
	size_t endpoint_count;
};

/* 0 with *r (report_free), or -1: the audit log cannot be read, or memory ran out. */
int report_read(sqlite3 *db, const struct report_request *request, struct report **r, struct error *err);
void report_free(struct report *r);

/* Both verdicts together. */
struct report_count report_total(const struct report_endpoint *e);

/* Whether counted = recorded + aggregated + lost. */
bool report_balanced(const struct report_count *c);

/* Sums over all of `audit.db`, for `hallowctl status`. */
int report_totals(sqlite3 *db, struct report_count *total, struct error *err);

#endif
