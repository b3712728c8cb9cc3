/* Frameworks of controls, as data.  FOLDER/NAME.yaml:
 *
 *   framework: TEXT         what it is called, with its version
 *   controls:               in the order in which the report shows them
 *     - id: TEXT            as the framework numbers it
 *       title: TEXT         in one's own words
 *       checks: [CHECK...]  what of the log it stands on, by the names of checks.h; [] where the log shows nothing of it
 *       beyond: TEXT        what stays to be shown otherwise; needed where there are no checks
 */
#ifndef HALLOWD_REPORT_FRAMEWORK_H
#define HALLOWD_REPORT_FRAMEWORK_H

#include "core/buffer.h"
#include "report/checks.h"

struct control {
	char *id, *title;
	char *beyond; /* "" for nothing */
	enum check checks[CHECK_COUNT];
	size_t check_count;
};

struct framework {
	char *name;
	char *path; /* of the file */
	struct control *controls;
	size_t control_count;
};

struct frameworks {
	struct framework *all; /* owned; in the order of their files' names, those of later folders behind */
	size_t count;
};

#define FRAMEWORKS_INIT { NULL, 0 }

/* Adds each *.yaml of the folder.  A framework of a name that is there already takes its place, so that one's own words
 * can stand instead of those that ship.  0, or -1 with a line for each error in `errors`, as config_load writes them. */
int frameworks_load(struct frameworks *f, const char *folder, struct buffer *errors);
void frameworks_free(struct frameworks *f); /* frees what it holds, and makes it empty */

#endif
