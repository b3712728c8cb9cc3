#include "core/fetch_message.h"

#include <stdlib.h>
#include <string.h>

int fetch_request_encode(struct buffer *out, const struct fetch_request *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_FETCH_REQUEST, 0);
	put_string(&w, r->url);
	put_u32(&w, r->connect_timeout_ms);
	put_u32(&w, r->first_byte_timeout_ms);
	put_u32(&w, r->total_timeout_ms);
	put_u32(&w, r->max_redirects);
	put_u64(&w, r->max_bytes);
	put_string(&w, r->ca_file);
	put_string(&w, r->etag);
	put_string(&w, r->last_modified);
	put_string(&w, r->user_agent);
	return message_end(&w);
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
	r->ca_file = get_string(m);
	r->etag = get_string(m);
	r->last_modified = get_string(m);
	r->user_agent = get_string(m);
	if (message_done(m))
		return 0;
	fetch_request_free(r);
	return -1;
}

void fetch_request_free(struct fetch_request *r)
{
	if (r == NULL)
		return;
	free(r->url);
	free(r->ca_file);
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
