#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "audit/audit.h"
#include "core/message.h"
#include "core/sandbox.h"
#include "core/sandbox_calls.h"
#include "metrics/metrics.h"
#include "report/model.h"

#define CONNECTIONS_MAX 16
#define CONNECTION_SECONDS 10
#define ANSWER_MS 5000
#define STATUS_MAX (64u << 20)
#define MEMORY_MAX (512ull << 20)

struct server {
	int hallowd; /* the socket to it */
};

/* --- what is told */

static void set_timeout(int fd)
{
	struct timeval limit = { .tv_sec = ANSWER_MS / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* The result of `status`, NULL where hallowd does not answer. */
static json_t *ask_status(const struct server *s)
{
	struct buffer out = BUFFER_INIT, in = BUFFER_INIT;
	struct message_writer w;
	struct message m;
	struct error err;
	json_t *status = NULL;
	char *text;

	message_begin(&w, &out, MSG_METRICS_ASK, 0);
	if (message_end(&w) == 0 && message_send(s->hallowd, &out, &err) == 0 &&
	    message_receive(s->hallowd, STATUS_MAX, &in, &m, &err) == 1 && m.type == MSG_METRICS_STATUS) {
		text = get_string(&m);
		if (text != NULL && message_done(&m))
			status = json_loads(text, 0, NULL);
		free(text);
	}
	buffer_free(&out);
	buffer_free(&in);
	return status;
}

/* Left out where the audit log cannot be read now. */
static void add_audit(json_t *status)
{
	struct report_count total;
	struct error err;
	sqlite3 *db;

	if (audit_open_reader_here(&db, &err) == -1)
		return;
	if (report_totals(db, &total, &err) == 0)
		json_object_set_new(status, "audit", json_pack("{s:I, s:I, s:I}", "recorded", (json_int_t)total.recorded,
		                                               "aggregated", (json_int_t)total.aggregated, "lost",
		                                               (json_int_t)total.lost));
	sqlite3_close(db);
}

/* --- HTTP */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code, const char *type, char *body, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES)
		result = MHD_queue_response(c, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned code, const char *text)
{
	return answer(c, code, "text/plain; charset=utf-8", (char *)(uintptr_t)text, strlen(text));
}

static enum MHD_Result answer_metrics(struct MHD_Connection *c, const json_t *status)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
	char *body = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&body, &len);
	enum MHD_Result result = MHD_NO;
	int written;

	if (out == NULL)
		return MHD_NO;
	written = metrics_write(out, status, open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS);
	if (fclose(out) == 0 && written == 0)
		result = answer(c, MHD_HTTP_OK, open ? METRICS_OPENMETRICS_TYPE : METRICS_PROMETHEUS_TYPE, body, len);
	free(body);
	return result;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **per_request)
{
	enum MHD_Result result;
	json_t *status;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)per_request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics is all that is answered here\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_text(c, MHD_HTTP_NOT_FOUND, "what there is is at /metrics\n");
	status = ask_status(ctx);
	if (status == NULL)
		return answer_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, "hallowd does not answer\n");
	add_audit(status);
	result = answer_metrics(c, status);
	json_decref(status);
	return result;
}

/* --- the program */

static int confine(struct error *err)
{
	if (sandbox_child(err) == -1)
		return -1;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return error_set(err, "ignoring SIGPIPE");
	if (sandbox_restrict(SANDBOX_READ_FOLDER, false, err) == -1)
		return -1;
	if (sandbox_limits(MEMORY_MAX, 0, err) == -1)
		return -1;
	return sandbox_calls("hallowd-metrics", err);
}

/* Serves until hallowd is gone. */
static int serve(struct MHD_Daemon *http, const struct server *s, struct error *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd p[2] = { { .fd = s->hallowd, .events = POLLIN } };

	if (info == NULL)
		return error_set(err, "the HTTP server does not start");
	p[1] = (struct pollfd){ .fd = info->epoll_fd, .events = POLLIN };
	while (p[0].revents == 0) {
		MHD_UNSIGNED_LONG_LONG wait = 0;
		bool timed = MHD_get_timeout(http, &wait) == MHD_YES;

		if (poll(p, 2, timed ? (int)(wait > 1000 ? 1000 : wait) : -1) == -1 && errno != EINTR)
			return error_errno(err, errno, "waiting for requests");
		if (p[0].revents == 0 && MHD_run(http) != MHD_YES)
			return error_set(err, "the HTTP server failed");
	}
	return 0; /* hallowd says nothing unasked, so it is gone */
}

int metrics_serve(int socket_fd, int listen_fd, struct error *err)
{
	struct server s = { .hallowd = socket_fd };
	struct MHD_Daemon *http;
	int result;

	if (confine(err) == -1)
		return -1;
	set_timeout(socket_fd);
	http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, &s, MHD_OPTION_LISTEN_SOCKET, listen_fd,
	                        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
	                        (unsigned)CONNECTION_SECONDS, MHD_OPTION_END);
	if (http == NULL)
		return error_set(err, "the HTTP server does not start");
	result = serve(http, &s, err);
	MHD_stop_daemon(http);
	return result;
}
