#include "fuzz_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/clean.h"
#include "parse/parse.h"

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Text that was cleaned already does not change when it is cleaned again. */
static void must_be_clean(const char *text)
{
	char again[2048];

	MUST(text);
	MUST(strlen(text) < sizeof(again));
	clean_text(again, sizeof(again), text, strlen(text));
	MUST(strcmp(again, text) == 0);
}

static void must_be_normalized(const struct prefix_set *set)
{
	struct prefix_set copy = PREFIX_SET_INIT;

	MUST(prefix_set_copy(&copy, set) == 0);
	prefix_set_normalize(&copy);
	MUST(prefix_set_equal(&copy, set));
	prefix_set_free(&copy);
}

static void check_result(const struct parse_request *q, const struct parse_result *r)
{
	uint32_t i;

	if (!r->ok) {
		must_be_clean(r->error);
		MUST(r->error[0] != '\0');
		MUST(r->rows == 0 && r->bad == 0 && r->bad_shown == 0 && prefix_set_empty(&r->set));
		return;
	}
	MUST(!r->error);
	MUST(r->rows > 0 && r->rows + r->bad <= q->max_entries && !prefix_set_empty(&r->set));
	MUST(r->host_bits <= r->rows && r->bad_shown <= r->bad);
	MUST((r->widest4 == 255) == (r->set.v4_count == 0) && (r->widest6 == 255) == (r->set.v6_count == 0));
	MUST(r->widest4 <= 32 || r->widest4 == 255);
	MUST(r->widest6 <= 128 || r->widest6 == 255);
	must_be_normalized(&r->set);
	for (i = 0; i < r->bad_shown; i++) {
		must_be_clean(r->bad_rows[i].text);
		must_be_clean(r->bad_rows[i].what);
	}
}

/* It arrives as it was sent. */
static void check_message(const struct parse_result *r)
{
	struct buffer out = BUFFER_INIT;
	struct parse_result same;
	struct message m;
	size_t used;

	MUST(parse_result_encode(&out, r) == 0);
	MUST(message_next(&out, MESSAGE_MAX_LIST, &m, &used) == 1 && used == out.len);
	MUST(parse_result_decode(&m, &same) == 0);
	MUST(same.ok == r->ok && same.rows == r->rows && prefix_set_equal(&same.set, &r->set));
	parse_result_free(&same);
	buffer_free(&out);
}

int fuzz_parse(enum list_format format, const char *select, const uint8_t *data, size_t size)
{
	static char none[] = "";
	struct parse_request q = { .format = (uint8_t)format, .content_type = none, .name = none,
	                           .max_bytes = UINT64_MAX, .max_entries = 1000 };
	struct parse_result r;

	q.select = strdup(select);
	MUST(q.select);
	parse_bytes(&q, (const char *)data, size, &r);
	check_result(&q, &r);
	check_message(&r);
	parse_result_free(&r);
	free(q.select);
	return 0;
}
