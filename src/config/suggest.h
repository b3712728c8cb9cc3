/* The name that was probably meant. */
#ifndef HALLOWD_CONFIG_SUGGEST_H
#define HALLOWD_CONFIG_SUGGEST_H

#include <stddef.h>

/* Considers one name after the other; `best` is the nearest so far, NULL while none is near enough to be a slip of the
 * fingers: as many edits (a character more, less, changed, or two swapped; case does not count) as a third of the
 * name's length, at most three; one for a name of two characters, none for a shorter one.  Of two as near, the
 * first. */
struct suggestion {
	const char *wrong;
	const char *best; /* one of the names considered; not owned */
	size_t distance;
};

/* `wrong` is borrowed, as are the names that are considered. */
void suggest_begin(struct suggestion *s, const char *wrong);
void suggest_consider(struct suggestion *s, const char *name);

#define SUGGEST_TEXT_MAX 128

/* "; did you mean 'X'?", or "" where nothing is near.  Returns out. */
const char *suggest_text(const struct suggestion *s, char out[SUGGEST_TEXT_MAX]);

/* Edits between two names of at most SUGGEST_NAME_MAX characters; longer ones are as far apart as can be. */
#define SUGGEST_NAME_MAX 64
size_t suggest_distance(const char *a, const char *b);

#endif
