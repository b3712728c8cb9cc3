/* Lists of numbers as short bytes: each as its difference to the one before (to 0 at first), with the sign in the lowest bit,
 * seven bits a byte, the lowest first, the high bit set where more follow. */
#ifndef HALLOWD_AUDIT_VARINT_H
#define HALLOWD_AUDIT_VARINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"

/* Appends `value`; *last is the one before, and then this one.  0, or -1 with errno ENOMEM. */
int varint_put(struct buffer *out, int64_t value, int64_t *last);

/* Takes the next of `len` bytes at *at; false where none is left, or it does not end. */
bool varint_get(const unsigned char *bytes, size_t len, size_t *at, int64_t *value, int64_t *last);

#endif
