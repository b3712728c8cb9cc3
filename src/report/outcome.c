#include "report/outcome.h"

#include <stdarg.h>
#include <string.h>

void outcome_say(struct outcome *o, const char *fmt, ...)
{
	va_list ap;

	if (o->evidence.len > 0 && buffer_add(&o->evidence, " ", 1) == -1)
		o->failed = true;
	va_start(ap, fmt);
	if (buffer_vprintf(&o->evidence, fmt, ap) == -1)
		o->failed = true;
	va_end(ap);
}

static bool is_known(const struct report_endpoint *e)
{
	return *e->name != '\0' && (e->seen || e->present);
}

size_t outcome_count(const struct report *r, endpoint_test *test)
{
	size_t n = 0;

	for (size_t i = 0; i < r->endpoint_count; i++)
		n += is_known(&r->endpoints[i]) && (test == NULL || test(r, &r->endpoints[i]));
	return n;
}

void outcome_say_endpoints(struct outcome *o, const struct report *r, const char *before, endpoint_test *test)
{
	struct buffer b = BUFFER_INIT;
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < r->endpoint_count; i++) {
		if (!is_known(&r->endpoints[i]) || !test(r, &r->endpoints[i]))
			continue;
		if (shown == 5)
			more++;
		else if (buffer_printf(&b, "%s%s", shown++ > 0 ? ", " : "", r->endpoints[i].name) == -1)
			o->failed = true;
	}
	if (more > 0 && buffer_printf(&b, " and %zu more", more) == -1)
		o->failed = true;
	if (buffer_str(&b) != NULL)
		outcome_say(o, "%s %s.", before, (const char *)b.data);
	else
		o->failed = true;
	buffer_free(&b);
}

bool outcome_no_endpoints(const struct report *r, struct outcome *o)
{
	if (outcome_count(r, NULL) > 0)
		return false;
	o->status = STATUS_NOT_COVERED;
	outcome_say(o, "No endpoint was protected in this period.");
	return true;
}

size_t outcome_events(const struct report *r, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->event_count; i++)
		n += strcmp(r->events[i].kind, kind) == 0;
	return n;
}
