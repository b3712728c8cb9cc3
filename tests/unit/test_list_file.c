#include "test_core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/list_file.h"

struct folder {
	char path[64];
	int fd;
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->path, "/tmp/hallowd-list-file.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

/* Only what the tests write under these names is removed; anything else that was left behind makes rmdir() fail. */
static int remove_folder(void **state)
{
	struct folder *f = *state;

	unlinkat(f->fd, "good", 0);
	unlinkat(f->fd, "damaged", 0);
	close(f->fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static void put(const struct folder *f, const char *name, const void *data, size_t len)
{
	struct error err;

	assert_int_equal(file_write_atomic(f->fd, name, 0644, data, len, &err), 0);
}

static void what_is_written_is_read(void **state)
{
	const struct folder *folder = *state;
	struct list_file out = { .set = must_set("34.159.97.57 192.0.2.0-192.0.2.2 0.0.0.0 255.255.255.255 "
	                                         ":: 2001:db8::/32") };
	struct list_file in = { 0 };
	struct buffer bytes = BUFFER_INIT;
	struct error err;
	struct stat st;

	assert_int_equal(list_file_set(&out, "revision", "7"), 0);
	assert_int_equal(list_file_set(&out, "note", "two\nlines\tand \x7f, a: b"), 0);
	assert_int_equal(list_file_set(&out, "empty", ""), 0);
	assert_int_equal(list_file_set(&out, "revision", "8"), 0);
	assert_int_equal(list_file_write(folder->fd, "good", &out, &err), 0);
	assert_int_equal(file_read(folder->fd, "good", 4096, &bytes, &err), 0);
	assert_string_equal(buffer_str(&bytes),
	                    "# hallowd list 1\n# revision: 8\n# note: two lines and  , a: b\n# empty: \n\n"
	                    "0.0.0.0/32\n34.159.97.57/32\n192.0.2.0/31\n192.0.2.2/32\n255.255.255.255/32\n"
	                    "::/128\n2001:db8::/32\n# end 7 entries\n");
	assert_int_equal(fstatat(folder->fd, "good", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);

	assert_int_equal(list_file_read(folder->fd, "good", &in, &err), 0);
	assert_true(prefix_set_equal(&in.set, &out.set));
	assert_int_equal(in.header_count, 3);
	assert_string_equal(list_file_get(&in, "revision"), "8");
	assert_string_equal(list_file_get(&in, "note"), "two lines and  , a: b");
	assert_string_equal(list_file_get(&in, "empty"), "");
	assert_string_equal(list_file_get(&in, "absent"), "");
	buffer_free(&bytes);
	list_file_free(&in);
	list_file_free(&in);
	list_file_free(NULL);
	list_file_free(&out);
}

static void an_empty_list_is_a_list(void **state)
{
	const struct folder *folder = *state;
	struct list_file out = { .set = PREFIX_SET_INIT }, in;
	struct error err;

	assert_int_equal(list_file_write(folder->fd, "good", &out, &err), 0);
	assert_int_equal(list_file_read(folder->fd, "good", &in, &err), 0);
	assert_true(prefix_set_empty(&in.set));
	assert_int_equal(in.header_count, 0);
	list_file_free(&in);
}

static void keys_are_checked(void **state)
{
	static const char *const bad[] = { "", "a b", "a:b", "a\nb", "\xc3\xa4", "#" };
	struct list_file f = { .set = PREFIX_SET_INIT };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		errno = 0;
		assert_int_equal(list_file_set(&f, bad[i], "x"), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(f.header_count, 0);
}

static void a_file_that_is_not_there(void **state)
{
	const struct folder *folder = *state;
	struct list_file f;
	struct error err = { "" };

	errno = 0;
	assert_int_equal(list_file_read(folder->fd, "absent", &f, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(err.text, "absent"));
}

/* Reads `len` bytes as a list file that must be refused; the text of the error. */
static const char *refused(const struct folder *folder, const char *data, size_t len)
{
	static struct error err;
	struct list_file f, before;

	memset(&f, 0x55, sizeof(f));
	before = f;
	put(folder, "damaged", data, len);
	err.text[0] = '\0';
	errno = 0;
	if (list_file_read(folder->fd, "damaged", &f, &err) == 0)
		fail_msg("was taken for a list: %.*s", (int)len, data);
	assert_int_equal(errno, EBADMSG);
	assert_memory_equal(&f, &before, sizeof(f));
	assert_non_null(strstr(err.text, "damaged"));
	assert_null(strchr(err.text, '\n'));
	return err.text;
}

#define GOOD "# hallowd list 1\n# revision: 7\n\n192.0.2.0/31\n192.0.2.2/32\n2001:db8::/32\n# end 3 entries\n"

static void a_file_cut_off_anywhere_is_refused(void **state)
{
	const struct folder *folder = *state;
	struct list_file f;
	struct error err;

	put(folder, "good", GOOD, strlen(GOOD));
	assert_int_equal(list_file_read(folder->fd, "good", &f, &err), 0);
	list_file_free(&f);
	for (size_t len = 0; len < strlen(GOOD); len++)
		refused(folder, GOOD, len);
}

static void a_nul_anywhere_is_refused(void **state)
{
	const struct folder *folder = *state;
	char text[sizeof(GOOD)];

	for (size_t i = 0; i < strlen(GOOD); i++) {
		memcpy(text, GOOD, sizeof(GOOD));
		text[i] = '\0';
		refused(folder, text, strlen(GOOD));
	}
}

struct damage {
	const char *text, *line; /* the line that the error names */
};

static const struct damage damages[] = {
	{ "<!DOCTYPE html>\n", "line 1:" },
	{ "\xef\xbb\xbf# hallowd list 1\n\n# end 0 entries\n", "line 1:" },
	{ "# hallowd list 2\n\n# end 0 entries\n", "line 1:" },
	{ "# hallowd list 1 \n\n# end 0 entries\n", "line 1:" },
	{ "# hallowd list 1\r\n\r\n# end 0 entries\r\n", "line 1:" },
	{ "# hallowd list 1\n192.0.2.0/24\n# end 1 entries\n", "line 2:" },
	{ "# hallowd list 1\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n# revision 7\n\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n# : 7\n\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n: 7\n\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n#revision: 7\n\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n# re vision: 7\n\n# end 0 entries\n", "line 2:" },
	{ "# hallowd list 1\n# a: 1\n# b: 2\n# a: 1\n\n# end 0 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 0 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 01 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# comment\n# end 1 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 1 entries\n\n", "line 5:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 1 entries\n192.0.3.0/24\n", "line 5:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n# end 1 entries\nx", "line 5:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n\n# end 1 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n192.0.2.1/24\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n192.0.2.0/24 \n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n192.0.2.0/None\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n192.0.2.0-192.0.2.1\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n2001:DB8::/32\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n::ffff:192.0.2.0/120\n# end 1 entries\n", "line 3:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n192.0.1.0/24\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n192.0.2.0/24\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/24\n192.0.2.7/32\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/31\n192.0.2.1/32\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n2001:db8::/32\n192.0.2.0/24\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n192.0.2.0/25\n192.0.2.128/25\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n0.0.0.0/1\n128.0.0.0/1\n# end 2 entries\n", "line 4:" },
	{ "# hallowd list 1\n\n::/1\n8000::/1\n# end 2 entries\n", "line 4:" },
};

static void damage_names_its_line(void **state)
{
	const struct folder *folder = *state;

	for (size_t i = 0; i < COUNT(damages); i++) {
		const char *text = refused(folder, damages[i].text, strlen(damages[i].text));

		if (strstr(text, damages[i].line) == NULL)
			fail_msg("expected %s in: %s", damages[i].line, text);
	}
}

static void a_long_or_strange_line_is_shown_cut(void **state)
{
	const struct folder *folder = *state;
	char data[5000] = "# hallowd list 1\n\n\x1b[2J";
	const char *text;
	size_t len = strlen(data);

	memset(data + len, 'x', sizeof(data) - len);
	data[sizeof(data) - 1] = '\n';
	text = refused(folder, data, sizeof(data));
	assert_true(strlen(text) < 300);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "xxx...\""));
}

static void neighbours_of_one_size_that_cannot_merge_are_good(void **state)
{
	static const char text[] = "# hallowd list 1\n\n192.0.2.1/32\n192.0.2.2/32\n198.51.101.0/24\n198.51.102.0/24\n"
	                           "2001:db8:1::/48\n2001:db8:2::/48\n# end 6 entries\n";
	const struct folder *folder = *state;
	struct list_file f;
	struct error err;

	put(folder, "good", text, strlen(text));
	assert_int_equal(list_file_read(folder->fd, "good", &f, &err), 0);
	assert_int_equal(prefix_set_count(&f.set), 6);
	list_file_free(&f);
}

static void a_long_list_comes_back(void **state)
{
	const struct folder *folder = *state;
	struct list_file out = { .set = PREFIX_SET_INIT }, in;
	struct error err;

	for (uint32_t i = 0; i < 20000; i++) {
		assert_int_equal(prefix_set_add_range4(&out.set, i * 3, i * 3), 0);
		assert_int_equal(prefix_set_add_range6(&out.set, (struct u128){ i, 1 }, (struct u128){ i, 2 }), 0);
	}
	assert_int_equal(list_file_write(folder->fd, "good", &out, &err), 0);
	assert_int_equal(list_file_read(folder->fd, "good", &in, &err), 0);
	assert_true(prefix_set_equal(&in.set, &out.set));
	list_file_free(&in);
	list_file_free(&out);
}

static void no_memory_leaves_nothing_behind(void **state)
{
	const struct folder *folder = *state;
	struct error err;

	put(folder, "good", GOOD, strlen(GOOD));
	for (size_t good = 0;; good++) {
		struct list_file f, before;
		int result;

		assert_true(good < 200);
		memset(&f, 0x55, sizeof(f));
		before = f;
		fail_allocations_after(good);
		errno = 0;
		result = list_file_read(folder->fd, "good", &f, &err);
		fail_allocations_after(SIZE_MAX);
		if (result == 0) {
			assert_string_equal(list_file_get(&f, "revision"), "7");
			list_file_free(&f);
			assert_true(good > 3);
			return;
		}
		assert_int_equal(errno, ENOMEM);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

static void no_memory_keeps_the_file(void **state)
{
	const struct folder *folder = *state;
	struct list_file f = { .set = must_set("198.51.100.0/24") }, in;
	struct error err;
	int result = -1;

	put(folder, "good", GOOD, strlen(GOOD));
	for (size_t good = 0; result < 0; good++) {
		assert_true(good < 200);
		fail_allocations_after(good);
		result = list_file_write(folder->fd, "good", &f, &err);
		fail_allocations_after(SIZE_MAX);
		assert_int_equal(list_file_read(folder->fd, "good", &in, &err), 0);
		assert_int_equal(prefix_set_count(&in.set), result < 0 ? 3 : 1);
		list_file_free(&in);
	}
	list_file_free(&f);
}

int test_list_file(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(keys_are_checked),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
		cmocka_unit_test(a_nul_anywhere_is_refused),
		cmocka_unit_test(damage_names_its_line),
		cmocka_unit_test(a_long_or_strange_line_is_shown_cut),
		cmocka_unit_test(neighbours_of_one_size_that_cannot_merge_are_good),
		cmocka_unit_test(a_long_list_comes_back),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
		cmocka_unit_test(no_memory_keeps_the_file),
	};

	return cmocka_run_group_tests_name("list_file", tests, make_folder, remove_folder);
}
