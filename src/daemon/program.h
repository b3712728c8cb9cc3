/* One of hallowd's programs that runs beside it and is spoken with (core/message.h): it is started, told, listened to, and
 * heard of when it ends.  When to start it again is for whoever has it. */
#ifndef HALLOWD_DAEMON_PROGRAM_H
#define HALLOWD_DAEMON_PROGRAM_H

#include <sys/types.h>

#include "core/error.h"
#include "daemon/channel.h"
#include "daemon/process.h"

/* It has ended, after all that it said was heard; `how` as of process_end_text, `status` as of waitpid(2).  A program that
 * sends what is no message is broken or taken over, so it is killed: then `how` says that, and `status` is -1. */
typedef void program_ended(void *ctx, int status, const char *how);

struct program {
	struct reaper *reaper; /* borrowed */
	channel_message *message;
	program_ended *ended;
	void *ctx;
	pid_t pid;             /* 0: none runs */
	struct channel channel;
};

/* None runs.  `loop` and `reaper` are borrowed; `max`, `message` as of channel.h, and `ctx` for both callbacks. */
void program_init(struct program *p, struct loop *loop, struct reaper *reaper, size_t max, channel_message *message,
                  program_ended *ended, void *ctx);

/* Starts program `name`, which gets what is in channel.out first.  0, or -1 with *err: then none runs, and channel.out is
 * empty.  The program must stay where it is in memory while it runs. */
int program_start(struct program *p, const char *name, const struct process_inherits *inherits, struct error *err);

/* Closes its socket, which makes a program that serves end by itself, and hears no more of it; also where none runs. */
void program_release(struct program *p);

/* The same for one that need not come to an end of its own: SIGKILL. */
void program_kill(struct program *p);

#endif
