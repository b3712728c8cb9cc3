/* The audit logs that were in state_dir before the one that is there now. */
#ifndef HALLOWD_CTL_EARLIER_LOGS_H
#define HALLOWD_CTL_EARLIER_LOGS_H

#include <jansson.h>

/* One object for each, by name of file: {file, rows, time}.  hallowd keeps the last checkpoint of a log that was set aside, removed
 * or replaced as state_dir/checkpoint.NAME; one that cannot be read has only its file.  To be released; NULL: no memory. */
json_t *earlier_logs(const char *state_dir);

#endif
