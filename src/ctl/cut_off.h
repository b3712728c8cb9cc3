/* Who of those that came lately would be let in no more. */
#ifndef HALLOWD_CTL_CUT_OFF_H
#define HALLOWD_CTL_CUT_OFF_H

#include <jansson.h>

#include "ctl/ctl.h"

#define CUT_OFF_DAYS 30

/* `plan` is hallowd's answer (daemon/plan.h).  Takes `cut` out of it and puts in `cut_off`, an array of {endpoint, source,
 * connections, last}: the sources that were let in within the last CUT_OFF_DAYS days and would not be; and adds a
 * warning for each endpoint that has some.  Where the audit log cannot be read, that is a warning. */
void cut_off_add(struct ctl *ctl, json_t *plan);

#endif
