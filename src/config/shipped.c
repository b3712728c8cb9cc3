#include "config/shipped.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/suggest.h"
#include "config/value.h"
#include "core/file.h"
#include "core/paths.h"

const struct shipped shipped_lists = { "built-in list", "lists", ".list" };
const struct shipped shipped_presets = { "preset", "presets", ".yaml" };
const struct shipped shipped_endpoints = { "preset of an endpoint", "endpoints", ".yaml" };

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

/* 0, or -1 with what is wrong in `complaints` (nothing, where the file cannot be read). */
static int read_shipped(const char *path, const struct shape *shape, void *into, struct complaints *complaints)
{
	struct reader r = { .complaints = complaints };
	struct buffer data = BUFFER_INIT;
	struct node *root = NULL;

	if (file_read(AT_FDCWD, path, TREE_SIZE_MAX, &data, NULL) == 0)
		root = tree_parse((const char *)data.data, data.len, complaints);
	buffer_free(&data);
	if (root == NULL)
		return -1;
	take_mapping(&r, shape, (struct place){ 1, 1 }, root, into);
	node_free(root);
	return complaints->total > 0 || complaints->out_of_memory ? -1 : 0;
}

bool shipped_take(struct reader *r, struct place at, const struct shipped *kind, const char *name,
                  const struct shape *shape, void *into)
{
	struct complaints complaints = COMPLAINTS_INIT;
	char path[SHIPPED_PATH_MAX];
	bool taken;

	shipped_path(kind, name, path);
	taken = read_shipped(path, shape, into, &complaints) == 0;
	if (!taken && complaints.out_of_memory)
		r->complaints->out_of_memory = true;
	else if (!taken)
		complain(r->complaints, at, "the file of this preset is damaged: %s%s%s; install hallowd anew", path,
		         complaints.kept_count > 0 ? ": " : "", complaints.kept_count > 0 ? complaints.kept[0].text : "");
	complaints_free(&complaints);
	return taken;
}
