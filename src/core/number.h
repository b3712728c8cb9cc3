/* Whole numbers as people, and files of ours, write them. */
#ifndef HALLOWD_CORE_NUMBER_H
#define HALLOWD_CORE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Decimal digits and nothing else: no sign, no space.  0 with *n, or -1 where `text` is no such number, or is more than
 * `most`; then *n is as it was.  number_parse_part: of the first `len` bytes of `text`. */
int number_parse(uint64_t *n, const char *text, uint64_t most);
int number_parse_part(uint64_t *n, const char *text, size_t len, uint64_t most);

/* The same for an id or another number that is kept as int64_t: 0 to INT64_MAX. */
int number_parse_i64(int64_t *n, const char *text);

/* The same for a port: 0 to 65535. */
int number_parse_port(uint16_t *port, const char *text);

/* "s" or "": what stands behind the name of what there are `n` of. */
const char *number_plural(uint64_t n);

/* "entry" or "entries": what `n` of a list are called. */
const char *number_entries(uint64_t n);

#endif
