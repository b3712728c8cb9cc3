/* Refreshing lists: each origin is asked, the answers are judged, and what passes is put in force. */
#ifndef HALLOWD_DAEMON_REFRESH_H
#define HALLOWD_DAEMON_REFRESH_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/daemon.h"
#include "daemon/session.h"

enum refresh_outcome { REFRESH_UNCHANGED, REFRESH_APPLIED, REFRESH_HELD, REFRESH_REJECTED, REFRESH_FAILED };

const char *refresh_outcome_text(enum refresh_outcome o); /* unchanged, applied, held, rejected, failed */

/* What became of one list. */
struct list_result {
	struct list_state *list;
	enum refresh_outcome outcome;
	struct prefix_set added, removed; /* applied, or held */
	struct texts reasons;
	bool newly_held;                  /* REFRESH_HELD, and not just the same as before */
	bool origin_failed;               /* at least one origin gave no list */
	bool not_enforced;                /* the kernel could not be changed, and so nothing was */
	struct list_in_force before;      /* REFRESH_APPLIED: what was in force */
};

/* Asks the origins of some lists, judges, and changes the lists in memory only: the caller makes the kernel match and
 * calls refresh_commit, or list_undo for each list that was to change.  `lists` may be those of a configuration that is
 * not in force yet.
 * `wanting_only`: only lists of which nothing is known, or whose configuration has changed (list_wants_answers).
 * `names` (borrowed until done) with count 0: all. */
struct refresh; /* opaque */

typedef void refresh_judged(void *ctx, struct refresh *r);

struct refresh *refresh_start(struct daemon *d, struct lists *lists, bool wanting_only, char *const *names, size_t count,
                              refresh_judged *done, void *ctx); /* NULL with errno ENOMEM; done is called from the loop */
void refresh_free(struct refresh *r); /* also in the middle: ends what runs */


/* One for each list that was asked for; borrowed from r. */
struct list_result *refresh_results(struct refresh *r, size_t *count);
json_t *refresh_result_json(const struct list_result *r); /* {list, outcome, revision, added, removed, reasons, origins} */

/* The answers, revisions and held changes to disk and to the audit log.  Trouble with the disk is logged, and becomes a
 * reason of that list's result. */
void refresh_commit(struct refresh *r, time_us when);

/* --- the whole of it, as one operation --- */

/* [{list, outcome, revision, added, removed, reasons, origins}], and the exit code of the contract that it comes to. */
typedef void refresh_told(void *ctx, json_t *result, int exit_code);
/* `names` (copied) with count 0: all.  `session` (NULL: nobody's) must not be cut by it.  0, or -1 with errno ENOMEM; then
 * `told` is not called. */
int refresh_submit(struct daemon *d, char *const *names, size_t count, const struct session *session,
                   refresh_told *told, void *ctx);

#endif
