/* Which configuration a start takes up.  The file's, but for two cases: a configuration that was to be confirmed and
 * was not, and, at boot, a file with errors.  Then it is the one that was last good, so that a mistake that somebody made
 * and left does not open the host, or shut them out, at the next start. */
#ifndef HALLOWD_DAEMON_START_CONFIG_H
#define HALLOWD_DAEMON_START_CONFIG_H

#include "daemon/daemon.h"

/* 0 with *c (and d->tried, d->config_source); -1 with the errors, one a line.  At boot an unconfirmed configuration
 * counts as not confirmed. */
int start_config(struct daemon *d, struct config **c, struct buffer *errors);

/* "the file", and so on: for messages and events. */
const char *config_source_text(enum config_source source);

#endif
