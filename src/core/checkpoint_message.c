#include "core/checkpoint_message.h"

#include <stdlib.h>
#include <string.h>

static void get_fixed(struct message *m, void *out, size_t size)
{
	size_t len;
	const unsigned char *bytes = get_bytes(m, &len);

	if (len != size)
		m->bad = true;
	else
		memcpy(out, bytes, size);
}

int checkpoint_request_encode(struct buffer *out, const struct checkpoint_request *c)
{
	struct message_writer w;

	message_begin(&w, out, MSG_SIGN, 0);
	put_string(&w, c->log);
	put_u64(&w, c->size);
	put_bytes(&w, c->root, sizeof(c->root));
	put_u64(&w, c->old);
	put_count(&w, c->path_count);
	for (size_t i = 0; i < c->path_count; i++)
		put_bytes(&w, c->path[i], sizeof(c->path[i]));
	put_u64(&w, c->commits);
	put_bytes(&w, c->open, sizeof(c->open));
	put_u8(&w, c->kept);
	return message_end(&w);
}

int checkpoint_request_decode(struct message *m, struct checkpoint_request *c)
{
	memset(c, 0, sizeof(*c));
	if (m->type != MSG_SIGN)
		return -1;
	c->log = get_string(m);
	c->size = get_u64(m);
	get_fixed(m, c->root, sizeof(c->root));
	c->old = get_u64(m);
	c->path_count = get_count(m, 4 + CHECKPOINT_HASH_SIZE);
	if (c->path_count > CHECKPOINT_PATH_MAX)
		m->bad = true;
	for (size_t i = 0; i < c->path_count && !m->bad; i++)
		get_fixed(m, c->path[i], sizeof(c->path[i]));
	c->commits = get_u64(m);
	get_fixed(m, c->open, sizeof(c->open));
	c->kept = get_choice(m, 1);
	if (message_done(m))
		return 0;
	checkpoint_request_free(c);
	return -1;
}

void checkpoint_request_free(struct checkpoint_request *c)
{
	free(c->log);
	memset(c, 0, sizeof(*c));
}

int witness_encode(struct buffer *out, const char *log, uint64_t size)
{
	struct message_writer w;

	message_begin(&w, out, MSG_WITNESS, 0);
	put_string(&w, log);
	put_u64(&w, size);
	return message_end(&w);
}

int witness_decode(struct message *m, char **log, uint64_t *size)
{
	*log = NULL;
	if (m->type != MSG_WITNESS)
		return -1;
	*log = get_string(m);
	*size = get_u64(m);
	if (message_done(m))
		return 0;
	free(*log);
	*log = NULL;
	return -1;
}

int signed_encode(struct buffer *out, const void *note, size_t len)
{
	struct message_writer w;

	message_begin(&w, out, MSG_SIGNED, 0);
	put_bytes(&w, note, len);
	return message_end(&w);
}

int signed_decode(struct message *m, const unsigned char **note, size_t *len)
{
	if (m->type != MSG_SIGNED)
		return -1;
	*note = get_bytes(m, len);
	return message_done(m) ? 0 : -1;
}

int refused_encode(struct buffer *out, const char *why)
{
	struct message_writer w;

	message_begin(&w, out, MSG_REFUSED, 0);
	put_string(&w, why);
	return message_end(&w);
}

int refused_decode(struct message *m, char **why)
{
	*why = NULL;
	if (m->type != MSG_REFUSED)
		return -1;
	*why = get_string(m);
	if (message_done(m))
		return 0;
	free(*why);
	*why = NULL;
	return -1;
}

int checkpoint_ask_encode(struct buffer *out, uint64_t id)
{
	struct message_writer w;

	message_begin(&w, out, MSG_CHECKPOINT, 0);
	put_u64(&w, id);
	return message_end(&w);
}

int checkpoint_ask_decode(struct message *m, uint64_t *id)
{
	*id = 0;
	if (m->type != MSG_CHECKPOINT)
		return -1;
	*id = get_u64(m);
	return message_done(m) ? 0 : -1;
}
