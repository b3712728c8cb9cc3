#include "ctl/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/paths.h"

#define EXEC_FAILED 127
#define CONNECT_SECONDS 30 /* a daemon that hangs lets its backlog fill */

int connect_daemon(const char *run_dir, struct connection *c, struct error *err)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = CONNECT_SECONDS };
	int folder, status, saved;

	/* The name of a socket has room for 107 bytes; through the folder's descriptor it always fits. */
	folder = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder == -1)
		return error_errno(err, errno, "cannot open %s", run_dir);
	snprintf(name.sun_path, sizeof(name.sun_path), "/proc/self/fd/%d/" CONTROL_SOCKET, folder);
	c->child = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	status = c->fd;
	if (status != -1)
		status = setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (status != -1)
		status = connect(c->fd, (struct sockaddr *)&name, sizeof(name));
	saved = errno;
	if (status == -1) {
		error_errno(err, saved, "cannot ask hallowd through %s/" CONTROL_SOCKET "%s", run_dir,
		            saved == EACCES ? ", which root and its group may" : "");
		if (c->fd != -1)
			close(c->fd);
	}
	close(folder);
	errno = saved;
	return status;
}

static void run_once(const char *program, char **argv, int out)
{
	if (dup2(out, STDOUT_FILENO) == -1)
		_exit(EXEC_FAILED);
	execv(program, argv);
	fprintf(stderr, "hallowctl: cannot run %s: %s\n", program, strerror(errno));
	_exit(EXEC_FAILED);
}

int connect_once(const char *config_path, const char *const *words, size_t count, struct connection *c,
                 struct error *err)
{
	const char *program = path_program("hallowd");
	const char **argv = calloc(count + 5, sizeof(*argv));
	int ends[2];

	if (argv == NULL)
		return error_errno(err, ENOMEM, "cannot run %s", program);
	argv[0] = "hallowd";
	argv[1] = "-c";
	argv[2] = config_path;
	argv[3] = "--once";
	memcpy(&argv[4], words, count * sizeof(*argv));
	if (pipe2(ends, O_CLOEXEC) == -1) {
		free(argv);
		return error_errno(err, errno, "cannot run %s", program);
	}
	fflush(NULL);
	c->child = fork();
	if (c->child == 0)
		run_once(program, (char **)argv, ends[1]);
	free(argv);
	close(ends[1]);
	c->fd = ends[0];
	if (c->child != -1)
		return 0;
	close(ends[0]);
	return error_errno(err, errno, "cannot run %s", program);
}

int connect_close(struct connection *c, struct error *err)
{
	int status = 0;

	close(c->fd);
	if (c->child == 0)
		return 0;
	while (waitpid(c->child, &status, 0) == -1) {
		if (errno != EINTR)
			return error_errno(err, errno, "cannot wait for hallowd");
	}
	if (WIFSIGNALED(status))
		return error_set(err, "hallowd was ended by signal %d (%s) before it was done", WTERMSIG(status),
		                 strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == EXEC_FAILED)
		return error_set(err, "hallowd could not be run");
	return 0;
}
