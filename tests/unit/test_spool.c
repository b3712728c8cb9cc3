#include "test_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/audit_message.h"
#include "daemon/spool.h"

static struct spool *open_spool(int fd)
{
	struct spool *s;
	struct error err;

	if (spool_open(fd, &s, &err) == -1)
		fail_msg("%s", err.text);
	return s;
}

static void add(struct spool *s, const char *kind)
{
	struct audit_event e = { .kind = (char *)(uintptr_t)kind };
	struct buffer b = BUFFER_INIT;
	struct error err;

	assert_int_equal(audit_event_encode(&b, spool_next(s), &e), 0);
	assert_int_equal(spool_add(s, &b, &err), 0);
}

/* The kinds that wait must be these letters, with numbers from `first` on. */
static void expect(const struct spool *s, const char *kinds, uint64_t first)
{
	size_t count, used;
	const struct spooled *waiting = spool_waiting(s, &count);

	for (size_t i = 0; i < count; i++) {
		struct buffer b = waiting[i].bytes;
		struct message m;
		struct audit_event e;

		assert_int_equal(message_next(&b, MESSAGE_MAX_DEFAULT, &m, &used), 1);
		assert_int_equal(m.seq, first + i);
		assert_int_equal(waiting[i].seq, first + i);
		assert_int_equal(audit_event_decode(&m, &e), 0);
		assert_int_equal(e.kind[0], kinds[i]);
		audit_event_free(&e);
	}
	assert_int_equal(kinds[count], '\0');
}

static void what_was_not_committed_is_there_after_a_crash(void **state)
{
	char path[64];
	int fd = make_folder(path);
	struct spool *s = open_spool(fd);

	(void)state;
	spool_recorder_has(s, 0);
	add(s, "a");
	add(s, "b");
	add(s, "c");
	spool_acked(s, 1);
	spool_close(s); /* as a crash leaves it: nothing is written at the end */
	s = open_spool(fd);
	spool_recorder_has(s, 1);
	expect(s, "bc", 2);
	spool_acked(s, 3);
	spool_close(s);
	s = open_spool(fd);
	expect(s, "", 0);
	assert_int_equal(spool_next(s), 4);
	spool_close(s);
	close(fd);
	remove_folder(path);
}

static void a_tail_that_was_cut_off_is_dropped(void **state)
{
	char path[64];
	int fd = make_folder(path), file;
	struct spool *s = open_spool(fd);
	struct stat st;
	off_t whole;

	(void)state;
	spool_recorder_has(s, 7);
	add(s, "a");
	assert_int_equal(fstatat(fd, "spool", &st, 0), 0);
	whole = st.st_size;
	add(s, "b");
	spool_close(s);
	assert_int_equal(fstatat(fd, "spool", &st, 0), 0);
	file = openat(fd, "spool", O_WRONLY);
	for (off_t size = st.st_size - 1; size > whole; size--) {
		assert_int_equal(ftruncate(file, size), 0);
		s = open_spool(fd);
		expect(s, "a", 8);
		spool_close(s);
	}
	close(file);
	close(fd);
	remove_folder(path);
}

/* The spool is lost, the audit log is not: what comes next must not look like what is there already. */
static void a_new_spool_counts_on_from_the_recorder(void **state)
{
	char path[64];
	int fd = make_folder(path);
	struct spool *s = open_spool(fd);

	(void)state;
	add(s, "a");
	add(s, "b");
	spool_recorder_has(s, 40);
	expect(s, "ab", 41);
	add(s, "c");
	expect(s, "abc", 41);
	spool_close(s);
	s = open_spool(fd);
	expect(s, "abc", 41);
	spool_close(s);
	close(fd);
	remove_folder(path);
}

/* The recorder committed, and hallowd died before it heard so. */
static void what_the_recorder_has_is_not_told_again(void **state)
{
	char path[64];
	int fd = make_folder(path);
	struct spool *s = open_spool(fd);

	(void)state;
	spool_recorder_has(s, 0);
	add(s, "a");
	add(s, "b");
	spool_close(s);
	s = open_spool(fd);
	spool_recorder_has(s, 1);
	expect(s, "b", 2);
	spool_close(s);
	close(fd);
	remove_folder(path);
}

int test_spool(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_committed_is_there_after_a_crash),
		cmocka_unit_test(a_tail_that_was_cut_off_is_dropped),
		cmocka_unit_test(a_new_spool_counts_on_from_the_recorder),
		cmocka_unit_test(what_the_recorder_has_is_not_told_again),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
