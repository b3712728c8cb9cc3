/* Inside of src/report: what each check of checks.h is told, and how it answers. */
#ifndef HALLOWD_REPORT_OUTCOME_H
#define HALLOWD_REPORT_OUTCOME_H

#include <stdbool.h>

#include "core/buffer.h"
#include "report/checks.h"

/* Begins as met and with no evidence. */
struct outcome {
	enum report_status status;
	struct buffer evidence; /* whole sentences */
	bool failed;            /* memory lacked for some of it */
};

/* Adds a sentence to the evidence. */
void outcome_say(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is asked of one endpoint. */
typedef bool endpoint_test(const struct report *r, const struct report_endpoint *e);

/* How many endpoints of the period are so; NULL: how many there are. */
size_t outcome_count(const struct report *r, endpoint_test *test);

/* Adds "BEFORE api, orders and 3 more.": the endpoints that are so. */
void outcome_say_endpoints(struct outcome *o, const struct report *r, const char *before, endpoint_test *test);

/* Whether the period has no endpoint; then that is said, and the outcome is STATUS_NOT_COVERED. */
bool outcome_no_endpoints(const struct report *r, struct outcome *o);

size_t outcome_events(const struct report *r, const char *kind); /* how many of the period's events are of that kind */

/* Each answers one check of checks.h from the report. */
typedef void check_function(const struct report *r, struct outcome *o);

/* checks_access.c: who can reach what */
check_function check_default_deny, check_coverage, check_sources_named, check_services, check_purpose, check_review;
check_function check_egress, check_secret_stores_separate;

/* checks_changes.c: what changed, and what went wrong */
check_function check_changes, check_origins, check_grants, check_drift, check_failures;

/* checks_log.c: the log itself */
check_function check_complete, check_detailed, check_intact, check_retained, check_retained_quarter, check_time;

#endif
