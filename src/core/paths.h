/* Where hallowd's own parts are: beside the running program in a build tree, else where `make install` put them,
 * found from the program's own place so that an installation may be moved as a whole (DESTDIR).
 *
 *   a build tree    a folder with hallowd-parse in it: all programs are there, and rules/
 *   installed       ROOT/SBINDIR: hallowd, hallowctl; ROOT/LIBEXECDIR: hallowd-*; ROOT/RULESDIR: rules
 *                   (SBINDIR and so on as configured; ROOT is what precedes them in the running program's path) */
#ifndef HALLOWD_CORE_PATHS_H
#define HALLOWD_CORE_PATHS_H

#include <stddef.h>

/* Static strings, worked out at the first call from /proc/self/exe. */

/* "hallowd-parse" -> its absolute path, whether or not it is there.  NULL where name is none of hallowd's programs. */
const char *path_program(const char *name);
/* The names of all of them; NULL behind the last. */
const char *path_program_name(size_t i);

const char *path_rules(void); /* the folder with lists/ */

#endif
