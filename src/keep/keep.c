/* hallowd's side. */
#include "keep/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/time_text.h"
#include "keep/packet.h"

#define BACKLOG 8
#define START_MS 5000
#define ANSWER_SECONDS 2
#define FIRST_FREE_FD 10 /* above those that the keeper inherits */

/* --- starting one */

/* By way of /proc, since a folder's own path may be longer than the 108 bytes of sun_path. */
static void socket_address(struct sockaddr_un *address, int run_dirfd)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", run_dirfd, KEEP_SOCKET);
}

/* The listening socket, under its name; -1 with *err, then the name is gone. */
static int open_listener(int run_dirfd, struct error *err)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_errno(err, errno, "keeper: cannot make a socket");
	socket_address(&address, run_dirfd);
	if (unlinkat(run_dirfd, KEEP_SOCKET, 0) != 0 && errno != ENOENT) {
		error_errno(err, errno, "keeper: cannot remove the old %s", KEEP_SOCKET);
	} else if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		error_errno(err, errno, "keeper: cannot make %s in run_dir", KEEP_SOCKET);
	} else if (fchmodat(run_dirfd, KEEP_SOCKET, 0600, 0) != 0 || listen(fd, BACKLOG) != 0) {
		error_errno(err, errno, "keeper: cannot listen on %s", KEEP_SOCKET);
		unlinkat(run_dirfd, KEEP_SOCKET, 0);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts the descriptors where the keeper expects them; by way of high numbers, since each may be in another's place. */
static int arrange_fds(int listen_fd, int run_dirfd, int status_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int from[] = { null_fd, null_fd, status_fd, listen_fd, run_dirfd };
	int high[5];

	for (int i = 0; i < 5; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
		if (high[i] < 0)
			return -1;
	}
	for (int i = 0; i < 5; i++)
		if (dup2(high[i], i) < 0)
			return -1;
	return 0;
}

__attribute__((noreturn)) static void exec_keeper(const char *program, int listen_fd, int run_dirfd, int status_fd)
{
	char name[] = "hallowd-keep";
	char *const argv[] = { name, NULL };
	char *const environment[] = { NULL };

	setsid();
	reset_signals();
	if (arrange_fds(listen_fd, run_dirfd, status_fd) != 0)
		dprintf(status_fd, "cannot arrange descriptors: %s", strerror(errno));
	else if (execve(program, argv, environment) != 0)
		dprintf(STDERR_FILENO, "cannot run %s: %s", program, strerror(errno));
	_exit(127);
}

/* Reads what the keeper says until it closes its standard error; the text is cut to `size`.  -1 after START_MS. */
static int read_status(int fd, char *text, size_t size)
{
	int64_t end = time_monotonic_ms() + START_MS;
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = { fd, POLLIN, 0 };
		int64_t left = end - time_monotonic_ms();
		char more[256];
		ssize_t n;

		text[len] = '\0';
		if (left <= 0)
			return -1;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		n = read(fd, more, sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		for (ssize_t i = 0; i < n && len < size - 1; i++)
			text[len++] = more[i];
	}
}

static int await_ready(int status_fd, const char *program, struct error *err)
{
	const size_t ready_len = strlen(KEEP_READY);
	char text[768];
	size_t len;

	if (read_status(status_fd, text, sizeof(text)) != 0)
		return error_set(err, "keeper: %s did not get ready within %d seconds", program, START_MS / 1000);
	len = strlen(text);
	if (len >= ready_len && strcmp(text + len - ready_len, KEEP_READY) == 0)
		return 0;
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return error_set(err, "keeper: %s", len > 0 ? text : "it ended before it was ready");
}

static int start_process(const char *program, int listen_fd, int run_dirfd, pid_t *pid, struct error *err)
{
	int status[2];
	pid_t child;
	int result;

	if (pipe2(status, O_CLOEXEC) != 0)
		return error_errno(err, errno, "keeper: cannot make a pipe");
	child = fork();
	if (child == 0)
		exec_keeper(program, listen_fd, run_dirfd, status[1]);
	close(status[1]);
	if (child < 0) {
		close(status[0]);
		return error_errno(err, errno, "keeper: cannot fork");
	}
	result = await_ready(status[0], program, err);
	close(status[0]);
	if (result == 0) {
		*pid = child;
		return 0;
	}
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return -1;
}

int keep_start(int run_dirfd, const char *program, pid_t *pid, struct error *err)
{
	int listen_fd = open_listener(run_dirfd, err);
	int result;

	if (listen_fd < 0)
		return -1;
	result = start_process(program, listen_fd, run_dirfd, pid, err);
	close(listen_fd);
	if (result != 0)
		unlinkat(run_dirfd, KEEP_SOCKET, 0);
	return result;
}

/* --- asking it */

/* A connected socket; -1 with errno and *err. */
static int connect_keeper(int run_dirfd, struct error *err)
{
	const struct timeval patience = { ANSWER_SECONDS, 0 };
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int saved;

	socket_address(&address, run_dirfd);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	saved = errno;
	if (fd >= 0)
		close(fd);
	error_errno(err, saved, "keeper: cannot connect to %s", KEEP_SOCKET);
	errno = saved;
	return -1;
}

/* Sends the request and waits for its answer, whose descriptors are then the caller's.  -1 with errno and *err. */
static int ask(int sock, const struct keep_packet *request, const int *fds, struct keep_packet *answer,
               int answer_fds[KEEP_MAX], struct error *err)
{
	int saved;

	if (keep_packet_send(sock, request, fds) != 0 || keep_packet_receive(sock, answer, answer_fds) != 0) {
		saved = errno == EAGAIN ? ETIMEDOUT : errno;
	} else if (answer->result != 0 || answer->verb != request->verb) {
		saved = answer->result != 0 ? answer->result : EBADMSG;
		keep_close_all(answer_fds, answer->count);
	} else {
		return 0;
	}
	error_errno(err, saved, "keeper: no answer, or a refusal");
	errno = saved;
	return -1;
}

/* connect_keeper, ask and close. */
static int ask_once(int run_dirfd, const struct keep_packet *request, const int *fds, struct keep_packet *answer,
                    int answer_fds[KEEP_MAX], struct error *err)
{
	int sock = connect_keeper(run_dirfd, err);
	int result, saved;

	if (sock < 0)
		return -1;
	result = ask(sock, request, fds, answer, answer_fds, err);
	saved = errno;
	close(sock);
	errno = saved;
	return result;
}

int keep_put(int run_dirfd, const struct kept *fds, size_t count, struct error *err)
{
	struct keep_packet request = { .verb = KEEP_PUT }, answer;
	int numbers[KEEP_MAX], none[KEEP_MAX];

	if (count > KEEP_MAX) {
		error_set(err, "keeper: %zu descriptors are more than the %d that it can hold", count, KEEP_MAX);
		errno = ENOSPC;
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(request.names[i], fds[i].name, KEEP_NAME_MAX);
		numbers[i] = fds[i].fd;
	}
	request.count = (uint32_t)count;
	if (ask_once(run_dirfd, &request, numbers, &answer, none, err) != 0)
		return -1;
	keep_close_all(none, answer.count);
	return 0;
}

int keep_take(int run_dirfd, struct kept *fds, size_t max, size_t *count, pid_t *pid, struct error *err)
{
	struct keep_packet request = { .verb = KEEP_TAKE }, answer;
	int numbers[KEEP_MAX];

	if (ask_once(run_dirfd, &request, NULL, &answer, numbers, err) != 0)
		return -1;
	if (answer.count > max) {
		keep_close_all(numbers, answer.count);
		error_set(err, "keeper: it holds %u descriptors, and there is room for %zu", (unsigned)answer.count, max);
		errno = E2BIG;
		return -1;
	}
	for (size_t i = 0; i < answer.count; i++) {
		memcpy(fds[i].name, answer.names[i], KEEP_NAME_MAX);
		fds[i].fd = numbers[i];
	}
	*count = answer.count;
	if (pid != NULL)
		*pid = (pid_t)answer.pid;
	return 0;
}

int keep_stop(int run_dirfd, struct error *err)
{
	struct keep_packet request = { .verb = KEEP_STOP }, answer;
	int none[KEEP_MAX];

	if (ask_once(run_dirfd, &request, NULL, &answer, none, err) != 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return -1;
	} else {
		keep_close_all(none, answer.count);
	}
	if (unlinkat(run_dirfd, KEEP_SOCKET, 0) != 0 && errno != ENOENT)
		return error_errno(err, errno, "keeper: cannot remove %s", KEEP_SOCKET);
	return 0;
}
