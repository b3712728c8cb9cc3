/* Where hallowd's own parts are: beside the running program in a build tree, else where `make install` put them,
 * found from the program's own place so that an installation may be moved (DESTDIR). */
#ifndef HALLOWD_CORE_PATHS_H
#define HALLOWD_CORE_PATHS_H

/* Static strings, worked out at the first call from /proc/self/exe. */
const char *path_program(const char *name); /* "hallowd-parse" -> its absolute path; name is one of hallowd's programs */
const char *path_rules(void);               /* the folder with lists/ */

#endif
