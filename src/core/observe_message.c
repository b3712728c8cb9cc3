#include "core/observe_message.h"

#include <stdlib.h>

#define ROW_LEAST (8 + 5 + 5 + 4 + 4 + 1)

static int encode_text(struct buffer *out, enum message_type type, const char *text)
{
	struct message_writer w;

	message_begin(&w, out, type, 0);
	put_string(&w, text);
	return message_end(&w);
}

static int decode_text(struct message *m, enum message_type type, char **text)
{
	*text = m->type == type ? get_string(m) : NULL;
	if (*text != NULL && message_done(m))
		return 0;
	free(*text);
	*text = NULL;
	return -1;
}

int observe_request_encode(struct buffer *out, const char *filter)
{
	return encode_text(out, MSG_OBSERVE_REQUEST, filter);
}

int observe_request_decode(struct message *m, char **text)
{
	return decode_text(m, MSG_OBSERVE_REQUEST, text);
}

int observe_refused_encode(struct buffer *out, const char *why)
{
	return encode_text(out, MSG_OBSERVE_REFUSED, why);
}

int observe_refused_decode(struct message *m, char **text)
{
	return decode_text(m, MSG_OBSERVE_REFUSED, text);
}

int observed_encode(struct buffer *out, const struct observed_batch *b)
{
	struct message_writer w;

	message_begin(&w, out, MSG_OBSERVED, 0);
	put_u8(&w, b->down);
	put_u64(&w, b->lost);
	put_count(&w, b->count);
	for (size_t i = 0; i < b->count; i++) {
		put_i64(&w, b->rows[i].time);
		put_address(&w, &b->rows[i].source);
		put_address(&w, &b->rows[i].destination);
		put_u32(&w, b->rows[i].source_port);
		put_u32(&w, b->rows[i].destination_port);
		put_u8(&w, b->rows[i].protocol);
	}
	return message_end(&w);
}

int observed_decode(struct message *m, struct observed_batch *b)
{
	if (m->type != MSG_OBSERVED)
		return -1;
	b->down = get_choice(m, 1) == 1;
	b->lost = get_u64(m);
	b->count = get_count(m, ROW_LEAST);
	if (b->count > OBSERVED_MAX)
		return -1;
	for (size_t i = 0; i < b->count; i++) {
		b->rows[i].time = get_i64(m);
		get_address(m, &b->rows[i].source);
		get_address(m, &b->rows[i].destination);
		b->rows[i].source_port = get_port(m);
		b->rows[i].destination_port = get_port(m);
		b->rows[i].protocol = get_u8(m);
	}
	return message_done(m) ? 0 : -1;
}
