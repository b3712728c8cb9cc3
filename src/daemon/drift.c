#include "daemon/drift.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "daemon/enforce.h"
#include "kernel/watch.h"

#define TABLE "table inet " KERNEL_TABLE
/* Two programs that each repair what the other does would keep a host busy: after so many repairs in a row there is one
 * every PAUSE_MS, which is still within a second. */
#define AT_ONCE_MAX 5
#define PAUSE_MS 800
#define QUIET_MS 10000 /* a row has ended */

struct drift {
	struct kernel_watch *watch;
	struct kernel_drift found; /* since the last repair */
	unsigned timer;
	unsigned in_a_row;
	int64_t repaired_ms;
};

static void tell(struct daemon *d, const struct kernel_drift *found)
{
	json_t *detail = json_pack("{s:s}", "what", found->what);

	if (found->process[0] != '\0')
		json_object_set_new(detail, "process", json_string(found->process));
	if (found->pid != 0)
		json_object_set_new(detail, "pid", json_integer(found->pid));
	log_error(TABLE " was changed by %s (process %u): %s; it is made to match again",
	          found->process[0] == '\0' ? "another program" : found->process, (unsigned)found->pid, found->what);
	recorder_event(d->recorder, "drift", TABLE, detail);
}

/* In one transaction, from a fresh reading of the kernel. */
static void repair(struct daemon *d)
{
	struct kernel_change change = { 0 };
	struct error err;

	d->drifted = true;
	kernel_forget(d->kernel);
	if (enforce(d, NULL, &change, &err) == -1) {
		log_error("it could not be repaired, and is tried again: %s", err.text);
		return;
	}
	if (change.any)
		recorder_event(d->recorder, "repaired", TABLE, json_pack("{s:b}", "made_anew", change.table_made));
	kernel_change_free(&change);
}

static void found(struct daemon *d, const struct kernel_drift *found)
{
	if (d->torn_down.is || !d->applied)
		return;
	tell(d, found);
	repair(d);
}

static void repair_found(struct daemon *d)
{
	struct drift *w = d->drift;
	struct kernel_drift drift = w->found;

	w->found = (struct kernel_drift){ .any = false };
	w->in_a_row++;
	found(d, &drift);
	w->repaired_ms = time_boot_ms();
}

static void pause_over(void *ctx)
{
	struct daemon *d = ctx;

	d->drift->timer = 0;
	repair_found(d);
}

static void readable(void *ctx, short revents)
{
	struct daemon *d = ctx;
	struct drift *w = d->drift;
	struct kernel_drift drift;

	(void)revents;
	kernel_watch_read(w->watch, &drift);
	if (!drift.any || w->found.any)
		return; /* a repair is on its way already */
	w->found = drift;
	if (time_boot_ms() - w->repaired_ms > QUIET_MS)
		w->in_a_row = 0;
	if (w->in_a_row >= AT_ONCE_MAX)
		w->timer = loop_after(d->loop, PAUSE_MS, pause_over, d);
	if (w->timer == 0)
		repair_found(d);
}

int drift_watch(struct daemon *d, struct error *err)
{
	struct drift *w;

	if (kernel_has_owner(d->kernel))
		return 0;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return error_errno(err, ENOMEM, "watching nf_tables");
	if (kernel_watch_open(&w->watch, d->kernel, err) == -1) {
		free(w);
		return -1;
	}
	if (loop_watch(d->loop, kernel_watch_fd(w->watch), POLLIN, readable, d) == -1) {
		kernel_watch_close(w->watch);
		free(w);
		return error_errno(err, ENOMEM, "watching nf_tables");
	}
	w->repaired_ms = time_boot_ms();
	d->drift = w;
	return 0;
}

void drift_stop(struct daemon *d)
{
	if (d->drift == NULL)
		return;
	loop_unwatch(d->loop, kernel_watch_fd(d->drift->watch));
	loop_cancel(d->loop, d->drift->timer);
	kernel_watch_close(d->drift->watch);
	free(d->drift);
	d->drift = NULL;
}

/* Whether the kernel has something else than what it was made to match; *drift says what. */
static bool differs(struct daemon *d, struct kernel_drift *drift, struct error *err)
{
	struct kernel_change change = { 0 };
	struct kernel_state state;
	const char *what = NULL;

	if (kernel_state(d->kernel, &state, err) == -1)
		return false;
	if (!state.present || strcmp(state.epoch, d->epoch) != 0)
		what = "table removed";
	else if (!kernel_has_owner(d->kernel)) {
		if (kernel_plan(d->kernel, &d->policy, &change, err) == -1)
			return false;
		what = change.any ? "something changed" : NULL;
		kernel_change_free(&change);
	}
	*drift = (struct kernel_drift){ .any = what != NULL };
	if (what != NULL)
		memcpy(drift->what, what, strlen(what));
	err->text[0] = '\0';
	return drift->any;
}

void drift_check(struct daemon *d)
{
	struct kernel_drift drift;
	struct error err;

	if (!d->applied || d->torn_down.is)
		return;
	if (d->drifted) {
		repair(d);
		return;
	}
	if (differs(d, &drift, &err))
		found(d, &drift);
	else if (err.text[0] != '\0')
		snprintf(d->kernel_trouble, sizeof(d->kernel_trouble), "%s", err.text);
}
