/* Runs a fuzz target over each file of its seed corpus (the folder CORPUS) and over the beginnings of each, for
 * `make check`; or over the files named, for looking at one input under a debugger. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/file.h"

#define LARGEST ((size_t)16 << 20)
/* A longer file has so many of its beginnings tried, evenly spread. */
#define BEGINNINGS 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives the target a copy of just this size, so that a sanitizer sees a byte too far. */
static int run_bytes(const unsigned char *data, size_t len)
{
	uint8_t *bytes = malloc(len > 0 ? len : 1);

	if (bytes == NULL)
		return -1;
	if (len > 0)
		memcpy(bytes, data, len);
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 0;
}

static int run_file(int dirfd, const char *name, bool beginnings)
{
	struct buffer data = BUFFER_INIT;
	struct error err;
	int result;

	if (file_read(dirfd, name, LARGEST, &data, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	result = run_bytes(data.data, data.len);
	for (size_t len = 0; beginnings && result == 0 && len < data.len; len += data.len / BEGINNINGS + 1)
		result = run_bytes(data.data, len);
	buffer_free(&data);
	return result;
}

/* Each file is a test of its own, told in TAP. */
static int run_corpus(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int failed = 0, count = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		int result;

		if (entry->d_name[0] == '.')
			continue;
		result = run_file(dirfd(dir), entry->d_name, true);
		printf("%s %d - %s\n", result == 0 ? "ok" : "not ok", ++count, entry->d_name);
		failed += result != 0;
	}
	closedir(dir);
	printf("1..%d\n", count);
	return count > 0 && failed == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int result = 0;

	if (argc < 2)
		return run_corpus(CORPUS) == 0 ? 0 : 1;
	for (int i = 1; i < argc && result == 0; i++)
		result = run_file(AT_FDCWD, argv[i], false);
	return result == 0 ? 0 : 1;
}
