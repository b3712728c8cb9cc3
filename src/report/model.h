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

/* What was true of an endpoint for a while, clipped to the period.  The spans of an endpoint follow each other. */
enum report_state { REPORT_ENFORCED, REPORT_OBSERVED, REPORT_UNPROTECTED };

struct report_span {
	time_us from, to;
	enum report_state state;
};

/* One column of the timeline. */
struct report_slot {
	uint64_t allowed, denied; /* recorded */
	uint64_t aggregated, lost;
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

/* What one list, or grant, let in at an endpoint. */
struct report_use {
	char *list;
	uint64_t allowed;
};

/* What the rows of the period say, of all sources.  A tally is of a whole hour, and outlives its rows by up to one, so the
 * sums of the tallies may be more. */
struct report_rows {
	uint64_t allowed, denied, aggregated;
};

struct report_endpoint {
	char *name;              /* "": denied packets to a destination that no endpoint has any more */
	char *kind;              /* "" where neither the audit log nor the configuration says */
	char *mode;              /* "enforce", "observe", or "" likewise */
	char *place;             /* addresses, ports and protocol, for people; "" likewise */
	char *owner, *reason;    /* as configured, for the rule review; "" for none */
	char *lists;             /* that it allows, in order, joined by ','; "" likewise */
	char *way;               /* how the orchestrator connects: "direct", "bastion", "agent", "operator"; of an agent
	                            itself, "egress"; or "" */
	bool present;            /* in the policy that was last in force, or in the configuration */
	struct report_count allow, deny; /* by the tallies: of each hour that the period has part of */
	struct report_rows rows;
	bool seen;               /* coverage knows it in this period; else it was never in force */
	double coverage_percent; /* 0..100, rounded down; only where `seen` */
	time_us covered_from, covered_to; /* the span that it is a share of; only where `seen` */
	struct report_span *spans;
	size_t span_count;
	struct report_slot *slots; /* as many as the report has */
	struct report_use *uses; /* of what let somebody in, in no order */
	size_t use_count;
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

/* Not enforced; before the endpoint's first sight; after its last. */
enum report_gap_kind { GAP_UNPROTECTED, GAP_BEFORE, GAP_AFTER };

/* A time in which an endpoint was not protected, or of which nothing is known. */
struct report_gap {
	size_t endpoint; /* index into report.endpoints */
	time_us from, to;
	enum report_gap_kind kind;
	char *why;       /* a clause for people */
	bool explained;  /* an event of the log says why */
};

/* Denied attempts that were too many to be recorded one by one: hours of it that follow each other. */
struct report_flood {
	char *endpoint;
	time_us from, to;
	uint64_t sources; /* most of any hour */
	uint64_t attempts;
};

/* Access that a person gave for a time, and what was done under it. */
struct report_grant {
	uint64_t id;
	char *endpoint, *source, *by, *reason;
	char *from;        /* "": before the period */
	char *until;       /* as granted */
	char *ended, *how; /* "" and "in force"; else when, and "expired", or "revoked by NAME: REASON" */
	uint64_t connections;
};

/* Publishers of one list that did not say the same: refreshes that follow each other and saw the same. */
struct report_disagreement {
	char *list, *first, *last;
	char *what;         /* "docs names 6 addresses, provider 12" */
	uint64_t refreshes;
};

/* What is claimed of a check or a control.  Not covered: the log cannot show it. */
enum report_status { STATUS_MET, STATUS_NOT_MET, STATUS_NOT_COVERED };

/* The outcome of one of the checks of checks.h. */
struct report_finding {
	enum report_status status;
	char *evidence; /* one or two sentences with the numbers */
};

/* A requirement of a framework, and what the log says of it. */
struct report_control {
	char *framework, *id, *title;
	enum report_status status;
	char *evidence;      /* of its checks, and what stays to be shown otherwise */
	const char **checks; /* their names */
	size_t check_count;
};

/* What the audit log's hash tree and its signed checkpoints say. */
struct report_integrity {
	int ok;           /* 1: the log verifies; 0: it does not; -1: not known */
	char *checkpoint; /* the newest signed checkpoint, as its text; "" or NULL for none */
	char *problem;    /* what does not verify, or why it is not known; "" or NULL for nothing */
};

struct report {
	time_us from, to;   /* the period: from <= t < to */
	time_us made_at;
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
	uint64_t mirrored;  /* likewise, that were only seen (audit.observe): counted nowhere else */
	time_us slot;       /* how long each slot of the timeline is; slot I begins at (from / slot + I) * slot */
	struct report_slot *slots; /* of all endpoints together */
	size_t slot_count;
	struct report_gap *gaps; /* by time, then endpoint */
	size_t gap_count;
	struct report_flood *floods; /* by endpoint, then time */
	size_t flood_count;
	struct report_grant *grants; /* by time of the first event */
	size_t grant_count;
	struct report_disagreement *disagreements;
	size_t disagreement_count;
	uint64_t clock_steps;  /* rows of the period after which the clock went back by more than a second */
	time_us oldest;        /* of all rows of the log; 0: there is none */
	time_us complete_from; /* rows before it were deleted as old; 0: none were */
	int64_t retention;     /* seconds, as configured; 0: for ever; -1: not known */
	bool secrets_own;      /* no published list may reach a secret store */
	bool clock_known, clock_synchronised; /* of the host, when the report was made */
	struct report_integrity integrity;
	struct report_finding *findings; /* CHECK_COUNT of them: checks.h */
	struct report_control *controls; /* by framework, in the order of its file */
	size_t control_count;
};

/* What to report, and what the configuration knows of the endpoints that the views do not say. */
struct frameworks;

struct report_request {
	time_us from, to;
	const char *host;
	const struct policy_endpoint *endpoints;
	size_t endpoint_count;
	const char *const *list_names;        /* what policy_endpoint.lists are indexes into; NULL: not known */
	int64_t retention;                    /* seconds; 0: for ever; -1: not known */
	bool secrets_own;
	const struct frameworks *frameworks;  /* NULL for no controls */
	const struct report_integrity *integrity; /* what verifying came to; NULL: it was not asked */
};

/* 0 with *r (report_free), or -1: the audit log cannot be read, or memory ran out. */
int report_read(sqlite3 *db, const struct report_request *request, struct report **r, struct error *err);
void report_free(struct report *r);

/* Both verdicts together. */
struct report_count report_total(const struct report_endpoint *e);

void report_add(struct report_count *to, const struct report_count *c); /* each of its numbers */

/* Whether counted = recorded + aggregated + lost. */
bool report_balanced(const struct report_count *c);

/* Both of a denied attempt's kinds: recorded one by one, and only counted. */
uint64_t report_attempts(const struct report_source *s);

/* Whether the log knows nothing at all of the period: hallowd was not there yet, or no more, or its rows are deleted. */
bool report_is_silent(const struct report *r);

/* Whether two gaps are one, of several endpoints. */
bool report_same_gap(const struct report_gap *a, const struct report_gap *b);

/* How many gaps there are, each once for all its endpoints; only those of that kind, or of all kinds with -1. */
size_t report_count_gaps(const struct report *r, int kind);

/* Whether nothing is known of an endpoint of the present policy at the end of the period. */
bool report_lost_sight(const struct report *r, const struct report_endpoint *e);

/* What enforcing would have cut off: connections let in only because the endpoint was observed, and of how many sources. */
uint64_t report_would_deny(const struct report_endpoint *e, uint64_t *sources);

/* Connections that were let in, in this period, and whose rows were deleted as old. */
uint64_t report_deleted(const struct report *r, const struct report_endpoint *e);

/* How many connections that list let in at the endpoint; the name has `len` bytes. */
uint64_t report_use(const struct report_endpoint *e, const char *list, size_t len);

/* When it last let somebody in, of the recorded connections; "" for never. */
const char *report_last_use(const struct report_endpoint *e);

/* When slot `i` of the timeline begins; the first and the last are clipped to the period. */
time_us report_slot_start(const struct report *r, size_t i);

/* When the log begins: its oldest row of any kind; 0 where there is none. */
int report_oldest(sqlite3 *db, time_us *t, struct error *err);

/* From when on every row is there that was recorded: what is older was deleted by retention.  0 where nothing was. */
int report_complete_from(sqlite3 *db, time_us *t, struct error *err);

/* Sums over all of `audit.db`, for `hallowctl status`. */
int report_totals(sqlite3 *db, struct report_count *total, struct error *err);

#endif
