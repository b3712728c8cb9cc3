/* Errors as text for a person: what is wrong, where, what was expected, what to do. */
#ifndef HALLOWD_CORE_ERROR_H
#define HALLOWD_CORE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* Filled in by a function that returns -1.  `text` is one line (or, for a configuration, one line
 * an error), without a newline at its end.  Never holds a secret: callers name the reference
 * (a file, a variable), not the value. */
struct error {
	char text[1024];
};

/* Sets the text; too long a text is cut and ends in "...".  Always returns -1, so that
 * `return error_set(err, ...)` reads well.  `err` may be NULL. */
int error_set(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int error_vset(struct error *err, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Like error_set, with ": " and strerror(errnum) behind it. */
int error_errno(struct error *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the text that is there.  Always returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
