/* hallowd's side of the audit log: keeps hallowd-record running, and tells it what happens, each thing exactly once. */
#ifndef HALLOWD_DAEMON_RECORDER_H
#define HALLOWD_DAEMON_RECORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/audit_message.h"
#include "core/error.h"
#include "daemon/loop.h"
#include "daemon/process.h"
#include "daemon/signer.h"

struct recorder; /* opaque */

/* Opens the spool and the folder of the audit log (folders_open_recorder).  Nothing is started yet; events may be told
 * already.  0 with *r, or -1 with *err. */
int recorder_open(struct loop *loop, struct reaper *reaper, int state_fd, struct recorder **r, struct error *err);
void recorder_close(struct recorder *r); /* what is not committed waits in the spool; NULL is passed by */

/* Starts hallowd-record on the NFLOG socket and the conntrack socket (borrowed; -1: none), and goes on starting it, with a
 * growing delay, whenever it dies. */
void recorder_start(struct recorder *r, int nflog_fd, int conntrack_fd);

/* Calls `heard` for each event that is told from now on, and for what shows only here: rows that were lost (`lost`), and a
 * database that takes nothing (`stalled`).  `detail` is a JSON object as text. */
typedef void recorder_heard(void *ctx, time_us when, const char *kind, const char *subject, const char *detail);
void recorder_listen(struct recorder *r, recorder_heard *heard, void *ctx);

/* Calls `ready` once, when a recorder has opened the database. */
typedef void recorder_ready(void *ctx);
void recorder_when_ready(struct recorder *r, recorder_ready *ready, void *ctx);

/* Who signs its checkpoints; borrowed. */
void recorder_sign_with(struct recorder *r, struct signer *signer);

/* Tells an event, of now or of `when`; `detail` (a JSON object, may be NULL) is taken over.  What cannot be told is logged. */
void recorder_event(struct recorder *r, const char *kind, const char *subject, json_t *detail);
void recorder_event_at(struct recorder *r, time_us when, const char *kind, const char *subject, json_t *detail);

/* Tells a revision of a list, which is copied. */
void recorder_revision(struct recorder *r, const struct audit_revision *revision);

/* Connections that were only seen.  -1: nobody takes them in for so long that they are left out; the caller tells it. */
int recorder_mirrored(struct recorder *r, const struct audit_mirrored_batch *b);

/* The policy in force: sent now and to each new recorder. */
void recorder_policy(struct recorder *r, const struct audit_policy *policy);

/* What the kernel has counted; left out where no recorder takes it, since the next one counts the same. */
void recorder_reading(struct recorder *r, const struct audit_reading *reading);

/* Calls `done` once all that happened so far is on disk, or at once with false where no recorder answers. */
typedef void recorder_synced(void *ctx, bool on_disk);
void recorder_sync(struct recorder *r, recorder_synced *done, void *ctx);

/* The same, and has a checkpoint of it signed, which state_dir/checkpoint then is unless that was refused. */
void recorder_checkpoint(struct recorder *r, recorder_synced *done, void *ctx);

/* The same as recorder_sync, then ends it for good, with a checkpoint of all that there is. */
void recorder_stop(struct recorder *r, recorder_synced *done, void *ctx);

struct recorder_state {
	bool running;           /* it has said that the database is open */
	bool stalled;           /* but it takes nothing: a full disk */
	pid_t pid;
	unsigned deaths;
	uint64_t recorded, lost; /* by the process that runs now */
	int64_t behind_ms;       /* how old the oldest packet is that may not be on disk yet; 0: all are */
	int64_t idle_ms;         /* for how long nothing has been recorded: it is stalled, or none runs; 0: all is well */
	uint64_t waiting;        /* events and revisions not yet committed */
	uint64_t dropped;        /* of these, ever lost */
	bool spool_good;
};

/* For `status`. */
void recorder_state(const struct recorder *r, struct recorder_state *state);

#endif
