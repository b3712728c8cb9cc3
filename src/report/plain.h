/* Text that came from outside (a list's publisher, a person's reason, a packet), made safe to print on a terminal:
 * what stands in it cannot move the cursor, change colours or reorder what is read. */
#ifndef HALLOWD_REPORT_PLAIN_H
#define HALLOWD_REPORT_PLAIN_H

#include <stddef.h>
#include <stdio.h>

#include "core/buffer.h"

/* Appends `text` with control characters (C0, DEL, C1), directional and line separators of Unicode, and bytes that are
 * not UTF-8 (RFC 3629) written as \xNN or \uNNNN.  NULL adds nothing.  0, or -1 with errno ENOMEM. */
int plain_add(struct buffer *out, const char *text);

/* The same, written to a stream. */
void plain_write(FILE *out, const char *text);

/* Like fprintf(3), with each text that is put in written as by plain_write; only %s, %lld and %zu. */
void plain_print(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like plain_write for text of several lines: each newline stays one, and each line starts with `prefix`. */
void plain_write_lines(FILE *out, const char *prefix, const char *text);

/* How many columns text that plain_add made takes: one for each code point. */
size_t plain_width(const char *text);

#endif
