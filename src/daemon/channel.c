#include "daemon/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (64u << 10)
#define LAST_READS 1024 /* a bound, in case somebody else holds the other end and goes on writing */

enum outcome { MORE, NOTHING, CLOSED, LET_GO };

static loop_ready socket_ready;

static int watch(struct channel *c)
{
	return loop_watch(c->loop, c->sock, c->out.len > 0 ? POLLIN | POLLOUT : POLLIN, socket_ready, c);
}

int channel_open(struct channel *c, int sock)
{
	c->sock = sock;
	if (watch(c) == 0)
		return 0;
	channel_close(c);
	errno = ENOMEM;
	return -1;
}

void channel_close(struct channel *c)
{
	if (c->sock != -1) {
		loop_unwatch(c->loop, c->sock);
		close(c->sock);
	}
	c->sock = -1;
	buffer_free(&c->in);
	buffer_wipe(&c->out);
}

void channel_send(struct channel *c)
{
	ssize_t n;

	if (c->sock == -1)
		return;
	n = c->out.len == 0 ? 0 : send(c->sock, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		n = (ssize_t)c->out.len; /* nobody reads it; that shows as the end of what comes, too */
	if (n > 0)
		buffer_consume(&c->out, (size_t)n);
	if (c->out.len == 0)
		buffer_wipe(&c->out);
	watch(c); /* replaces the one that there is, which needs no memory */
}

static enum outcome hang_up(struct channel *c, bool garbled)
{
	channel_close(c);
	c->closed(c->ctx, garbled);
	return CLOSED;
}

static enum outcome take_messages(struct channel *c)
{
	struct message m;
	size_t used;
	int got;

	while ((got = message_next(&c->in, c->max, &m, &used)) == 1) {
		if (!c->message(c->ctx, &m))
			return LET_GO;
		buffer_consume(&c->in, used);
	}
	return got == -1 ? hang_up(c, true) : MORE;
}

static enum outcome read_some(struct channel *c)
{
	ssize_t n;

	if (buffer_reserve(&c->in, READ_SIZE) == -1)
		return NOTHING;
	n = recv(c->sock, c->in.data + c->in.len, READ_SIZE, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return NOTHING;
	if (n <= 0)
		return hang_up(c, false);
	c->in.len += (size_t)n;
	return take_messages(c);
}

static void socket_ready(void *ctx, short revents)
{
	struct channel *c = ctx;
	enum outcome outcome = (revents & ~POLLOUT) == 0 ? NOTHING : read_some(c);

	if (outcome == MORE || outcome == NOTHING)
		channel_send(c);
}

bool channel_drain(struct channel *c)
{
	enum outcome outcome = c->sock == -1 ? CLOSED : MORE;

	for (int i = 0; i < LAST_READS && outcome == MORE; i++)
		outcome = read_some(c);
	return outcome != LET_GO;
}
