/* What is wrong with a configuration: told all at once, in the order of the file. */
#ifndef HALLOWD_CONFIG_COMPLAINT_H
#define HALLOWD_CONFIG_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

#define COMPLAINTS_SHOWN 20

/* Where something stands in the file; both from 1, columns in characters. */
struct place {
	unsigned line, column;
};

struct complaint {
	struct place at;
	char *text;
};

/* Keeps the first COMPLAINTS_SHOWN in the order of the file, whatever order they come in, and counts the others,
 * so a file that is wrong a hundred thousand times costs no more memory than one that is wrong twenty times. */
struct complaints {
	struct complaint kept[COMPLAINTS_SHOWN];
	size_t kept_count;
	size_t total;
	bool out_of_memory; /* set by whoever could not get memory: the check is then incomplete */
};

#define COMPLAINTS_INIT { .kept_count = 0 }

/* The text is: what is wrong; what was expected; what to do.  Never a secret: see shown(). */
void complain(struct complaints *c, struct place at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Whether a complaint at this place would be kept: for work that is only worth doing then, such as a suggestion. */
bool complaint_would_show(const struct complaints *c, struct place at);

/* Appends "PATH:LINE:COLUMN: text" for each, one a line, then how many more there are.  0, or -1 with errno ENOMEM. */
int complaints_write(const struct complaints *c, const char *path, struct buffer *out);

void complaints_free(struct complaints *c); /* frees what it holds, and makes it empty */

/* A value as it may stand in a message, in quotes: control characters replaced, a long one cut.  What might hold a
 * secret (a URL, anything with a '@' behind its first character) is described instead.  Returns out. */
#define SHOWN_MAX 80
const char *shown(const char *text, char out[SHOWN_MAX]);

/* How many bytes (0, 1 or 2) a control character takes that stands at the start of this UTF-8 text (C0, DEL and C1). */
size_t text_control(const char *at);

#endif
