#include "core/parse_message.h"

#include <stdlib.h>
#include <string.h>

#define NO_ROWS 255 /* widest4, widest6 */

int parse_request_encode(struct buffer *out, const struct parse_request *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_PARSE_REQUEST, 0);
	put_u8(&w, r->format);
	put_string(&w, r->select);
	put_string(&w, r->content_type);
	put_string(&w, r->name);
	put_u64(&w, r->max_bytes);
	put_u64(&w, r->max_entries);
	put_string(&w, r->signed_by);
	put_string(&w, r->signature);
	return message_end(&w);
}

int parse_request_decode(struct message *m, struct parse_request *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_PARSE_REQUEST)
		return -1;
	r->format = get_choice(m, FORMAT_XML);
	r->select = get_string(m);
	r->content_type = get_string(m);
	r->name = get_string(m);
	r->max_bytes = get_u64(m);
	r->max_entries = get_u64(m);
	r->signed_by = get_string(m);
	r->signature = get_string(m);
	if (message_done(m))
		return 0;
	parse_request_free(r);
	return -1;
}

void parse_request_free(struct parse_request *r)
{
	if (r == NULL)
		return;
	free(r->select);
	free(r->content_type);
	free(r->name);
	free(r->signed_by);
	free(r->signature);
	memset(r, 0, sizeof(*r));
}

int parse_result_encode(struct buffer *out, const struct parse_result *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_PARSE_RESULT, 0);
	put_u8(&w, r->ok);
	put_string(&w, r->error);
	put_u8(&w, r->format);
	put_u64(&w, r->bytes);
	put_string(&w, r->sha256);
	put_u64(&w, r->rows);
	put_u64(&w, r->bad);
	put_u64(&w, r->host_bits);
	put_u8(&w, r->widest4);
	put_u8(&w, r->widest6);
	put_u8(&w, (uint8_t)r->bad_shown);
	for (size_t i = 0; i < r->bad_shown; i++) {
		put_u32(&w, r->bad_rows[i].line);
		put_string(&w, r->bad_rows[i].text);
		put_string(&w, r->bad_rows[i].what);
	}
	put_prefix_set(&w, &r->set);
	return message_end(&w);
}

/* 64 digits of lower-case hex, or nothing. */
static bool is_sha256(const char *text)
{
	size_t len = strlen(text);

	return len == 0 || (len == 64 && strspn(text, "0123456789abcdef") == len);
}

static bool is_length(uint8_t length, uint8_t longest)
{
	return length <= longest || length == NO_ROWS;
}

static void get_bad_rows(struct message *m, struct parse_result *r)
{
	r->bad_shown = get_choice(m, PARSE_BAD_SHOWN);
	for (size_t i = 0; i < r->bad_shown; i++) {
		r->bad_rows[i].line = get_u32(m);
		r->bad_rows[i].text = get_string(m);
		r->bad_rows[i].what = get_string(m);
	}
}

int parse_result_decode(struct message *m, struct parse_result *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_PARSE_RESULT)
		return -1;
	r->ok = get_choice(m, 1);
	r->error = get_string(m);
	r->format = get_choice(m, FORMAT_XML);
	r->bytes = get_u64(m);
	r->sha256 = get_string(m);
	r->rows = get_u64(m);
	r->bad = get_u64(m);
	r->host_bits = get_u64(m);
	r->widest4 = get_u8(m);
	r->widest6 = get_u8(m);
	get_bad_rows(m, r);
	get_prefix_set(m, &r->set);
	if (message_done(m) && is_sha256(r->sha256) && is_length(r->widest4, 32) && is_length(r->widest6, 128))
		return 0;
	parse_result_free(r);
	return -1;
}

void parse_result_free(struct parse_result *r)
{
	if (r == NULL)
		return;
	free(r->error);
	free(r->sha256);
	for (size_t i = 0; i < r->bad_shown; i++) {
		free(r->bad_rows[i].text);
		free(r->bad_rows[i].what);
	}
	prefix_set_free(&r->set);
	memset(r, 0, sizeof(*r));
}

static const char *const format_names[] = {
	[FORMAT_GUESS] = "guess", [FORMAT_TEXT] = "text", [FORMAT_JSON] = "json",
	[FORMAT_YAML] = "yaml",   [FORMAT_CSV] = "csv",   [FORMAT_HTML] = "html",
	[FORMAT_XML] = "xml",
};

const char *list_format_name(enum list_format f)
{
	return format_names[f];
}

int list_format_parse(enum list_format *f, const char *name)
{
	for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
		if (strcmp(format_names[i], name) == 0) {
			*f = (enum list_format)i;
			return 0;
		}
	}
	return -1;
}
