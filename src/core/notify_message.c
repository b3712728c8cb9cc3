#include "core/notify_message.h"

#include <stdlib.h>
#include <string.h>

#define STRING_HEAD 4 /* bytes of a string's length */

int notify_request_encode(struct buffer *out, const struct notify_request *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_NOTIFY_REQUEST, 0);
	put_count(&w, r->word_count);
	for (size_t i = 0; i < r->word_count; i++)
		put_string(&w, r->words[i]);
	put_string(&w, r->text);
	put_u32(&w, r->limit_ms);
	return message_end(&w);
}

static void get_words(struct message *m, struct notify_request *r)
{
	size_t count = get_count(m, STRING_HEAD);

	if (count == 0 || count > NOTIFY_WORDS_MAX) {
		m->bad = true;
		return;
	}
	r->words = calloc(count + 1, sizeof(*r->words)); /* ends with NULL, as execve(2) wants it */
	if (r->words == NULL) {
		m->bad = true;
		return;
	}
	for (; r->word_count < count; r->word_count++)
		r->words[r->word_count] = get_string(m);
}

int notify_request_decode(struct message *m, struct notify_request *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_NOTIFY_REQUEST)
		return -1;
	get_words(m, r);
	r->text = get_string(m);
	r->limit_ms = get_u32(m);
	if (message_done(m) && r->words[0][0] == '/')
		return 0;
	notify_request_free(r);
	return -1;
}

void notify_request_free(struct notify_request *r)
{
	for (size_t i = 0; i < r->word_count; i++)
		free(r->words[i]);
	free(r->words);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

int notify_result_encode(struct buffer *out, const char *trouble)
{
	struct message_writer w;

	message_begin(&w, out, MSG_NOTIFY_RESULT, 0);
	put_string(&w, trouble);
	return message_end(&w);
}

int notify_result_decode(struct message *m, char **trouble)
{
	*trouble = m->type == MSG_NOTIFY_RESULT ? get_string(m) : NULL;
	if (*trouble != NULL && message_done(m))
		return 0;
	free(*trouble);
	*trouble = NULL;
	return -1;
}
