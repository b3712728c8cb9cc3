#include "test_daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct prefix_set set_of(const char *text)
{
	struct prefix_set s = PREFIX_SET_INIT;
	char copy[1024], *at = copy, *word;
	struct prefix p;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	while ((word = strsep(&at, " ")) != NULL) {
		if (*word == '\0')
			continue;
		assert_int_equal(prefix_parse(&p, word, strlen(word)), PREFIX_OK);
		assert_int_equal(prefix_set_add(&s, &p), 0);
	}
	prefix_set_normalize(&s);
	return s;
}

int make_folder(char path[64])
{
	int fd;

	strcpy(path, "/tmp/hallowd-daemon.XXXXXX");
	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Only below a folder that make_folder made. */
void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char below[512];
	struct stat st;

	assert_int_equal(strncmp(path, "/tmp/hallowd-daemon.", 20), 0);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		assert_int_equal(lstat(below, &st), 0);
		if (S_ISDIR(st.st_mode))
			remove_folder(below);
		else
			unlink(below);
	}
	closedir(dir);
	rmdir(path);
}

struct config *two_origins(void)
{
	static const char text[] = "version: 1\n"
				   "lists:\n"
				   "  humanitec:\n"
				   "    origins:\n"
				   "      docs: {file: /nowhere/docs.txt}\n"
				   "      provider: {file: /nowhere/provider.json, format: json, select: '.[]'}\n"
				   "    agree: all\n"
				   "endpoints:\n"
				   "  api: {kind: https, address: 203.0.113.10, port: 443, protocol: tcp, allow: [humanitec]}\n";
	char name[] = "/tmp/hallowd-config.XXXXXX";
	struct buffer errors = BUFFER_INIT;
	struct config *c;
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (config_load(name, &c, &errors) == -1)
		fail_msg("%s", buffer_str(&errors));
	unlink(name);
	buffer_free(&errors);
	return c;
}

int main(void)
{
	return test_channel() + test_impact() + test_judge() + test_decide() + test_lists() + test_name_answer() +
	       test_loop() + test_secret() + test_spool();
}
