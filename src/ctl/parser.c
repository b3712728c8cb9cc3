#include "ctl/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/paths.h"

#define ABOVE 10 /* no descriptor that the parser inherits is above this one */

static _Noreturn void become_parser(int input, int sock)
{
	const char *program = path_program("hallowd-parse");

	if (dup2(input, STDIN_FILENO) != -1 && dup2(sock, CHILD_SOCKET_FD) != -1)
		execl(program, program, (char *)NULL);
	_exit(127);
}

static int start(int input, int *sock, pid_t *pid, struct error *err)
{
	int pair[2], high;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return error_errno(err, errno, "no socket for hallowd-parse");
	high = fcntl(pair[1], F_DUPFD_CLOEXEC, ABOVE);
	*pid = high == -1 ? -1 : fork();
	if (*pid == 0)
		become_parser(input, high);
	close(pair[1]);
	close(high);
	*sock = pair[0];
	if (*pid != -1)
		return 0;
	close(pair[0]);
	return error_errno(err, errno, "hallowd-parse cannot be started");
}

static int ask(int sock, const struct parse_request *q, struct parse_result *r, struct error *err)
{
	struct buffer out = BUFFER_INIT, in = BUFFER_INIT;
	struct message m;
	int result = -1;

	if (parse_request_encode(&out, q) == -1)
		error_errno(err, errno, "the question for hallowd-parse");
	else if (message_send(sock, &out, err) == 0 && message_receive(sock, MESSAGE_MAX_LIST, &in, &m, err) == 1)
		result = parse_result_decode(&m, r) == 0 ? 0 : error_set(err, "what hallowd-parse answered is no answer");
	buffer_free(&out);
	buffer_free(&in);
	return result;
}

int parser_ask(const char *file, const struct parse_request *q, struct parse_result *r, struct error *err)
{
	int input = open(file, O_RDONLY | O_CLOEXEC), sock = -1, result;
	pid_t pid;

	*err = (struct error){ "hallowd-parse ended without an answer" };
	if (input == -1)
		return error_errno(err, errno, "%s", file);
	result = start(input, &sock, &pid, err);
	close(input);
	if (result == -1)
		return -1;
	result = ask(sock, q, r, err);
	close(sock);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
	return result;
}
