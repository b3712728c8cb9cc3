/* What the report can say of the audit log itself. */
#include <inttypes.h>

#include "core/number.h"
#include "report/outcome.h"

#define DAY_SECONDS INT64_C(86400)
#define YEAR_DAYS 365
#define QUARTER_DAYS 90

void check_complete(const struct report *r, struct outcome *o)
{
	uint64_t counted = 0, lost = 0;
	bool balanced = true;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		struct report_count total = report_total(&r->endpoints[i]);

		counted += total.counted;
		lost += total.lost;
		balanced = balanced && report_balanced(&total);
	}
	if (outcome_no_endpoints(r, o))
		return;
	outcome_say(o, "The kernel counted %" PRIu64 "; %" PRIu64 " of these are in no row.", counted, lost);
	if (lost > 0 || !balanced)
		o->status = STATUS_NOT_MET;
	if (!balanced)
		outcome_say(o, "The sums do not match.");
}

void check_detailed(const struct report *r, struct outcome *o)
{
	if (r->rows == 0) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "%s", r->complete_from > r->from ?
		                         "No row of this period is there any more; what is counted of it is in tallies." :
		                         "No connection was recorded in this period.");
		return;
	}
	outcome_say(o, "%" PRIu64 " row%s, each with time, source, destination, protocol, verdict, and the rule that decided "
	               "it.", r->rows, number_plural(r->rows));
}

void check_intact(const struct report *r, struct outcome *o)
{
	if (r->integrity.ok == 1) {
		outcome_say(o, "The audit log's hash tree matches its signed checkpoints.");
	} else if (r->integrity.ok == 0) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "The audit log does not verify: %s.", r->integrity.problem);
	} else {
		o->status = STATUS_NOT_COVERED;
		if (*r->integrity.problem != '\0')
			outcome_say(o, "The audit log was not verified in full: %s.", r->integrity.problem);
		else
			outcome_say(o, "The audit log was not verified for this report.");
	}
}

/* Whether rows are kept for so long, and have been. */
static void retained_for(const struct report *r, struct outcome *o, int64_t wanted)
{
	int64_t days = r->retention / DAY_SECONDS, reach;

	if (r->retention < 0) {
		o->status = STATUS_NOT_COVERED;
		outcome_say(o, "The configured retention is not known.");
		return;
	}
	if (r->retention == 0)
		outcome_say(o, "Rows are kept for ever.");
	else
		outcome_say(o, "Rows are kept for %" PRId64 " days; asked for are %" PRId64 ".", days, wanted);
	if (r->retention != 0 && days < wanted)
		o->status = STATUS_NOT_MET;
	reach = r->complete_from > r->oldest ? r->complete_from : r->oldest;
	reach = reach == 0 ? 0 : (r->made_at - reach) / US_PER_SECOND / DAY_SECONDS;
	outcome_say(o, "The log reaches back %" PRId64 " day%s so far.", reach, number_plural((uint64_t)reach));
	if (o->status == STATUS_MET && reach < wanted)
		o->status = STATUS_NOT_COVERED;
}

void check_retained(const struct report *r, struct outcome *o)
{
	retained_for(r, o, YEAR_DAYS);
}

void check_retained_quarter(const struct report *r, struct outcome *o)
{
	retained_for(r, o, QUARTER_DAYS);
}

/* Whether the clock was right all the time is nowhere in the log; that it was wrong may be. */
void check_time(const struct report *r, struct outcome *o)
{
	size_t set = outcome_events(r, "clock");

	o->status = STATUS_NOT_COVERED;
	if (set > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "The clock was set %zu time%s while hallowd ran.", set, number_plural(set));
	}
	if (r->clock_steps > 0) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "The clock went back by more than a second; %" PRIu64 " row%s after it.", r->clock_steps,
		            r->clock_steps == 1 ? " was recorded" : "s were recorded");
	} else {
		outcome_say(o, "No step back of the clock is in the rows of this period.");
	}
	if (r->clock_known && !r->clock_synchronised) {
		o->status = STATUS_NOT_MET;
		outcome_say(o, "When the report was made, the kernel said that its clock is not synchronised.");
	} else if (r->clock_known) {
		outcome_say(o, "When the report was made, the kernel said that its clock is synchronised; the log does not say so of "
		               "the whole period.");
	}
}
