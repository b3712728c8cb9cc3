/* A list's next revision: to disk, to the audit log; and the ways to one that need no refresh, a person's decision and the
 * configuration. */
#ifndef HALLOWD_DAEMON_REVISION_H
#define HALLOWD_DAEMON_REVISION_H

#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/texts.h"

/* Saves what is in force now, since `when`, and records it with the difference.  Trouble is logged, and added to `reasons`
 * where that is not NULL. */
void revision_commit(struct daemon *d, struct list_state *s, const struct prefix_set *added,
                     const struct prefix_set *removed, const char *reason, time_us when, struct texts *reasons);

/* Tries to save what could not be saved when it was put in force.  0, or -1 with *err where a list is still not on disk: until
 * then a start, or a reload, would go back to what is there. */
int revisions_save_again(struct daemon *d, struct error *err);

/* A person decides: `by` is a user's name, `session` (NULL: nobody's) must not be cut by it.  0, or -1 with *err. */
struct decided {
	const char *by, *reason;
	const struct session *session;
};

/* What is held. */
int held_approve(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err);
int held_decline(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err);

/* Puts an earlier revision in force again, as the next one, and pins it; the origins' answers wait until list_unpin. */
int list_roll_back(struct daemon *d, struct list_state *s, uint64_t revision, const struct decided *by,
                   struct error *err);
int list_unpin(struct daemon *d, struct list_state *s, const struct decided *by, struct error *err);

/* Lists of one's own whose entries the configuration changed: put in force in memory, as decided by the configuration. */
struct own_changes; /* opaque: what to record once the kernel has it */
int own_lists_take(struct lists *lists, struct own_changes **changes, struct error *err);
void own_lists_commit(struct daemon *d, struct own_changes *changes, time_us when); /* records, saves, frees */
void own_changes_free(struct own_changes *changes);

#endif
