#include "notify/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "core/time_text.h"

#define EXEC_FAILED 127

/* In the child. */
static void become(const struct notify_request *r, int input)
{
	char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (setpgid(0, 0) == -1 || dup2(input, STDIN_FILENO) == -1 || dup2(STDERR_FILENO, STDOUT_FILENO) == -1 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) == -1)
		_exit(EXEC_FAILED);
	execve(r->words[0], r->words, environment);
	_exit(EXEC_FAILED);
}

/* A command that does not read its input must not hold us up. */
static void feed(int *fd, const char **text)
{
	ssize_t n = **text == '\0' ? 0 : write(*fd, *text, strlen(*text));

	if (n > 0)
		*text += n;
	if (**text != '\0' && (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR))))
		return;
	close(*fd);
	*fd = -1;
}

/* Until the child has ended: 1, and it is still to be waited for, so that its number is nobody else's; 0 when the time is
 * over; -1. */
static int attend(pid_t child, int signals, int *input, const struct notify_request *r)
{
	int64_t end = time_monotonic_ms() + r->limit_ms;
	const char *text = r->text;

	for (;;) {
		struct pollfd p[] = { { .fd = signals, .events = POLLIN }, { .fd = *input, .events = POLLOUT } };
		int64_t left = end - time_monotonic_ms();
		struct signalfd_siginfo info;
		siginfo_t ended = { .si_pid = 0 };
		int ready;

		if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child)
			return 1;
		if (left <= 0)
			return 0;
		ready = poll(p, 2, (int)left);
		if (ready == -1 && errno != EINTR)
			return -1;
		if (ready > 0 && p[0].revents != 0)
			while (read(signals, &info, sizeof(info)) == sizeof(info))
				continue;
		if (ready > 0 && p[1].revents != 0)
			feed(input, &text);
	}
}

static void say_how(int status, struct error *trouble)
{
	if (WIFSIGNALED(status))
		error_set(trouble, "it was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXEC_FAILED)
		error_set(trouble, "it could not be run, or ended with status %d", EXEC_FAILED);
	else if (WEXITSTATUS(status) != 0)
		error_set(trouble, "it ended with status %d", WEXITSTATUS(status));
}

static void run_child(const struct notify_request *r, int signals, int ends[2], struct error *trouble)
{
	int status = 0, ended;
	pid_t child = fork();

	if (child == 0)
		become(r, ends[0]);
	close(ends[0]);
	ended = child == -1 ? -1 : attend(child, signals, &ends[1], r);
	if (ended == -1)
		error_errno(trouble, errno, "it cannot be run");
	if (child > 0) {
		kill(-child, SIGKILL); /* with what it left in its group */
		kill(child, SIGKILL);  /* it may not have its group yet */
		waitpid(child, &status, 0);
	}
	if (ended == 1)
		say_how(status, trouble);
	else if (ended == 0)
		error_set(trouble, "it had not ended after %u seconds and was killed", (unsigned)(r->limit_ms / 1000));
	if (ends[1] != -1)
		close(ends[1]);
}

void notify_command(const struct notify_request *r, struct error *trouble)
{
	sigset_t set;
	int signals, ends[2];

	trouble->text[0] = '\0';
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals == -1 || pipe2(ends, O_CLOEXEC) == -1) {
		error_errno(trouble, errno, "it cannot be run");
	} else {
		fcntl(ends[1], F_SETFL, O_NONBLOCK);
		run_child(r, signals, ends, trouble);
	}
	if (signals != -1)
		close(signals);
}

/* One request on the socket, its answer on the same.  0, or -1 with *err. */
static int answer_one(int socket_fd, struct error *err)
{
	struct buffer in = BUFFER_INIT, out = BUFFER_INIT;
	struct notify_request r;
	struct error trouble;
	struct message m;
	int result = -1;

	switch (message_receive(socket_fd, MESSAGE_MAX_DEFAULT, &in, &m, err)) {
	case 1:
		break;
	case 0:
		return error_set(err, "the socket was closed before a request came");
	default:
		return -1;
	}
	if (notify_request_decode(&m, &r) == -1) {
		buffer_free(&in);
		return error_set(err, "a request that is malformed");
	}
	notify_command(&r, &trouble);
	if (notify_result_encode(&out, trouble.text) == -1)
		error_set(err, "no memory for the result");
	else
		result = message_send(socket_fd, &out, err);
	notify_request_free(&r);
	buffer_free(&in);
	buffer_free(&out);
	return result;
}

/* The socket of the next run; -1 when hallowd is gone. */
static int next_socket(int socket_fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space) };
	struct cmsghdr *c;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket_fd, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	c = n <= 0 ? NULL : CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int notify_run(int socket_fd, struct error *err)
{
	int fd;

	if (sandbox_child(err) == -1)
		return -1;
	signal(SIGCHLD, SIG_IGN); /* their ends are collected by the kernel */
	while ((fd = next_socket(socket_fd)) != -1) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(SIGCHLD, SIG_DFL);
			close(socket_fd);
			if (answer_one(fd, err) == 0)
				_exit(0);
			log_error("%s", err->text);
			_exit(1);
		}
		close(fd); /* where there is no process, that is the answer */
	}
	return 0;
}
