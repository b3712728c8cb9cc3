/* How rows of the log are shown: lines for people, or JSON. */
#ifndef HALLOWD_CTL_LOG_SHOW_H
#define HALLOWD_CTL_LOG_SHOW_H

#include "ctl/ctl.h"

struct log_show {
	bool json, follow, colour;
	size_t rows;         /* shown so far */
	int endpoint, pair;  /* widths so far, so that columns line up without reading ahead */
};

void log_show_begin(struct log_show *s);
void log_show_row(struct log_show *s, sqlite3_stmt *row); /* columns of log_query.h */
void log_show_end(struct log_show *s);

#endif
