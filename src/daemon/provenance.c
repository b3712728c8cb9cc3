#include "daemon/provenance.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/paths.h"

#define LIST_MAX ((size_t)1 << 20)

/* What stands behind "# KEY: " on a line of the header, the comments that a list begins with. */
static json_t *header_value(const char *text, const char *key)
{
	char start[32];
	size_t len = (size_t)snprintf(start, sizeof(start), "# %s: ", key);

	while (*text == '#') {
		size_t line = strcspn(text, "\n");

		if (strncmp(text, start, len) == 0)
			return json_stringn(text + len, line - len);
		text += line + (text[line] == '\n');
	}
	return json_null();
}

void provenance_add(json_t *answer, const struct origin_config *o)
{
	struct buffer list = BUFFER_INIT;
	const char *text = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lists/%s.list", path_rules(), o->where);
	if (o->kind == ORIGIN_BUILTIN && file_read(AT_FDCWD, path, LIST_MAX, &list, NULL) == 0)
		text = buffer_str(&list);
	json_object_set_new(answer, "preset",
	                    o->preset != NULL && o->preset[0] != '\0' ? json_string(o->preset) : json_null());
	json_object_set_new(answer, "published", text != NULL ? header_value(text, "date") : json_null());
	json_object_set_new(answer, "note", text != NULL ? header_value(text, "source") : json_null());
	buffer_free(&list);
}
