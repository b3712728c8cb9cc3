#include "daemon/metrics.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "daemon/answers.h"
#include "daemon/folders.h"
#include "daemon/program.h"

#define RETRY_MS 5000
#define BACKLOG 16
#define ASK_MAX 4096
#define OUT_MAX (64u << 20)

struct metrics {
	struct daemon *d;
	struct metrics_config config; /* as it is wanted; port 0: not at all */
	int listen_fd; /* -1: none */
	struct program program;
	unsigned timer;
	char trouble[sizeof(struct error)];
};

static void start(void *ctx);

const char *metrics_trouble(const struct daemon *d)
{
	return d->metrics == NULL ? "" : d->metrics->trouble;
}

/* --- what it asks */

static void answer(struct metrics *m)
{
	struct message_writer w;
	int exit_code;
	json_t *status = answer_status(m->d, &exit_code);
	char *text = status == NULL ? NULL : json_dumps(status, JSON_COMPACT | JSON_ENSURE_ASCII);

	message_begin(&w, &m->program.channel.out, MSG_METRICS_STATUS, 0);
	put_string(&w, text);
	if (message_end(&w) == -1)
		log_error("no memory for metrics");
	free(text);
	json_decref(status);
}

static bool asked(void *ctx, struct message *question)
{
	struct metrics *m = ctx;

	if (question->type == MSG_METRICS_ASK && m->program.channel.out.len < OUT_MAX)
		answer(m);
	return true;
}

/* --- its life */

static void trouble(struct metrics *m, const struct error *err)
{
	if (strcmp(m->trouble, err->text) != 0)
		log_error("metrics are not served: %s", err->text);
	snprintf(m->trouble, sizeof(m->trouble), "%s", err->text);
	m->timer = loop_after(m->d->loop, RETRY_MS, start, m);
}

static void ended(void *ctx, int status, const char *how)
{
	struct metrics *m = ctx;
	struct error err;

	(void)status;
	error_set(&err, "hallowd-metrics %s", how);
	recorder_event(m->d->recorder, "child-died", "hallowd-metrics", json_pack("{s:s}", "how", how));
	trouble(m, &err);
}

static int bind_socket(struct metrics *m, struct error *err)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(m->config.port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(m->config.port) };
	bool is4 = m->config.address.family == AF_INET;
	int fd = socket(m->config.address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
	char text[ADDRESS_TEXT_MAX];

	memcpy(is4 ? (void *)&four.sin_addr : (void *)&six.sin6_addr, m->config.address.bytes, is4 ? 4 : 16);
	if (fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, is4 ? (struct sockaddr *)&four : (struct sockaddr *)&six, is4 ? sizeof(four) : sizeof(six)) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		m->listen_fd = fd;
		return 0;
	}
	error_errno(err, errno, "%s port %u cannot be listened on", address_format(&m->config.address, text), m->config.port);
	if (fd != -1)
		close(fd);
	return -1;
}

/* In the recorder's folder, since it reads the audit log. */
static int start_process(struct metrics *m, struct error *err)
{
	struct process_inherits inherits = { -1, { m->listen_fd, -1, -1, -1 }, -1 };
	int result;

	if (folders_open_recorder(m->d->state_fd, &inherits.folder, err) == -1)
		return -1;
	result = program_start(&m->program, "hallowd-metrics", &inherits, err);
	close(inherits.folder);
	return result;
}

static void start(void *ctx)
{
	struct metrics *m = ctx;
	struct error err;

	m->timer = 0;
	if ((m->listen_fd == -1 && bind_socket(m, &err) == -1) || start_process(m, &err) == -1)
		trouble(m, &err);
	else
		m->trouble[0] = '\0';
}

static void end(struct metrics *m)
{
	loop_cancel(m->d->loop, m->timer);
	m->timer = 0;
	program_release(&m->program);
	if (m->listen_fd != -1)
		close(m->listen_fd);
	m->listen_fd = -1;
	m->trouble[0] = '\0';
}

void metrics_configure(struct daemon *d)
{
	const struct metrics_config *c = &d->lists->config->metrics;
	struct metrics *m = d->metrics;

	if (m == NULL) {
		m = d->metrics = calloc(1, sizeof(*m));
		if (m == NULL) {
			log_error("metrics are not served: no memory");
			return;
		}
		m->d = d;
		m->listen_fd = -1;
		program_init(&m->program, d->loop, d->reaper, ASK_MAX, asked, ended, m);
	}
	if (m->config.port == c->port && (c->port == 0 || address_compare(&m->config.address, &c->address) == 0))
		return;
	end(m);
	m->config = *c;
	if (c->port != 0)
		start(m);
}

void metrics_stop(struct daemon *d)
{
	if (d->metrics != NULL)
		end(d->metrics);
	free(d->metrics);
	d->metrics = NULL;
}
