/* Bytes of a stranger, made fit to be shown in a message, a log or a terminal. */
#ifndef HALLOWD_PARSE_CLEAN_H
#define HALLOWD_PARSE_CLEAN_H

#include <stddef.h>

#define CLEAN_ROW_MAX 81 /* 80 bytes and a NUL: a row, a title */

/* Copies `text` into out (size > 4), NUL-terminated, and returns out.  Control characters (C0, DEL, C1), the controls
 * of bidirectional text, line and paragraph separators and bytes that are no UTF-8 (RFC 3629) each become '?';
 * what is too long is cut between two characters and ends in "…". */
const char *clean_text(char *out, size_t size, const char *text, size_t len);

/* Turns each byte that is no part of a UTF-8 character into '?', in place. */
void clean_invalid(char *text, size_t len);

#endif
