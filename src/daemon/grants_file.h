/* state_dir/grants, in the format of core/list_file.h without entries: header `last` is the highest number ever given, and
 * for each grant there are N.source, N.endpoint, N.from, N.until, N.by and N.reason. */
#ifndef HALLOWD_DAEMON_GRANTS_FILE_H
#define HALLOWD_DAEMON_GRANTS_FILE_H

#include "daemon/grants.h"

/* Atomically.  0, or -1 with *err. */
int grants_save(const struct grants *g, int state_fd, struct error *err);

#endif
