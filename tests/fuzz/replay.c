/* Runs a fuzz target over each file of its seed corpus (the folder CORPUS, or the files named), for `make check` and
 * for looking at one input under a debugger. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/file.h"

#define LARGEST ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(int dirfd, const char *name)
{
	struct buffer data = BUFFER_INIT;
	struct error err;

	if (file_read(dirfd, name, LARGEST, &data, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	LLVMFuzzerTestOneInput(data.data, data.len);
	buffer_free(&data);
	return 0;
}

static int run_corpus(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int result = 0;
	size_t count = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		result = run_file(dirfd(dir), entry->d_name);
		count++;
	}
	closedir(dir);
	printf("%zu inputs\n", count);
	return count > 0 ? result : -1;
}

int main(int argc, char **argv)
{
	int result = 0;

	if (argc < 2)
		return run_corpus(CORPUS) == 0 ? 0 : 1;
	for (int i = 1; i < argc && result == 0; i++)
		result = run_file(AT_FDCWD, argv[i]);
	return result == 0 ? 0 : 1;
}
