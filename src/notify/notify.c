#include "notify/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "core/time_text.h"

#define EXEC_FAILED 127

/* What a command may print into our log.  It is nobody's, and the disk has the audit log on it as well. */
#define OUTPUT_MAX 4096

/* The command that runs. */
struct run {
	pid_t child;
	int input;       /* its standard input; -1: it has been closed */
	int output;      /* what it prints */
	size_t printed;  /* of that, bytes that were passed on */
	bool in_line;    /* the last of them is not the end of a line */
	uint64_t dropped;
};

/* In the child. */
static void become(const struct notify_request *r, int input, int output)
{
	char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (setpgid(0, 0) == -1 || dup2(input, STDIN_FILENO) == -1 || dup2(output, STDOUT_FILENO) == -1 ||
	    dup2(output, STDERR_FILENO) == -1 || close_range(STDERR_FILENO + 1, ~0U, 0) == -1)
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

/* Passes on what it printed, up to OUTPUT_MAX, and throws the rest away, so that it never waits for us.  False where it has
 * closed its output. */
static bool pass_on(struct run *run)
{
	char bytes[4096];
	ssize_t n = read(run->output, bytes, sizeof(bytes));
	size_t room = OUTPUT_MAX - run->printed, taken;

	if (n <= 0)
		return n == -1;
	taken = (size_t)n < room ? (size_t)n : room;
	if (taken > 0) {
		(void)write_all(STDERR_FILENO, bytes, taken);
		run->in_line = bytes[taken - 1] != '\n';
	}
	run->printed += taken;
	run->dropped += (uint64_t)n - taken;
	return true;
}

/* What is left of that when it has ended. */
static void end_output(struct run *run)
{
	for (int i = 0; i < 16 && pass_on(run); i++) /* a pipe holds 64 KiB; who else has it open may print for ever */
		continue;
	close(run->output);
	if (run->in_line)
		(void)write_all(STDERR_FILENO, "\n", 1);
	if (run->dropped > 0)
		log_notice("the command of 'notify' printed more than %d bytes: the rest was left out", OUTPUT_MAX);
}

/* Until the child has ended: 1, and it is still to be waited for, so that its number is nobody else's; 0 when the time is
 * over; -1. */
static int attend(struct run *run, int signals, const struct notify_request *r)
{
	int64_t end = time_monotonic_ms() + r->limit_ms;
	const char *text = r->text;
	bool open = true;

	for (;;) {
		struct pollfd p[] = { { .fd = signals, .events = POLLIN },
			              { .fd = run->input, .events = POLLOUT },
			              { .fd = open ? run->output : -1, .events = POLLIN } };
		int64_t left = end - time_monotonic_ms();
		struct signalfd_siginfo info;
		siginfo_t ended = { .si_pid = 0 };
		int ready;

		if (waitid(P_PID, (id_t)run->child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == run->child)
			return 1;
		if (left <= 0)
			return 0;
		ready = poll(p, 3, (int)left);
		if (ready == -1 && errno != EINTR)
			return -1;
		if (ready > 0 && p[0].revents != 0)
			while (read(signals, &info, sizeof(info)) == sizeof(info))
				continue;
		if (ready > 0 && p[1].revents != 0)
			feed(&run->input, &text);
		if (ready > 0 && p[2].revents != 0)
			open = pass_on(run);
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

static void run_child(const struct notify_request *r, int signals, const int input[2], const int output[2],
                      struct error *trouble)
{
	struct run run = { .child = fork(), .input = input[1], .output = output[0] };
	int status = 0, ended;

	if (run.child == 0)
		become(r, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	ended = run.child == -1 ? -1 : attend(&run, signals, r);
	if (ended == -1)
		error_errno(trouble, errno, "it cannot be run");
	if (run.child > 0) {
		kill(-run.child, SIGKILL); /* with what it left in its group */
		kill(run.child, SIGKILL);  /* it may not have its group yet */
		waitpid(run.child, &status, 0);
	}
	if (ended == 1)
		say_how(status, trouble);
	else if (ended == 0)
		error_set(trouble, "it had not ended after %u seconds and was killed", (unsigned)(r->limit_ms / 1000));
	end_output(&run);
	if (run.input != -1)
		close(run.input);
}

void notify_command(const struct notify_request *r, struct error *trouble)
{
	int signals, input[2] = { -1, -1 }, output[2];
	sigset_t set;

	trouble->text[0] = '\0';
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals == -1 || pipe2(input, O_CLOEXEC) == -1 || pipe2(output, O_CLOEXEC) == -1) {
		error_errno(trouble, errno, "it cannot be run");
		if (input[0] != -1) {
			close(input[0]);
			close(input[1]);
		}
	} else {
		fcntl(input[1], F_SETFL, O_NONBLOCK);
		fcntl(output[0], F_SETFL, O_NONBLOCK);
		run_child(r, signals, input, output, trouble);
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
