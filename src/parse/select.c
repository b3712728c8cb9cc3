#include "parse/formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jq.h>

struct jq_messages {
	struct error first;
	bool any;
};

/* libjq tells a compile error as several lines, each with "jq: error: " in front, and then how many there were;
 * the first line has what a person needs. */
static void keep_first_message(void *ctx, jv message)
{
	static const char mark[] = "jq: error: ", hint[] = " (Unix shell quoting issues?)";
	struct jq_messages *messages = ctx;
	const char *text, *cut;
	char clean[512];

	message = jq_format_error(message);
	if (!messages->any && jv_get_kind(message) == JV_KIND_STRING) {
		text = jv_string_value(message);
		if (strncmp(text, mark, strlen(mark)) == 0)
			text += strlen(mark);
		clean_text(clean, sizeof(clean), text, strcspn(text, "\n"));
		cut = strstr(clean, hint);
		if (cut)
			error_set(&messages->first, "select: %.*s%s", (int)(cut - clean), clean, cut + strlen(hint));
		else
			error_set(&messages->first, "select: %s", clean);
		messages->any = true;
	}
	jv_free(message);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One output, taken over. */
static int add_value(struct rows *rows, const struct place *where, jv value, struct error *err)
{
	char shown[CLEAN_ROW_MAX * 2];
	const char *text;
	size_t len;
	int ret;

	if (jv_get_kind(value) == JV_KIND_STRING) {
		text = jv_string_value(value);
		len = (size_t)jv_string_length_bytes(jv_copy(value));
		for (; len > 0 && is_space(text[0]); len--)
			text++;
		while (len > 0 && is_space(text[len - 1]))
			len--;
		ret = rows_add(rows, where, text, len, err);
		jv_free(value);
		return ret;
	}
	jv_dump_string_trunc(value, shown, sizeof(shown));
	return rows_add_bad(rows, where, shown, strlen(shown), "not a string; a string with a prefix was expected",
	                    err);
}

static int add_elements(jv array, struct rows *rows, struct error *err)
{
	struct place where = { 0, "element", 0 };
	int count = jv_array_length(jv_copy(array));
	int i, ret = 0;

	for (i = 0; i < count && ret == 0; i++) {
		where.number++;
		ret = add_value(rows, &where, jv_array_get(jv_copy(array), i), err);
	}
	jv_free(array);
	return ret;
}

/* Without a select the value itself must be the list. */
static int whole_value(jv value, struct rows *rows, struct error *err)
{
	const char *kind;

	if (jv_get_kind(value) == JV_KIND_ARRAY)
		return add_elements(value, rows, err);
	kind = jv_kind_name(jv_get_kind(value));
	jv_free(value);
	return error_set(err, "holds one %s; an array of strings was expected, or a select that says where the "
	                 "prefixes are", kind);
}

/* What ended the program: nothing (0), an error, or halt. */
static int ended_well(jq_state *jq, jv last, struct error *err)
{
	char clean[256];
	jv message;

	if (jq_halted(jq)) {
		jv_free(last);
		return error_set(err, "select: the program called halt; it must end by itself");
	}
	if (!jv_invalid_has_msg(jv_copy(last))) {
		jv_free(last);
		return 0;
	}
	message = jv_invalid_get_msg(last);
	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	clean_text(clean, sizeof(clean), jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message)));
	jv_free(message);
	return error_set(err, "select: %s", clean);
}

/* There is one input, and the program has it. */
static jv no_more_input(jq_state *jq, void *ctx)
{
	(void)jq;
	(void)ctx;
	return jv_invalid_with_msg(jv_string("input: there is no other input than '.'"));
}

static void drop_message(void *ctx, jv message)
{
	(void)ctx;
	jv_free(message);
}

/* libjq 1.6 leaves callbacks that nobody has set uninitialized. */
static void set_callbacks(jq_state *jq, struct jq_messages *messages)
{
	jq_set_error_cb(jq, keep_first_message, messages);
	jq_set_input_cb(jq, no_more_input, NULL);
	jq_set_debug_cb(jq, drop_message, NULL);
	/* Modules would be files, and there are none here. */
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
}

static int run_program(jq_state *jq, jv value, struct rows *rows, struct error *err)
{
	struct place where = { 0, "output", 0 };
	jv out;

	jq_start(jq, value, 0);
	while (jv_is_valid(out = jq_next(jq))) {
		where.number++;
		if (add_value(rows, &where, out, err) == -1)
			return -1;
	}
	if (ended_well(jq, out, err) == -1)
		return -1;
	if (where.number == 0)
		return error_set(err, "select found nothing in it");
	return 0;
}

int select_rows(jv value, const char *select, struct rows *rows, struct error *err)
{
	struct jq_messages messages = { { "" }, false };
	jq_state *jq;
	int ret = -1;

	if (select[0] == '\0')
		return whole_value(value, rows, err);
	jq = jq_init();
	if (!jq) {
		jv_free(value);
		return error_set(err, "no memory for select");
	}
	set_callbacks(jq, &messages);
	if (jq_compile(jq, select)) {
		ret = run_program(jq, value, rows, err);
	} else {
		jv_free(value);
		error_set(err, "%s", messages.any ? messages.first.text : "select: not a jq program");
	}
	jq_teardown(&jq);
	return ret;
}
