/* `file` origins: a file that is replaced or written is taken up within a second, by inotify(7) on its folder, so that a
 * rename counts, and by looking which file is there, where inotify cannot tell.  Lists with `refresh: 0` are left alone: they change only when asked. */
#ifndef HALLOWD_DAEMON_FILE_WATCH_H
#define HALLOWD_DAEMON_FILE_WATCH_H

#include "daemon/daemon.h"

/* Watches the files of d->lists, instead of those that were watched before.  Where that is not possible (a limit of the
 * host) the log says so, and the files are read at their lists' intervals. */
void file_watch_start(struct daemon *d);
void file_watch_stop(struct daemon *d);

#endif
