#include "test_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_PATH "hallowd.yaml"

int parse_text(const char *text, size_t len, struct config **c, const char **errors)
{
	static struct buffer out = BUFFER_INIT;
	int result;

	buffer_free(&out);
	*c = NULL;
	result = config_parse(SHOWN_PATH, text, len, c, &out);
	*errors = buffer_str(&out);
	return result;
}

struct config *must_config(const char *text)
{
	struct config *c;
	const char *errors;

	if (parse_text(text, strlen(text), &c, &errors) != 0)
		fail_msg("%s\n--- is not taken:\n%s", text, errors);
	assert_string_equal(errors, "");
	return c;
}

/* One line of the errors against "LINE:COLUMN|phrase|phrase". */
static void assert_error(const struct wrong *w, const char *line, size_t len, const char *expected)
{
	char *actual = strndup(line, len), *copy = strdup(expected), *saved = NULL, place[64];
	char *phrase = strtok_r(copy, "|", &saved);

	snprintf(place, sizeof(place), SHOWN_PATH ":%s: ", phrase);
	if (strncmp(actual, place, strlen(place)) != 0)
		fail_msg("%s\n--- expected at %s: %s", w->text, phrase, actual);
	while ((phrase = strtok_r(NULL, "|", &saved)) != NULL)
		if (strstr(actual, phrase) == NULL)
			fail_msg("%s\n--- '%s' is not in: %s", w->text, phrase, actual);
	free(actual);
	free(copy);
}

void assert_wrong(const struct wrong *w)
{
	struct config *c;
	const char *errors;
	size_t i = 0;

	if (parse_text(w->text, strlen(w->text), &c, &errors) == 0)
		fail_msg("%s\n--- is taken, but should not be: %s", w->text, w->errors[0]);
	assert_null(c);
	for (const char *line = errors; *line != '\0'; line = strchr(line, '\n') + 1, i++) {
		if (i == COUNT(w->errors) || w->errors[i] == NULL)
			fail_msg("%s\n--- an error too many: %s", w->text, line);
		assert_error(w, line, strcspn(line, "\n"), w->errors[i]);
	}
	if (i < COUNT(w->errors) && w->errors[i] != NULL)
		fail_msg("%s\n--- was not told: %s", w->text, w->errors[i]);
}

void assert_all_wrong(const struct wrong *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_wrong(&table[i]);
}

char *read_source_file(const char *name, size_t *len)
{
	char path[4096];
	char *data;
	FILE *f;
	long size;

	snprintf(path, sizeof(path), "%s/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	data = malloc((size_t)size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	data[size] = '\0';
	*len = (size_t)size;
	fclose(f);
	return data;
}

int main(void)
{
	int failed = 0;

	failed += test_config_yaml();
	failed += test_config_values();
	failed += test_config_notify();
	failed += test_config_lists();
	failed += test_config_endpoints();
	failed += test_config_agents();
	failed += test_config_audit();
	failed += test_config_robust();
	failed += test_config_suggest();
	failed += test_config_web();
	return failed != 0;
}
