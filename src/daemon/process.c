#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/paths.h"
#include "core/sandbox_calls.h"

#define FIRST_FREE_FD 10 /* above all that a child inherits, so that moving one into place hits no other */

/* Puts a copy of `fd` at `place`, not close-on-exec. */
static void place_fd(int fd, int place)
{
	if (dup2(fd, place) == -1)
		_exit(126);
}

/* Where there is none, nothing of ours stays at that place either. */
static void place_extra(int fd, int place)
{
	if (fd == -1)
		close(place);
	else
		place_fd(fd, place);
}

static int out_of_the_way(int fd)
{
	int copy = fcntl(fd, F_DUPFD, FIRST_FREE_FD);

	if (copy == -1)
		_exit(126);
	return copy;
}

/* In the child: only async-signal-safe calls. */
static void become(const char *path, const char *name, const struct process_inherits *in, int sock, int refused)
{
	static char no_filter[] = SANDBOX_SWITCH "=off";
	int null = open("/dev/null", O_RDWR), input, extra[PROCESS_EXTRA_MAX];
	sigset_t none;
	char *const argv[] = { (char *)(uintptr_t)name, NULL };
	/* An environment may hold secrets, and settings that nobody reviewed. */
	char *const environment[] = { sandbox_calls_are_off() ? no_filter : NULL, NULL };

	if (null == -1 || (in->folder == -1 ? chdir("/") : fchdir(in->folder)) == -1)
		_exit(126);
	input = out_of_the_way(in->input == -1 ? null : in->input);
	for (int i = 0; i < PROCESS_EXTRA_MAX; i++)
		extra[i] = in->extra[i] == -1 ? -1 : out_of_the_way(in->extra[i]);
	sock = out_of_the_way(sock);
	null = out_of_the_way(null);
	refused = out_of_the_way(refused);
	place_fd(input, STDIN_FILENO);
	place_fd(null, STDOUT_FILENO);
	place_fd(sock, CHILD_SOCKET_FD);
	for (int i = 0; i < PROCESS_EXTRA_MAX; i++)
		place_extra(extra[i], CHILD_SOCKET_FD + 1 + i);
	place_fd(refused, CHILD_REFUSED_FD);
	if (close_range(CHILD_SOCKET_FD + 1 + PROCESS_EXTRA_MAX, CHILD_REFUSED_FD - 1, 0) == -1 ||
	    close_range(CHILD_REFUSED_FD + 1, ~0U, 0) == -1)
		_exit(126);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Under hallowd.service a child could not give up what it is born with: its filter refuses capset(2). */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) == -1)
		_exit(126);
	execve(path, argv, environment);
	_exit(127);
}

/* The children that run, each with the eventfd by which it tells of a refused system call (CHILD_REFUSED_FD). */
static struct child {
	pid_t pid;
	int refused_fd;
	const char *name;
} *children;
static size_t child_count, child_cap;

static struct child *find_child(pid_t pid)
{
	for (size_t i = 0; i < child_count; i++)
		if (children[i].pid == pid)
			return &children[i];
	return NULL;
}

static int remember_child(struct child c)
{
	if (child_count == child_cap) {
		size_t cap = child_cap == 0 ? 8 : child_cap * 2;
		struct child *bigger = reallocarray(children, cap, sizeof(*bigger));

		if (bigger == NULL)
			return -1;
		children = bigger;
		child_cap = cap;
	}
	children[child_count++] = c;
	return 0;
}

static void forget_child(pid_t pid)
{
	struct child *c = find_child(pid);

	if (c == NULL)
		return;
	close(c->refused_fd);
	*c = children[--child_count];
}

/* The number of the call, or -1. */
static int refused_call(pid_t pid, int status)
{
	const struct child *c = find_child(pid);
	eventfd_t told = 0;

	if (c == NULL || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS || eventfd_read(c->refused_fd, &told) == -1 ||
	    told > INT_MAX)
		return -1;
	(void)eventfd_write(c->refused_fd, told); /* for whoever asks again */
	return (int)told - 1;
}

static pid_t fork_child(const char *path, const char *name, const struct process_inherits *inherits, int sock)
{
	struct child c = { -1, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), name };
	pid_t pid = c.refused_fd == -1 || remember_child(c) == -1 ? -1 : fork();

	if (pid == 0)
		become(path, name, inherits, sock, c.refused_fd);
	if (pid > 0)
		children[child_count - 1].pid = pid;
	else if (find_child(-1) != NULL)
		forget_child(-1);
	else if (c.refused_fd != -1)
		close(c.refused_fd);
	return pid;
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
	child = fork_child(path, name, inherits, pair[1]);
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

const char *process_end_text(pid_t pid, int status, char *out, size_t size)
{
	int refused = refused_call(pid, status);

	if (refused != -1)
		snprintf(out, size, "was ended by its sandbox, which refuses it the system call %s", sandbox_call_name(refused));
	else if (WIFSIGNALED(status))
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
	reaper_refused *refused;
	void *refused_ctx;
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

void reaper_on_refused(struct reaper *r, reaper_refused *refused, void *ctx)
{
	r->refused = refused;
	r->refused_ctx = ctx;
}

static void tell_refused(struct reaper *r, pid_t pid, int status)
{
	int number = refused_call(pid, status);

	if (number != -1 && r->refused != NULL)
		r->refused(r->refused_ctx, find_child(pid)->name, number);
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
		tell_refused(r, w.pid, status);
		if (w.ended != NULL)
			w.ended(w.ctx, w.pid, status);
		forget_child(w.pid);
	}
}
