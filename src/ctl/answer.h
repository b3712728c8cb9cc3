/* Reading the daemon's answers.  Fields that are not there, or are of another type, read as "", 0, false. */
#ifndef HALLOWD_CTL_ANSWER_H
#define HALLOWD_CTL_ANSWER_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "core/prefix_set.h"

const char *answer_text(const json_t *object, const char *key);
long long answer_number(const json_t *object, const char *key);
bool answer_bool(const json_t *object, const char *key);
size_t answer_count(const json_t *object, const char *key); /* how many elements the array has */

/* An array of CIDR texts as a set.  0, or -1 with errno: EINVAL where an element is no prefix, ENOMEM. */
int answer_prefixes(const json_t *array, struct prefix_set *set);

/* Whether an array of CIDR texts holds the address. */
bool answer_holds(const json_t *array, const struct address *a);

/* Prints the elements of an array of texts: "a, b" behind `before`, then `after`; nothing at all when it is empty.
 * At most `max` of them, then "and N more"; 0 for all. */
void answer_print_texts(FILE *out, const char *before, const json_t *array, size_t max, const char *after);

/* Prints each text of an array on a line of its own, behind `indent`. */
void answer_print_lines(FILE *out, const char *indent, const json_t *array);

/* The verbs whose answer is {"text": ...}. */
void answer_show_text(const json_t *result);

/* Prints the value that `-o json` promises.  0, or -1 when that was said on standard error: `value` is NULL, or memory
 * ran out. */
int answer_print(const json_t *value);

/* A verb that writes its value piece by piece says so before the first. */
void answer_begin(void);

/* Whether something of the value stands on standard output. */
bool answer_begun(void);

#endif
