/* The JSON values of the contract, built from what the daemon knows. */
#ifndef HALLOWD_DAEMON_ANSWERS_H
#define HALLOWD_DAEMON_ANSWERS_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "daemon/texts.h"

/* New references; NULL where memory lacks.  *exit_code: what `status` exits with. */
json_t *answer_status(struct daemon *d, int *exit_code);

/* Other programs' chains that stand in the way; what is certain is a problem as well. */
json_t *answer_neighbours(struct daemon *d, struct texts *problems);
json_t *answer_list(const struct list_state *s);
json_t *answer_change(const struct kernel_change *c, const struct texts *warnings);

#endif
