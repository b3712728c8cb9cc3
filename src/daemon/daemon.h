/* What hallowd's parts share: the folders, the loop, the kernel, the recorder, and the lists in force. */
#ifndef HALLOWD_DAEMON_DAEMON_H
#define HALLOWD_DAEMON_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "core/policy.h"
#include "core/time_text.h"
#include "daemon/kept_config.h"
#include "daemon/grants.h"
#include "daemon/lists.h"
#include "daemon/loop.h"
#include "daemon/process.h"
#include "daemon/recorder.h"
#include "kernel/kernel.h"

struct operation;
struct control;
struct own_changes;
struct file_watch;
struct drift;
struct notifier;
struct presence;
struct metrics;
struct observers;

/* Where the configuration in force is from. */
enum config_source {
	CONFIG_FILE,        /* what the file said when it was read */
	CONFIG_UNCONFIRMED, /* the same, for a time: reload --confirm */
	CONFIG_LAST_GOOD    /* kept in state_dir, because the file's was not confirmed, or had errors at boot */
};

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
	bool boot;         /* the last good policy, then exit; no children either */
	time_us started_at;
	uid_t asker;       /* who started it */

	int state_fd, run_fd;
	int lock_fd;       /* state_dir/lock, held while anything may be changed; -1: looking only */
	struct loop *loop;
	struct reaper *reaper;
	struct kernel *kernel;
	int nflog_fd;      /* -1: none */
	int conntrack_fd;  /* likewise; the kernel need not have it */
	struct recorder *recorder; /* NULL: looking only */
	struct signer *signer;     /* likewise */
	struct control *control;   /* NULL with `once` */
	struct notifier *notifier; /* NULL with `once` and `boot` */
	struct metrics *metrics;   /* NULL until they are configured */
	struct observers *observers; /* NULL: nothing is observed */
	pid_t keeper;      /* 0: none known */
	int keeper_pidfd;
	int signal_fd;

	struct lists *lists;       /* the configuration in force, and its lists */
	enum config_source config_source;
	struct tried tried;        /* a configuration that waits to be confirmed, or was not */
	bool told_ready;           /* the service manager */
	unsigned ready_timer;
	unsigned confirm_timer;
	struct grants grants;
	struct presence *presence;
	struct policy policy;      /* what the kernel was last made to match */
	bool applied;              /* it was, in this run */
	char epoch[128];
	struct torn_down torn_down;
	char kernel_trouble[sizeof(struct error)]; /* the last failure to make the kernel match; "" for none */

	bool closed;               /* nothing is recorded, and audit.on_failure is deny */
	time_us closed_at;

	unsigned refresh_timer;
	int64_t clock_ahead_ms; /* the wall clock before CLOCK_BOOTTIME, when it was last looked at; 0: never */
	struct file_watch *file_watch; /* NULL: no file is watched */
	struct drift *drift;           /* NULL: nobody but us can change the table */
	bool drifted;                  /* others changed the table since it was last made to match */
	struct operation *operations; /* the first one runs */
	struct own_changes *own_pending; /* with `once`: recorded when the kernel has them */
	bool stopping;
	int exit_status;
};

/* hallowd's main: options, start, loop, stop.  The process's exit status. */
int daemon_main(int argc, char **argv);

#endif
