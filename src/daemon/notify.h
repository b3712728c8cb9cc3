/* Telling people what happens: the command of `notify`, syslog, and the journal's fields.  Nothing here waits. */
#ifndef HALLOWD_DAEMON_NOTIFY_H
#define HALLOWD_DAEMON_NOTIFY_H

#include "config/config.h"
#include "core/time_text.h"
#include "daemon/loop.h"
#include "daemon/process.h"

struct notifier; /* opaque */

/* Starts hallowd-notify, which has to be before hallowd is confined.  NULL with *err. */
struct notifier *notifier_new(struct loop *loop, struct reaper *reaper, struct error *err);
void notifier_free(struct notifier *n); /* what runs comes to its own end; what waits is not told */

/* From now on as `c` says, which is copied.  0, or -1 with errno ENOMEM, and then as before. */
int notifier_configure(struct notifier *n, const struct notify_config *c);

/* An event of the audit log; `detail` is a JSON object as text.
 *
 * Always to the journal, where standard error is the journal, and to syslog where the configuration says so.  The
 * command is run for the kinds in `on`: the same kind and subject at most once in `repeat`, and all together at most
 * NOTIFY_BURST at once and one in NOTIFY_REFILL_MS; what was left out is counted in the next message ("left_out"). */
#define NOTIFY_BURST 10
#define NOTIFY_REFILL_MS 6000
#define NOTIFY_LIMIT_MS 30000 /* a command that takes longer is ended */
void notifier_event(struct notifier *n, time_us when, const char *kind, const char *subject, const char *detail);

struct notifier_state {
	uint64_t told, failed, left_out;
	char trouble[256]; /* of the last run of the command; "" where it went well */
};

/* For `status`. */
void notifier_state(const struct notifier *n, struct notifier_state *state);

#endif
