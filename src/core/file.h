/* Files: read whole, written whole or not at all. */
#ifndef HALLOWD_CORE_FILE_H
#define HALLOWD_CORE_FILE_H

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/error.h"

/* Appends all of the file to `out`; more than `max` bytes is an error (EFBIG).  `dirfd` may be AT_FDCWD.
 * -1 with errno kept (ENOENT where it is not there) and `out` as it was. */
int file_read(int dirfd, const char *name, size_t max, struct buffer *out, struct error *err);
/* The same from where a file that is open already is read; it stays the caller's.  `shown_name` is for *err. */
int file_read_fd(int fd, const char *shown_name, size_t max, struct buffer *out, struct error *err);

/* Writes to a temporary file beside `name`, syncs it, renames it over `name`, syncs the folder.  The file has just
 * `mode`, whatever the umask is.
 * -1 with errno kept: `name` is as it was and the temporary file is gone.  One failure is later than that: when only
 * the folder cannot be synced, the new file is in its place, but a power cut may bring back the old one. */
int file_write_atomic(int dirfd, const char *name, mode_t mode, const void *data, size_t len, struct error *err);

/* The same with what `fill` writes to a stream, which is kept in memory until it is whole.  `fill` returns 0, or -1 where it
 * failed; nothing is written then. */
typedef int file_fill(FILE *out, const void *ctx);
int file_write_filled(int dirfd, const char *name, mode_t mode, file_fill *fill, const void *ctx, struct error *err);

/* The same for what does not fit into memory: written to draft.fd bit by bit, and in its place only when it is whole. */
struct file_draft {
	int fd; /* to write to; -1: there is no draft */
	int dirfd;
	char name[PATH_MAX], temporary[PATH_MAX];
};

/* 0, or -1 with errno kept and *err; then there is no draft. */
int file_draft_begin(struct file_draft *draft, int dirfd, const char *name, struct error *err);

/* Ends the draft in either case: it is in its place, or it is gone and what was there before is as it was (but see
 * file_write_atomic).  -1 with errno kept. */
int file_draft_commit(struct file_draft *draft, mode_t mode, struct error *err);

/* Removes the draft; nothing where there is none. */
void file_draft_drop(struct file_draft *draft);

/* Writes all bytes, going on after EINTR and short writes.  0, or -1 with errno. */
int write_all(int fd, const void *data, size_t len);

#endif
