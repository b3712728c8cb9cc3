#include "ctl/answer.h"

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "report/plain.h"

const char *answer_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

long long answer_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool answer_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

size_t answer_count(const json_t *object, const char *key)
{
	return json_array_size(json_object_get(object, key));
}

static int text_prefix(const json_t *value, struct prefix *p)
{
	const char *text = json_string_value(value);

	if (text == NULL || prefix_parse(p, text, strlen(text)) != PREFIX_OK) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int answer_prefixes(const json_t *array, struct prefix_set *set)
{
	struct prefix p;
	json_t *value;
	size_t i;

	json_array_foreach(array, i, value) {
		if (text_prefix(value, &p) == -1 || prefix_set_add(set, &p) == -1)
			return -1;
	}
	prefix_set_normalize(set);
	return 0;
}

bool answer_holds(const json_t *array, const struct address *a)
{
	struct prefix p;
	json_t *value;
	size_t i;

	json_array_foreach(array, i, value) {
		if (text_prefix(value, &p) == 0 && prefix_contains(&p, a))
			return true;
	}
	return false;
}

void answer_print_texts(FILE *out, const char *before, const json_t *array, size_t max, const char *after)
{
	size_t count = json_array_size(array), i;
	json_t *value;

	if (count == 0)
		return;
	fputs(before, out);
	json_array_foreach(array, i, value) {
		if (max > 0 && i == max) {
			fprintf(out, " and %zu more", count - i);
			break;
		}
		if (i > 0)
			fputs(", ", out);
		plain_write(out, json_string_value(value));
	}
	fputs(after, out);
}

void answer_print_lines(FILE *out, const char *indent, const json_t *array)
{
	json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
		plain_write_lines(out, indent, json_string_value(value));
}

static bool begun;

void answer_begin(void)
{
	begun = true;
}

bool answer_begun(void)
{
	return begun;
}

int answer_print(const json_t *value)
{
	answer_begin();
	if (value == NULL || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == -1)
		return ctl_fail(-1, "out of memory: the answer is missing");
	putchar('\n');
	return 0;
}

void answer_show_text(const json_t *result)
{
	if (*answer_text(result, "text") != '\0')
		plain_write_lines(stdout, "", answer_text(result, "text"));
}
