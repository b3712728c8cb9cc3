/* Times what a text list costs: reading it, parsing each row, sorting and merging.
 *
 *   prefix_sort FILE       prints one line: rows, prefixes, and the seconds of each step
 *   prefix_sort -p FILE    prints the merged prefixes, to be compared with `iprange --optimize FILE`
 *
 * Empty lines and lines that begin with '#' are passed by; any other row that is no prefix or range ends it with 1. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/file.h"
#include "core/prefix_set.h"

#define INPUT_MAX ((size_t)1 << 30)

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The number of rows, or -1 after telling which row is wrong. */
static long parse_rows(struct prefix_set *set, const char *text, size_t len)
{
	const char *at = text, *end = text + len;
	long rows = 0;

	for (size_t line = 1; at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline != NULL ? newline : end;
		struct range r;

		if (stop > at && *at != '#') {
			enum prefix_parse result = range_parse(&r, at, (size_t)(stop - at));

			if (result != PREFIX_OK && result != PREFIX_HOST_BITS && result != PREFIX_MAPPED) {
				fprintf(stderr, "prefix_sort: line %zu: %s\n", line, prefix_parse_text(result));
				return -1;
			}
			if (prefix_set_add_range(set, &r) < 0) {
				perror("prefix_sort");
				return -1;
			}
			rows++;
		}
		at = stop < end ? stop + 1 : end;
	}
	return rows;
}

static int print_prefix(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	(void)ctx;
	puts(prefix_format(p, text));
	return 0;
}

static int run(const char *name, bool print)
{
	struct buffer input = BUFFER_INIT;
	struct prefix_set set = PREFIX_SET_INIT;
	struct error err;
	double started = seconds(), read_at, parsed_at, merged_at;
	long rows;

	if (file_read(AT_FDCWD, name, INPUT_MAX, &input, &err) < 0) {
		fprintf(stderr, "prefix_sort: %s\n", err.text);
		return 1;
	}
	read_at = seconds();
	rows = parse_rows(&set, (const char *)input.data, input.len);
	parsed_at = seconds();
	prefix_set_normalize(&set);
	merged_at = seconds();
	buffer_free(&input);
	if (rows >= 0 && print)
		prefix_set_each(&set, print_prefix, NULL);
	else if (rows >= 0)
		printf("rows %ld prefixes %zu read %.4f parse %.4f merge %.4f total %.4f\n", rows,
		       prefix_set_count(&set), read_at - started, parsed_at - read_at, merged_at - parsed_at,
		       merged_at - started);
	prefix_set_free(&set);
	return rows < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool print = argc == 3 && strcmp(argv[1], "-p") == 0;

	if (argc != 2 && !print) {
		fprintf(stderr, "usage: prefix_sort [-p] FILE\n");
		return 2;
	}
	return run(argv[argc - 1], print);
}
