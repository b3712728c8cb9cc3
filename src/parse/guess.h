/* Which format an answer has, and what speaks against it. */
#ifndef HALLOWD_PARSE_GUESS_H
#define HALLOWD_PARSE_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/parse_message.h"

/* From the content type where it names one of the formats, else from the ending of the name (a file's name or a URL),
 * else text.  A content type of HTML or XML does not count against a name that ends otherwise: "list.json" answered as
 * text/html is most likely an error page.  Never FORMAT_GUESS. */
enum list_format guess_format(const char *content_type, const char *name);

/* 0, or -1 with *err where the bytes cannot be `format`, whatever anybody says: empty, UTF-16, binary, or a page of
 * HTML or XML where none was expected (of HTML, where XML was). */
int guess_check(enum list_format format, const char *text, size_t len, struct error *err);

#endif
