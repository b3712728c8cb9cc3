/* Reports written to files, one of each format for each month. */
#ifndef HALLOWD_CTL_REPORT_FILES_H
#define HALLOWD_CTL_REPORT_FILES_H

#include <sqlite3.h>

#include "report/report.h"

#define REPORTS_FOLDER "reports" /* of state_dir */

/* Writes FOLDER/YYYY-MM.json, .csv and .html for each month that is over, that the log holds whole or began in, and that is
 * not there yet, and prints their names.  The HTML file is written last: where it is, the month is complete and stays as it
 * is.  `request` is what to report but the period.  0, or -1 with *err; months before the failure stay. */
int report_write_months(sqlite3 *db, const struct report_request *request, const char *folder, struct error *err);

#endif
