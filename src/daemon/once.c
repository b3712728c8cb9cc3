#include "daemon/once.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "core/control.h"
#include "core/file.h"
#include "core/log.h"
#include "daemon/enforce.h"
#include "daemon/refresh.h"
#include "daemon/revision.h"
#include "daemon/request.h"

bool once_changes(const char *verb)
{
	return verb_changes(verb);
}

void once_fail(int exit_code, const char *error)
{
	json_t *answer = json_pack("{s:i, s:s, s:n}", "exit", exit_code, "error", error, "result");

	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(answer);
}

static void recorder_done(void *ctx, bool on_disk)
{
	struct daemon *d = ctx;

	if (!on_disk)
		log_warning("the audit log could not be written now; what happened is kept in the spool until it can");
	loop_stop(d->loop);
}

static void printed(void *ctx, const char *line, size_t len)
{
	struct daemon *d = ctx;

	if (write_all(STDOUT_FILENO, line, len) == -1)
		d->exit_status = EXIT_FAILED;
	d->stopping = true;
	if (d->recorder == NULL) {
		loop_stop(d->loop);
		return;
	}
	if (d->own_pending != NULL && d->applied && !d->torn_down.is) {
		own_lists_commit(d, d->own_pending, time_now());
		d->own_pending = NULL;
	}
	grants_expire(d);
	enforce_tell_counters(d);
	recorder_stop(d->recorder, recorder_done, d);
}

static void run_verb(void *ctx)
{
	verb_run(ctx);
}

int once_run(struct daemon *d, char **words, size_t count)
{
	struct request *r = request_new(d, words, count, d->asker, printed, d);
	struct error err;

	if (d->recorder != NULL) {
		recorder_start(d->recorder, d->nflog_fd, d->conntrack_fd);
		if (own_lists_take(d->lists, &d->own_pending, &err) == -1) {
			once_fail(EXIT_FAILED, err.text);
			return EXIT_FAILED;
		}
	}
	if (r == NULL || loop_after(d->loop, 0, run_verb, r) == 0) {
		once_fail(EXIT_FAILED, "no memory");
		return EXIT_FAILED;
	}
	return loop_run(d->loop) == -1 ? EXIT_FAILED : d->exit_status;
}
