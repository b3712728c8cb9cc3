/* The configuration as a whole: in force, kept, or no more. */
#include "core/control.h"
#include "core/log.h"
#include "daemon/configure.h"
#include "daemon/confirm.h"
#include "daemon/enforce.h"
#include "daemon/operation.h"
#include "daemon/verbs.h"

static void reloaded(void *ctx, int exit_code, const char *error)
{
	struct request *r = ctx;
	char until[TIME_TEXT_MAX];

	time_format(confirm_until(&r->d->tried), 0, until);
	if (error != NULL)
		request_fail(r, exit_code, "%s", error);
	else if (r->confirm > 0)
		request_answer(r, exit_code,
		               json_pack("{s:o, s:s}", "text",
		                         json_sprintf("the configuration is in force: %s; it goes back by itself at %s unless "
		                                      "'hallowctl confirm' keeps it", r->d->config_path, until), "goes_back_at",
		                         until));
	else
		request_answer(r, exit_code, json_pack("{s:s+}", "text", "the configuration is in force: ", r->d->config_path));
}

/* Without a running hallowd the configuration has just been read: what is left is to enforce it, also after a teardown. */
static void enforce_once(struct request *r)
{
	struct daemon *d = r->d;
	struct torn_down before = d->torn_down;
	struct error err;

	for (size_t i = 0; i < d->lists->config->list_count; i++)
		if (list_unknown(&d->lists->items[i])) {
			request_fail(r, EXIT_FAILED, "nothing is known of list %s, so its endpoints would be cut off; 'hallowctl refresh' "
			                             "first", d->lists->config->lists[i].name);
			return;
		}
	d->torn_down.is = false;
	if (enforce(d, &r->session, NULL, &err) == -1) {
		d->torn_down = before;
		request_fail(r, EXIT_FAILED, "%s", err.text);
		return;
	}
	torn_down_forget(d);
	recorder_event(d->recorder, "reload", d->config_path, json_pack("{s:s, s:b}", "by", r->user, "ok", 1));
	request_answer(r, EXIT_DONE, json_pack("{s:s+}", "text", "the configuration is in force: ", d->config_path));
}

void verb_reload(struct request *r)
{
	if (r->d->once && r->confirm > 0)
		request_fail(r, EXIT_FAILED, "hallowd is not running; 'reload --confirm' needs it, to go back by itself");
	else if (r->d->once)
		enforce_once(r);
	else
		configure_reload(r->d, r->user, &r->session, r->confirm, reloaded, r);
}

static void run_confirm(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct error err;

	if (confirm_keep(d, r->user, &err) == -1)
		request_fail(r, EXIT_FAILED, "%s", err.text);
	else
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "text", "the configuration stays in force"));
	operation_end(d);
}

void verb_confirm(struct request *r)
{
	verb_submit(r, run_confirm);
}

static void run_teardown(struct daemon *d, void *ctx)
{
	struct request *r = ctx;
	struct error err;

	if (enforce_end(d, r->user, r->words[1], &err) == -1) {
		request_fail(r, EXIT_FAILED, "%s", err.text);
	} else {
		log_warning("torn down by %s: %s", r->user, r->words[1]);
		recorder_event(d->recorder, "teardown", "table inet " KERNEL_TABLE,
		               json_pack("{s:s, s:s}", "by", r->user, "reason", r->words[1]));
		request_answer(r, EXIT_DONE, json_pack("{s:s}", "text", "nothing is enforced any more: table inet " KERNEL_TABLE
		                                                        " was removed; 'hallowctl reload' or a start of hallowd "
		                                                        "enforces again"));
	}
	operation_end(d);
}

void verb_teardown(struct request *r)
{
	verb_submit(r, run_teardown);
}
