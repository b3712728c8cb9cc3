/* What the audit log can be asked on behalf of a control: a small, fixed vocabulary.  rules/controls/NAME.yaml says which
 * of these a control stands on; rules/README.md describes each for people who add a framework.
 *
 * A check claims no more than the log shows: where the log has nothing to say, the outcome is STATUS_NOT_COVERED. */
#ifndef HALLOWD_REPORT_CHECKS_H
#define HALLOWD_REPORT_CHECKS_H

#include "report/model.h"

enum check {
	CHECK_DEFAULT_DENY,
	CHECK_COVERAGE_COMPLETE,
	CHECK_SOURCES_NAMED,
	CHECK_SERVICES_DESCRIBED,
	CHECK_PURPOSE_RECORDED,
	CHECK_CHANGES_APPROVED,
	CHECK_ORIGINS_EVIDENCED,
	CHECK_GRANTS_BOUNDED,
	CHECK_EGRESS_LIMITED,
	CHECK_SECRET_STORES_SEPARATE,
	CHECK_DRIFT_REPAIRED,
	CHECK_LOG_COMPLETE,
	CHECK_LOG_DETAILED,
	CHECK_LOG_INTACT,
	CHECK_LOG_RETAINED,
	CHECK_LOG_RETAINED_QUARTER,
	CHECK_FAILURES_DETECTED,
	CHECK_TIME_SYNCHRONISED,
	CHECK_REVIEW_DUE,
	CHECK_COUNT
};

/* "default-deny", and for people "Denied by default". */
const char *check_name(enum check c);
const char *check_title(enum check c);

/* 0 with *c, or -1 where there is no such check. */
int check_parse(enum check *c, const char *name);

/* Fills in r->findings.  0, or -1 with *err. */
int report_check_all(struct report *r, struct error *err);

/* Fills in r->controls from the findings: not met where one of its checks is not; else not covered where one is not, or
 * where it has none; else met. */
int report_map_controls(struct report *r, const struct frameworks *frameworks, struct error *err);

/* "met", "not-met", "not-covered". */
const char *report_status_text(enum report_status status);

#endif
