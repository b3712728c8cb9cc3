#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/file.h"
#include "core/paths.h"

int print_paths(void)
{
	printf("%s\n%s\n%s\n%s\n", path_program("hallowd"), path_program("hallowctl"), path_program("hallowd-parse"),
	       path_rules());
	return path_program("sh") != NULL || path_program("") != NULL;
}

/* --- a copy of this program at other places */

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void copy_self(char *to)
{
	struct buffer b = BUFFER_INIT;

	make_folders(to);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/exe", SIZE_MAX / 2, &b, NULL), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, to, 0755, b.data, b.len, NULL), 0);
	buffer_free(&b);
}

/* Copies this program to `at` and returns what it prints there. */
static void paths_at(char *at, char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	copy_self(at);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl(at, "test_base", "print-paths", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void check_paths(const char *root, const char *folder, const char *sbin, const char *libexec, const char *rules)
{
	char at[PATH_MAX], text[4 * PATH_MAX], expected[5 * PATH_MAX];

	snprintf(at, sizeof(at), "%s%s/hallowd", root, folder);
	snprintf(expected, sizeof(expected), "%s/hallowd\n%s/hallowctl\n%s/hallowd-parse\n%s\n", sbin, sbin, libexec, rules);
	paths_at(at, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void parts_are_found_from_the_programs_place(void **state)
{
	char root[64], sbin[PATH_MAX], libexec[PATH_MAX], rules[PATH_MAX], tree[PATH_MAX], tree_rules[2 * PATH_MAX];

	(void)state;
	make_folder(root);
	snprintf(sbin, sizeof(sbin), "%s%s", root, SBINDIR);
	snprintf(libexec, sizeof(libexec), "%s%s", root, LIBEXECDIR);
	snprintf(rules, sizeof(rules), "%s%s", root, RULESDIR);
	/* installed below a root; seen from sbin and from the helpers' folder, which holds a hallowd-parse */
	check_paths(root, SBINDIR, sbin, libexec, rules);
	strcat(libexec, "/hallowd-parse");
	copy_self(libexec);
	*strrchr(libexec, '/') = '\0';
	check_paths(root, LIBEXECDIR, sbin, libexec, rules);
	/* a folder that is neither: where it was configured to be */
	check_paths(root, "/elsewhere", SBINDIR, LIBEXECDIR, RULESDIR);
	/* a build tree */
	snprintf(tree, sizeof(tree), "%s/tree/hallowd-parse", root);
	copy_self(tree);
	*strrchr(tree, '/') = '\0';
	snprintf(tree_rules, sizeof(tree_rules), "%s/rules", tree);
	check_paths(root, "/tree", tree, tree, tree_rules);
	remove_folder(root);
}

/* An upgrade replaces the file of a program that runs. */
static void a_program_that_was_replaced_finds_its_parts(void **state)
{
	char root[64], at[PATH_MAX], again[PATH_MAX], text[4 * PATH_MAX];
	int fds[2], status;
	pid_t pid;

	(void)state;
	make_folder(root);
	snprintf(at, sizeof(at), "%s%s/hallowd", root, SBINDIR);
	snprintf(again, sizeof(again), "%s%s/hallowd\n", root, SBINDIR);
	paths_at(at, text, sizeof(text));
	assert_memory_equal(text, again, strlen(again));
	/* The same with the file gone: exec by descriptor, after unlink. */
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char name[] = "test_base", what[] = "print-paths";
		char *const argv[] = { name, what, NULL }, *const environment[] = { NULL };
		int fd = open(at, O_RDONLY | O_CLOEXEC);

		dup2(fds[1], STDOUT_FILENO);
		unlink(at);
		fexecve(fd, argv, environment);
		_exit(127);
	}
	close(fds[1]);
	memset(text, 0, sizeof(text));
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_memory_equal(text, again, strlen(again));
	remove_folder(root);
}

int run_paths_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found_from_the_programs_place),
		cmocka_unit_test(a_program_that_was_replaced_finds_its_parts),
	};

	return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
