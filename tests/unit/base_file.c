#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/file.h"

#define SKIPPED 77

void make_folder(char *path)
{
	strcpy(path, "/tmp/hallowd-unit-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void remove_folder(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Whether the folder holds just the files of `names`, a word each. */
static bool holds_only(int dirfd, const char *names)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	size_t found = 0, words = strlen(names) > 0;

	for (const char *at = names; *at != '\0'; at++)
		words += *at == ' ';
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		found++;
		if (strstr(names, entry->d_name) == NULL)
			return closedir(dir), false;
	}
	return dir != NULL && closedir(dir) == 0 && found == words;
}

static bool contains(int dirfd, const char *name, const char *expected)
{
	struct buffer b = BUFFER_INIT;
	bool same = file_read(dirfd, name, 1u << 20, &b, NULL) == 0 && strcmp(buffer_str(&b), expected) == 0;

	buffer_free(&b);
	return same;
}

static int in_folder(void **state)
{
	static char path[64];

	make_folder(path);
	*state = path;
	return 0;
}

static int folder_gone(void **state)
{
	remove_folder(*state);
	return 0;
}

static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* --- reading */

static void read_up_to_a_limit(void **state)
{
	int dir = open_folder(*state);
	struct buffer b = BUFFER_INIT;
	struct error err;
	char *data = malloc(200000);

	for (int i = 0; i < 200000; i++)
		data[i] = (char)(i * 7);
	assert_int_equal(file_write_atomic(dir, "f", 0644, data, 200000, &err), 0);
	buffer_add(&b, "front", 5);
	assert_int_equal(file_read(dir, "f", 199999, &b, &err), -1);
	assert_int_equal(errno, EFBIG);
	assert_string_equal(err.text, "f: longer than 199999 bytes");
	assert_int_equal(b.len, 5);
	assert_int_equal(file_read(dir, "f", 200000, &b, &err), 0);
	assert_int_equal(b.len, 200005);
	assert_memory_equal(b.data, "front", 5);
	assert_memory_equal(b.data + 5, data, 200000);
	b.len = 5;
	assert_int_equal(file_write_atomic(dir, "f", 0644, NULL, 0, &err), 0);
	assert_int_equal(file_read(dir, "f", 0, &b, &err), 0);
	assert_int_equal(b.len, 5);
	assert_int_equal(file_read(dir, "absent", 10, &b, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_read(dir, ".", 10, &b, &err), -1);
	assert_int_equal(errno, EISDIR);
	fail_allocation(0);
	buffer_free(&b);
	assert_int_equal(file_read(dir, "f", 10, &b, &err), -1);
	fail_allocation(-1);
	assert_int_equal(errno, ENOMEM);
	free(data);
	close(dir);
}

/* --- writing */

static void write_replaces_with_just_the_mode(void **state)
{
	int dir = open_folder(*state);
	mode_t old = umask(077);
	struct stat st;

	assert_int_equal(file_write_atomic(dir, "f", 0644, "one", 3, NULL), 0);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	umask(0);
	assert_int_equal(file_write_atomic(dir, "f", 0600, "second", 6, NULL), 0);
	umask(old);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(contains(dir, "f", "second"));
	assert_int_equal(mkdirat(dir, "sub", 0755), 0);
	assert_int_equal(file_write_atomic(dir, "sub/g", 0644, "x", 1, NULL), 0);
	assert_true(contains(dir, "sub/g", "x"));
	assert_true(holds_only(dir, "f sub"));
	close(dir);
}

/* A reader that opens the name at any time sees one whole content or the other. */
static void write_keeps_the_old_file_for_who_has_it_open(void **state)
{
	int dir = open_folder(*state);
	struct buffer b = BUFFER_INIT;
	int fd;

	assert_int_equal(file_write_atomic(dir, "f", 0644, "old", 3, NULL), 0);
	fd = openat(dir, "f", O_RDONLY);
	assert_int_equal(file_write_atomic(dir, "f", 0644, "new", 3, NULL), 0);
	assert_int_equal(file_read_fd(fd, "f", 100, &b, NULL), 0);
	assert_string_equal(buffer_str(&b), "old");
	assert_true(contains(dir, "f", "new"));
	buffer_free(&b);
	close(fd);
	close(dir);
}

static void write_that_fails_leaves_the_old_file(void **state)
{
	int dir = open_folder(*state);
	char name[300];
	struct error err;

	assert_int_equal(file_write_atomic(dir, "f", 0644, "old", 3, NULL), 0);
	fail_fsync(0);
	assert_int_equal(file_write_atomic(dir, "f", 0644, "new", 3, &err), -1);
	fail_fsync(-1);
	assert_int_equal(errno, EIO);
	assert_string_equal(err.text, "f: cannot write: Input/output error");
	assert_true(contains(dir, "f", "old"));
	assert_true(holds_only(dir, "f"));
	assert_int_equal(mkdirat(dir, "folder", 0755), 0);
	assert_int_equal(file_write_atomic(dir, "folder", 0644, "new", 3, &err), -1);
	assert_int_equal(errno, EISDIR);
	assert_true(holds_only(dir, "f folder"));
	assert_int_equal(file_write_atomic(dir, "absent/f", 0644, "new", 3, &err), -1);
	assert_int_equal(errno, ENOENT);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(file_write_atomic(dir, name, 0644, "new", 3, &err), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_true(holds_only(dir, "f folder"));
	close(dir);
}

static void write_tells_a_folder_that_was_not_synced(void **state)
{
	int dir = open_folder(*state);
	struct error err;

	assert_int_equal(file_write_atomic(dir, "f", 0644, "old", 3, NULL), 0);
	fail_fsync(1);
	assert_int_equal(file_write_atomic(dir, "f", 0644, "new", 3, &err), -1);
	fail_fsync(-1);
	assert_non_null(strstr(err.text, "folder cannot be synced"));
	assert_true(contains(dir, "f", "new"));
	assert_true(holds_only(dir, "f"));
	close(dir);
}

static int write_to_full_disk(void *path)
{
	char *data;
	int dir;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", path, "tmpfs", 0, "size=65536") != 0)
		return SKIPPED;
	dir = open(path, O_RDONLY | O_DIRECTORY);
	data = calloc(1, 1u << 20);
	CHILD_CHECK(dir >= 0 && data != NULL);
	CHILD_CHECK(file_write_atomic(dir, "f", 0644, "old", 3, NULL) == 0);
	CHILD_CHECK(file_write_atomic(dir, "f", 0644, data, 1u << 20, NULL) == -1 && errno == ENOSPC);
	CHILD_CHECK(contains(dir, "f", "old"));
	CHILD_CHECK(holds_only(dir, "f"));
	/* What the failure took is free again. */
	CHILD_CHECK(file_write_atomic(dir, "f", 0644, data, 32768, NULL) == 0);
	return 0;
}

static void write_on_a_full_disk_leaves_the_old_file(void **state)
{
	int result = in_child(write_to_full_disk, *state);

	if (result == SKIPPED) {
		print_message("skipped: a tmpfs cannot be mounted here (root is needed)\n");
		skip();
	}
	assert_int_equal(result, 0);
}

static int write_to_closed_folder(void *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY);

	CHILD_CHECK(file_write_atomic(dir, "f", 0644, "old", 3, NULL) == 0);
	CHILD_CHECK(fchmod(dir, 0555) == 0);
	if (getuid() == 0)
		CHILD_CHECK(setresuid(65534, 65534, 65534) == 0);
	CHILD_CHECK(file_write_atomic(dir, "f", 0644, "new", 3, NULL) == -1 && errno == EACCES);
	CHILD_CHECK(contains(dir, "f", "old"));
	CHILD_CHECK(holds_only(dir, "f"));
	return 0;
}

static void write_in_a_read_only_folder_leaves_the_old_file(void **state)
{
	assert_int_equal(in_child(write_to_closed_folder, *state), 0);
	assert_int_equal(chmod(*state, 0755), 0);
}

/* --- write_all */

static volatile sig_atomic_t signals;
static int go_fd;

/* Lets the reader begin after a few signals: by then one of them has met a write that could write nothing. */
static void count_signal(int sig)
{
	(void)sig;
	if (++signals == 5)
		(void)!write(go_fd, "g", 1);
}

/* Reads `len` bytes of a pipe and compares them. */
static int late_reader(int go, int fd, size_t len)
{
	unsigned char part[1000];
	size_t got = 0;
	ssize_t n;

	if (read(go, part, 1) != 1)
		return 1;
	while ((n = read(fd, part, sizeof(part))) > 0) {
		for (ssize_t i = 0; i < n; i++, got++)
			if (part[i] != (unsigned char)(got * 31 >> 3))
				return 1;
	}
	return got != len;
}

static void write_all_goes_on_after_signals(void **state)
{
	const size_t len = 4u << 20;
	const struct sigaction action = { .sa_handler = count_signal }; /* no SA_RESTART */
	const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	unsigned char *data = malloc(len);
	int fds[2], go[2], status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 31 >> 3);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(go), 0);
	go_fd = go[1];
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		close(go[1]);
		_exit(late_reader(go[0], fds[0], len));
	}
	close(fds[0]);
	close(go[0]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(write_all(fds[1], data, len), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	close(fds[1]);
	close(go[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(write_all(-1, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(write_all(-1, NULL, 0), 0);
	free(data);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, in_folder, folder_gone)

int run_file_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(read_up_to_a_limit),
		IN_FOLDER(write_replaces_with_just_the_mode),
		IN_FOLDER(write_keeps_the_old_file_for_who_has_it_open),
		IN_FOLDER(write_that_fails_leaves_the_old_file),
		IN_FOLDER(write_tells_a_folder_that_was_not_synced),
		IN_FOLDER(write_on_a_full_disk_leaves_the_old_file),
		IN_FOLDER(write_in_a_read_only_folder_leaves_the_old_file),
		cmocka_unit_test(write_all_goes_on_after_signals),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
