/* What `status` says, for the verbs that show it otherwise. */
#ifndef HALLOWD_CTL_STATUS_H
#define HALLOWD_CTL_STATUS_H

#include <jansson.h>

#include "ctl/ctl.h"

/* The result of `status` with the sums of the audit log as `audit`, null where they cannot be read.  Returns its exit code;
 * *result is NULL where there is no answer (the error was printed), else the caller's. */
int status_result(struct ctl *ctl, json_t **result);

#endif
