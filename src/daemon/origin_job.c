#include "daemon/origin_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/parse_message.h"
#include "core/paths.h"

#define PARSE_TIMEOUT_MS 60000
#define FETCH_GRACE_MS 10000 /* beyond its own time limit */
#define MAX_ENTRIES 2000000

struct origin_job {
	struct loop *loop;
	struct reaper *reaper;
	const struct origin_config *origin;
	origin_job_done *done;
	void *ctx;

	int body;          /* the bytes: a memfd that the fetcher fills, or a file */
	pid_t pid;         /* of the program that runs now, 0 for none */
	int sock;          /* to it, -1 for none */
	unsigned timer;
	struct buffer in;
	const char *program; /* its name */
	bool parsing;        /* it is hallowd-parse */
	char *early_error;   /* why it failed; told from the loop */
	bool at_end;         /* the socket has been read to its end */
	char end[80];        /* how the program ended; "" while it runs */
	bool by_signal;
	uint32_t http_status;
	char *content_type;
};

static void start_parser(struct origin_job *job);

static void end_program(struct origin_job *job)
{
	loop_cancel(job->loop, job->timer);
	job->timer = 0;
	if (job->sock != -1) {
		loop_unwatch(job->loop, job->sock);
		close(job->sock);
		job->sock = -1;
	}
	if (job->pid != 0) {
		/* It is about to exit on its own, or is no longer wanted. */
		kill(job->pid, SIGKILL);
		reaper_forget(job->reaper, job->pid);
		job->pid = 0;
	}
	buffer_free(&job->in);
}

void origin_job_cancel(struct origin_job *job)
{
	if (job == NULL)
		return;
	end_program(job);
	if (job->body != -1)
		close(job->body);
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
	fail(job, "%s did not answer in time and was ended", job->program);
}

/* Its end and the end of its socket come in any order; the answer may still be in the socket when it has ended. */
static void end_without_answer(struct origin_job *job)
{
	if (!job->at_end || job->end[0] == '\0')
		return;
	if (job->parsing && job->by_signal)
		fail(job, "the parser %s: the input or its 'select' took more time or memory than it may", job->end);
	else
		fail(job, "%s %s before it answered", job->program, job->end);
}

static void ended(void *ctx, pid_t pid, int status)
{
	struct origin_job *job = ctx;

	(void)pid;
	job->pid = 0;
	job->by_signal = WIFSIGNALED(status);
	process_end_text(status, job->end, sizeof(job->end));
	end_without_answer(job);
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
	snprintf(a.sha256, sizeof(a.sha256), "%s", r.sha256);
	if (r.bad_shown > 0)
		snprintf(a.bad_example, sizeof(a.bad_example), "line %u: '%.80s': %.60s", r.bad_rows[0].line, r.bad_rows[0].text,
		         r.bad_rows[0].what);
	a.shape = (struct answer_shape){ r.rows, r.bad, r.widest4, r.widest6, a.bad_example };
	parse_result_free(&r);
	finish(job, &a, "");
	answer_free(&a);
}

static void fetched(struct origin_job *job, struct message *m)
{
	struct fetch_result r;

	if (m->type != MSG_FETCH_RESULT || fetch_result_decode(m, &r) == -1) {
		fail(job, "hallowd-fetch gave an answer that is not understood");
		return;
	}
	if (r.outcome != FETCH_OK) {
		fail(job, "%s", r.error[0] != '\0' ? r.error : "nothing was fetched");
		fetch_result_free(&r);
		return;
	}
	job->http_status = r.http_status;
	job->content_type = r.content_type;
	r.content_type = NULL;
	fetch_result_free(&r);
	end_program(job);
	start_parser(job);
}

static void readable(void *ctx, short revents)
{
	struct origin_job *job = ctx;
	struct message m;
	size_t used;
	ssize_t n;

	(void)revents;
	if (buffer_reserve(&job->in, 65536) == -1) {
		fail(job, "no memory for the answer");
		return;
	}
	n = read(job->sock, job->in.data + job->in.len, 65536);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		loop_unwatch(job->loop, job->sock);
		job->at_end = true;
		end_without_answer(job);
		return;
	}
	job->in.len += (size_t)n;
	switch (message_next(&job->in, MESSAGE_MAX_LIST, &m, &used)) {
	case 0:
		return;
	case 1:
		if (job->parsing)
			parsed(job, &m);
		else
			fetched(job, &m);
		return;
	default:
		fail(job, "%s gave an answer that is not understood", job->program);
	}
}

/* Starts the program and gives it the request.  A request is small: it fits the socket's buffer. */
static void run(struct origin_job *job, const char *name, const struct process_inherits *inherits, struct buffer *request,
                int64_t timeout_ms)
{
	struct error err;
	ssize_t sent;

	job->program = name;
	job->at_end = false;
	job->end[0] = '\0';
	if (process_start(name, inherits, &job->pid, &job->sock, &err) == -1) {
		job->pid = 0;
		job->sock = -1;
		fail(job, "%s", err.text);
		return;
	}
	sent = send(job->sock, request->data, request->len, MSG_NOSIGNAL);
	job->timer = loop_after(job->loop, timeout_ms, out_of_time, job);
	if (sent != (ssize_t)request->len || job->timer == 0 || reaper_add(job->reaper, job->pid, ended, job) == -1 ||
	    loop_watch(job->loop, job->sock, POLLIN, readable, job) == -1)
		fail(job, "%s could not be asked: %s", name, strerror(errno));
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
	};
	struct buffer request = BUFFER_INIT;
	struct process_inherits inherits = { job->body, -1, -1 };

	job->parsing = true;
	if (lseek(job->body, 0, SEEK_SET) == -1 || parse_request_encode(&request, &r) == -1)
		fail(job, "the parser could not be asked: %s", strerror(errno));
	else
		run(job, "hallowd-parse", &inherits, &request, PARSE_TIMEOUT_MS);
	buffer_free(&request);
}

static void start_fetcher(struct origin_job *job)
{
	const struct origin_config *o = job->origin;
	uint32_t ms = o->timeout > INT32_MAX / 1000 ? INT32_MAX : (uint32_t)o->timeout * 1000;
	struct fetch_request r = {
		.url = o->where,
		.connect_timeout_ms = ms < 15000 ? ms : 15000,
		.first_byte_timeout_ms = ms < 30000 ? ms : 30000,
		.total_timeout_ms = ms,
		.max_redirects = 5,
		.max_bytes = o->max_size,
		.ca_file = o->ca_file,
	};
	struct buffer request = BUFFER_INIT;
	struct process_inherits inherits = { -1, -1, -1 };

	job->body = memfd_create("hallowd-body", MFD_CLOEXEC);
	inherits.extra = job->body;
	if (job->body == -1 || fetch_request_encode(&request, &r) == -1)
		fail(job, "the fetcher could not be asked: %s", strerror(errno));
	else
		run(job, "hallowd-fetch", &inherits, &request, (int64_t)ms + FETCH_GRACE_MS);
	buffer_free(&request);
}

static void start_file(struct origin_job *job, const char *name)
{
	struct stat st;

	job->body = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (job->body == -1)
		fail(job, "%s cannot be read: %s", name, strerror(errno));
	else if (fstat(job->body, &st) == -1 || !S_ISREG(st.st_mode))
		fail(job, "%s is not a regular file", name);
	else
		start_parser(job);
}

struct origin_job *origin_job_start(struct loop *loop, struct reaper *reaper, const struct origin_config *origin,
                                    origin_job_done *done, void *ctx)
{
	struct origin_job *job = calloc(1, sizeof(*job));
	char name[PATH_MAX];

	if (job == NULL)
		return NULL;
	job->loop = loop;
	job->reaper = reaper;
	job->origin = origin;
	job->done = done;
	job->ctx = ctx;
	job->body = job->sock = -1;
	switch (origin->kind) {
	case ORIGIN_URL:
		start_fetcher(job);
		break;
	case ORIGIN_FILE:
		start_file(job, origin->where);
		break;
	case ORIGIN_BUILTIN:
		snprintf(name, sizeof(name), "%s/lists/%s.list", path_rules(), origin->where);
		start_file(job, name);
		break;
	}
	return job;
}
