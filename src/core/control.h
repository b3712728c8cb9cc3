/* The line protocol of run_dir/control.sock: a line of words in, a line of JSON out, then the daemon closes.
 * Words are separated by one space; a byte of a word that is a space, a control character, '%' or above 0x7e is
 * written %XX.
 * An empty word is written as nothing: an empty line is one empty word, and there is no line of no words. */
#ifndef HALLOWD_CORE_CONTROL_H
#define HALLOWD_CORE_CONTROL_H

#include <stddef.h>

#include "core/buffer.h"

#define CONTROL_SOCKET "control.sock"
#define CONTROL_LINE_MAX 65536
#define CONTROL_WORDS_MAX 256

/* Exit codes of the contract (hallowctl, and the field `exit` of an answer). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_HELD = 3,
	EXIT_ORIGIN = 4,
	EXIT_NOT_ENFORCED = 5,
	EXIT_NOT_VERIFIED = 6
};

/* Appends the words and a newline.  0, or -1 with errno (ENOMEM; E2BIG: more than CONTROL_WORDS_MAX words or, with
 * its newline, more than CONTROL_LINE_MAX bytes; EINVAL: no words).  On failure the buffer is as it was. */
int control_line_encode(struct buffer *out, const char *const *words, size_t count);

/* Splits a line (without its newline, modified in place) into words that point into it.
 * 0 with *count; -1 where it is malformed (a bare control character or byte above 0x7e, a % without two hex digits,
 * %00), or has more than `max` words. */
int control_line_decode(char *line, char **words, size_t max, size_t *count);

#endif
