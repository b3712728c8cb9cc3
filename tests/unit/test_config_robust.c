/* The file that ships is right; no part of it, no damage to it and no lack of memory does harm; size does not hurt. */
#include "test_config.h"

#include <stdlib.h>
#include <string.h>

#include "config/tree.h"
#include "test_core.h"

#define EXAMPLE "rules/examples/hallowd.yaml"

static void the_shipped_file_is_right(void **state)
{
	size_t len;
	char *text = read_source_file(EXAMPLE, &len);

	(void)state;
	config_free(must_config(text));
	free(text);
}

/* The first example of the manual page that is a whole file. */
static void the_manual_is_right(void **state)
{
	size_t len;
	char *page = read_source_file("doc/hallowd.yaml.5", &len);
	char *start = strstr(page, "\nversion: 1\n"), *end = start != NULL ? strstr(start, "\n.Ed") : NULL;
	struct config *c;

	(void)state;
	assert_non_null(end);
	end[1] = '\0';
	c = must_config(start + 1);
	assert_int_equal(c->list_count, 2);
	assert_int_equal(c->endpoint_count, 1);
	config_free(c);
	free(page);
}

static void assert_same_amount(const struct amount *a, const struct amount *b)
{
	assert_int_equal(a->is_share, b->is_share);
	assert_memory_equal(&a->value, &b->value, sizeof(a->value));
}

static void assert_same_guard(const struct guard_config *a, const struct guard_config *b)
{
	assert_int_equal(a->min_entries, b->min_entries);
	assert_int_equal(a->max_entries, b->max_entries);
	assert_same_amount(&a->max_added, &b->max_added);
	assert_same_amount(&a->max_removed, &b->max_removed);
	assert_int_equal(a->min_prefix4, b->min_prefix4);
	assert_int_equal(a->min_prefix6, b->min_prefix6);
	assert_int_equal(a->max_bad, b->max_bad);
	assert_int_equal(a->special, b->special);
	assert_int_equal(a->on_breach, b->on_breach);
}

/* What the example says next to "the default" is the default. */
static void the_example_says_what_it_means(void **state)
{
	size_t len;
	char *text = read_source_file(EXAMPLE, &len);
	struct config *c = must_config(text);
	struct config *plain = must_config(V1 "lists: {l: {origins: {o: {file: /f}}}}\n");
	const struct list_config *l = config_find_list(c, "humanitec"), *d = &plain->lists[0];

	(void)state;
	free(text);
	assert_string_equal(c->state_dir, plain->state_dir);
	assert_string_equal(c->run_dir, plain->run_dir);
	assert_int_equal(c->audit.retention, plain->audit.retention);
	assert_int_equal(c->audit.denied_log_rate, plain->audit.denied_log_rate);
	assert_int_equal(c->audit.denied_set_size, plain->audit.denied_set_size);
	assert_int_equal(c->audit.nflog_group, plain->audit.nflog_group);
	assert_same_guard(&l->guard, &d->guard);
	assert_int_equal(l->refresh, d->refresh);
	assert_int_equal(l->stale_after, d->stale_after);
	assert_int_equal(l->origin_count, 3);
	assert_int_equal(l->agree, 3);
	assert_true(l->origins[1].max_size == d->origins[0].max_size);
	assert_string_equal(l->origins[0].select, "//h3[@id='source-ips']/following-sibling::ul[1]/li");
	assert_int_equal(c->list_count, 2);
	assert_int_equal(c->endpoint_count, 3);
	config_free(c);
	config_free(plain);
}

/* Whatever these bytes are: a configuration or at least one error, never both, never neither. */
static void assert_answer(const char *text, size_t len)
{
	struct config *c;
	const char *errors;
	int result = parse_text(text, len, &c, &errors);

	if (result == 0) {
		assert_non_null(c);
		assert_string_equal(errors, "");
	} else {
		assert_null(c);
		assert_true(strncmp(errors, "hallowd.yaml:", 13) == 0);
	}
	config_free(c);
}

static void cut_off_anywhere(void **state)
{
	size_t len;
	char *text = read_source_file(EXAMPLE, &len);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		char *part = malloc(cut + 1); /* of just that size, so that reading on is seen by a sanitizer */

		assert_non_null(part);
		memcpy(part, text, cut);
		assert_answer(part, cut);
		free(part);
	}
	free(text);
}

static void damaged_anywhere(void **state)
{
	static const char damage[] = "\0\n\t:-[{\"'#&*!|%@\xff ";
	size_t len;
	char *text = read_source_file(EXAMPLE, &len);

	(void)state;
	for (size_t at = 0; at < len; at++) {
		char kept = text[at];

		text[at] = damage[at % (sizeof(damage) - 1)];
		assert_answer(text, len);
		text[at] = kept;
	}
	free(text);
}

/* A line taken out: the indentation around it may come to mean another thing. */
static void each_line_left_out(void **state)
{
	size_t len, next;
	char *text = read_source_file(EXAMPLE, &len);

	(void)state;
	for (size_t at = 0; at < len; at = next) {
		char *without = malloc(len + 1);

		next = at + strcspn(text + at, "\n") + 1;
		assert_non_null(without);
		memcpy(without, text, at);
		memcpy(without + at, text + next, len - next);
		assert_answer(without, len - (next - at));
		free(without);
	}
	free(text);
}

/* libyaml has an allocator of its own, out of reach here: this is about ours. */
static void memory_that_lacks(void **state)
{
	static const char text[] = V1 "lists: {l: {origins: {o: {file: /f, select: a}}}, m: {entries: [10.0.0.1]}}\n"
		"endpoints: {e: {address: [10.0.0.1], port: [1, 2], allow: [m], kind: git, reason: r}}\n";
	struct buffer errors = BUFFER_INIT;
	struct config *c = NULL;
	size_t good = 0;
	int result;

	(void)state;
	do {
		fail_allocations_after(good++);
		result = config_parse("hallowd.yaml", text, sizeof(text) - 1, &c, &errors);
		fail_allocations_after(SIZE_MAX);
		if (result != 0)
			assert_null(c);
		buffer_free(&errors);
	} while (result != 0 && good < 10000);
	assert_int_equal(result, 0);
	assert_true(good > 50);
	assert_string_equal(c->endpoints[0].reason, "r");
	config_free(c);
}

/* 2,000 endpoints, each with both families. */
static void many_endpoints(void **state)
{
	struct buffer text = BUFFER_INIT;
	struct config *c;

	(void)state;
	buffer_printf(&text, OWN_LIST "endpoints:\n");
	for (unsigned i = 0; i < 2000; i++)
		buffer_printf(&text, "  e%u: {address: [10.%u.%u.1, '2001:db8:%x::/48'], port: 80-90, allow: own}\n",
		              i, i / 256, i % 256, i);
	c = must_config(buffer_str(&text));
	assert_int_equal(c->endpoint_count, 2000);
	config_free(c);
	buffer_free(&text);
}

/* The worst that fits in the file's limit: bounded work, and twenty errors. */
static void as_wrong_as_can_be(void **state)
{
	static const char *const lines[][2] = {
		{ "k", ": 1\n" }, { "? [", "]\n" }, { "- a", "\n" }, { "\"", "\":\n" }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct buffer text = BUFFER_INIT;

		for (unsigned n = 0; text.len < TREE_SIZE_MAX - 16; n++)
			buffer_printf(&text, "%s%u%s", lines[i][0], n % 50000, lines[i][1]);
		assert_answer((char *)text.data, text.len);
		buffer_free(&text);
	}
}

int test_config_robust(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_is_right),
		cmocka_unit_test(the_manual_is_right),
		cmocka_unit_test(the_example_says_what_it_means),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(damaged_anywhere),
		cmocka_unit_test(each_line_left_out),
		cmocka_unit_test(memory_that_lacks),
		cmocka_unit_test(many_endpoints),
		cmocka_unit_test(as_wrong_as_can_be),
	};

	return cmocka_run_group_tests_name("config: robust", tests, NULL, NULL);
}
