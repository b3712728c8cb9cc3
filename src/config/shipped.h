/* What ships below path_rules(): FOLDER/NAME SUFFIX, referred to by NAME. */
#ifndef HALLOWD_CONFIG_SHIPPED_H
#define HALLOWD_CONFIG_SHIPPED_H

#include <stdbool.h>

#include "config/reader.h"

struct shipped {
	const char *what;   /* "built-in list": for messages */
	const char *folder; /* "lists" */
	const char *suffix; /* ".list" */
};

extern const struct shipped shipped_lists, shipped_presets, shipped_endpoints;

#define SHIPPED_PATH_MAX 4096
/* The file's name into `path`.  Whether it fits and the file can be read. */
bool shipped_path(const struct shipped *kind, const char *name, char path[SHIPPED_PATH_MAX]);

/* Reads the name of a shipped file.  True with *name where there is one, else complains with the nearest. */
bool value_shipped(struct reader *r, const struct node *value, const struct shipped *kind, const char **name);

/* Reads the file of that name, a mapping of that shape, into the struct.  False with a complaint at `at` where it is
 * damaged; the struct may be filled in partly even then. */
bool shipped_take(struct reader *r, struct place at, const struct shipped *kind, const char *name,
                  const struct shape *shape, void *into);

#endif
