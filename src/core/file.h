/* Files: read whole, written whole or not at all. */
#ifndef HALLOWD_CORE_FILE_H
#define HALLOWD_CORE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/error.h"

/* Appends all of the file to `out`; more than `max` bytes is an error (EFBIG).  `dirfd` may be AT_FDCWD.
 * -1 with errno kept (ENOENT where it is not there) and `out` as it was. */
int file_read(int dirfd, const char *name, size_t max, struct buffer *out, struct error *err);
int file_read_fd(int fd, const char *shown_name, size_t max, struct buffer *out, struct error *err);

/* Writes to a temporary file beside `name`, syncs it, renames it over `name`, syncs the folder.  The file has just
 * `mode`, whatever the umask is.
 * -1 with errno kept: `name` is as it was and the temporary file is gone.  One failure is later than that: when only
 * the folder cannot be synced, the new file is in its place, but a power cut may bring back the old one. */
int file_write_atomic(int dirfd, const char *name, mode_t mode, const void *data, size_t len, struct error *err);

/* Writes all bytes, going on after EINTR and short writes.  0, or -1 with errno. */
int write_all(int fd, const void *data, size_t len);

#endif
