#include "daemon/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void secret_free(char *value)
{
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	free(value);
}

/* Reads up to `size` bytes; fewer only at the end of the file.  -1 with errno. */
static ssize_t read_whole(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < size && n != 0) {
		n = read(fd, to + len, size - len);
		if (n == -1 && errno == EINTR)
			n = 1;
		else if (n == -1)
			return -1;
		else
			len += (size_t)n;
	}
	return (ssize_t)len;
}

/* Into a block of `max` + 2 bytes at `to`, so that nothing is left behind where memory was moved. */
static int read_text(int fd, const char *path, size_t max, char *to, struct error *err)
{
	ssize_t len = read_whole(fd, to, max + 1);

	if (len == -1)
		return error_errno(err, errno, "%s cannot be read", path);
	if ((size_t)len > max)
		return error_set(err, "%s is longer than %zu bytes", path, max);
	if (len > 0 && to[len - 1] == '\n')
		len--;
	if (len == 0)
		return error_set(err, "%s is empty", path);
	to[len] = '\0';
	if (strlen(to) != (size_t)len)
		return error_set(err, "%s holds a zero byte; expected text", path);
	return 0;
}

static int open_regular(const char *path, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1)
		return error_errno(err, errno, "%s cannot be opened", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return error_set(err, "%s is not a regular file", path);
}

int secret_read_file(const char *path, size_t max, char **value, struct error *err)
{
	char *block, *text = NULL;
	int fd = open_regular(path, err), result = -1;

	if (fd == -1)
		return -1;
	block = calloc(1, max + 2);
	if (block == NULL)
		error_errno(err, ENOMEM, "%s cannot be read", path);
	else if (read_text(fd, path, max, block, err) == 0 && (text = strdup(block)) == NULL)
		error_errno(err, ENOMEM, "%s cannot be read", path);
	close(fd);
	if (text != NULL) {
		*value = text;
		result = 0;
	}
	if (block != NULL)
		explicit_bzero(block, max + 2);
	free(block);
	return result;
}

static int from_environment(const char *name, char **value, struct error *err)
{
	const char *is = getenv(name);

	if (is == NULL)
		return error_set(err, "environment variable %s is not set; hallowd sees what it was started with", name);
	if (is[0] == '\0')
		return error_set(err, "environment variable %s is empty", name);
	if (strlen(is) > SECRET_MAX)
		return error_set(err, "environment variable %s is longer than %d bytes", name, SECRET_MAX);
	*value = strdup(is);
	return *value == NULL ? error_errno(err, ENOMEM, "environment variable %s", name) : 0;
}

static int from_credential(const char *name, char **value, struct error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (folder == NULL || folder[0] != '/')
		return error_set(err, "credential %s: hallowd was given no credentials; its systemd unit needs "
		                 "LoadCredential=%s:PATH", name, name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return error_set(err, "credential %s: the name of its file is too long", name);
	if (secret_read_file(path, SECRET_MAX, value, err) == 0)
		return 0;
	return error_prefix(err, "credential %s", name);
}

int secret_resolve(const struct secret_reference *reference, char **value, struct error *err)
{
	switch (reference->kind) {
	case SECRET_FILE:
		return secret_read_file(reference->name, SECRET_MAX, value, err);
	case SECRET_ENVIRONMENT:
		return from_environment(reference->name, value, err);
	case SECRET_CREDENTIAL:
		return from_credential(reference->name, value, err);
	case SECRET_NONE:
		break;
	}
	return error_set(err, "no reference to a secret");
}
