/* A growable run of bytes, owned by whoever declares it. */
#ifndef HALLOWD_CORE_BUFFER_H
#define HALLOWD_CORE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct buffer {
	unsigned char *data; /* owned; NULL while nothing was added */
	size_t len;
	size_t cap;
};

#define BUFFER_INIT { NULL, 0, 0 }

/* Each returns 0, or -1 with errno ENOMEM; on failure the buffer is as it was. */
int buffer_reserve(struct buffer *b, size_t more);
int buffer_add(struct buffer *b, const void *data, size_t len);
int buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* The bytes as a NUL-terminated string, owned by the buffer; the NUL does not count in len.
 * NULL with errno ENOMEM. */
const char *buffer_str(struct buffer *b);

/* Drops the first `len` bytes (len <= b->len). */
void buffer_consume(struct buffer *b, size_t len);

/* Frees the bytes and makes it empty; may be called twice. */
void buffer_free(struct buffer *b);

/* The same for bytes that hold a secret: overwritten first.  A buffer that grows leaves copies behind, so reserve what
 * is needed before the first byte of a secret is added. */
void buffer_wipe(struct buffer *b);

#endif
