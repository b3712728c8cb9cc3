/* Bytes on their way to a file descriptor, gathered so that a row costs no system call. */
#ifndef HALLOWD_EXPORT_SINK_H
#define HALLOWD_EXPORT_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/time_text.h"

#define SINK_GATHERED 65536

/* Zeroed but for fd.  After a failure nothing more is written, and `failed` is its errno. */
struct sink {
	int fd;
	int failed;
	size_t len;
	int64_t second; /* of which second_text is the text, where that is not empty */
	char second_text[TIME_TEXT_MAX];
	char data[SINK_GATHERED];
};

/* Each adds to what is gathered, and writes when that is full. */
void sink_bytes(struct sink *out, const char *data, size_t len);
void sink_text(struct sink *out, const char *text);
void sink_char(struct sink *out, char c);
void sink_number(struct sink *out, int64_t n); /* decimal */

/* RFC 3339 with microseconds, as the views have it. */
void sink_time(struct sink *out, time_us t);

/* Writes what is gathered.  0, or -1 with errno: that of the first write that failed. */
int sink_finish(struct sink *out);

#endif
