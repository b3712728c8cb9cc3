/* hallowd-record: turns what the kernel logged and what hallowd tells into rows of audit.db. */
#ifndef HALLOWD_RECORD_RECORD_H
#define HALLOWD_RECORD_RECORD_H

#include "core/error.h"
#include "record/recorder.h"

/* Runs until hallowd says so or is gone.  `sock` is the socket to hallowd, the working directory is state_dir.  0, or -1
 * after a message in the log. */
int record_run(int sock, const struct sources *sources);

/* Before that: gives up what it may.  0, or -1 with *err. */
int record_confine(struct error *err);

#endif
