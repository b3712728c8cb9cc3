#include "config/shipped.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/suggest.h"
#include "config/value.h"
#include "core/paths.h"

const struct shipped shipped_lists = { "built-in list", "lists", ".list" };
const struct shipped shipped_presets = { "preset", "presets", ".yaml" };

bool shipped_path(const struct shipped *kind, const char *name, char path[SHIPPED_PATH_MAX])
{
	int len = snprintf(path, SHIPPED_PATH_MAX, "%s/%s/%s%s", path_rules(), kind->folder, name, kind->suffix);

	return len > 0 && len < SHIPPED_PATH_MAX && access(path, R_OK) == 0;
}

static void suggest(const struct shipped *kind, struct suggestion *s, char nearest[NAME_MAX_LENGTH + 1])
{
	char folder[SHIPPED_PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/%s", path_rules(), kind->folder);
	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name), suffix = strlen(kind->suffix);
		char name[NAME_MAX_LENGTH + 1];

		if (len <= suffix || len - suffix > NAME_MAX_LENGTH ||
		    strcmp(entry->d_name + len - suffix, kind->suffix) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - suffix), entry->d_name);
		suggest_consider(s, name);
		if (s->best == name) {
			memcpy(nearest, name, sizeof(name));
			s->best = nearest;
		}
	}
	if (dir != NULL)
		closedir(dir);
}

bool value_shipped(struct reader *r, const struct node *value, const struct shipped *kind, const char **name)
{
	char nearest[NAME_MAX_LENGTH + 1], hint[SUGGEST_TEXT_MAX], path[SHIPPED_PATH_MAX];
	struct suggestion s;

	if (!value_name(r, value, name))
		return false;
	if (shipped_path(kind, *name, path))
		return true;
	suggest_begin(&s, *name);
	suggest(kind, &s, nearest);
	complain(r->complaints, value->at, "no %s '%s'; expected the name of a file in %s/%s, without '%s'%s", kind->what,
	         *name, path_rules(), kind->folder, kind->suffix, suggest_text(&s, hint));
	return false;
}
