#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/paths.h"

#define FIRST_FREE_FD 10 /* above all that a child inherits, so that moving one into place hits no other */

/* Puts a copy of `fd` at `place`, not close-on-exec. */
static void place_fd(int fd, int place)
{
	if (dup2(fd, place) == -1)
		_exit(126);
}

static int out_of_the_way(int fd)
{
	int copy = fcntl(fd, F_DUPFD, FIRST_FREE_FD);

	if (copy == -1)
		_exit(126);
	return copy;
}

/* In the child: only async-signal-safe calls. */
static void become(const char *path, const char *name, const struct process_inherits *in, int sock)
{
	int null = open("/dev/null", O_RDWR), input, extra = -1;
	sigset_t none;
	char *const argv[] = { (char *)(uintptr_t)name, NULL };
	char *const nothing[] = { NULL }; /* an environment may hold secrets, and settings that nobody reviewed */

	if (null == -1 || (in->folder == -1 ? chdir("/") : fchdir(in->folder)) == -1)
		_exit(126);
	input = out_of_the_way(in->input == -1 ? null : in->input);
	if (in->extra != -1)
		extra = out_of_the_way(in->extra);
	sock = out_of_the_way(sock);
	null = out_of_the_way(null);
	place_fd(input, STDIN_FILENO);
	place_fd(null, STDOUT_FILENO);
	place_fd(sock, CHILD_SOCKET_FD);
	if (extra != -1)
		place_fd(extra, CHILD_SOCKET_FD + 1);
	if (close_range(extra == -1 ? CHILD_SOCKET_FD + 1 : CHILD_SOCKET_FD + 2, ~0U, 0) == -1)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execve(path, argv, nothing);
	_exit(127);
}

int process_start(const char *name, const struct process_inherits *inherits, pid_t *pid, int *sock, struct error *err)
{
	const char *path = path_program(name);
	int pair[2];
	pid_t child;

	if (access(path, X_OK) == -1)
		return error_errno(err, errno, "%s cannot be started; is the installation whole", path);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return error_errno(err, errno, "no socket for %s", name);
	child = fork();
	if (child == 0)
		become(path, name, inherits, pair[1]);
	close(pair[1]);
	if (child == -1 || fcntl(pair[0], F_SETFL, O_NONBLOCK) == -1) {
		error_errno(err, errno, "%s cannot be started", name);
		close(pair[0]);
		return -1;
	}
	*pid = child;
	*sock = pair[0];
	return 0;
}

const char *process_end_text(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "exited with status %d", WEXITSTATUS(status));
	return out;
}

struct waiting {
	pid_t pid;
	reaper_ended *ended; /* NULL: forgotten */
	void *ctx;
};

struct reaper {
	struct waiting *list;
	size_t count, cap;
};

struct reaper *reaper_new(void)
{
	return calloc(1, sizeof(struct reaper));
}

void reaper_free(struct reaper *r)
{
	if (r == NULL)
		return;
	free(r->list);
	free(r);
}

int reaper_add(struct reaper *r, pid_t pid, reaper_ended *ended, void *ctx)
{
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 8 : r->cap * 2;
		struct waiting *bigger = reallocarray(r->list, cap, sizeof(*bigger));

		if (bigger == NULL)
			return -1;
		r->list = bigger;
		r->cap = cap;
	}
	r->list[r->count++] = (struct waiting){ pid, ended, ctx };
	return 0;
}

void reaper_forget(struct reaper *r, pid_t pid)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].pid == pid)
			r->list[i].ended = NULL;
}

void reaper_collect(struct reaper *r)
{
	/* From the end, because a callback may add, and the collected one is replaced by the last. */
	for (size_t i = r->count; i-- > 0;) {
		struct waiting w;
		int status;

		if (i >= r->count || waitpid(r->list[i].pid, &status, WNOHANG) <= 0)
			continue;
		w = r->list[i];
		r->list[i] = r->list[--r->count];
		if (w.ended != NULL)
			w.ended(w.ctx, w.pid, status);
	}
}
