/* Where every format's reader puts the rows that it finds. */
#ifndef HALLOWD_PARSE_ROWS_H
#define HALLOWD_PARSE_ROWS_H

#include "core/error.h"
#include "core/parse_message.h"

struct rows {
	struct parse_result *result; /* borrowed; counts, bad rows and the set (not yet normalized) go there */
	uint64_t max_entries;
};

/* Where a row was found.  A format without lines has line 0 and says "NOUN NUMBER: " in front of a bad row's text. */
struct place {
	uint32_t line;
	const char *noun; /* static */
	uint64_t number;
};

/* One row that should be a prefix or a range, without white space around it: counted as good and added to the set,
 * or counted as bad.  0, or -1 with *err: there are more rows than max_entries, or no memory. */
int rows_add(struct rows *rows, const struct place *where, const char *text, size_t len, struct error *err);

/* One row that cannot be a prefix whatever it holds; `what` says why.  The same errors. */
int rows_add_bad(struct rows *rows, const struct place *where, const char *text, size_t len, const char *what,
                 struct error *err);

#endif
