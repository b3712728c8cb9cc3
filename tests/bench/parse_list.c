/* Times hallowd-parse itself, as hallowd starts it, and the agreement of what it makes of several files.
 *
 *   parse_list [-f FORMAT] [-s SELECT] FILE...    one line: rows and prefixes of all files, seconds from the start of
 *                                                 the first program to the last one's decoded answer, the most memory
 *                                                 that one of them had (MiB), seconds that agreement by two took
 *   parse_list -p [-f FORMAT] [-s SELECT] FILE    prints the prefixes */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/fetch_message.h"
#include "core/parse_message.h"
#include "core/paths.h"

#define FILES_MAX 16
#define MAX_ENTRIES 2000000
#define MAX_BYTES (UINT64_C(1) << 30)

struct figures {
	uint64_t rows;
	size_t prefixes;
	double seconds, agree_seconds;
	long rss_kib;
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Never returns. */
static void become_parser(int sock, const char *file)
{
	const char *program = path_program("hallowd-parse");
	int input = open(file, O_RDONLY);

	if (input != -1 && dup2(input, STDIN_FILENO) != -1 && dup2(sock, CHILD_SOCKET_FD) != -1)
		execl(program, program, (char *)NULL);
	perror(file);
	_exit(127);
}

static pid_t start_parser(const char *file, int *sock)
{
	int pair[2];
	pid_t pid;

	/* The parser's end is above the descriptor that it becomes. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	pid = fork();
	if (pid == 0)
		become_parser(fcntl(pair[1], F_DUPFD, 10), file);
	close(pair[1]);
	*sock = pair[0];
	return pid;
}

static int ask(int sock, const struct parse_request *q, struct parse_result *r)
{
	struct buffer out = BUFFER_INIT, in = BUFFER_INIT;
	struct error err = { "" };
	struct message m;
	int result = -1;

	if (parse_request_encode(&out, q) == 0 && message_send(sock, &out, &err) == 0 &&
	    message_receive(sock, MESSAGE_MAX_LIST, &in, &m, &err) == 1 && parse_result_decode(&m, r) == 0)
		result = 0;
	else
		fprintf(stderr, "parse_list: no answer: %s\n", err.text);
	buffer_free(&out);
	buffer_free(&in);
	return result;
}

/* 0 with the answer to one file, or -1 with a message printed. */
static int parse(const struct parse_request *q, const char *file, struct prefix_set *set, struct figures *f)
{
	struct parse_result r = { 0 };
	struct rusage usage;
	int sock, result;
	pid_t pid = start_parser(file, &sock);

	if (pid == -1) {
		perror("parse_list");
		return -1;
	}
	result = ask(sock, q, &r);
	close(sock);
	wait4(pid, NULL, 0, &usage);
	if (usage.ru_maxrss > f->rss_kib)
		f->rss_kib = usage.ru_maxrss;
	if (result == 0 && !r.ok) {
		fprintf(stderr, "parse_list: %s: %s\n", file, r.error);
		result = -1;
	} else if (result == 0) {
		f->rows += r.rows;
		f->prefixes += prefix_set_count(&r.set);
		*set = r.set;
		r.set = (struct prefix_set)PREFIX_SET_INIT;
	}
	parse_result_free(&r);
	return result;
}

static int print_prefix(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	(void)ctx;
	puts(prefix_format(p, text));
	return 0;
}

static int agree(const struct prefix_set *sets, size_t count, struct figures *f)
{
	const struct prefix_set *pointers[FILES_MAX];
	struct prefix_set out = PREFIX_SET_INIT;
	double started = seconds();
	int result;

	for (size_t i = 0; i < count; i++)
		pointers[i] = &sets[i];
	result = prefix_set_agree(&out, pointers, count, count < 2 ? 1 : 2);
	f->agree_seconds = seconds() - started;
	prefix_set_free(&out);
	return result;
}

static int run(const struct parse_request *q, char **files, size_t count, bool print)
{
	struct prefix_set sets[FILES_MAX] = { PREFIX_SET_INIT };
	struct figures f = { 0 };
	double started = seconds();
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = parse(q, files[i], &sets[i], &f);
	f.seconds = seconds() - started;
	if (result == 0 && print)
		prefix_set_each(&sets[0], print_prefix, NULL);
	else if (result == 0 && (result = agree(sets, count, &f)) == 0)
		printf("rows=%llu prefixes=%zu seconds=%.4f rss_mib=%.1f agree_seconds=%.4f\n", (unsigned long long)f.rows,
		       f.prefixes, f.seconds, (double)f.rss_kib / 1024, f.agree_seconds);
	for (size_t i = 0; i < count; i++)
		prefix_set_free(&sets[i]);
	return result == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static char none[] = "";
	struct parse_request q = { .format = FORMAT_TEXT, .select = none, .max_bytes = MAX_BYTES, .max_entries = MAX_ENTRIES };
	enum list_format format = FORMAT_TEXT;
	bool print = false;
	int option;

	while ((option = getopt(argc, argv, "f:s:p")) != -1) {
		if (option == 's')
			q.select = optarg;
		else if (option == 'p')
			print = true;
		else if (option != 'f' || list_format_parse(&format, optarg) == -1)
			return 2;
	}
	q.format = (uint8_t)format;
	if (optind == argc || argc - optind > FILES_MAX) {
		fprintf(stderr, "usage: parse_list [-p] [-f FORMAT] [-s SELECT] FILE...\n");
		return 2;
	}
	return run(&q, argv + optind, (size_t)(argc - optind), print);
}
