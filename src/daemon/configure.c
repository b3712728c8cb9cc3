#include "daemon/configure.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/log.h"
#include "daemon/confirm.h"
#include "daemon/enforce.h"
#include "daemon/file_watch.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/operation.h"
#include "daemon/presence.h"
#include "daemon/refresh.h"
#include "daemon/revision.h"
#include "daemon/schedule.h"
#include "daemon/service.h"

enum configuring_kind { STARTING, RELOADING, GOING_BACK };

struct configuring {
	struct daemon *d;
	struct lists *lists;   /* the new ones; at the start, d->lists */
	enum configuring_kind kind;
	char by[64];
	struct session session;
	int64_t confirm;       /* seconds; 0: for good */
	struct tried tried;    /* with `confirm` */
	configured *done;
	void *ctx;
};

/* Ends the operation. */
static void finish(struct configuring *c, int exit_code, const char *error)
{
	struct daemon *d = c->d;

	if (c->kind == RELOADING && error != NULL) {
		log_error("the configuration was not reloaded, the one before stays in force: %s", error);
		recorder_event(d->recorder, "reload", d->config_path, json_pack("{s:s, s:b, s:s}", "by", c->by, "ok", 0, "error",
		                                                                 error));
	}
	if (c->kind == GOING_BACK && error != NULL)
		log_error("the configuration was not confirmed, and the one before could not be put in force: %s", error);
	if (c->kind != STARTING && error != NULL)
		lists_free(c->lists);
	if (c->kind == RELOADING)
		service_ready(error == NULL ? "enforcing" : "enforcing; the last reload failed");
	c->done(c->ctx, exit_code, error);
	free(c);
	operation_end(d);
}

static void warn_unknown(const struct list_result *r)
{
	for (size_t i = 0; i < r->reasons.count; i++)
		log_error("list %s: %s", r->list->config->name, r->reasons.items[i]);
	log_error("nothing is known of list %s: it lets nobody in until it was fetched", r->list->config->name);
}

/* A tunnel that is to end at another name now, which cannot be resolved: the old end is what is known. */
static bool is_renamed(const struct list_result *r)
{
	const struct list_config *c = r->list->config;

	return r->list->reconfigured && r->origin_failed && c->origin_count > 0 && c->origins[0].kind == ORIGIN_NAME;
}

/* A new list that nothing is known of keeps a reload from being taken up.  False with *err. */
static bool all_known(const struct configuring *c, struct refresh *r, struct error *err)
{
	size_t count;
	const struct list_result *results = refresh_results(r, &count);

	for (size_t i = 0; i < count; i++) {
		if (c->kind == RELOADING && is_renamed(&results[i])) {
			error_set(err, "list %s: %s; what the name was before stays in force", results[i].list->config->name,
			          results[i].reasons.count > 0 ? results[i].reasons.items[0] : "it cannot be resolved");
			return false;
		}
		if (!list_unknown(results[i].list))
			continue;
		if (c->kind == RELOADING) {
			error_set(err, "nothing is known of list %s, so its endpoints would be cut off: %s",
			          results[i].list->config->name,
			          results[i].reasons.count > 0 ? results[i].reasons.items[0] : "no origin answered");
			return false;
		}
		warn_unknown(&results[i]);
	}
	return true;
}

/* The new configuration is in force. */
static void note_taken_up(struct configuring *c, time_us when)
{
	struct daemon *d = c->d;
	char until[TIME_TEXT_MAX];
	json_t *detail;

	if (c->kind == STARTING) {
		confirm_started(d);
	} else if (c->kind == GOING_BACK) {
		confirm_went_back(d);
	} else {
		detail = json_pack("{s:s, s:b}", "by", c->by, "ok", 1);
		if (c->confirm > 0) {
			confirm_wait(d, &c->tried);
			json_object_set_new(detail, "goes_back_at", json_string(time_format(confirm_until(&c->tried), 0, until)));
		} else {
			confirm_settle(d);
		}
		recorder_event_at(d->recorder, when, "reload", d->config_path, detail);
	}
}

/* Makes the kernel match the new lists; on failure everything is as it was. */
static int take_up(struct configuring *c, struct refresh *r, struct error *err)
{
	struct daemon *d = c->d;
	struct lists *old = d->lists;
	struct torn_down torn_down = d->torn_down;
	struct kernel_change change = { 0 };
	struct own_changes *own;
	time_us when;

	if (own_lists_take(c->lists, &own, err) == -1)
		return -1;
	if (c->confirm > 0 && confirm_begin(d, c->lists->config, c->by, c->confirm, &c->tried, err) == -1) {
		own_changes_free(own);
		return -1;
	}
	d->lists = c->lists;
	d->torn_down.is = false;
	if (enforce(d, &c->session, &change, err) == -1) {
		d->lists = old;
		d->torn_down = torn_down;
		own_changes_free(own);
		if (c->confirm > 0)
			confirm_abandon(d);
		return -1;
	}
	if (torn_down.is || c->kind == STARTING)
		torn_down_forget(d);
	when = change.committed_at != 0 ? change.committed_at : time_now();
	kernel_change_free(&change);
	refresh_commit(r, when);
	own_lists_commit(d, own, when);
	if (notifier_configure(d->notifier, &d->lists->config->notify) == -1)
		log_error("no memory: people are told of what happens as before");
	metrics_configure(d);
	if (c->kind != STARTING)
		lists_free(old);
	note_taken_up(c, when);
	return 0;
}

static void judged(void *ctx, struct refresh *r)
{
	struct configuring *c = ctx;
	struct error err;
	bool taken = all_known(c, r, &err) && take_up(c, r, &err) == 0;

	refresh_free(r);
	malloc_trim(0); /* what long lists took on their way */
	if (!taken) {
		finish(c, EXIT_FAILED, err.text);
		return;
	}
	schedule_start(c->d, true);
	file_watch_start(c->d);
	presence_start(c->d);
	finish(c, EXIT_DONE, NULL);
}

static void ask_unknown(struct configuring *c)
{
	if (refresh_start(c->d, c->lists, true, NULL, 0, judged, c) == NULL)
		finish(c, EXIT_FAILED, "no memory to ask the lists' origins");
}

/* The sockets were made with a privilege that is gone. */
static bool observe_changed(const struct audit_config *old, const struct audit_config *new)
{
	if (old->observe_count != new->observe_count)
		return true;
	for (size_t i = 0; i < old->observe_count; i++)
		if (strcmp(old->observe[i].interface, new->observe[i].interface) != 0 ||
		    strcmp(old->observe[i].filter, new->observe[i].filter) != 0)
			return true;
	return false;
}

/* What cannot change while hallowd runs, since it stands on it. */
static const char *fixed_part_changed(const struct config *old, const struct config *new)
{
	if (strcmp(old->state_dir, new->state_dir) != 0)
		return "state_dir";
	if (strcmp(old->run_dir, new->run_dir) != 0)
		return "run_dir";
	if (old->audit.nflog_group != new->audit.nflog_group)
		return "audit.nflog_group";
	if (observe_changed(&old->audit, &new->audit))
		return "audit.observe";
	if (old->kernel.owner != new->kernel.owner)
		return "kernel.owner";
	return NULL;
}

int configure_check_fixed(const struct daemon *d, const struct config *new, struct error *err)
{
	const char *fixed = fixed_part_changed(d->lists->config, new);

	if (fixed == NULL)
		return 0;
	return error_set(err, "%s: %s has changed; that needs a restart of hallowd, which leaves the policy in force",
	                 d->config_path, fixed);
}

static int load_again(struct configuring *c, struct buffer *errors)
{
	struct config *config;
	struct error err;

	if (config_load(c->d->config_path, &config, errors) == -1)
		return -1;
	if (configure_check_fixed(c->d, config, &err) == -1) {
		buffer_printf(errors, "%s", err.text);
		config_free(config);
		return -1;
	}
	if (lists_load(config, c->d->state_fd, &c->lists, &err) == -1) {
		buffer_printf(errors, "%s", err.text);
		return -1;
	}
	return 0;
}

static void run_reload(struct daemon *d, void *ctx)
{
	struct configuring *c = ctx;
	struct buffer errors = BUFFER_INIT;
	struct error err;
	const char *text;

	service_reloading();
	if (d->tried.state == TRIED_WAITING && c->confirm == 0) {
		finish(c, EXIT_FAILED, "another configuration waits to be confirmed; 'hallowctl confirm' keeps that one, and "
		                       "'hallowctl reload --confirm DURATION' tries the file instead");
	} else if (revisions_save_again(d, &err) == -1) {
		/* A reload begins with the lists as they are on disk. */
		finish(c, EXIT_FAILED, err.text);
	} else if (load_again(c, &errors) == 0) {
		ask_unknown(c);
	} else {
		text = buffer_str(&errors);
		finish(c, EXIT_USAGE, text == NULL ? "no memory for the configuration" : text);
	}
	buffer_free(&errors);
}

static void run_start(struct daemon *d, void *ctx)
{
	struct configuring *c = ctx;

	c->lists = d->lists;
	ask_unknown(c);
}

/* The lists of the last good configuration were in force before: none is asked for. */
static void run_back(struct daemon *d, void *ctx)
{
	static char none[] = "";
	static char *const names[] = { none };
	struct configuring *c = ctx;
	struct buffer errors = BUFFER_INIT;
	struct config *config = NULL;
	struct error err;

	if (d->tried.state != TRIED_WAITING) {
		finish(c, EXIT_DONE, NULL); /* it was confirmed while this waited for its turn */
	} else if (kept_config_load_good(d->state_fd, &config, &errors) == -1 || config == NULL) {
		finish(c, EXIT_FAILED, errors.len > 0 && buffer_str(&errors) != NULL ? buffer_str(&errors)
		                                                                     : "it is not kept in state_dir any more");
	} else if (lists_load(config, d->state_fd, &c->lists, &err) == -1) {
		finish(c, EXIT_FAILED, err.text);
	} else if (refresh_start(d, c->lists, true, names, 1, judged, c) == NULL) {
		finish(c, EXIT_FAILED, "no memory");
	}
	buffer_free(&errors);
}

static void submit(operation_run *run, const struct configuring *wish)
{
	struct configuring *c = malloc(sizeof(*c));

	if (c == NULL) {
		wish->done(wish->ctx, EXIT_FAILED, "no memory");
		return;
	}
	*c = *wish;
	if (operation_submit(c->d, run, c) == -1) {
		free(c);
		wish->done(wish->ctx, EXIT_FAILED, "no memory");
	}
}

void configure_start(struct daemon *d, configured *done, void *ctx)
{
	submit(run_start, &(struct configuring){ .d = d, .kind = STARTING, .done = done, .ctx = ctx });
}

void configure_reload(struct daemon *d, const char *by, const struct session *session, int64_t confirm,
                      configured *done, void *ctx)
{
	struct configuring c = { .d = d, .kind = RELOADING, .confirm = confirm, .done = done, .ctx = ctx };

	snprintf(c.by, sizeof(c.by), "%s", by);
	if (session != NULL)
		c.session = *session;
	submit(run_reload, &c);
}

void configure_back(struct daemon *d, configured *done, void *ctx)
{
	submit(run_back, &(struct configuring){ .d = d, .kind = GOING_BACK, .done = done, .ctx = ctx });
}
