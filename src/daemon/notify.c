#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/notify_message.h"
#include "daemon/channel.h"
#include "daemon/fields.h"

#define QUEUE_MAX 32
#define RECENT_MAX 256 /* kinds and subjects whose last time is known; beyond them the oldest is forgotten */
#define ANSWER_MAX 4096
#define NO_ANSWER "hallowd-notify's answer does not fit; is it of another version"

struct recent {
	char *key; /* KIND, a newline, SUBJECT; owned */
	int64_t at_ms;
};

struct notifier {
	struct loop *loop;
	struct reaper *reaper;
	struct notify_config config;
	bool journal; /* standard error is the journal */

	char *queue[QUEUE_MAX]; /* JSON texts, oldest first; owned */
	size_t waiting;
	struct recent recent[RECENT_MAX];
	size_t recent_count;
	int64_t tokens_ms;      /* each run takes NOTIFY_REFILL_MS of it; at most NOTIFY_BURST times that */
	int64_t tokens_at_ms;
	unsigned timer;

	pid_t helper;           /* hallowd-notify; 0: it is gone, and cannot be had again (notify/notify.h) */
	int helper_sock;
	struct channel run;     /* the one run of the command that there may be */
	uint64_t unsaid;        /* left out since the last message */
	struct notifier_state state;
};

static void helper_ended(void *ctx, pid_t pid, int status)
{
	struct notifier *n = ctx;
	char how[PROCESS_END_MAX];

	log_error("hallowd-notify %s; a restart of hallowd brings it back, till then 'notify' runs no command",
	          process_end_text(pid, status, how, sizeof(how)));
	n->helper = 0;
}

static int start_helper(struct notifier *n, struct error *err)
{
	struct process_inherits inherits = { -1, PROCESS_NO_EXTRA, -1 };

	if (process_start("hallowd-notify", &inherits, &n->helper, &n->helper_sock, err) == -1) {
		n->helper = 0;
		n->helper_sock = -1;
		return -1;
	}
	if (reaper_add(n->reaper, n->helper, helper_ended, n) == -1)
		return error_errno(err, errno, "hallowd-notify cannot be looked after");
	return 0;
}

static channel_message answered;
static channel_closed not_answered;

struct notifier *notifier_new(struct loop *loop, struct reaper *reaper, struct error *err)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (n == NULL) {
		error_errno(err, ENOMEM, "notifications");
		return NULL;
	}
	n->loop = loop;
	n->reaper = reaper;
	n->helper_sock = -1;
	n->run = (struct channel){ .loop = loop, .max = ANSWER_MAX, .message = answered, .closed = not_answered, .ctx = n,
	                           .sock = -1 };
	n->journal = log_is_journal();
	n->tokens_ms = NOTIFY_BURST * NOTIFY_REFILL_MS;
	n->tokens_at_ms = time_boot_ms();
	if (start_helper(n, err) == 0)
		return n;
	notifier_free(n);
	return NULL;
}

/* --- configuration */

static void free_words(char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
}

int notifier_configure(struct notifier *n, const struct notify_config *c)
{
	char **words = calloc(c->word_count + 1, sizeof(*words));
	size_t i = 0;

	if (words == NULL)
		return -1;
	for (; i < c->word_count; i++) {
		words[i] = strdup(c->command[i]);
		if (words[i] == NULL) {
			free_words(words, i);
			return -1;
		}
	}
	free_words(n->config.command, n->config.word_count);
	n->config = *c;
	n->config.command = words;
	return 0;
}

/* --- one run of the command */

static void run_next(struct notifier *n);

static void went_wrong(struct notifier *n, const char *what)
{
	n->state.failed++;
	snprintf(n->state.trouble, sizeof(n->state.trouble), "%s", what);
	log_error("a notification was not taken: %s: %s", n->config.word_count > 0 ? n->config.command[0] : "the command", what);
}

static bool answered(void *ctx, struct message *m)
{
	struct notifier *n = ctx;
	char *trouble;

	if (notify_result_decode(m, &trouble) == -1) {
		went_wrong(n, NO_ANSWER);
	} else {
		if (trouble[0] != '\0') {
			went_wrong(n, trouble);
		} else {
			n->state.told++;
			n->state.trouble[0] = '\0';
		}
		free(trouble);
	}
	channel_close(&n->run);
	run_next(n);
	return false;
}

static void not_answered(void *ctx, bool garbled)
{
	struct notifier *n = ctx;

	went_wrong(n, garbled ? NO_ANSWER : "hallowd-notify ended before it answered");
	run_next(n);
}

/* Hands hallowd-notify the other end of a new socket.  0, or -1 with errno. */
static int hand_over(const struct notifier *n, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = &control.align;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(n->helper_sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

/* A socket whose other end hallowd-notify has; -1 with *err. */
static int socket_for_run(const struct notifier *n, struct error *err)
{
	int pair[2];

	if (n->helper == 0)
		return error_set(err, "hallowd-notify has ended; a restart of hallowd brings it back");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return error_errno(err, errno, "no socket for hallowd-notify");
	fcntl(pair[1], F_SETFL, 0); /* it waits for what it reads */
	if (hand_over(n, pair[1]) == -1) {
		error_errno(err, errno, "hallowd-notify takes nothing");
		close(pair[0]);
		pair[0] = -1;
	}
	close(pair[1]);
	return pair[0];
}

static int start(struct notifier *n, char *text, struct error *err)
{
	struct notify_request request = { n->config.command, n->config.word_count, text, NOTIFY_LIMIT_MS };
	int sock = socket_for_run(n, err);

	if (sock == -1)
		return -1;
	if (channel_open(&n->run, sock) == -1)
		return error_errno(err, errno, "hallowd-notify cannot be listened to");
	if (notify_request_encode(&n->run.out, &request) == -1) {
		error_errno(err, errno, "the request cannot be put together");
		channel_close(&n->run);
		return -1;
	}
	channel_send(&n->run);
	return 0;
}

/* --- how often */

static void refill(struct notifier *n)
{
	int64_t now = time_boot_ms(), most = (int64_t)NOTIFY_BURST * NOTIFY_REFILL_MS;

	n->tokens_ms += now - n->tokens_at_ms;
	n->tokens_ms = n->tokens_ms > most ? most : n->tokens_ms;
	n->tokens_at_ms = now;
}

static void run_later(void *ctx)
{
	struct notifier *n = ctx;

	n->timer = 0;
	run_next(n);
}

static char *take_first(struct notifier *n)
{
	char *text = n->queue[0];

	n->waiting--;
	memmove(&n->queue[0], &n->queue[1], n->waiting * sizeof(n->queue[0]));
	return text;
}

static void run_next(struct notifier *n)
{
	struct error err;
	char *text;

	if (n->run.sock != -1 || n->waiting == 0 || n->timer != 0)
		return;
	refill(n);
	if (n->tokens_ms < NOTIFY_REFILL_MS) {
		n->timer = loop_after(n->loop, NOTIFY_REFILL_MS - n->tokens_ms, run_later, n);
		return;
	}
	n->tokens_ms -= NOTIFY_REFILL_MS;
	text = take_first(n);
	if (n->config.word_count > 0 && start(n, text, &err) == -1)
		went_wrong(n, err.text);
	free(text);
	if (n->run.sock == -1 && n->waiting > 0 && n->timer == 0)
		n->timer = loop_after(n->loop, NOTIFY_REFILL_MS, run_later, n);
}

/* The oldest makes room. */
static struct recent *forget_oldest(struct notifier *n)
{
	struct recent *oldest = &n->recent[0];

	for (size_t i = 1; i < n->recent_count; i++)
		if (n->recent[i].at_ms < oldest->at_ms)
			oldest = &n->recent[i];
	free(oldest->key);
	return oldest;
}

/* Whether this kind and subject was told too recently; notes that it is told now where it was not. */
static bool too_soon(struct notifier *n, const char *kind, const char *subject)
{
	int64_t now = time_boot_ms();
	struct recent *r;
	char *key;

	if (asprintf(&key, "%s\n%s", kind, subject) == -1)
		return false;
	for (size_t i = 0; i < n->recent_count; i++) {
		r = &n->recent[i];
		if (strcmp(r->key, key) != 0)
			continue;
		free(key);
		if (now - r->at_ms < n->config.repeat * 1000)
			return true;
		r->at_ms = now;
		return false;
	}
	r = n->recent_count == RECENT_MAX ? forget_oldest(n) : &n->recent[n->recent_count++];
	*r = (struct recent){ key, now };
	return false;
}

/* --- an event */

static int priority(const char *kind)
{
	static const char *const warnings[] = { "held", "stale", "drift", "lost", "stalled", "agent-missing", "refresh-failed",
		                                "teardown", "child-died", "clock", "went-back" };

	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (strcmp(warnings[i], kind) == 0)
			return LOG_LEVEL_WARNING;
	return LOG_LEVEL_NOTICE;
}

static json_t *event_json(const struct notifier *n, time_us when, const char *kind, const char *subject, const char *detail)
{
	char host[256] = "", time[TIME_TEXT_MAX];
	json_t *parsed = json_loads(detail, 0, NULL), *all;

	gethostname(host, sizeof(host) - 1);
	if (parsed == NULL)
		parsed = json_object();
	all = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "time", time_format(when, 6, time), "host", host, "kind", kind,
	                "subject", subject, "detail", parsed, "left_out", (json_int_t)n->unsaid);
	if (all == NULL)
		json_decref(parsed);
	return all;
}

static void leave_out(struct notifier *n)
{
	n->unsaid++;
	n->state.left_out++;
}

static void queue_event(struct notifier *n, const char *kind, const char *subject, const char *json)
{
	if (too_soon(n, kind, subject) || n->waiting == QUEUE_MAX) {
		leave_out(n);
		return;
	}
	n->queue[n->waiting] = strdup(json);
	if (n->queue[n->waiting] == NULL) {
		leave_out(n);
		return;
	}
	n->waiting++;
	n->unsaid = 0;
	run_next(n);
}

static void to_journal(const char *kind, const char *subject, const char *detail)
{
	char *clean_subject = strdup(subject), *text = NULL;

	if (clean_subject != NULL) {
		log_one_line(clean_subject);
		if (asprintf(&text, "%s%s%s", kind, *subject == '\0' ? "" : ": ", clean_subject) != -1)
			fields_to_journal(priority(kind), text, kind, clean_subject, detail);
	}
	free(text);
	free(clean_subject);
}

void notifier_event(struct notifier *n, time_us when, const char *kind, const char *subject, const char *detail)
{
	int bit = notify_occasion(kind);
	bool wanted = bit != -1 && (n->config.on >> bit & 1) != 0;
	char *json;
	json_t *event;

	if (n->journal)
		to_journal(kind, subject, detail);
	if (!wanted)
		return;
	event = event_json(n, when, kind, subject, detail);
	json = event == NULL ? NULL : json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(event);
	if (json == NULL) {
		leave_out(n);
		return;
	}
	if (n->config.syslog)
		fields_to_syslog(priority(kind), json);
	if (n->config.word_count > 0)
		queue_event(n, kind, subject, json);
	free(json);
}

void notifier_state(const struct notifier *n, struct notifier_state *state)
{
	*state = n->state;
}

void notifier_free(struct notifier *n)
{
	if (n == NULL)
		return;
	loop_cancel(n->loop, n->timer);
	channel_close(&n->run); /* what runs comes to its own end */
	if (n->helper != 0)
		reaper_forget(n->reaper, n->helper);
	if (n->helper_sock != -1)
		close(n->helper_sock); /* which ends it */
	while (n->waiting > 0)
		free(take_first(n));
	for (size_t i = 0; i < n->recent_count; i++)
		free(n->recent[i].key);
	free_words(n->config.command, n->config.word_count);
	free(n);
}
