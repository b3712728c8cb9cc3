#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

int write_all(int fd, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads up to one byte more than `max`, so that the caller can tell a file that is longer. */
static int read_up_to(int fd, size_t max, struct buffer *out)
{
	size_t start = out->len;

	while (out->len - start <= max) {
		size_t left = max - (out->len - start);
		size_t want = left < CHUNK ? left + 1 : CHUNK;
		ssize_t n;

		if (buffer_reserve(out, want) != 0)
			return -1;
		n = read(fd, out->data + out->len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		out->len += (size_t)n;
	}
	return 0;
}

int file_read_fd(int fd, const char *shown_name, size_t max, struct buffer *out, struct error *err)
{
	size_t start = out->len;
	int saved;

	if (read_up_to(fd, max, out) != 0) {
		saved = errno;
		error_errno(err, saved, "%s: cannot read", shown_name);
	} else if (out->len - start > max) {
		saved = EFBIG;
		error_set(err, "%s: longer than %zu bytes", shown_name, max);
	} else {
		return 0;
	}
	out->len = start;
	errno = saved;
	return -1;
}

int file_read(int dirfd, const char *name, size_t max, struct buffer *out, struct error *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int saved, result;

	if (fd < 0) {
		saved = errno;
		error_errno(err, saved, "%s: cannot open", name);
		errno = saved;
		return -1;
	}
	result = file_read_fd(fd, name, max, out, err);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

/* "a/b" -> "a/.b.4f1c9a..."; hidden, so that whoever lists the folder passes it by. */
static int temporary_name(char *out, size_t size, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash == NULL ? name : slash + 1;
	uint64_t random;
	int n;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	n = snprintf(out, size, "%.*s.%s.%016llx", (int)(base - name), name, base, (unsigned long long)random);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int sync_folder_of(int dirfd, const char *name)
{
	char folder[PATH_MAX] = ".";
	const char *slash = strrchr(name, '/');
	int fd, saved, result;

	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name) + 1, name);
	fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	if (result != 0 && errno == EINVAL) /* fsync(2): a file system that has nothing to sync */
		result = 0;
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

int file_draft_begin(struct file_draft *draft, int dirfd, const char *name, struct error *err)
{
	int saved;

	draft->fd = -1;
	draft->dirfd = dirfd;
	if (strlen(name) >= sizeof(draft->name)) {
		errno = ENAMETOOLONG;
	} else if (temporary_name(draft->temporary, sizeof(draft->temporary), name) == 0) {
		strcpy(draft->name, name);
		draft->fd = openat(dirfd, draft->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (draft->fd >= 0)
		return 0;
	saved = errno;
	error_errno(err, saved, "%s: cannot write", name);
	errno = saved;
	return -1;
}

void file_draft_drop(struct file_draft *draft)
{
	int saved = errno;

	if (draft->fd < 0)
		return;
	close(draft->fd);
	unlinkat(draft->dirfd, draft->temporary, 0);
	draft->fd = -1;
	errno = saved;
}

/* Whatever the umask is, the mode is what was asked for. */
static int sync_and_close(struct file_draft *draft, mode_t mode)
{
	int fd = draft->fd;

	if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		return -1;
	draft->fd = -1;
	if (close(fd) == 0)
		return 0;
	unlinkat(draft->dirfd, draft->temporary, 0);
	return -1;
}

int file_draft_commit(struct file_draft *draft, mode_t mode, struct error *err)
{
	int saved;

	if (sync_and_close(draft, mode) != 0) {
		saved = errno;
		error_errno(err, saved, "%s: cannot write", draft->name);
	} else if (renameat(draft->dirfd, draft->temporary, draft->dirfd, draft->name) != 0) {
		saved = errno;
		unlinkat(draft->dirfd, draft->temporary, 0);
		error_errno(err, saved, "%s: cannot put the new file in its place", draft->name);
	} else if (sync_folder_of(draft->dirfd, draft->name) != 0) {
		saved = errno;
		error_errno(err, saved, "%s: written, but its folder cannot be synced", draft->name);
	} else {
		return 0;
	}
	errno = saved;
	file_draft_drop(draft);
	return -1;
}

int file_write_atomic(int dirfd, const char *name, mode_t mode, const void *data, size_t len, struct error *err)
{
	struct file_draft draft;
	int saved;

	if (file_draft_begin(&draft, dirfd, name, err) != 0)
		return -1;
	if (write_all(draft.fd, data, len) == 0)
		return file_draft_commit(&draft, mode, err);
	saved = errno;
	error_errno(err, saved, "%s: cannot write", name);
	errno = saved;
	file_draft_drop(&draft);
	return -1;
}

int file_write_filled(int dirfd, const char *name, mode_t mode, file_fill *fill, const void *ctx, struct error *err)
{
	char *data = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);
	int status;

	if (out == NULL)
		return error_errno(err, errno, "cannot write %s", name);
	status = fill(out, ctx);
	if (fclose(out) != 0 || status == -1)
		status = error_errno(err, ENOMEM, "cannot write %s", name);
	else
		status = file_write_atomic(dirfd, name, mode, data, len, err);
	free(data);
	return status;
}
