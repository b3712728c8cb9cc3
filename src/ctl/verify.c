/* The whole audit log against its tree and its checkpoints. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/verify.h"
#include "ctl/answer.h"
#include "ctl/daemon.h"
#include "ctl/earlier_logs.h"
#include "ctl/keys.h"
#include "report/plain.h"

enum { AGAINST, KEY };

static const struct verb_option options[] = {
	[AGAINST] = { "against", "FILE", "a checkpoint that was kept elsewhere must be in it too; '-' for standard input" },
	[KEY] = { "key", "KEY", "the public key, or a file with them; else those of state_dir/audit.pub" },
	{ NULL, NULL, NULL },
};

#define PROGRESS_AFTER_MS 1000

struct progress {
	int64_t began_ms;
	bool shown;
};

/* Only where somebody looks, and not for what is over at once. */
static void show_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct progress *p = ctx;

	if (time_monotonic_ms() - p->began_ms < PROGRESS_AFTER_MS || !isatty(STDERR_FILENO))
		return;
	p->shown = true;
	fprintf(stderr, "\r%3llu %% of %llu rows", (unsigned long long)(done * 100 / all), (unsigned long long)all);
}

static json_t *row_json(const struct verify_result *r)
{
	if (r->row[0] == '\0')
		return json_null();
	return r->is_connection ? json_integer(strtoll(r->row, NULL, 10)) : json_string(r->row);
}

static json_t *newest_json(const struct verify_result *r)
{
	char time[TIME_TEXT_MAX];

	if (r->newest.size == 0)
		return json_null();
	return json_pack("{s:s, s:I, s:s}", "origin", r->newest.origin, "rows", (json_int_t)r->newest.size, "time",
	                 time_format(r->newest.time, 1, time));
}

static void show_json(const struct verify_result *r, json_t *earlier)
{
	json_t *bad = r->ok ? json_null() : json_pack("{s:o, s:s}", "row", row_json(r), "what", r->what);
	json_t *all = json_pack("{s:b, s:I, s:I, s:o, s:I, s:o, s:O}", "ok", r->ok, "rows", (json_int_t)r->rows, "checkpoints",
	                        (json_int_t)r->checkpoints, "first_bad", bad, "retired", (json_int_t)r->retired,
	                        "newest_checkpoint", newest_json(r), "earlier_logs", earlier);

	answer_print(all);
	json_decref(all);
}

static void show_text(const struct verify_result *r)
{
	char time[TIME_TEXT_MAX];

	if (!r->ok) {
		fputs("NOT OK: ", stdout);
		if (r->row[0] != '\0')
			printf("%s%s: ", r->is_connection ? "connection " : "", r->row);
		plain_write(stdout, r->what);
		putchar('\n');
		return;
	}
	printf("ok: %llu rows are as they were recorded", (unsigned long long)r->rows);
	if (r->retired > 0)
		printf(", %llu were deleted as old", (unsigned long long)r->retired);
	if (r->newest.size == 0)
		printf("; no checkpoint was signed yet, so nobody outside of this file can say whether all are there\n");
	else
		printf("; the newest of %llu checkpoints covers %llu of %llu, %s\n", (unsigned long long)r->checkpoints,
		       (unsigned long long)r->newest.size, (unsigned long long)r->leaves, time_format(r->newest.time, 0, time));
}

/* Whoever removes a whole log is not found by what the next one holds. */
static void show_earlier(const json_t *earlier)
{
	const json_t *log;
	size_t i;

	json_array_foreach(earlier, i, log) {
		plain_print(stdout, "before this log there was another, whose rows are not in it: %s", answer_text(log, "file"));
		if (*answer_text(log, "time") != '\0')
			plain_print(stdout, " was signed over %lld, %s", answer_number(log, "rows"), answer_text(log, "time"));
		fputc('\n', stdout);
	}
}

static int present(struct ctl *ctl, const struct verify_result *r)
{
	json_t *earlier = earlier_logs(ctl->config->state_dir);

	if (ctl->format == OUTPUT_JSON) {
		show_json(r, earlier);
	} else {
		show_text(r);
		show_earlier(earlier);
	}
	json_decref(earlier);
	return r->ok ? EXIT_DONE : EXIT_NOT_VERIFIED;
}

/* A log that cannot be opened for what is in it does not verify. */
static int not_opened(struct ctl *ctl, int why, const struct error *err, const struct verify_request *request)
{
	struct verify_result r = { .ok = false };

	if (why == EBADMSG)
		snprintf(r.what, sizeof(r.what), "the file is damaged: %.400s", err->text);
	else if (why == ENOENT && request->note_count > 0)
		snprintf(r.what, sizeof(r.what), "there is no audit log in %.200s, and %.200s was made over one",
		         ctl->config->state_dir, request->notes[0].name);
	else if (why == ENOENT)
		return ctl_fail(EXIT_FAILED, "there is no audit log in %s yet; hallowd makes it when it first runs",
		                ctl->config->state_dir);
	else
		return ctl_fail(EXIT_FAILED, "%s", err->text);
	return present(ctl, &r);
}

static int verify(struct ctl *ctl, const struct verify_request *request)
{
	struct verify_result result;
	struct error err;
	sqlite3 *db;
	int bad;

	if (audit_open_reader(&db, ctl->config->state_dir, &err) == -1)
		return not_opened(ctl, errno, &err, request);
	bad = audit_verify(db, request, &result, &err);
	if (((struct progress *)request->ctx)->shown)
		fputs("\r\033[K", stderr);
	sqlite3_close(db);
	return bad == -1 ? ctl_fail(EXIT_FAILED, "%s", err.text) : present(ctl, &result);
}

static void add_note(struct verify_request *q, const struct buffer *note, const char *name)
{
	q->notes[q->note_count].note = (const char *)note->data;
	q->notes[q->note_count].len = note->len;
	q->notes[q->note_count++].name = name;
}

/* What hallowd signed last is read before the rows: they may only be more. */
static int with_notes(struct ctl *ctl, const struct arguments *args, struct verify_request *q)
{
	struct buffer kept = BUFFER_INIT, given = BUFFER_INIT;
	char path[PATH_MAX];
	int code = 0;

	switch (note_kept(ctl->config->state_dir, &kept, path)) {
	case -1:
		code = EXIT_FAILED;
		break;
	case 1:
		add_note(q, &kept, path);
	}
	if (code == 0 && args->option[AGAINST] != NULL) {
		code = note_read(args->option[AGAINST], &given);
		add_note(q, &given, args->option[AGAINST]);
	}
	if (code == 0)
		code = verify(ctl, q);
	buffer_free(&kept);
	buffer_free(&given);
	return code;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct progress progress = { time_monotonic_ms(), false };
	struct verify_request q = { .progress = show_progress, .ctx = &progress };
	struct keys keys = { NULL, 0 };
	int code = ctl_config(ctl);

	if (code != 0)
		return code;
	daemon_sync(ctl);
	code = args->option[KEY] != NULL ? keys_given(&keys, args->option[KEY])
	                                 : keys_kept(&keys, ctl->config->state_dir);
	q.keys = keys.all;
	q.key_count = keys.count;
	if (code == 0)
		code = with_notes(ctl, args, &q);
	keys_free(&keys);
	return code;
}

const struct verb verb_verify = {
	.name = "verify",
	.words = "",
	.max = 0,
	.summary = "whether the audit log is as it was recorded",
	.about = "Reads every row of the audit log again, and compares it with the tree of hashes over\n"
	         "all rows and with the signed checkpoints, of which the newest is in state_dir.  Says\n"
	         "which is the first row that was changed, inserted, moved or deleted.  Exit status 6\n"
	         "where the log does not verify.  Works with and without a running hallowd.\n",
	.examples = "  hallowctl verify\n"
	            "  hallowctl verify --against /mnt/safe/checkpoint\n"
	            "  hallowctl -o json verify | jq .first_bad\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
