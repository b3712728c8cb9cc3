#include "parse/parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse/formats.h"
#include "parse/guess.h"

static format_reader *reader_of(enum list_format format)
{
	switch (format) {
	case FORMAT_TEXT:
		return text_read;
	case FORMAT_JSON:
		return json_read;
	case FORMAT_YAML:
		return yaml_read;
	case FORMAT_CSV:
		return csv_read;
	case FORMAT_HTML:
		return html_read;
	case FORMAT_XML:
		return xml_read;
	case FORMAT_GUESS:
		break;
	}
	return NULL;
}

/* A list without a good row is none. */
static int check_outcome(const struct parse_result *r, struct error *err)
{
	const struct parse_bad_row *first = &r->bad_rows[0];

	if (r->rows > 0)
		return 0;
	if (r->bad == 0)
		return error_set(err, "holds no entry");
	if (first->line > 0)
		return error_set(err, "none of its %" PRIu64 " rows is a prefix; the first, line %" PRIu32 ": “%s”: %s",
		                 r->bad, first->line, first->text, first->what);
	return error_set(err, "none of its %" PRIu64 " rows is a prefix; the first, %s: %s", r->bad, first->text,
	                 first->what);
}

static void drop_rows(struct parse_result *r)
{
	uint32_t i;

	for (i = 0; i < r->bad_shown; i++) {
		free(r->bad_rows[i].text);
		free(r->bad_rows[i].what);
		r->bad_rows[i] = (struct parse_bad_row) { 0, NULL, NULL };
	}
	r->bad_shown = 0;
	r->rows = r->bad = r->host_bits = 0;
	r->widest4 = r->widest6 = 255;
	prefix_set_free(&r->set);
}

static int read_rows(const struct parse_request *q, struct source *s, struct parse_result *r, struct error *err)
{
	struct rows rows = { r, q->max_entries };
	format_reader *reader = reader_of(r->format);

	if (!reader)
		return error_set(err, "format number %u is not known", r->format);
	if (s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0) {
		s->text += 3;
		s->len -= 3;
	}
	if (guess_check(r->format, s->text, s->len, err) == -1)
		return -1;
	if (reader(s, &rows, err) == -1)
		return -1;
	return check_outcome(r, err);
}

void parse_bytes(const struct parse_request *q, const char *data, size_t len, struct parse_result *r)
{
	struct source s = { data, len, q->select };
	struct error err;

	*r = (struct parse_result) { .widest4 = 255, .widest6 = 255 };
	r->format = q->format;
	if (r->format == FORMAT_GUESS)
		r->format = (uint8_t)guess_format(q->content_type, q->name);
	if (read_rows(q, &s, r, &err) == 0) {
		prefix_set_normalize(&r->set);
		r->ok = 1;
		return;
	}
	drop_rows(r);
	r->error = strdup(err.text);
}
