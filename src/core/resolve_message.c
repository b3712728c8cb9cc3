#include "core/resolve_message.h"

#include <stdlib.h>
#include <string.h>

int resolve_request_encode(struct buffer *out, const struct resolve_request *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_RESOLVE_REQUEST, 0);
	put_string(&w, r->name);
	put_u32(&w, r->timeout_ms);
	return message_end(&w);
}

int resolve_request_decode(struct message *m, struct resolve_request *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_RESOLVE_REQUEST)
		return -1;
	r->name = get_string(m);
	r->timeout_ms = get_u32(m);
	if (message_done(m))
		return 0;
	resolve_request_free(r);
	return -1;
}

void resolve_request_free(struct resolve_request *r)
{
	free(r->name);
	memset(r, 0, sizeof(*r));
}

static void put_family(struct message_writer *w, const struct resolve_family *f)
{
	put_u8(w, f->outcome);
	put_u32(w, f->ttl);
	put_string(w, f->error);
}

static void get_family(struct message *m, struct resolve_family *f)
{
	f->outcome = get_choice(m, RESOLVE_FAILED);
	f->ttl = get_u32(m);
	f->error = get_string(m);
}

int resolve_result_encode(struct buffer *out, const struct resolve_result *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_RESOLVE_RESULT, 0);
	put_family(&w, &r->v4);
	put_family(&w, &r->v6);
	put_prefix_set(&w, &r->addresses);
	return message_end(&w);
}

/* Addresses of a family are there just where its outcome says so. */
static bool consistent(const struct resolve_result *r)
{
	return (r->v4.outcome == RESOLVE_ADDRESSES) == (r->addresses.v4_count > 0) &&
	       (r->v6.outcome == RESOLVE_ADDRESSES) == (r->addresses.v6_count > 0);
}

int resolve_result_decode(struct message *m, struct resolve_result *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_RESOLVE_RESULT)
		return -1;
	get_family(m, &r->v4);
	get_family(m, &r->v6);
	if (get_prefix_set(m, &r->addresses) == 0 && message_done(m) && consistent(r))
		return 0;
	resolve_result_free(r);
	return -1;
}

void resolve_result_free(struct resolve_result *r)
{
	free(r->v4.error);
	free(r->v6.error);
	prefix_set_free(&r->addresses);
	memset(r, 0, sizeof(*r));
}
