#include "core/paths.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const programs[] = {
	"hallowd", "hallowctl", "hallowd-keep", "hallowd-fetch", "hallowd-parse", "hallowd-record", "hallowd-notify",
	"hallowd-metrics", "hallowd-resolve", "hallowd-observe",
};

#define PROGRAM_COUNT (sizeof(programs) / sizeof(programs[0]))

static struct {
	bool known;
	char program[PROGRAM_COUNT][2 * PATH_MAX];
	char rules[2 * PATH_MAX];
} paths;

/* The folder of the running program; "" where it cannot be told. */
static void own_folder(char folder[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	folder[len < 0 ? 0 : len] = '\0';
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
}

/* Cuts `tail` ("/usr/sbin") off the end of `folder`. */
static bool cut_tail(char *folder, const char *tail)
{
	size_t len = strlen(folder), tail_len = strlen(tail);

	if (len < tail_len || strcmp(folder + len - tail_len, tail) != 0)
		return false;
	folder[len - tail_len] = '\0';
	return true;
}

static bool is_build_tree(const char *folder)
{
	char name[2 * PATH_MAX];

	snprintf(name, sizeof(name), "%s/hallowd-parse", folder);
	return access(name, F_OK) == 0;
}

static void build_tree_paths(const char *folder)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		snprintf(paths.program[i], sizeof(paths.program[i]), "%s/%s", folder, programs[i]);
	snprintf(paths.rules, sizeof(paths.rules), "%s/rules", folder);
}

static void installed_paths(const char *root)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		const char *folder = strncmp(programs[i], "hallowd-", 8) == 0 ? LIBEXECDIR : SBINDIR;

		snprintf(paths.program[i], sizeof(paths.program[i]), "%s%s/%s", root, folder, programs[i]);
	}
	snprintf(paths.rules, sizeof(paths.rules), "%s%s", root, RULESDIR);
}

static void work_out(void)
{
	char folder[PATH_MAX];

	if (paths.known)
		return;
	paths.known = true;
	own_folder(folder);
	/* The helpers' own folder looks like a build tree, so the installed places are tried first.
	 * A program that runs from elsewhere, say through a merged /usr/bin, has its parts where they were configured. */
	if (cut_tail(folder, SBINDIR) || cut_tail(folder, LIBEXECDIR))
		installed_paths(folder);
	else if (is_build_tree(folder))
		build_tree_paths(folder);
	else
		installed_paths("");
}

const char *path_program(const char *name)
{
	work_out();
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (strcmp(programs[i], name) == 0)
			return paths.program[i];
	return NULL;
}

const char *path_program_name(size_t i)
{
	return i < PROGRAM_COUNT ? programs[i] : NULL;
}

const char *path_rules(void)
{
	work_out();
	return paths.rules;
}
