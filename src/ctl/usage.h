/* The command line of hallowctl, and how it is explained. */
#ifndef HALLOWD_CTL_USAGE_H
#define HALLOWD_CTL_USAGE_H

#include <stdio.h>

#include "ctl/ctl.h"

/* `hallowctl --help`. */
void usage_all(FILE *out, const struct verb *const *verbs);

/* `hallowctl VERB --help`. */
void usage_verb(FILE *out, const struct verb *verb);

/* The global options in front of the verb.  On return *next is the index of the verb in argv.
 * -1: go on; else the exit code (--help, --version, an error that was printed). */
int usage_parse_global(struct ctl *ctl, const struct verb *const *verbs, int argc, char **argv, int *next,
                       const char **format);

/* What stands behind the verb; argv[0] is the verb itself.  *format is the value of -o, as given so far.
 * -1: go on; else the exit code. */
int usage_parse_verb(struct ctl *ctl, const struct verb *verb, int argc, char **argv, struct arguments *args,
                     const char **format);

/* Turns the value of -o into ctl->format.  -1, or the exit code when the verb does not write it. */
int usage_set_format(struct ctl *ctl, const struct verb *verb, const char *format);

/* A verb by its name; NULL when the error, with the nearest name, was printed. */
const struct verb *usage_find_verb(const struct verb *const *verbs, const char *name);

#endif
