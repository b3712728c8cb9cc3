/* What hallowd knows of each list: what is in force, each origin's last good answer, and what is held for a person;
 * in memory, and on disk below state_dir:
 *   lists/NAME           what is in force
 *   origins/NAME/ORIGIN  an origin's last good answer, and what became of the last try
 *   held/NAME            a change that waits for a person
 *   revisions/NAME/N     the last REVISIONS_KEPT revisions that were in force, to go back to
 * All in the format of core/list_file.h. */
#ifndef HALLOWD_DAEMON_LISTS_H
#define HALLOWD_DAEMON_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/error.h"
#include "core/prefix_set.h"
#include "core/time_text.h"
#include "daemon/judge.h"
#include "daemon/texts.h"

/* An address of a name, and when the DNS last named it. */
struct named_address {
	struct address address;
	time_us at;
};

/* One answer of one origin that was a list. */
struct answer {
	struct prefix_set set;
	time_us fetched_at;
	uint64_t bytes;
	uint32_t http_status; /* 0 where it did not come over HTTP */
	char sha256[65];
	char etag[256];          /* "" for none, as for one that is longer */
	char last_modified[64];  /* likewise */
	struct answer_shape shape;
	char bad_example[256]; /* what shape.bad_example points to */
	uint32_t ttl;          /* of a name, seconds; 0: not known */
	struct named_address *named; /* of a name: `set`, address by address; owned; not on disk */
	size_t named_count;
};

/* What the last answer that was a list was, also where it was held or rejected; for the audit log. */
struct answer_evidence {
	time_us fetched_at; /* 0: there was none in this run */
	uint64_t bytes, entries;
	uint32_t http_status;
	char sha256[65];
};

struct origin_state {
	const struct origin_config *config; /* borrowed */
	bool known;                         /* `good` holds something */
	struct answer good;                 /* the last answer that was a list and, with on_breach reject, within its guards */
	struct answer_evidence last;
	time_us tried_at;                   /* 0: never */
	char error[512];                    /* of the last try; "" where it was good */
	char held_sha256[65];               /* of the answer that breaks a guard on shape and is part of what is held */
	char approved_sha256[65];           /* of an answer whose shape a person approved: it is not judged again */
};

struct held_change {
	bool is;               /* it waits for a person */
	bool declined;         /* a person said no to just this; kept so that the same answer does not ask again */
	struct prefix_set set; /* what would be in force */
	struct texts reasons;
	time_us since;
};

/* A person put an earlier revision in force, and wants it to stay. */
struct pin {
	bool is;
	time_us since;
	char by[64];
	char reason[256];
};

struct list_in_force {
	uint64_t revision; /* 0: nothing was ever in force */
	struct prefix_set set;
	time_us applied_at;
	char decided_by[64];
};

struct list_state {
	const struct list_config *config; /* borrowed */
	struct list_in_force now;
	struct origin_state *origins;     /* as in config */
	struct held_change held;
	struct pin pin;
	bool unsaved;                     /* what is in force is not on disk yet: it could not be written */
	bool reconfigured;                /* what is in force comes of other origins, or of another `agree`, than are configured */
	/* For the schedule. */
	unsigned failures;                /* refreshes in a row in which an origin failed */
	int64_t due_ms;                   /* the next refresh, CLOCK_BOOTTIME; 0: none planned */
	bool stale_told;
};

enum list_condition { LIST_CURRENT, LIST_HELD, LIST_STALE, LIST_FAILED };

/* All lists of one configuration. */
struct lists {
	struct config *config; /* owned */
	struct list_state *items; /* config->list_count, in its order */
};

/* Takes over `config` (also on failure) and reads what is on disk below state_fd.  A damaged file is set aside as
 * NAME.damaged with a warning in the log, as if it were not there.  0 with *l, or -1 with *err. */
int lists_load(struct config *config, int state_fd, struct lists **l, struct error *err);
void lists_free(struct lists *l);

/* Borrowed from l; NULL where there is none. */
struct list_state *lists_find(struct lists *l, const char *name);

/* A published list without any revision: nobody can be let in by it until it was fetched. */
bool list_unknown(const struct list_state *s);

/* Whether the configuration needs answers before it can be put in force: nothing is known, or it was changed. */
bool list_wants_answers(const struct list_state *s);

/* Whether its last good answer is there and not older than the list's stale_after. */
bool origin_counts(const struct origin_state *o, const struct list_config *c, time_us now);

/* When the oldest of its origins' last good answers was fetched; 0 where one has none. */
time_us list_fresh_at(const struct list_state *s);

/* What `lists` says of it, in this order: held, stale, failed (an origin's last try, or nothing was ever in force). */
enum list_condition list_condition(const struct list_state *s, time_us now);
const char *list_condition_text(enum list_condition c); /* current, held, stale, failed */

/* Puts `set` (taken over) in force in memory, as the next revision.  What was before goes to *before, the caller's to free
 * with list_in_force_free or to give back with list_undo. */
void list_put_in_force(struct list_state *s, struct prefix_set *set, time_us when, const char *decided_by,
                       struct list_in_force *before);
void list_undo(struct list_state *s, struct list_in_force *before);
void list_in_force_free(struct list_in_force *f);

/* Whether just this, with the same reasons, is held or was declined already. */
bool list_held_same(const struct list_state *s, const struct prefix_set *set, const struct texts *reasons);

/* Holds copies of it; where just this is held already, it goes on waiting since then.  0, or -1 with errno ENOMEM: then
 * nothing is held. */
int list_hold(struct list_state *s, const struct prefix_set *set, const struct texts *reasons, time_us when);
void list_release(struct list_state *s); /* nothing is held or declined any more */

#define REVISIONS_KEPT 20

/* To disk, atomically: 0, or -1 with *err.  list_save writes the same also as revisions/NAME/N, the oldest of which goes,
 * and sets s->unsaved. */
int list_save(struct list_state *s, int state_fd, struct error *err);
int list_save_origin(const struct list_state *s, const struct origin_state *o, int state_fd, struct error *err);
int list_save_held(const struct list_state *s, int state_fd, struct error *err); /* removes it where nothing is held */

/* An earlier revision.  1 with *set replaced, 0 where it is not kept, -1 with *err. */
int list_load_revision(const struct list_state *s, int state_fd, uint64_t revision, struct prefix_set *set,
                       struct error *err);

void answer_free(struct answer *a); /* and makes it empty */
int answer_copy(struct answer *to, const struct answer *from); /* replaces *to; 0, or -1 with errno ENOMEM and it stays */

#endif
