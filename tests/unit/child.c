#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/fetch_message.h"
#include "core/time_text.h"

static void limit(int which, uint64_t value)
{
	const struct rlimit both = { value, value };

	if (value > 0 && setrlimit((__rlimit_resource_t)which, &both) == -1)
		_exit(126);
}

/* The descriptors may stand in each other's places, so they are first moved out of the way. */
static void become(const struct child_setup *setup, int socket_fd)
{
	int input = setup->input_fd >= 0 ? setup->input_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int from[3], to[3] = { STDIN_FILENO, CHILD_SOCKET_FD, FETCH_BODY_FD };
	int i, count = setup->body_fd >= 0 ? 3 : 2;

	from[0] = fcntl(input, F_DUPFD_CLOEXEC, 10);
	from[1] = fcntl(socket_fd, F_DUPFD_CLOEXEC, 10);
	from[2] = setup->body_fd >= 0 ? fcntl(setup->body_fd, F_DUPFD_CLOEXEC, 10) : -1;
	for (i = 0; i < count; i++)
		if (dup2(from[i], to[i]) == -1)
			_exit(126);
	if (setup->quiet && dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) == -1)
		_exit(126);
	/* A test that dies takes its servers with it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		_exit(126);
	limit(RLIMIT_AS, setup->memory);
	limit(RLIMIT_CPU, setup->cpu);
	execv(setup->argv[0], (char *const *)(uintptr_t)setup->argv);
	_exit(127);
}

void child_start(struct child *c, const struct child_setup *setup)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0)
		become(setup, ends[1]);
	close(ends[1]);
	c->socket = ends[0];
}

void child_send(const struct child *c, const struct buffer *message)
{
	struct error err;

	if (message_send(c->socket, message, &err) == -1)
		fail_msg("%s", err.text);
}

int child_receive(const struct child *c, struct buffer *in, struct message *m)
{
	struct pollfd readable = { c->socket, POLLIN, 0 };
	struct error err;
	int got;

	if (poll(&readable, 1, CHILD_PATIENCE_MS) != 1)
		fail_msg("no answer within %d ms", CHILD_PATIENCE_MS);
	got = message_receive(c->socket, MESSAGE_MAX_LIST, in, m, &err);
	if (got == -1)
		fail_msg("%s", err.text);
	return got;
}

int child_end(struct child *c)
{
	struct pollfd ended = { (int)syscall(SYS_pidfd_open, c->pid, 0), POLLIN, 0 };
	struct rusage usage;
	int status = -1, ready = poll(&ended, 1, CHILD_PATIENCE_MS);

	close(ended.fd);
	if (ready != 1)
		child_kill(c);
	assert_int_equal(ready, 1);
	assert_int_equal(wait4(c->pid, &status, 0, &usage), c->pid);
	close(c->socket);
	c->pid = 0;
	c->max_rss = usage.ru_maxrss;
	return status;
}

void child_kill(struct child *c)
{
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->socket);
	c->pid = 0;
}

static bool holds_all(const char *text, const char *const *wanted)
{
	for (; *wanted; wanted++)
		if (!strstr(text, *wanted))
			return false;
	return true;
}

void child_wait_status(const struct child *c, const char *const *wanted)
{
	int64_t until = time_monotonic_ms() + CHILD_PATIENCE_MS;
	char name[64], text[8192];

	snprintf(name, sizeof(name), "/proc/%d/status", (int)c->pid);
	do {
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (holds_all(text, wanted))
			return;
		poll(NULL, 0, 10);
	} while (time_monotonic_ms() < until);
	fail_msg("/proc/%d/status does not come to hold what it should:\n%s", (int)c->pid, text);
}

int child_file(const void *data, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	size_t done = 0;

	assert_true(fd >= 0);
	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	return fd;
}

bool child_shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
