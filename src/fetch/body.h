/* The body of an answer on its way to a file: decompressed, counted, held to its limit. */
#ifndef HALLOWD_FETCH_BODY_H
#define HALLOWD_FETCH_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "core/error.h"

struct body {
	int fd;
	uint64_t max;     /* bytes, before and after decompression */
	uint64_t arrived; /* bytes as sent */
	uint64_t written; /* bytes after decompression */
	bool gzip;
	bool complete;    /* gzip only: no member is open */
	z_stream stream;
};

/* Empties the file and goes to its start.  Nothing to free on failure. */
int body_begin(struct body *b, int fd, uint64_t max, struct error *err);

/* How the body is coded, from its Content-Encoding ("" for none); before the first byte. */
int body_set_coding(struct body *b, const char *coding, struct error *err);

/* Takes the next bytes as sent.  -1: over the limit, not gzip where gzip was said, or the file cannot be written. */
int body_add(struct body *b, const void *data, size_t len, struct error *err);

/* After the last byte: -1 where a gzip stream is incomplete.  libcurl does not check that by itself. */
int body_end(struct body *b, struct error *err);

void body_free(struct body *b); /* the fd stays open */

/* Leaves nothing half for a reader of the file, as well as it can: whoever reads it looks at the outcome first. */
void body_discard(int fd);

#endif
