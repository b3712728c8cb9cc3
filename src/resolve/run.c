#include "resolve/resolve.h"

#include "core/buffer.h"
#include "core/sandbox.h"

int resolve_confine(struct error *err)
{
	return sandbox_web_child("hallowd-resolve", RESOLVE_MEMORY, RESOLVE_CPU_SECONDS, err);
}

static int receive_request(int socket_fd, struct resolve_request *q, struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	int ret = message_receive(socket_fd, MESSAGE_MAX_DEFAULT, &in, &m, err), done = -1;

	if (ret == 0)
		error_set(err, "the socket was closed before a request came");
	else if (ret == 1 && resolve_request_decode(&m, q) == -1)
		error_set(err, "a message of type %d that is no request to resolve a name", (int)m.type);
	else if (ret == 1)
		done = 0;
	buffer_free(&in);
	return done;
}

static int answer(int socket_fd, const struct resolve_result *r, struct error *err)
{
	struct buffer out = BUFFER_INIT;
	int ret;

	if (resolve_result_encode(&out, r) == 0)
		ret = message_send(socket_fd, &out, err);
	else
		ret = error_set(err, "no memory for the result");
	buffer_free(&out);
	return ret;
}

int resolve_run(int socket_fd, struct error *err)
{
	struct resolve_request q = { 0 };
	struct resolve_result r = { 0 };
	int ret;

	if (resolve_confine(err) == -1 || receive_request(socket_fd, &q, err) == -1)
		return -1;
	ret = resolve_name(&q, &r, err);
	if (ret == 0)
		ret = answer(socket_fd, &r, err);
	resolve_result_free(&r);
	resolve_request_free(&q);
	return ret;
}
