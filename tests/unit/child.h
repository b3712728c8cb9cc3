/* Runs hallowd's small programs as hallowd does, for tests: a socket, descriptors, a result, an end. */
#ifndef HALLOWD_TESTS_CHILD_H
#define HALLOWD_TESTS_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/message.h"

#define CHILD_PATIENCE_MS 60000

struct child {
	pid_t pid;
	int socket;    /* our end of its CHILD_SOCKET_FD */
	long max_rss;  /* KiB, once it has ended */
};

struct child_setup {
	const char *const *argv; /* argv[0] is the program's path */
	int input_fd;            /* becomes standard input; -1: /dev/null */
	int body_fd;             /* becomes FETCH_BODY_FD; -1: none */
	uint64_t memory, cpu;    /* RLIMIT_AS and RLIMIT_CPU that it starts with; 0: as they are */
	bool quiet;              /* its standard error is not shown */
};

/* Each of these fails the test where it cannot. */
void child_start(struct child *c, const struct child_setup *setup);
void child_send(const struct child *c, const struct buffer *message);

/* 1 with a message, whose bytes live in `in`; 0 where the child closed its socket without one. */
int child_receive(const struct child *c, struct buffer *in, struct message *m);

/* Waits for its end, for CHILD_PATIENCE_MS at most, and frees what there is.  The status is as waitpid's. */
int child_end(struct child *c);

/* Ends it, if it has not ended by itself. */
void child_kill(struct child *c);

/* Waits until /proc/PID/status holds every line of `wanted` ("NoNewPrivs:\t1", …; NULL at the end). */
void child_wait_status(const struct child *c, const char *const *wanted);

/* An unnamed file that holds `data`, its position at the end. */
int child_file(const void *data, size_t len);

/* Runs a command of the shell's to its end; whether it said 0. */
bool child_shell(const char *command);

#endif
