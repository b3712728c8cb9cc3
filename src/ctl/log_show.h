/* How rows of the log are shown: lines for people, or JSON. */
#ifndef HALLOWD_CTL_LOG_SHOW_H
#define HALLOWD_CTL_LOG_SHOW_H

#include "core/buffer.h"
#include "ctl/ctl.h"

#define LOG_LINES 500 /* that wait to be printed, so that their columns line up */

struct log_line {
	bool allowed;
	struct buffer time, verdict, endpoint, pair, reason;
};

struct log_show {
	bool json, follow, colour;
	size_t rows;        /* shown so far, or waiting */
	int endpoint, pair; /* widths so far */
	struct log_line lines[LOG_LINES];
	size_t waiting;
};

/* json, follow and colour are set; the other fields are of these functions. */
void log_show_begin(struct log_show *s);
void log_show_row(struct log_show *s, sqlite3_stmt *row); /* columns of log_query.h */
void log_show_flush(struct log_show *s);                  /* prints what waits */
void log_show_end(struct log_show *s);

#endif
