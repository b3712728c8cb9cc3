#include "daemon/confirm.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "daemon/configure.h"
#include "daemon/json_text.h"

#define TRY_AGAIN_MS 10000

static void set_timer(struct daemon *d, int64_t ms);

time_us confirm_until(const struct tried *t)
{
	return time_now() + (t->until_ms - time_boot_ms()) * 1000;
}

int confirm_begin(struct daemon *d, const struct config *next, const char *by, int64_t seconds, struct tried *t,
                  struct error *err)
{
	/* While another one waits, the good one is the one before that. */
	if (d->tried.state != TRIED_WAITING && kept_config_save_good(d->state_fd, d->lists->config, err) == -1)
		return -1;
	*t = (struct tried){ .state = TRIED_WAITING, .since = time_now(), .until_ms = time_boot_ms() + seconds * 1000 };
	snprintf(t->by, sizeof(t->by), "%s", by);
	if (tried_save(d->state_fd, t, next, err) == 0)
		return 0;
	confirm_abandon(d);
	return -1;
}

void confirm_abandon(struct daemon *d)
{
	struct error err;

	if (d->tried.state == TRIED_NONE)
		tried_forget(d->state_fd);
	else if (tried_save(d->state_fd, &d->tried, d->tried.state == TRIED_WAITING ? d->lists->config : NULL, &err) == -1)
		log_error("%s", err.text);
}

void confirm_wait(struct daemon *d, const struct tried *t)
{
	d->tried = *t;
	d->config_source = CONFIG_UNCONFIRMED;
	set_timer(d, t->until_ms - time_boot_ms());
}

static void forget(struct daemon *d)
{
	loop_cancel(d->loop, d->confirm_timer);
	d->confirm_timer = 0;
	if (d->tried.state != TRIED_NONE)
		tried_forget(d->state_fd);
	d->tried = (struct tried){ .state = TRIED_NONE };
	d->config_source = CONFIG_FILE;
}

void confirm_settle(struct daemon *d)
{
	struct error err;

	if (kept_config_save_good(d->state_fd, d->lists->config, &err) == -1)
		log_error("%s; a boot with a broken configuration would not be protected", err.text);
	forget(d);
}

void confirm_went_back(struct daemon *d)
{
	struct error err;

	loop_cancel(d->loop, d->confirm_timer);
	d->confirm_timer = 0;
	d->tried.state = TRIED_LEFT;
	d->config_source = CONFIG_LAST_GOOD;
	if (tried_save(d->state_fd, &d->tried, NULL, &err) == -1)
		log_error("%s", err.text);
	log_warning("the configuration was not confirmed in time; the one before it is in force again");
	recorder_event(d->recorder, "went-back", d->config_path,
	               json_pack("{s:s, s:o, s:s}", "by", d->tried.by, "since", json_time(d->tried.since), "reason",
	                         "not confirmed in time"));
}

void confirm_started(struct daemon *d)
{
	if (d->config_source == CONFIG_UNCONFIRMED)
		set_timer(d, d->tried.until_ms - time_boot_ms());
	else if (d->config_source == CONFIG_FILE)
		confirm_settle(d);
	else if (d->tried.state == TRIED_WAITING)
		confirm_went_back(d);
}

int confirm_keep(struct daemon *d, const char *by, struct error *err)
{
	if (d->tried.state != TRIED_WAITING)
		return error_set(err, "no configuration waits to be confirmed%s",
		                 d->tried.state == TRIED_LEFT ? ": it was too late, and the one before is in force again; "
		                                                "'hallowctl reload' takes up the file" : "");
	if (kept_config_save_good(d->state_fd, d->lists->config, err) == -1)
		return -1;
	recorder_event(d->recorder, "confirmed", d->config_path,
	               json_pack("{s:s, s:s, s:o}", "by", by, "reloaded_by", d->tried.by, "since",
	                         json_time(d->tried.since)));
	forget(d);
	return 0;
}

/* --- going back */

static void back(void *ctx, int exit_code, const char *error)
{
	struct daemon *d = ctx;

	(void)exit_code;
	if (error != NULL && d->tried.state == TRIED_WAITING && d->confirm_timer == 0)
		set_timer(d, TRY_AGAIN_MS);
}

static void over(void *ctx)
{
	struct daemon *d = ctx;

	d->confirm_timer = 0;
	if (!d->stopping)
		configure_back(d, back, d);
}

static void set_timer(struct daemon *d, int64_t ms)
{
	loop_cancel(d->loop, d->confirm_timer);
	d->confirm_timer = loop_after(d->loop, ms > 0 ? ms : 0, over, d);
}
