/* Starting hallowd's other programs, and hearing of their end. */
#ifndef HALLOWD_DAEMON_PROCESS_H
#define HALLOWD_DAEMON_PROCESS_H

#include <sys/types.h>

#include "core/error.h"

#define PROCESS_EXTRA_MAX 4
#define PROCESS_NO_EXTRA { -1, -1, -1, -1 }

/* What a program inherits: nothing but this, standard error, and CHILD_REFUSED_FD; no environment either. */
struct process_inherits {
	int input;   /* standard input; -1: /dev/null */
	int extra[PROCESS_EXTRA_MAX]; /* file descriptor 4 and on; -1: none */
	int folder;  /* working directory; -1: / */
};

/* Starts the program (path_program(name)) with fork and exec; file descriptor 3 is its end of a new stream socket.
 * 0 with *pid and *sock, our end: non-blocking, close-on-exec, the caller's to close. */
int process_start(const char *name, const struct process_inherits *inherits, pid_t *pid, int *sock, struct error *err);

/* Writes how a child ended into `out`: "exited with status 1", "was ended by signal 9 (Killed)", "was ended by its sandbox,
 * which refuses it the system call ptrace".  Call it from within reaper_ended. */
#define PROCESS_END_MAX 128 /* is room enough */
const char *process_end_text(pid_t pid, int status, char *out, size_t size); /* out */

/* Who wants to hear of which child's end. */
struct reaper; /* opaque */

/* Child `pid` has ended, `status` as of waitpid(2).  It may add to the reaper. */
typedef void reaper_ended(void *ctx, pid_t pid, int status);

struct reaper *reaper_new(void); /* NULL with errno ENOMEM */
void reaper_free(struct reaper *r); /* children that run stay; NULL is passed by */
int reaper_add(struct reaper *r, pid_t pid, reaper_ended *ended, void *ctx); /* 0, or -1 with errno ENOMEM */
void reaper_forget(struct reaper *r, pid_t pid); /* its end is still collected, but told to nobody */
/* Calls `refused` where a child was ended by its sandbox, before its reaper_ended. */
typedef void reaper_refused(void *ctx, const char *program, int call_number);
void reaper_on_refused(struct reaper *r, reaper_refused *refused, void *ctx);
void reaper_collect(struct reaper *r);           /* after SIGCHLD */

#endif
