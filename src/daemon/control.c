#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/control.h"
#include "core/log.h"
#include "daemon/request.h"

#define CONNECTIONS_MAX 64
#define BACKLOG 16
#define SOCKET_TO_BE CONTROL_SOCKET ".new"
#define READ_TIMEOUT_MS 10000

struct connection {
	struct control *control;
	int fd;
	uid_t uid;
	unsigned timer;      /* until its line is whole, or its answer is written */
	bool asked;          /* a verb runs for it */
	bool gone;           /* it went away while the verb ran */
	struct buffer in, out;
	struct connection *next;
};

struct control {
	struct daemon *d;
	int fd;
	struct connection *connections;
	size_t count;
};

static void connection_end(struct connection *c)
{
	struct connection **at = &c->control->connections;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->control->count--;
	loop_cancel(c->control->d->loop, c->timer);
	loop_unwatch(c->control->d->loop, c->fd);
	close(c->fd);
	buffer_free(&c->in);
	buffer_free(&c->out);
	free(c);
}

static void out_of_time(void *ctx)
{
	struct connection *c = ctx;

	c->timer = 0;
	connection_end(c);
}

static void write_answer(void *ctx, short revents)
{
	struct connection *c = ctx;
	ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)revents;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buffer_consume(&c->out, (size_t)n);
	if (n == -1 || c->out.len == 0)
		connection_end(c);
}

static void answered(void *ctx, const char *line, size_t len)
{
	struct connection *c = ctx;
	struct loop *loop = c->control->d->loop;

	c->asked = false;
	if (c->gone || buffer_add(&c->out, line, len) == -1) {
		connection_end(c);
		return;
	}
	c->timer = loop_after(loop, READ_TIMEOUT_MS, out_of_time, c);
	if (loop_watch(loop, c->fd, POLLOUT, write_answer, c) == -1)
		connection_end(c);
}

static void hung_up(void *ctx, short revents)
{
	struct connection *c = ctx;

	if ((revents & (POLLHUP | POLLERR)) == 0)
		return;
	loop_unwatch(c->control->d->loop, c->fd);
	c->gone = true;
}

static void got_line(struct connection *c, char *line)
{
	struct daemon *d = c->control->d;
	char *words[CONTROL_WORDS_MAX];
	struct request *r;
	size_t count;

	loop_cancel(d->loop, c->timer);
	c->timer = 0;
	c->asked = true;
	loop_watch(d->loop, c->fd, 0, hung_up, c);
	if (control_line_decode(line, words, CONTROL_WORDS_MAX, &count) == -1 || count == 0) {
		static const char bad[] = "{\"exit\":2,\"error\":\"the request is not understood\",\"result\":null}\n";

		answered(c, bad, sizeof(bad) - 1);
		return;
	}
	r = request_new(d, words, count, c->uid, answered, c);
	if (r == NULL) {
		connection_end(c);
		return;
	}
	verb_run(r);
}

static void read_line(void *ctx, short revents)
{
	struct connection *c = ctx;
	char *end;
	ssize_t n;

	(void)revents;
	if (buffer_reserve(&c->in, 4096) == -1) {
		connection_end(c);
		return;
	}
	n = read(c->fd, c->in.data + c->in.len, 4096);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->in.len + (size_t)n > CONTROL_LINE_MAX) {
		connection_end(c);
		return;
	}
	c->in.len += (size_t)n;
	end = memchr(c->in.data, '\n', c->in.len);
	if (end == NULL)
		return;
	*end = '\0';
	got_line(c, (char *)c->in.data);
}

static void accept_one(void *ctx, short revents)
{
	struct control *control = ctx;
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	(void)revents;
	if (fd == -1)
		return;
	c = control->count >= CONNECTIONS_MAX ? NULL : calloc(1, sizeof(*c));
	if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
		free(c);
		close(fd);
		return;
	}
	c->control = control;
	c->fd = fd;
	c->uid = peer.uid;
	c->next = control->connections;
	control->connections = c;
	control->count++;
	c->timer = loop_after(control->d->loop, READ_TIMEOUT_MS, out_of_time, c);
	if (loop_watch(control->d->loop, fd, POLLIN, read_line, c) == -1)
		connection_end(c);
}

/* Only a socket may stand where ours is to be: anything else is somebody's mistake, and is left alone. */
static int check_place(int run_fd, struct error *err)
{
	struct stat st;

	if (fstatat(run_fd, CONTROL_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode))
		return error_set(err, "%s in run_dir is no socket; remove it", CONTROL_SOCKET);
	return 0;
}

/* Through /proc/self/fd, because a socket's path may have 107 bytes and run_dir's may be longer. */
static int bind_at(int run_fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s", run_fd, SOCKET_TO_BE);
	if ((unlinkat(run_fd, SOCKET_TO_BE, 0) == -1 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 || fchmodat(run_fd, SOCKET_TO_BE, 0660, 0) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int control_open(struct daemon *d, struct control **out, struct error *err)
{
	struct control *c;

	if (check_place(d->run_fd, err) == -1)
		return -1;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return error_errno(err, ENOMEM, "%s", CONTROL_SOCKET);
	c->d = d;
	c->fd = bind_at(d->run_fd);
	if (c->fd == -1) {
		error_errno(err, errno, "%s in run_dir cannot be made", CONTROL_SOCKET);
		free(c);
		return -1;
	}
	*out = c;
	return 0;
}

int control_listen(struct control *c, struct error *err)
{
	int run_fd = c->d->run_fd;

	if (listen(c->fd, BACKLOG) == -1 || renameat(run_fd, SOCKET_TO_BE, run_fd, CONTROL_SOCKET) == -1 ||
	    loop_watch(c->d->loop, c->fd, POLLIN, accept_one, c) == -1)
		return error_errno(err, errno, "%s in run_dir cannot be listened on", CONTROL_SOCKET);
	return 0;
}

void control_close(struct control *c, int run_fd)
{
	struct connection *next;

	if (c == NULL)
		return;
	loop_unwatch(c->d->loop, c->fd);
	close(c->fd);
	if (unlinkat(run_fd, SOCKET_TO_BE, 0) == -1) /* it had not got its name yet */
		unlinkat(run_fd, CONTROL_SOCKET, 0);
	for (struct connection *at = c->connections; at != NULL; at = next) {
		next = at->next;
		if (at->asked)
			at->gone = true; /* its verb still points to it */
		else
			connection_end(at);
	}
	if (c->connections == NULL)
		free(c);
}
