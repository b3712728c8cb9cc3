#include "daemon/unrecorded.h"

#include "core/log.h"
#include "daemon/enforce.h"

#define LOOK_MS 250
#define STALLED_MS 1000 /* the database was only busy for a moment */
#define DEAD_MS 3000    /* a recorder that dies is back within two seconds */

static bool should_close(const struct daemon *d)
{
	struct recorder_state r;

	if (!d->lists->config->audit.deny_unrecorded)
		return false;
	recorder_state(d->recorder, &r);
	return r.idle_ms >= (r.running ? STALLED_MS : DEAD_MS);
}

static void tell(struct daemon *d)
{
	if (d->closed) {
		log_error("nothing can be recorded: new connections to enforced endpoints are denied (audit.on_failure: deny)");
		recorder_event(d->recorder, "closed", "hallowd", json_pack("{s:s}", "reason", "nothing can be recorded"));
	} else {
		log_notice("new connections are let in again");
		recorder_event(d->recorder, "opened", "hallowd",
		               json_pack("{s:I}", "seconds", (json_int_t)((time_now() - d->closed_at) / US_PER_SECOND)));
	}
}

static void change(struct daemon *d, bool closed)
{
	struct error err;

	d->closed = closed;
	if (enforce(d, NULL, NULL, &err) == -1) {
		log_warning("the policy cannot be %s: %s", closed ? "closed" : "opened", err.text);
		d->closed = !closed; /* tried again at the next look */
		return;
	}
	if (closed)
		d->closed_at = time_now();
	tell(d);
}

static void look(void *ctx)
{
	struct daemon *d = ctx;
	bool closed;

	if (d->stopping)
		return;
	closed = should_close(d);
	if (d->applied && !d->torn_down.is && closed != d->closed)
		change(d, closed);
	loop_after(d->loop, LOOK_MS, look, d);
}

void unrecorded_watch(struct daemon *d)
{
	loop_after(d->loop, LOOK_MS, look, d);
}
