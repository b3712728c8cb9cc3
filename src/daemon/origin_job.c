#include "daemon/origin_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/file.h"
#include "core/log.h"
#include "core/parse_message.h"
#include "core/paths.h"
#include "core/resolve_message.h"
#include "daemon/name_answer.h"
#include "daemon/origin_request.h"
#include "daemon/program.h"
#include "daemon/secret.h"

#define PARSE_TIMEOUT_MS 60000
#define FETCH_GRACE_MS 10000 /* beyond its own time limit */
#define MAX_ENTRIES 2000000
#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS 30000
#define LEAST_TRY_MS 500 /* with less time left, another try is no use */

struct origin_job {
	struct loop *loop;
	const struct origin_config *origin;
	const struct answer *known;
	origin_job_done *done;
	void *ctx;
	unsigned tries;    /* of the fetcher, the one that runs included */
	int64_t deadline;  /* of all of them, time_monotonic_ms */

	int body;               /* the bytes: a memfd that the fetcher fills, or a file */
	struct program program; /* that runs now */
	const char *name;       /* its name */
	bool parsing;           /* it is hallowd-parse */
	bool resolving;         /* it is hallowd-resolve */
	unsigned timer;
	char *early_error;      /* why it failed; told from the loop */
	uint32_t http_status;
	char *content_type;
	enum origin_part part; /* what is asked for */
	int signature_body;    /* as `body` */
	char *signature;       /* the text of it, for the parser */
	char etag[sizeof(((struct answer *)0)->etag)];
	char last_modified[sizeof(((struct answer *)0)->last_modified)];
};

static void start_parser(struct origin_job *job);
static void fetch_part(struct origin_job *job, enum origin_part part);
static void start_fetcher(void *ctx);

/* It is about to exit on its own, or is no longer wanted. */
static void end_program(struct origin_job *job)
{
	loop_cancel(job->loop, job->timer);
	job->timer = 0;
	program_kill(&job->program);
}

void origin_job_cancel(struct origin_job *job)
{
	if (job == NULL)
		return;
	end_program(job);
	if (job->body != -1)
		close(job->body);
	if (job->signature_body != -1)
		close(job->signature_body);
	free(job->signature);
	free(job->content_type);
	free(job->early_error);
	free(job);
}

static void finish(struct origin_job *job, struct answer *good, const char *error)
{
	origin_job_done *done = job->done;
	void *ctx = job->ctx;
	const struct origin_config *origin = job->origin;

	origin_job_cancel(job);
	done(ctx, origin, good, error);
}

static void tell_early_error(void *ctx)
{
	struct origin_job *job = ctx;
	char *error = job->early_error;

	job->timer = 0;
	job->early_error = NULL;
	finish(job, NULL, error != NULL ? error : "no memory to ask it");
	free(error);
}

/* Ends the job; its starter hears of it from the loop, never from within origin_job_start. */
static void fail(struct origin_job *job, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct origin_job *job, const char *fmt, ...)
{
	struct error err;
	va_list ap;

	va_start(ap, fmt);
	error_vset(&err, fmt, ap);
	va_end(ap);
	end_program(job);
	job->early_error = strdup(err.text);
	job->timer = loop_after(job->loop, 0, tell_early_error, job);
}

static void out_of_time(void *ctx)
{
	struct origin_job *job = ctx;

	job->timer = 0;
	fail(job, "%s did not answer in time and was ended", job->name);
}

static void ended_without_answer(void *ctx, int status, const char *how)
{
	struct origin_job *job = ctx;

	if (job->parsing && WIFSIGNALED(status) && WTERMSIG(status) != SIGSYS)
		fail(job, "the parser %s: the input or its 'select' took more time or memory than it may", how);
	else
		fail(job, "%s %s before it answered", job->name, how);
}

static void parsed(struct origin_job *job, struct message *m)
{
	struct parse_result r;
	struct answer a;

	memset(&a, 0, sizeof(a));
	if (m->type != MSG_PARSE_RESULT || parse_result_decode(m, &r) == -1) {
		fail(job, "hallowd-parse gave an answer that is not understood");
		return;
	}
	if (!r.ok) {
		fail(job, "%s", r.error);
		parse_result_free(&r);
		return;
	}
	a.set = r.set;
	r.set = (struct prefix_set)PREFIX_SET_INIT;
	a.fetched_at = time_now();
	a.bytes = r.bytes;
	a.http_status = job->http_status;
	memcpy(a.etag, job->etag, sizeof(a.etag));
	memcpy(a.last_modified, job->last_modified, sizeof(a.last_modified));
	snprintf(a.sha256, sizeof(a.sha256), "%s", r.sha256);
	if (r.bad_shown > 0)
		snprintf(a.bad_example, sizeof(a.bad_example), "line %u: '%.80s': %.120s", r.bad_rows[0].line, r.bad_rows[0].text,
		         r.bad_rows[0].what);
	a.shape = (struct answer_shape){ r.rows, r.bad, r.widest4, r.widest6, a.bad_example };
	parse_result_free(&r);
	finish(job, &a, "");
	answer_free(&a);
}

static void resolved(struct origin_job *job, struct message *m)
{
	struct answer a = { .named = NULL };
	struct resolve_result r;
	char why[160];

	if (m->type != MSG_RESOLVE_RESULT || resolve_result_decode(m, &r) == -1) {
		fail(job, "hallowd-resolve gave an answer that is not understood");
		return;
	}
	switch (name_answer(&a, job->known, &r, time_now(), why, sizeof(why))) {
	case 0:
		resolve_result_free(&r);
		finish(job, &a, "");
		answer_free(&a);
		return;
	case 1:
		fail(job, "%s", why);
		break;
	default:
		fail(job, "no memory for the answer");
		break;
	}
	resolve_result_free(&r);
}

/* Half of it and a random part of the other half, so that many hosts do not come back in step. */
static int64_t retry_delay_ms(unsigned tries)
{
	int64_t delay = RETRY_FIRST_MS;
	uint32_t random = 0;

	for (unsigned i = 1; i < tries && delay < RETRY_MOST_MS; i++)
		delay *= 2;
	delay = delay < RETRY_MOST_MS ? delay : RETRY_MOST_MS;
	if (getrandom(&random, sizeof(random), 0) == -1)
		random = 0;
	return delay / 2 + delay / 2 * (random % 1000) / 1000;
}

/* False where there is no try left, or no time for one. */
static bool try_again(struct origin_job *job, const char *why)
{
	int64_t delay = retry_delay_ms(job->tries);

	if (job->tries > job->origin->retries || job->deadline - time_monotonic_ms() - delay < LEAST_TRY_MS)
		return false;
	log_info("origin %s: %s; it is asked again in %" PRId64 " ms", job->origin->name, why, delay);
	end_program(job);
	job->timer = loop_after(job->loop, delay, start_fetcher, job);
	return job->timer != 0;
}

static void fetch_failed(struct origin_job *job, const struct fetch_result *r)
{
	const char *why = r->error[0] != '\0' ? r->error : "nothing was fetched";
	const char *what = job->part == ORIGIN_SIGNATURE ? "its signature: " : "";

	if (r->passing && try_again(job, why))
		return;
	if (job->tries > 1)
		fail(job, "%s%s (asked %u times)", what, why, job->tries);
	else
		fail(job, "%s%s", what, why);
}

/* The publisher says that what is known is still so. */
static void not_modified(struct origin_job *job)
{
	struct answer a;

	memset(&a, 0, sizeof(a));
	if (job->part == ORIGIN_SIGNATURE || !origin_request_conditional(job->known)) {
		fail(job, "the server answered 304 Not Modified to a request that set no condition");
		return;
	}
	if (answer_copy(&a, job->known) == -1) {
		fail(job, "no memory for the answer");
		return;
	}
	a.fetched_at = time_now();
	a.http_status = 304;
	finish(job, &a, "");
	answer_free(&a);
}

/* What does not fit is left out: then the next request sets no condition. */
static void keep_condition(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", strlen(from) < size ? from : "");
}

/* The list is there, and is parsed when its signature is there too. */
static void take_list(struct origin_job *job, struct fetch_result *r)
{
	job->http_status = r->http_status;
	job->content_type = r->content_type;
	r->content_type = NULL;
	keep_condition(job->etag, sizeof(job->etag), r->etag);
	keep_condition(job->last_modified, sizeof(job->last_modified), r->last_modified);
	end_program(job);
	if (job->origin->signed_by[0] == '\0')
		start_parser(job);
	else
		fetch_part(job, ORIGIN_SIGNATURE);
}

static void take_signature(struct origin_job *job)
{
	struct buffer text = BUFFER_INIT;
	struct error err;

	end_program(job);
	if (lseek(job->signature_body, 0, SEEK_SET) == -1 ||
	    file_read_fd(job->signature_body, "its signature", SIGNATURE_MAX, &text, &err) == -1) {
		fail(job, "its signature cannot be read");
	} else {
		job->signature = strdup(buffer_str(&text) != NULL ? buffer_str(&text) : "");
		start_parser(job);
	}
	buffer_free(&text);
}

static void fetched(struct origin_job *job, struct message *m)
{
	struct fetch_result r;

	if (m->type != MSG_FETCH_RESULT || fetch_result_decode(m, &r) == -1) {
		fail(job, "hallowd-fetch gave an answer that is not understood");
		return;
	}
	switch ((enum fetch_outcome)r.outcome) {
	case FETCH_OK:
		if (job->part == ORIGIN_LIST)
			take_list(job, &r);
		else
			take_signature(job);
		break;
	case FETCH_NOT_MODIFIED:
		not_modified(job);
		break;
	case FETCH_FAILED:
		fetch_failed(job, &r);
		break;
	}
	fetch_result_free(&r);
}

/* The one message that each program sends. */
static bool answered(void *ctx, struct message *m)
{
	struct origin_job *job = ctx;

	if (job->resolving)
		resolved(job, m);
	else if (job->parsing)
		parsed(job, m);
	else
		fetched(job, m);
	return false;
}

/* Starts the program on the request, which is the job's from here on. */
static void run(struct origin_job *job, const char *name, const struct process_inherits *inherits,
                struct buffer *request, int64_t timeout_ms)
{
	struct error err;

	job->program.channel.out = *request;
	*request = (struct buffer)BUFFER_INIT;
	job->name = name;
	if (program_start(&job->program, name, inherits, &err) == -1) {
		fail(job, "%s", err.text);
		return;
	}
	job->timer = loop_after(job->loop, timeout_ms, out_of_time, job);
	if (job->timer == 0)
		fail(job, "%s could not be asked: %s", name, strerror(errno));
}

static void start_resolver(struct origin_job *job)
{
	int64_t timeout = job->origin->timeout * 1000;
	struct resolve_request r = { job->origin->where, (uint32_t)timeout };
	struct process_inherits inherits = { -1, PROCESS_NO_EXTRA, -1 };
	struct buffer request = BUFFER_INIT;

	job->resolving = true;
	if (resolve_request_encode(&request, &r) == -1)
		fail(job, "the resolver could not be asked: %s", strerror(errno));
	else
		run(job, "hallowd-resolve", &inherits, &request, timeout + FETCH_GRACE_MS);
	buffer_free(&request);
}

static void start_parser(struct origin_job *job)
{
	const struct origin_config *o = job->origin;
	struct parse_request r = {
		.format = (uint8_t)o->format,
		.select = o->select,
		.content_type = job->content_type,
		.name = o->kind == ORIGIN_URL ? NULL : o->where,
		.max_bytes = o->max_size,
		.max_entries = MAX_ENTRIES,
		.signed_by = o->signed_by,
		.signature = job->signature,
	};
	struct buffer request = BUFFER_INIT;
	struct process_inherits inherits = { job->body, PROCESS_NO_EXTRA, -1 };

	job->parsing = true;
	if (lseek(job->body, 0, SEEK_SET) == -1 || parse_request_encode(&request, &r) == -1)
		fail(job, "the parser could not be asked: %s", strerror(errno));
	else
		run(job, "hallowd-parse", &inherits, &request, PARSE_TIMEOUT_MS);
	buffer_free(&request);
}

/* Each try has a file of its own for the body: a fetcher that was ended may still write for a moment. */
static void fetch_part(struct origin_job *job, enum origin_part part)
{
	int *body = part == ORIGIN_LIST ? &job->body : &job->signature_body;
	int64_t left = job->deadline - time_monotonic_ms(), timeout = job->origin->timeout * 1000;
	uint32_t ms = (uint32_t)(left < LEAST_TRY_MS ? LEAST_TRY_MS : left < timeout ? left : timeout);
	struct buffer request = BUFFER_INIT;
	struct process_inherits inherits = { -1, PROCESS_NO_EXTRA, -1 };
	struct error err;

	job->part = part;
	if (*body != -1)
		close(*body);
	*body = inherits.extra[0] = memfd_create("hallowd-body", MFD_CLOEXEC);
	if (*body == -1)
		fail(job, "no memory for the answer: %s", strerror(errno));
	else if (origin_request_encode(&request, job->origin, part, part == ORIGIN_LIST ? job->known : NULL, ms,
	                               &err) == -1)
		fail(job, "%s", err.text);
	else
		run(job, "hallowd-fetch", &inherits, &request, (int64_t)ms + FETCH_GRACE_MS);
	buffer_wipe(&request);
}

/* One try. */
static void start_fetcher(void *ctx)
{
	struct origin_job *job = ctx;

	job->timer = 0;
	job->tries++;
	fetch_part(job, ORIGIN_LIST);
}

static void start_file(struct origin_job *job, const char *name)
{
	struct error err;
	struct stat st;

	job->body = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (job->body == -1)
		fail(job, "%s cannot be read: %s", name, strerror(errno));
	else if (fstat(job->body, &st) == -1 || !S_ISREG(st.st_mode))
		fail(job, "%s is not a regular file", name);
	else if (job->origin->signature[0] != '\0' &&
	         secret_read_file(job->origin->signature, SIGNATURE_MAX, &job->signature, &err) == -1)
		fail(job, "its signature: %s", err.text);
	else
		start_parser(job);
}

struct origin_job *origin_job_start(struct loop *loop, struct reaper *reaper, const struct origin_config *origin,
                                    const struct answer *known, origin_job_done *done, void *ctx)
{
	struct origin_job *job = calloc(1, sizeof(*job));
	char name[PATH_MAX];

	if (job == NULL)
		return NULL;
	job->loop = loop;
	job->origin = origin;
	job->known = known;
	job->deadline = time_monotonic_ms() + 2 * origin->timeout * 1000;
	job->done = done;
	job->ctx = ctx;
	job->body = job->signature_body = -1;
	program_init(&job->program, loop, reaper, MESSAGE_MAX_LIST, answered, ended_without_answer, job);
	switch (origin->kind) {
	case ORIGIN_URL:
		start_fetcher(job);
		break;
	case ORIGIN_FILE:
		start_file(job, origin->where);
		break;
	case ORIGIN_NAME:
		start_resolver(job);
		break;
	case ORIGIN_BUILTIN:
		snprintf(name, sizeof(name), "%s/lists/%s.list", path_rules(), origin->where);
		start_file(job, name);
		break;
	}
	return job;
}
