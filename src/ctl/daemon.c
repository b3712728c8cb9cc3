#include "ctl/daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/time_text.h"
#include "ctl/answer.h"
#include "ctl/connect.h"
#include "report/plain.h"

#define ANSWER_MAX (256u << 20)
#define PATIENCE_MS (10 * 60 * 1000) /* an answer that takes longer will not come */
#define SYNC_PATIENCE_MS (30 * 1000)
#define WAITING_AFTER_MS 1000
#define READ_SIZE 65536

/* "waiting..." is for a person who looks on. */
struct waiting {
	bool wanted, shown;
};

static void waiting_show(struct waiting *w)
{
	if (w->wanted && !w->shown)
		fputs("waiting...", stderr);
	w->shown = w->wanted;
}

static void waiting_end(struct waiting *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
}

static int read_some(int fd, struct buffer *out, struct error *err)
{
	ssize_t n;

	if (out->len > ANSWER_MAX || buffer_reserve(out, READ_SIZE) == -1)
		return error_set(err, "the answer of hallowd is too long");
	n = read(fd, out->data + out->len, READ_SIZE);
	if (n == -1)
		return errno == EINTR ? 1 : error_errno(err, errno, "cannot read the answer of hallowd");
	out->len += (size_t)n;
	return n > 0;
}

/* Reads to the end of the answer. */
static int read_answer(int fd, int64_t patience, struct buffer *out, struct error *err)
{
	struct waiting w = { .wanted = isatty(STDERR_FILENO) };
	int64_t start = time_monotonic_ms(), passed;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int more = 1;

	while (more == 1) {
		passed = time_monotonic_ms() - start;
		if (passed >= patience) {
			more = error_set(err, "hallowd gave no answer for %lld seconds", (long long)patience / 1000);
			break;
		}
		if (passed >= WAITING_AFTER_MS)
			waiting_show(&w);
		if (poll(&p, 1, passed < WAITING_AFTER_MS ? (int)(WAITING_AFTER_MS - passed) : 1000) > 0)
			more = read_some(fd, out, err);
	}
	waiting_end(&w);
	return more;
}

static int send_words(int fd, const char *const *words, size_t count, struct error *err)
{
	struct buffer line = BUFFER_INIT;
	size_t sent = 0;
	ssize_t n = 0;

	if (control_line_encode(&line, words, count) == -1) {
		buffer_free(&line);
		return error_errno(err, errno, "this cannot be asked of hallowd");
	}
	for (; sent < line.len && n != -1; sent += (size_t)n)
		n = send(fd, line.data + sent, line.len - sent, MSG_NOSIGNAL);
	buffer_free(&line);
	/* Whoever hangs up without hearing us out may have said why. */
	if (n == -1 && errno != EPIPE)
		return error_errno(err, errno, "cannot ask hallowd");
	return 0;
}

/* {"exit": N, "error": null or a text, "result": any} */
static int parse_answer(const struct buffer *in, struct answer *a, struct error *err)
{
	json_error_t where;
	json_t *all = json_loadb((const char *)in->data, in->len, 0, &where), *code, *text;

	if (all == NULL && in->len == 0)
		return error_set(err, "hallowd ended without an answer; its log says why");
	code = json_object_get(all, "exit");
	text = json_object_get(all, "error");
	if (!json_is_integer(code) || json_integer_value(code) < EXIT_DONE ||
	    json_integer_value(code) > EXIT_NOT_VERIFIED) {
		json_decref(all);
		return error_set(err,
		                 "what hallowd answered is not understood; are hallowctl and hallowd of one version?");
	}
	a->exit = (int)json_integer_value(code);
	a->error = json_is_string(text) ? strdup(json_string_value(text)) : NULL;
	a->result = json_object_get(all, "result");
	a->result = json_is_null(a->result) ? NULL : json_incref(a->result);
	json_decref(all);
	return 0;
}

static int answer_from(struct connection *c, const char *const *words, size_t count, int64_t patience, struct answer *a,
                       struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct error ended;
	int status = c->child == 0 ? send_words(c->fd, words, count, err) : 0;

	if (status == 0)
		status = read_answer(c->fd, patience, &in, err);
	if (status == -1 && c->child > 0)
		kill(c->child, SIGTERM);
	if (connect_close(c, &ended) == -1 && status == 0)
		status = error_set(err, "%s", ended.text);
	if (status == 0)
		status = parse_answer(&in, a, err);
	buffer_free(&in);
	return status;
}

static bool nobody_listens(int errnum)
{
	return errnum == ENOENT || errnum == ECONNREFUSED;
}

int daemon_ask(struct ctl *ctl, const char *const *words, size_t count, struct answer *a, struct error *err)
{
	struct connection c;

	memset(a, 0, sizeof(*a));
	if (connect_daemon(ctl->config->run_dir, &c, err) == -1) {
		if (!nobody_listens(errno))
			return -1;
		if (ctl->outdated)
			return error_set(err, "hallowd does not run, and nothing is asked with a configuration that has errors");
		if (connect_once(ctl->config_path, words, count, &c, err) == -1)
			return -1;
	}
	return answer_from(&c, words, count, PATIENCE_MS, a, err);
}

void answer_free(struct answer *a)
{
	free(a->error);
	json_decref(a->result);
	memset(a, 0, sizeof(*a));
}

bool daemon_runs(struct ctl *ctl)
{
	struct connection c;

	if (connect_daemon(ctl->config->run_dir, &c, NULL) == -1)
		return !nobody_listens(errno);
	connect_close(&c, NULL);
	return true;
}

void daemon_sync(struct ctl *ctl)
{
	static const char *const words[] = { "sync" };
	struct answer a = { .exit = EXIT_DONE };
	struct connection c;
	struct error err;
	int status = connect_daemon(ctl->config->run_dir, &c, &err);

	if (status == -1 && nobody_listens(errno))
		return;
	if (status == 0)
		status = answer_from(&c, words, 1, SYNC_PATIENCE_MS, &a, &err);
	if (status == 0 && (a.exit != EXIT_DONE || json_is_false(json_object_get(a.result, "on_disk"))))
		status = error_set(&err, "%s", a.error != NULL ? a.error : "hallowd could not write out what it holds");
	if (status == -1)
		ctl_fail(0, "the last moments may be missing: %s", err.text);
	answer_free(&a);
}

int daemon_ask_result(struct ctl *ctl, const char *const *words, size_t count, json_type type, json_t **result)
{
	struct answer a;
	struct error err;
	int code = ctl_config(ctl);

	*result = NULL;
	if (code != 0)
		return code;
	if (daemon_ask(ctl, words, count, &a, &err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	code = a.exit;
	if (a.error != NULL)
		ctl_complain("hallowctl: ", a.error);
	if (a.result != NULL && json_typeof(a.result) == type)
		*result = json_incref(a.result);
	else if (a.result != NULL || (a.error == NULL && code == EXIT_DONE))
		code = ctl_fail(EXIT_FAILED,
		                "what hallowd answered to '%s' is not understood; are hallowctl and hallowd of "
		                "one version?",
		                words[0]);
	answer_free(&a);
	return code;
}

void answer_present(struct ctl *ctl, const json_t *result, answer_show *show)
{
	if (ctl->format != OUTPUT_JSON) {
		show(ctl, result);
		return;
	}
	answer_print(result);
}

int daemon_ask_and_show(struct ctl *ctl, const char *const *words, size_t count, json_type type, answer_show *show)
{
	json_t *result;
	int code = daemon_ask_result(ctl, words, count, type, &result);

	if (result != NULL)
		answer_present(ctl, result, show);
	json_decref(result);
	return code;
}
