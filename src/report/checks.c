#include "report/checks.h"

#include <stdlib.h>
#include <string.h>

#include "report/outcome.h"
#include "report/read.h"

static const struct {
	const char *name, *title;
	check_function *run;
	bool always; /* also of a period of which the log knows nothing */
} checks[CHECK_COUNT] = {
	[CHECK_DEFAULT_DENY] = { "default-deny", "Denied by default", check_default_deny, false },
	[CHECK_COVERAGE_COMPLETE] = { "coverage-complete", "Protected without a gap", check_coverage, false },
	[CHECK_SOURCES_NAMED] = { "sources-named", "Every source by a list or a grant", check_sources_named, false },
	[CHECK_SERVICES_DESCRIBED] = { "services-described", "Services described", check_services, true },
	[CHECK_PURPOSE_RECORDED] = { "purpose-recorded", "Reason and owner", check_purpose, true },
	[CHECK_CHANGES_APPROVED] = { "changes-approved", "Changes of lists decided", check_changes, false },
	[CHECK_ORIGINS_EVIDENCED] = { "origins-evidenced", "Evidence of the origins", check_origins, false },
	[CHECK_GRANTS_BOUNDED] = { "grants-bounded", "Grants with an end", check_grants, false },
	[CHECK_EGRESS_LIMITED] = { "egress-limited", "Egress limited", check_egress, false },
	[CHECK_SECRET_STORES_SEPARATE] = { "secret-stores-separate", "Secret stores kept apart", check_secret_stores_separate,
	                           false },
	[CHECK_DRIFT_REPAIRED] = { "drift-repaired", "Changes by others repaired", check_drift, false },
	[CHECK_LOG_COMPLETE] = { "log-complete", "Log complete", check_complete, false },
	[CHECK_LOG_DETAILED] = { "log-detailed", "Log detailed", check_detailed, false },
	[CHECK_LOG_INTACT] = { "log-intact", "Log intact", check_intact, true },
	[CHECK_LOG_RETAINED] = { "log-retained", "Log kept for twelve months", check_retained, true },
	[CHECK_LOG_RETAINED_QUARTER] = { "log-retained-90-days", "Log kept for 90 days", check_retained_quarter, true },
	[CHECK_FAILURES_DETECTED] = { "failures-detected", "Failures explained", check_failures, false },
	[CHECK_TIME_SYNCHRONISED] = { "time-synchronised", "Clock", check_time, true },
	[CHECK_REVIEW_DUE] = { "review-due", "Review of the rules", check_review, true },
};

const char *check_name(enum check c)
{
	return checks[c].name;
}

const char *check_title(enum check c)
{
	return checks[c].title;
}

int check_parse(enum check *c, const char *name)
{
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		if (strcmp(checks[i].name, name) == 0) {
			*c = (enum check)i;
			return 0;
		}
	}
	return -1;
}

/* Where nothing was watched, that nothing was seen is no evidence. */
static void run_check(unsigned i, const struct report *r, struct outcome *o)
{
	if (checks[i].always || !report_is_silent(r)) {
		checks[i].run(r, o);
		return;
	}
	o->status = STATUS_NOT_COVERED;
	outcome_say(o, "The log knows nothing of this period.");
}

int report_check_all(struct report *r, struct error *err)
{
	r->findings = calloc(CHECK_COUNT, sizeof(*r->findings));
	if (r->findings == NULL)
		return report_no_memory(err);
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		struct outcome o = { STATUS_MET, BUFFER_INIT, false };
		int status;

		run_check(i, r, &o);
		r->findings[i].status = o.status;
		status = o.failed || buffer_str(&o.evidence) == NULL ?
		             report_no_memory(err) :
		             report_copy(&r->findings[i].evidence, buffer_str(&o.evidence), err);
		buffer_free(&o.evidence);
		if (status == -1)
			return -1;
	}
	return 0;
}

const char *report_status_text(enum report_status status)
{
	switch (status) {
	case STATUS_MET:
		return "met";
	case STATUS_NOT_MET:
		return "not-met";
	case STATUS_NOT_COVERED:
		break;
	}
	return "not-covered";
}
