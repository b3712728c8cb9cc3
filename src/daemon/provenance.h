/* Where what ships comes from, for people who ask how old it is. */
#ifndef HALLOWD_DAEMON_PROVENANCE_H
#define HALLOWD_DAEMON_PROVENANCE_H

#include <jansson.h>

#include "config/config.h"

/* Adds to an origin's answer: `preset` (its name), and for a built-in list `published` (the date in its header, when it was
 * taken) and `note` (its source); null where there is none. */
void provenance_add(json_t *answer, const struct origin_config *o);

#endif
