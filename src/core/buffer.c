#include "core/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 256

int buffer_reserve(struct buffer *b, size_t more)
{
	size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;
	unsigned char *data;

	if (more <= b->cap - b->len)
		return 0;
	if (more > SIZE_MAX - b->len) {
		errno = ENOMEM;
		return -1;
	}
	while (cap < b->len + more)
		cap = cap > SIZE_MAX / 2 ? b->len + more : cap * 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		return -1;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	if (buffer_reserve(b, len) != 0)
		return -1;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buffer_vprintf(struct buffer *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || buffer_reserve(b, (size_t)n + 1) != 0) {
		errno = ENOMEM;
		return -1;
	}
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int buffer_printf(struct buffer *b, const char *fmt, ...)
{
	va_list ap;
	int result;

	va_start(ap, fmt);
	result = buffer_vprintf(b, fmt, ap);
	va_end(ap);
	return result;
}

const char *buffer_str(struct buffer *b)
{
	if (buffer_reserve(b, 1) != 0)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void buffer_consume(struct buffer *b, size_t len)
{
	if (len == 0)
		return;
	b->len -= len;
	memmove(b->data, b->data + len, b->len);
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer)BUFFER_INIT;
}

void buffer_wipe(struct buffer *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buffer_free(b);
}
