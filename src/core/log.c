#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

#define LINE_MAX_BYTES 2048

static struct {
	const char *program;
	enum log_level level;
	bool journal;
} state = { "hallowd", LOG_LEVEL_INFO, false };

/* systemd.exec(5): JOURNAL_STREAM is "DEVICE:INODE" of the socket that is the journal's. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (text == NULL || sscanf(text, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) != 0)
		return false;
	return device == st.st_dev && inode == st.st_ino;
}

void log_open(const char *program, enum log_level level)
{
	state.program = program;
	state.level = level;
	state.journal = stderr_is_journal();
}

bool log_is_journal(void)
{
	return state.journal;
}

void log_one_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

__attribute__((format(printf, 2, 0))) static void line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	size_t len;

	if (level > state.level)
		return;
	if (state.journal)
		snprintf(text, sizeof(text), "<%d>", (int)level);
	else
		snprintf(text, sizeof(text), "%s: ", state.program);
	len = strlen(text);
	vsnprintf(text + len, sizeof(text) - len - 1, fmt, ap);
	log_one_line(text + len);
	len = strlen(text);
	text[len++] = '\n';
	(void)write_all(STDERR_FILENO, text, len);
	errno = saved;
}

#define LOG_FUNCTION(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
		va_start(ap, fmt); \
		line(level, fmt, ap); \
		va_end(ap); \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
