/* Where the origins of a list disagree: the addresses that some of them name and others do not. */
#ifndef HALLOWD_CTL_DISAGREEMENT_H
#define HALLOWD_CTL_DISAGREEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "core/prefix.h"

#define DISAGREEMENT_ORIGINS_MAX 62

struct disputed {
	struct prefix prefix;
	uint64_t named_by; /* bit I: origin I of the list names it */
	bool in_force;
};

/* `list` is the daemon's answer for one list.  Works out the largest prefixes that the same origins name, in order of
 * address, from what each origin has more (`extra`) and less (`missing`) than what is in force.  Origins that never
 * answered take no part.  0 with *rows (free) and *count; -1 with errno (ENOMEM; EINVAL: not such an answer). */
int disagreement_find(const json_t *list, struct disputed **rows, size_t *count);

/* Prints them as a table, at most `max` rows (0: all), and nothing where the origins agree.  0, or -1 with errno. */
int disagreement_print(FILE *out, const json_t *list, bool colour, size_t max);

#endif
