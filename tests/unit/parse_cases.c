#include "parse_cases.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "parse/parse.h"

static int show_prefix(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	return buffer_printf(ctx, "%s ", prefix_format(p, text));
}

static void show(struct buffer *out, const struct parse_result *r)
{
	uint32_t i;

	if (!r->ok) {
		buffer_printf(out, "error: %s", r->error ? r->error : "(none)");
		return;
	}
	prefix_set_each(&r->set, show_prefix, out);
	buffer_printf(out, "; %" PRIu64 " rows", r->rows);
	if (r->bad > 0)
		buffer_printf(out, ", %" PRIu64 " bad", r->bad);
	if (r->host_bits > 0)
		buffer_printf(out, ", %" PRIu64 " host bits", r->host_bits);
	buffer_printf(out, ", widest");
	if (r->widest4 != 255)
		buffer_printf(out, " %u", r->widest4);
	if (r->widest6 != 255)
		buffer_printf(out, "/%u", r->widest6);
	for (i = 0; i < r->bad_shown; i++)
		buffer_printf(out, " ; %" PRIu32 " '%s' %s", r->bad_rows[i].line, r->bad_rows[i].text,
		              r->bad_rows[i].what);
}

/* A result that is not ok holds nothing that could be used by mistake. */
static void check_nothing_left(const struct parse_result *r)
{
	if (r->ok)
		return;
	assert_int_equal(r->rows, 0);
	assert_int_equal(r->bad, 0);
	assert_int_equal(r->bad_shown, 0);
	assert_true(prefix_set_empty(&r->set));
}

/* `expected` may end in '*' where a library words the rest. */
static bool as_expected(struct buffer *shown, const char *expected)
{
	size_t len = strlen(expected);

	if (len > 0 && expected[len - 1] == '*')
		return shown->len >= len && memcmp(shown->data, expected, len - 1) == 0;
	return strcmp(buffer_str(shown), expected) == 0;
}

void check_parse_bytes(enum list_format format, const char *select, const char *input, size_t len,
                       const char *expected)
{
	static char none[] = "";
	struct parse_request q = { .format = (uint8_t)format, .content_type = none, .name = none,
	                           .max_bytes = 1 << 20, .max_entries = 1000 };
	struct buffer shown = BUFFER_INIT;
	struct parse_result r;
	/* A copy of just this size, so that a sanitizer sees a byte too far. */
	char *bytes = malloc(len > 0 ? len : 1);

	assert_non_null(bytes);
	memcpy(bytes, input, len);
	q.select = strdup(select);
	assert_non_null(q.select);
	parse_bytes(&q, bytes, len, &r);
	show(&shown, &r);
	if (!as_expected(&shown, expected)) {
		print_message("input    %.*s\n", (int)(len < 500 ? len : 500), input);
		assert_string_equal(buffer_str(&shown), expected);
	}
	check_nothing_left(&r);
	buffer_free(&shown);
	parse_result_free(&r);
	free(q.select);
	free(bytes);
}

void check_parse(enum list_format format, const char *select, const struct parse_case *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check_parse_bytes(format, select, cases[i].input, strlen(cases[i].input), cases[i].expected);
}
