/* What follows from the origins' answers for one list: agreement, guards, and what was held before.  No input or output. */
#ifndef HALLOWD_DAEMON_DECIDE_H
#define HALLOWD_DAEMON_DECIDE_H

#include "daemon/lists.h"
#include "daemon/refresh.h"

/* One origin's part of a refresh. */
struct origin_answer {
	bool arrived;
	bool is_list;        /* then `answer` holds it, else `error` says why not */
	struct answer answer;
	char error[512];
};

/* Judges `answers` (one for each origin of s, in order) and changes s in memory: the origins' last good answers, what is
 * held, and, where the outcome is REFRESH_APPLIED, what is in force (the next revision, decided by the guards).
 * Fills in *result.  0, or -1 with errno ENOMEM. */
int decide(struct list_state *s, struct origin_answer *answers, time_us now, struct list_result *result);

#endif
