#include "core/fetch_message.h"

#include <stdlib.h>
#include <string.h>

#define STRING_HEAD 4 /* bytes of a string's length */

static size_t encoded_size(const char *s)
{
	return STRING_HEAD + (s == NULL ? 0 : strlen(s));
}

/* At most so many bytes, the message's header and the numbers included. */
static size_t request_size(const struct fetch_request *r)
{
	const char *const strings[] = { r->url, r->proxy, r->ca, r->pinned_key, r->certificate, r->key, r->token, r->etag,
		                        r->last_modified, r->user_agent };
	size_t size = MESSAGE_HEADER_SIZE + 64;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		size += encoded_size(strings[i]);
	for (size_t i = 0; i < r->header_count; i++)
		size += encoded_size(r->headers[i].name) + encoded_size(r->headers[i].value);
	return size;
}

int fetch_request_encode(struct buffer *out, const struct fetch_request *r)
{
	struct message_writer w;

	if (buffer_reserve(out, request_size(r)) == -1)
		return -1;
	message_begin(&w, out, MSG_FETCH_REQUEST, 0);
	put_string(&w, r->url);
	put_u32(&w, r->connect_timeout_ms);
	put_u32(&w, r->first_byte_timeout_ms);
	put_u32(&w, r->total_timeout_ms);
	put_u32(&w, r->max_redirects);
	put_u64(&w, r->max_bytes);
	put_string(&w, r->proxy);
	put_string(&w, r->ca);
	put_string(&w, r->pinned_key);
	put_string(&w, r->certificate);
	put_string(&w, r->key);
	put_string(&w, r->token);
	put_count(&w, r->header_count);
	for (size_t i = 0; i < r->header_count; i++) {
		put_string(&w, r->headers[i].name);
		put_string(&w, r->headers[i].value);
	}
	put_string(&w, r->etag);
	put_string(&w, r->last_modified);
	put_string(&w, r->user_agent);
	return message_end(&w);
}

static void get_headers(struct message *m, struct fetch_request *r)
{
	size_t count = get_count(m, 2 * STRING_HEAD);

	r->headers = calloc(count + 1, sizeof(r->headers[0]));
	if (r->headers == NULL) {
		m->bad = true;
		return;
	}
	for (; r->header_count < count; r->header_count++) {
		r->headers[r->header_count].name = get_string(m);
		r->headers[r->header_count].value = get_string(m);
	}
}

int fetch_request_decode(struct message *m, struct fetch_request *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_FETCH_REQUEST)
		return -1;
	r->url = get_string(m);
	r->connect_timeout_ms = get_u32(m);
	r->first_byte_timeout_ms = get_u32(m);
	r->total_timeout_ms = get_u32(m);
	r->max_redirects = get_u32(m);
	r->max_bytes = get_u64(m);
	r->proxy = get_string(m);
	r->ca = get_string(m);
	r->pinned_key = get_string(m);
	r->certificate = get_string(m);
	r->key = get_string(m);
	r->token = get_string(m);
	get_headers(m, r);
	r->etag = get_string(m);
	r->last_modified = get_string(m);
	r->user_agent = get_string(m);
	if (message_done(m))
		return 0;
	fetch_request_free(r);
	return -1;
}

static void wipe(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void fetch_request_free(struct fetch_request *r)
{
	if (r == NULL)
		return;
	wipe(r->url);
	free(r->proxy);
	free(r->ca);
	free(r->pinned_key);
	free(r->certificate);
	wipe(r->key);
	wipe(r->token);
	for (size_t i = 0; i < r->header_count; i++) {
		free(r->headers[i].name);
		wipe(r->headers[i].value);
	}
	free(r->headers);
	free(r->etag);
	free(r->last_modified);
	free(r->user_agent);
	memset(r, 0, sizeof(*r));
}

int fetch_result_encode(struct buffer *out, const struct fetch_result *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_FETCH_RESULT, 0);
	put_u8(&w, r->outcome);
	put_u8(&w, r->passing);
	put_u32(&w, r->http_status);
	put_u64(&w, r->bytes);
	put_string(&w, r->content_type);
	put_string(&w, r->etag);
	put_string(&w, r->last_modified);
	put_string(&w, r->error);
	return message_end(&w);
}

int fetch_result_decode(struct message *m, struct fetch_result *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_FETCH_RESULT)
		return -1;
	r->outcome = get_choice(m, FETCH_FAILED);
	r->passing = get_choice(m, 1) != 0;
	r->http_status = get_u32(m);
	r->bytes = get_u64(m);
	r->content_type = get_string(m);
	r->etag = get_string(m);
	r->last_modified = get_string(m);
	r->error = get_string(m);
	if (message_done(m))
		return 0;
	fetch_result_free(r);
	return -1;
}

void fetch_result_free(struct fetch_result *r)
{
	if (r == NULL)
		return;
	free(r->content_type);
	free(r->etag);
	free(r->last_modified);
	free(r->error);
	memset(r, 0, sizeof(*r));
}
