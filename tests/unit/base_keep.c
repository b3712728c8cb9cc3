/* The real hallowd-keep, in folders of its own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "core/file.h"
#include "core/paths.h"
#include "core/sandbox.h"
#include "core/time_text.h"
#include "keep/keep.h"
#include "keep/packet.h"

#define PATIENCE_MS 10000

struct place {
	char path[64];
	int dir;
	pid_t pid; /* of a keeper that the test has to reap; 0: none */
};

static int make_place(void **state)
{
	static struct place place;

	make_folder(place.path);
	place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place.dir >= 0);
	place.pid = 0;
	*state = &place;
	return 0;
}

static void reap(struct place *p)
{
	int status;

	if (p->pid > 0)
		assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	p->pid = 0;
}

static int place_gone(void **state)
{
	struct place *p = *state;

	assert_int_equal(keep_stop(p->dir, NULL), 0);
	reap(p);
	close(p->dir);
	remove_folder(p->path);
	return 0;
}

static void start(struct place *p)
{
	struct error err;

	if (keep_start(p->dir, path_program("hallowd-keep"), &p->pid, &err) != 0)
		fail_msg("%s", err.text);
}

/* Waits until nobody holds the other end of a pipe's or pair's end. */
static bool other_end_closes(int fd)
{
	struct pollfd pfd = { fd, 0, 0 };

	return poll(&pfd, 1, PATIENCE_MS) == 1 && (pfd.revents & POLLHUP) != 0;
}

static bool other_end_is_open(int fd)
{
	struct pollfd pfd = { fd, 0, 0 };

	return poll(&pfd, 1, 0) == 0;
}

static void put_one(struct place *p, const char *name, int fd)
{
	struct kept kept = { .fd = fd };
	struct error err;

	snprintf(kept.name, sizeof(kept.name), "%s", name);
	if (keep_put(p->dir, &kept, 1, &err) != 0)
		fail_msg("%s", err.text);
}

static size_t open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* --- */

static void copies_come_back(void **state)
{
	struct place *p = *state;
	struct kept taken[KEEP_MAX];
	struct error err;
	size_t count, before = open_fds();
	int fds[2];
	pid_t pid;
	char byte;

	start(p);
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, &pid, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(pid, p->pid);
	assert_int_equal(pipe(fds), 0);
	put_one(p, "owner", fds[1]);
	close(fds[1]);
	assert_true(other_end_is_open(fds[0]));
	assert_int_equal(keep_take(p->dir, taken, 1, &count, NULL, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(taken[0].name, "owner");
	assert_int_equal(fcntl(taken[0].fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(taken[0].fd, "k", 1), 1);
	close(taken[0].fd);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'k');
	assert_int_equal(keep_take(p->dir, taken, 0, &count, NULL, &err), -1);
	assert_int_equal(errno, E2BIG);
	assert_true(other_end_is_open(fds[0]));
	assert_int_equal(keep_stop(p->dir, &err), 0);
	assert_int_equal(poll(&(struct pollfd){ fds[0], 0, 0 }, 1, 0), 1); /* let go of before keep_stop came back */
	assert_int_equal(faccessat(p->dir, KEEP_SOCKET, F_OK, 0), -1);
	close(fds[0]);
	reap(p);
	assert_int_equal(open_fds(), before);
}

static void a_name_is_replaced_and_all_eight_fit(void **state)
{
	struct place *p = *state;
	struct kept many[KEEP_MAX + 1], taken[KEEP_MAX];
	int first[2], second[2];
	struct error err;
	size_t count;

	start(p);
	assert_int_equal(pipe(first), 0);
	assert_int_equal(pipe(second), 0);
	put_one(p, "n0", first[1]);
	close(first[1]);
	for (size_t i = 0; i <= KEEP_MAX; i++) {
		snprintf(many[i].name, sizeof(many[i].name), "n%zu", i);
		many[i].fd = second[1];
	}
	snprintf(many[7].name, sizeof(many[7].name), "%031d", 7); /* the longest name */
	assert_int_equal(keep_put(p->dir, many, KEEP_MAX + 1, &err), -1);
	assert_int_equal(errno, ENOSPC);
	assert_true(other_end_is_open(first[0]));
	assert_int_equal(keep_put(p->dir, many, KEEP_MAX, &err), 0);
	assert_true(other_end_closes(first[0])); /* the old n0 */
	assert_int_equal(keep_put(p->dir, &many[KEEP_MAX], 1, &err), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, NULL, &err), 0);
	assert_int_equal(count, KEEP_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(taken[i].name, many[i].name);
		close(taken[i].fd);
	}
	close(second[1]);
	assert_true(other_end_is_open(second[0]));
	assert_int_equal(keep_stop(p->dir, &err), 0);
	assert_true(other_end_closes(second[0]));
	close(first[0]);
	close(second[0]);
}

/* What the keeper is for: who started it is killed, and what it had is still there. */
static int start_put_and_wait(void *ctx)
{
	struct place *p = ctx;
	int fds[2] = { 100, 101 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHILD_CHECK(keep_start(p->dir, path_program("hallowd-keep"), &p->pid, NULL) == 0);
	put_one(p, "nflog", fds[1]);
	close(fds[1]);
	CHILD_CHECK(write(fds[0], "!", 1) == 1);
	close(fds[0]);
	pause();
	return 0;
}

/* Waits until a keeper that was ended is no longer there to ask; while it ends, the answer may also be a reset. */
static bool is_refused(struct place *p)
{
	int64_t limit = time_monotonic_ms() + PATIENCE_MS;
	struct kept taken[KEEP_MAX];
	size_t count;

	while (time_monotonic_ms() < limit) {
		if (keep_take(p->dir, taken, KEEP_MAX, &count, NULL, NULL) == -1 && errno == ECONNREFUSED)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void it_outlives_a_starter_that_is_killed(void **state)
{
	struct place *p = *state;
	struct kept taken[KEEP_MAX];
	int told[2], kept[2], status;
	struct error err;
	size_t count;
	pid_t starter, keeper;
	char byte;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(kept, O_CLOEXEC), 0);
	starter = fork();
	if (starter == 0) {
		dup3(told[1], 100, O_CLOEXEC);
		dup3(kept[1], 101, O_CLOEXEC);
		close(told[1]);
		close(kept[1]);
		_exit(start_put_and_wait(p));
	}
	close(told[1]);
	close(kept[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	assert_int_equal(kill(starter, SIGKILL), 0);
	assert_int_equal(waitpid(starter, &status, 0), starter);
	assert_true(WIFSIGNALED(status));
	assert_true(other_end_is_open(kept[0]));
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, &keeper, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(taken[0].name, "nflog");
	close(taken[0].fd);
	assert_true(other_end_is_open(kept[0]));
	/* Signals of a terminal do nothing to it. */
	assert_int_equal(kill(keeper, SIGHUP), 0);
	assert_int_equal(kill(keeper, SIGINT), 0);
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, &keeper, &err), 0);
	close(taken[0].fd);
	assert_int_equal(kill(keeper, SIGTERM), 0);
	assert_true(other_end_closes(kept[0]));
	assert_true(is_refused(p));
	close(told[0]);
	close(kept[0]);
}

/* --- what the keeper is */

static void proc_file(pid_t pid, const char *name, struct buffer *b)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	b->len = 0;
	assert_int_equal(file_read(AT_FDCWD, path, 1u << 20, b, NULL), 0);
}

static void it_has_no_privileges_and_nothing_else_open(void **state)
{
	struct place *p = *state;
	struct buffer b = BUFFER_INIT;
	int extra = dup2(p->dir, 50); /* inherited: not close-on-exec */
	struct stat st;
	char path[64];

	setenv("SECRET", "not for the keeper", 1);
	start(p);
	unsetenv("SECRET");
	close(extra);
	proc_file(p->pid, "status", &b);
	assert_non_null(strstr(buffer_str(&b), "\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(buffer_str(&b), "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(buffer_str(&b), "\nSeccomp:\t2\n"));
	if (geteuid() == 0) {
		assert_null(strstr(buffer_str(&b), "\nUid:\t0\t"));
		proc_file(p->pid, "environ", &b);
		assert_int_equal(b.len, 0);
		for (int fd = 5; fd < 64; fd++) {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)p->pid, fd);
			assert_int_equal(lstat(path, &st), -1);
		}
		for (int fd = 0; fd <= 2; fd++) {
			char target[32] = "";

			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)p->pid, fd);
			assert_true(readlink(path, target, sizeof(target) - 1) > 0);
			assert_string_equal(target, "/dev/null");
		}
	}
	assert_int_equal(fstatat(p->dir, KEEP_SOCKET, &st, 0), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(getsid(p->pid), p->pid);
	buffer_free(&b);
}

/* --- started by a hallowd that has given up its privileges already */

/* A copy where any user can run it: the build tree may stand in a folder that is closed to others. */
static char reachable[] = "/tmp/hallowd-keep.XXXXXX";

static void copy_keeper(void)
{
	int from = open(path_program("hallowd-keep"), O_RDONLY | O_CLOEXEC), to = mkstemp(reachable);
	char bytes[65536];
	ssize_t n;

	assert_true(from != -1 && to != -1);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
	assert_int_equal(n, 0);
	assert_int_equal(fchmod(to, 0755), 0);
	close(from);
	close(to);
}

static int start_sandboxed(void *ctx)
{
	struct place *p = ctx;
	struct kept taken[KEEP_MAX];
	struct error err;
	size_t count;
	int fds[2];

	CHILD_CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHILD_CHECK(sandbox_keep_net_admin(&err) == 0);
	if (keep_start(p->dir, reachable, &p->pid, &err) != 0) {
		dprintf(2, "%s\n", err.text);
		return 1;
	}
	put_one(p, "owner", fds[1]);
	CHILD_CHECK(keep_take(p->dir, taken, KEEP_MAX, &count, NULL, &err) == 0 && count == 1);
	CHILD_CHECK(close(taken[0].fd) == 0 && close(fds[1]) == 0 && other_end_is_open(fds[0]));
	CHILD_CHECK(keep_stop(p->dir, &err) == 0);
	CHILD_CHECK(other_end_closes(fds[0]));
	return 0;
}

static int start_as_service(void *ctx)
{
	struct place *p = ctx;

	CHILD_CHECK(become_service() == 0);
	return start_sandboxed(p);
}

static void a_sandboxed_hallowd_can_start_it(void **state)
{
	struct place *p = *state;

	need_root();
	copy_keeper();
	assert_int_equal(in_child(start_sandboxed, p), 0);
	assert_int_equal(fchown(p->dir, SERVICE_UID, SERVICE_UID), 0);
	assert_int_equal(in_child(start_as_service, p), 0);
	unlink(reachable);
}

/* --- who may ask */

static int connect_raw(const struct place *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", p->dir, KEEP_SOCKET);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int ask_as_stranger(void *ctx)
{
	struct place *p = ctx;
	struct kept taken[KEEP_MAX];
	size_t count;

	CHILD_CHECK(setresuid(SERVICE_UID, SERVICE_UID, SERVICE_UID) == 0);
	CHILD_CHECK(keep_take(p->dir, taken, KEEP_MAX, &count, NULL, NULL) == -1);
	return 0;
}

static void strangers_get_nothing(void **state)
{
	struct place *p = *state;

	need_root();
	start(p);
	put_one(p, "owner", p->dir);
	assert_int_equal(in_child(ask_as_stranger, p), 0); /* the mode keeps it out */
	assert_int_equal(fchmodat(p->dir, KEEP_SOCKET, 0666, 0), 0);
	assert_int_equal(in_child(ask_as_stranger, p), 0); /* the keeper does */
}

static void garbage_and_stalling_do_no_harm(void **state)
{
	struct place *p = *state;
	struct kept taken[KEEP_MAX];
	struct keep_packet packet = { .verb = KEEP_PUT, .count = 2 };
	struct error err;
	int64_t begun;
	size_t count;
	int stalled, sock;
	char byte;

	start(p);
	stalled = connect_raw(p);
	assert_true(stalled >= 0);
	begun = time_monotonic_ms();
	put_one(p, "owner", p->dir); /* waits behind it, about a second */
	assert_true(time_monotonic_ms() - begun < 2000);
	close(stalled);
	/* Two descriptors announced, none sent; a short packet; a name without an end; another verb. */
	sock = connect_raw(p);
	snprintf(packet.names[0], KEEP_NAME_MAX, "a");
	snprintf(packet.names[1], KEEP_NAME_MAX, "b");
	assert_int_equal(send(sock, &packet, sizeof(packet), 0), sizeof(packet));
	assert_int_equal(recv(sock, &byte, 1, 0), 0);
	close(sock);
	sock = connect_raw(p);
	assert_int_equal(send(sock, &packet, sizeof(packet) - 1, 0), sizeof(packet) - 1);
	assert_int_equal(recv(sock, &byte, 1, 0), 0);
	close(sock);
	packet.count = 1;
	memset(packet.names[0], 'x', KEEP_NAME_MAX);
	sock = connect_raw(p);
	assert_int_equal(keep_packet_send(sock, &packet, &p->dir), 0);
	assert_int_equal(recv(sock, &byte, 1, 0), 0);
	close(sock);
	packet = (struct keep_packet){ .verb = KEEP_STOP + 1 };
	sock = connect_raw(p);
	assert_int_equal(keep_packet_send(sock, &packet, NULL), 0);
	assert_int_equal(recv(sock, &byte, 1, 0), 0);
	close(sock);
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, NULL, &err), 0);
	assert_int_equal(count, 1);
	close(taken[0].fd);
}

/* --- when it ends by itself */

static bool ends(struct place *p)
{
	int64_t limit = time_monotonic_ms() + PATIENCE_MS;
	pid_t reaped;

	do {
		reaped = waitpid(p->pid, NULL, WNOHANG);
		if (reaped == 0)
			poll(NULL, 0, 20);
	} while (reaped == 0 && time_monotonic_ms() < limit);
	if (reaped == p->pid)
		p->pid = 0;
	return p->pid == 0;
}

static void it_ends_when_its_name_is_removed(void **state)
{
	struct place *p = *state;

	start(p);
	assert_int_equal(unlinkat(p->dir, KEEP_SOCKET, 0), 0);
	assert_true(ends(p));
}

static void it_ends_when_its_folder_is_removed(void **state)
{
	struct place *p = *state, inner = { .pid = 0 };

	assert_int_equal(mkdirat(p->dir, "run", 0700), 0); /* closed to the keeper's user */
	inner.dir = openat(p->dir, "run", O_PATH | O_DIRECTORY | O_CLOEXEC);
	start(&inner);
	assert_int_equal(unlinkat(inner.dir, KEEP_SOCKET, 0), 0);
	assert_int_equal(unlinkat(p->dir, "run", AT_REMOVEDIR), 0);
	assert_true(ends(&inner));
	close(inner.dir);
}

static void another_keeper_takes_the_name_over(void **state)
{
	struct place *p = *state, old;
	struct kept taken[KEEP_MAX];
	size_t count;
	pid_t pid;

	start(p);
	put_one(p, "owner", p->dir);
	old = *p;
	start(p);
	assert_int_not_equal(p->pid, old.pid);
	assert_true(ends(&old));
	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, &pid, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(pid, p->pid);
}

/* --- failures */

static void nobody_there(void **state)
{
	struct place *p = *state;
	struct kept taken[KEEP_MAX], one = { "owner", 0 };
	struct error err;
	size_t count;

	assert_int_equal(keep_take(p->dir, taken, KEEP_MAX, &count, NULL, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(keep_put(p->dir, &one, 1, &err), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(keep_stop(p->dir, &err), 0);
}

static void a_start_that_fails_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct error err;
	size_t before = open_fds();
	pid_t pid;

	assert_int_equal(keep_start(p->dir, "/nonexistent/hallowd-keep", &pid, &err), -1);
	assert_string_equal(err.text, "keeper: cannot run /nonexistent/hallowd-keep: No such file or directory");
	assert_int_equal(keep_start(p->dir, "/bin/true", &pid, &err), -1);
	assert_string_equal(err.text, "keeper: it ended before it was ready");
	assert_int_equal(faccessat(p->dir, KEEP_SOCKET, F_OK, 0), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_fds(), before);
}

static int run_by_hand(void *ctx)
{
	int *fds = ctx;

	dup2(fds[1], STDERR_FILENO);
	close_range(3, 99, 0);
	execl(path_program("hallowd-keep"), "hallowd-keep", (char *)NULL);
	return 127;
}

static void by_hand_it_says_who_starts_it(void **state)
{
	int fds[2];
	char text[256] = "";

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(in_child(run_by_hand, fds), EXIT_FAILURE);
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "only hallowd starts this program"));
	close(fds[0]);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, place_gone)

int run_keep_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(copies_come_back),
		IN_PLACE(a_name_is_replaced_and_all_eight_fit),
		IN_PLACE(it_outlives_a_starter_that_is_killed),
		IN_PLACE(it_has_no_privileges_and_nothing_else_open),
		IN_PLACE(a_sandboxed_hallowd_can_start_it),
		IN_PLACE(strangers_get_nothing),
		IN_PLACE(garbage_and_stalling_do_no_harm),
		IN_PLACE(it_ends_when_its_name_is_removed),
		IN_PLACE(it_ends_when_its_folder_is_removed),
		IN_PLACE(another_keeper_takes_the_name_over),
		IN_PLACE(nobody_there),
		IN_PLACE(a_start_that_fails_leaves_nothing),
		cmocka_unit_test(by_hand_it_says_who_starts_it),
	};

	return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
