/* The process's own log: lines on standard error, with journal priorities ("<4>") where systemd reads them. */
#ifndef HALLOWD_CORE_LOG_H
#define HALLOWD_CORE_LOG_H

#include <stdbool.h>

/* Priorities of syslog(3). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* `program` (static) stands in front of each line; lines above `level` are left out.
 * Journal priorities are used where JOURNAL_STREAM names standard error. */
void log_open(const char *program, enum log_level level);

/* Control characters become spaces: what others sent may stand in a line, and must not look like a line of its own. */
void log_one_line(char *text);

/* Whether standard error is the journal's. */
bool log_is_journal(void);

/* One line each, written at once; control characters become spaces, and what is beyond 2 KB is cut off.  errno is
 * kept. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
