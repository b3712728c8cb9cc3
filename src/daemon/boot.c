#include "daemon/boot.h"

#include <unistd.h>

#include "core/control.h"
#include "core/log.h"
#include "daemon/confirm.h"
#include "daemon/enforce.h"
#include "daemon/revision.h"
#include "daemon/start_config.h"

/* The names of lists that let nobody in, because nothing is known of them. */
static json_t *unknown_lists(const struct daemon *d)
{
	json_t *names = json_array();

	for (size_t i = 0; i < d->lists->config->list_count; i++) {
		const struct list_state *s = &d->lists->items[i];

		if (!list_unknown(s))
			continue;
		log_warning("nothing is known of list %s: it lets nobody in until hallowd has fetched it", s->config->name);
		json_array_append_new(names, json_string(s->config->name));
	}
	return names;
}

static int put_in_force(struct daemon *d, struct error *err)
{
	struct own_changes *own;
	struct torn_down before = d->torn_down;

	/* Their revisions are recorded by hallowd, which comes to the same when it starts. */
	if (own_lists_take(d->lists, &own, err) == -1)
		return -1;
	own_changes_free(own);
	d->torn_down.is = false;
	if (enforce(d, NULL, NULL, err) == -1)
		return -1;
	if (before.is)
		torn_down_forget(d);
	return 0;
}

int boot_run(struct daemon *d)
{
	const char *source = config_source_text(d->config_source);
	struct error err;

	if (put_in_force(d, &err) == -1) {
		log_error("nothing was put in force: %s", err.text);
		recorder_event(d->recorder, "boot", "hallowd", json_pack("{s:b, s:s}", "ok", 0, "error", err.text));
		return EXIT_FAILED;
	}
	recorder_event(d->recorder, "boot", "hallowd",
	               json_pack("{s:b, s:i, s:s, s:s, s:o, s:I}", "ok", 1, "pid", (int)getpid(), "version",
	                         PACKAGE_VERSION, "configuration", source, "unknown_lists", unknown_lists(d), "endpoints",
	                         (json_int_t)d->policy.endpoint_count));
	if (d->config_source == CONFIG_LAST_GOOD && d->tried.state == TRIED_WAITING)
		confirm_went_back(d);
	log_notice("the last good policy is in force: %zu lists, %zu endpoints", d->lists->config->list_count,
	           d->policy.endpoint_count);
	return EXIT_DONE;
}
