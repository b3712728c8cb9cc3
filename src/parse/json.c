#include "parse/formats.h"

#include <limits.h>

/* The parser's message, taken over, with line and column in it. */
static int json_error(jv invalid, struct error *err)
{
	char clean[256];
	jv message = jv_invalid_get_msg(invalid);

	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	clean_text(clean, sizeof(clean), jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message)));
	jv_free(message);
	return error_set(err, "is not JSON: %s", clean);
}

/* The one value that the parser's bytes must hold. */
static int only_value(jv_parser *parser, jv *value, struct error *err)
{
	jv more;

	*value = jv_parser_next(parser);
	if (!jv_is_valid(*value)) {
		if (jv_invalid_has_msg(jv_copy(*value)))
			return json_error(*value, err);
		jv_free(*value);
		return error_set(err, "is not JSON: it holds no value");
	}
	more = jv_parser_next(parser);
	if (!jv_is_valid(more) && !jv_invalid_has_msg(jv_copy(more))) {
		jv_free(more);
		return 0;
	}
	jv_free(*value);
	if (!jv_is_valid(more))
		return json_error(more, err);
	jv_free(more);
	return error_set(err, "holds more than one JSON value; one was expected");
}

int json_read(const struct source *s, struct rows *rows, struct error *err)
{
	jv_parser *parser;
	jv value;
	int ret;

	if (s->len > INT_MAX)
		return error_set(err, "is longer than the JSON parser can take (%d bytes)", INT_MAX);
	parser = jv_parser_new(0);
	jv_parser_set_buf(parser, s->text, (int)s->len, 0);
	ret = only_value(parser, &value, err);
	if (ret == 0)
		ret = select_rows(value, s->select, rows, err);
	jv_parser_free(parser);
	return ret;
}
