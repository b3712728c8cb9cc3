/* What hallowd's parts share: the folders, the loop, the kernel, the recorder, and the lists in force. */
#ifndef HALLOWD_DAEMON_DAEMON_H
#define HALLOWD_DAEMON_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "core/policy.h"
#include "core/time_text.h"
#include "daemon/lists.h"
#include "daemon/loop.h"
#include "daemon/process.h"
#include "daemon/recorder.h"
#include "kernel/kernel.h"

struct operation;
struct control;
struct own_changes;
struct file_watch;

/* Enforcement was ended by a person. */
struct torn_down {
	bool is;
	time_us time;
	char by[64];
	char reason[256];
};

struct daemon {
	char *config_path; /* absolute */
	bool once;         /* one verb, then exit; no control socket, no keeper, no schedule */
	time_us started_at;

	int state_fd, run_fd;
	int lock_fd;       /* state_dir/lock, held while anything may be changed; -1: looking only */
	struct loop *loop;
	struct reaper *reaper;
	struct kernel *kernel;
	int nflog_fd;      /* -1: none */
	struct recorder *recorder; /* NULL: looking only */
	struct control *control;   /* NULL with `once` */
	pid_t keeper;      /* 0: none known */
	int keeper_pidfd;
	int signal_fd;

	struct lists *lists;       /* the configuration in force, and its lists */
	struct policy policy;      /* what the kernel was last made to match */
	bool applied;              /* it was, in this run */
	char epoch[128];
	struct torn_down torn_down;
	char kernel_trouble[sizeof(struct error)]; /* the last failure to make the kernel match; "" for none */

	unsigned refresh_timer;
	struct file_watch *file_watch; /* NULL: no file is watched */
	struct operation *operations; /* the first one runs */
	struct own_changes *own_pending; /* with `once`: recorded when the kernel has them */
	bool stopping;
	int exit_status;
};

/* hallowd's main: options, start, loop, stop.  The process's exit status. */
int daemon_main(int argc, char **argv);

#endif
