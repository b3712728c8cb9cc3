/* The last good list on disk: state_dir/lists/NAME; the last good answer of each of its origins:
 * state_dir/origins/NAME/ORIGIN; and a change that waits for a person: state_dir/held/NAME.  The first alone is needed to
 * enforce after a boot without a network.
 *
 *   # hallowd list 1
 *   # KEY: VALUE          (any number, in the order in which they were set)
 *
 *   192.0.2.0/24          (CIDR, IPv4 first, sorted, merged)
 *   ...
 *   # end 1 entries       (a file without this line was cut off, and is not used) */
#ifndef HALLOWD_CORE_LIST_FILE_H
#define HALLOWD_CORE_LIST_FILE_H

#include "core/error.h"
#include "core/prefix_set.h"

struct list_header {
	char *key, *value;
};

struct list_file {
	struct list_header *headers; /* owned */
	size_t header_count;
	struct prefix_set set;
};

void list_file_free(struct list_file *f); /* makes it empty; a zeroed struct is empty */

/* Sets or replaces a header; control characters of the value become spaces.
 * 0, or -1 with errno ENOMEM, or EINVAL where the key is not [A-Za-z0-9._-]+. */
int list_file_set(struct list_file *f, const char *key, const char *value);
const char *list_file_get(const struct list_file *f, const char *key); /* "" where there is none */

/* Fills in *f, whatever it was before; on failure *f is left alone.
 * -1 with errno ENOENT where it is not there, EBADMSG where it is damaged (the text names the line). */
int list_file_read(int dirfd, const char *name, struct list_file *f, struct error *err);
int list_file_write(int dirfd, const char *name, const struct list_file *f, struct error *err); /* atomic, mode 0644 */

#endif
