/* The guards: what a published list may not do without a person.  Pure functions over sets and numbers.
 *
 * Guards on shape judge each origin's own answer, before agreement, so that one origin cannot hide behind another.
 * Guards on change judge the outcome against what is in force. */
#ifndef HALLOWD_DAEMON_JUDGE_H
#define HALLOWD_DAEMON_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/prefix_set.h"
#include "daemon/texts.h"

/* What the parser said of one origin's answer, beside the set. */
struct answer_shape {
	uint64_t rows;            /* good ones */
	uint64_t bad;             /* rows that are no prefix */
	uint8_t widest4, widest6; /* shortest length as written; 255 where the family is absent */
	const char *bad_example;  /* "line 7: 'None': no address", or "" */
};

/* Adds a reason for each guard on shape that `origin`'s answer breaks.  0, or -1 with errno ENOMEM. */
int judge_shape(const struct guard_config *guard, const char *origin, const struct prefix_set *set,
                const struct answer_shape *shape, struct texts *reasons);

/* Adds a reason for each guard on change that `outcome` breaks.  `first`: there is nothing to compare with, because
 * nothing has ever been in force or because a person has configured other origins; only the absolute guards count then.
 * 0, or -1 with errno ENOMEM. */
int judge_change(const struct guard_config *guard, bool first, const struct prefix_set *in_force,
                 const struct prefix_set *outcome, const struct prefix_set *added, const struct prefix_set *removed,
                 struct texts *reasons);

#endif
