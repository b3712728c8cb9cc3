#include "ctl/session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/file.h"

#define VARIABLE "SSH_CONNECTION="
#define ENVIRONMENT_MAX (4u << 20)
#define ANCESTORS_MAX 64

/* The value of SSH_CONNECTION in another process's environment: "A=B\0C=D\0". */
static const char *find_variable(const struct buffer *b)
{
	const char *at = (const char *)b->data, *end = at + b->len;

	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		if (len < (size_t)(end - at) && strncmp(at, VARIABLE, sizeof(VARIABLE) - 1) == 0)
			return at + sizeof(VARIABLE) - 1;
		at += len + 1;
	}
	return NULL;
}

static int read_environment(pid_t pid, struct buffer *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	return file_read(AT_FDCWD, path, ENVIRONMENT_MAX, out, NULL);
}

/* 0 where it is not known. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[128];
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "PPid:", 5) == 0)
			parent = strtol(line + 5, NULL, 10);
	if (f != NULL)
		fclose(f);
	return (pid_t)parent;
}

static void write_word(char word[SESSION_WORD_MAX], const char *connection)
{
	snprintf(word, SESSION_WORD_MAX, "--session=%s", connection);
}

/* Whether there is a session; then `word` holds it. */
static int find_session(char word[SESSION_WORD_MAX])
{
	const char *connection = getenv("SSH_CONNECTION");
	pid_t pid = getppid();

	if (connection != NULL && *connection != '\0') {
		write_word(word, connection);
		return 1;
	}
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++, pid = parent_of(pid)) {
		struct buffer environment = BUFFER_INIT;

		connection = read_environment(pid, &environment) == 0 ? find_variable(&environment) : NULL;
		if (connection != NULL)
			write_word(word, connection);
		buffer_free(&environment);
		if (connection != NULL)
			return 1;
	}
	return 0;
}

size_t session_words(const char **words, char word[SESSION_WORD_MAX], const char *force)
{
	size_t count = 0;

	if (force != NULL)
		words[count++] = "--force";
	else if (find_session(word))
		words[count++] = word;
	return count;
}
