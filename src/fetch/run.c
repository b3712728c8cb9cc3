#include "fetch/fetch.h"

#include <curl/curl.h>

#include "core/buffer.h"
#include "core/sandbox.h"

int fetch_confine(struct error *err)
{
	return sandbox_web_child("hallowd-fetch", FETCH_MEMORY, FETCH_CPU_SECONDS, err);
}

static int receive_request(int socket_fd, struct fetch_request *q, struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	int ret, done = -1;

	/* A buffer that grows leaves copies of what it held. */
	if (buffer_reserve(&in, MESSAGE_HEADER_SIZE + MESSAGE_MAX_DEFAULT) == -1)
		return error_set(err, "no memory for a request");
	ret = message_receive(socket_fd, MESSAGE_MAX_DEFAULT, &in, &m, err);
	if (ret == 0)
		error_set(err, "the socket was closed before a request came");
	else if (ret == 1 && m.type != MSG_FETCH_REQUEST)
		error_set(err, "message of type %d where a fetch request was expected", (int)m.type);
	else if (ret == 1 && fetch_request_decode(&m, q) == -1)
		error_set(err, "a fetch request that is malformed");
	else if (ret == 1)
		done = 0;
	buffer_wipe(&in);
	return done;
}

static int answer(int socket_fd, int body_fd, const struct fetch_request *q, struct error *err)
{
	struct buffer out = BUFFER_INIT;
	struct fetch_result r;
	int ret;

	fetch_url(q, body_fd, &r);
	if (fetch_result_encode(&out, &r) == 0)
		ret = message_send(socket_fd, &out, err);
	else
		ret = error_set(err, "no memory for the result");
	fetch_result_free(&r);
	buffer_free(&out);
	return ret;
}

int fetch_run(int socket_fd, int body_fd, struct error *err)
{
	struct fetch_request q = { 0 };
	int ret;

	if (fetch_confine(err) == -1)
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, "libcurl cannot start");
	if (receive_request(socket_fd, &q, err) == -1)
		return -1;
	ret = answer(socket_fd, body_fd, &q, err);
	fetch_request_free(&q);
	curl_global_cleanup();
	return ret;
}
