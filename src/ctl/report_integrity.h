/* What the report says of the audit log's integrity. */
#ifndef HALLOWD_CTL_REPORT_INTEGRITY_H
#define HALLOWD_CTL_REPORT_INTEGRITY_H

#include "ctl/ctl.h"
#include "report/model.h"

/* A log of more leaves is not read row by row for each report, unless it is asked for. */
#define REPORT_VERIFY_MAX 200000

/* Verifies the log as `hallowctl verify` does: signatures and hashes always, each row where `all` or where there are few.
 * Where only the hashes were looked at and are good, integrity->ok is -1 and `problem` says so: that the rows are good is
 * not known then.  0 with *integrity (report_integrity_free), or the exit code when the error was printed. */
int report_verify(struct ctl *ctl, sqlite3 *db, bool all, struct report_integrity *integrity);
void report_integrity_free(struct report_integrity *integrity);

#endif
