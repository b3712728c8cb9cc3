#include "ctl/report_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- months, of UTC */

struct month {
	int year, month; /* from 1 */
};

static struct month month_of(time_us t)
{
	time_t seconds = (time_t)(t / US_PER_SECOND);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return (struct month){ tm.tm_year + 1900, tm.tm_mon + 1 };
}

static struct month next_month(struct month m)
{
	return m.month == 12 ? (struct month){ m.year + 1, 1 } : (struct month){ m.year, m.month + 1 };
}

static time_us start_of(struct month m)
{
	struct tm tm = { .tm_year = m.year - 1900, .tm_mon = m.month - 1, .tm_mday = 1 };

	return (time_us)timegm(&tm) * US_PER_SECOND;
}

static const struct {
	const char *suffix;
	report_render *render;
} formats[] = { { "json", report_json }, { "csv", report_csv }, { "html", report_html } };

#define FORMATS (sizeof(formats) / sizeof(*formats))

static void name_of(char name[PATH_MAX], const char *folder, struct month m, size_t format)
{
	snprintf(name, PATH_MAX, "%s/%04d-%02d.%s", folder, m.year, m.month, formats[format].suffix);
}

static int write_month(const struct report *r, const char *folder, struct month m, struct error *err)
{
	char name[PATH_MAX];

	for (size_t i = 0; i < FORMATS; i++) {
		name_of(name, folder, m, i);
		if (report_write_file(r, formats[i].render, AT_FDCWD, name, err) == -1)
			return -1;
		puts(name);
	}
	return 0;
}

static int report_month(sqlite3 *db, const struct report_request *request, const char *folder, struct month m,
                        struct error *err)
{
	struct report_request one = *request;
	struct report *r;
	int status;

	one.from = start_of(m);
	one.to = start_of(next_month(m));
	if (report_read(db, &one, &r, err) == -1)
		return -1;
	status = write_month(r, folder, m, err);
	report_free(r);
	return status;
}

/* A month of which retention has deleted rows already would be told wrong. */
static bool is_whole(const struct report_request *request, struct month m, time_us now)
{
	return request->retention <= 0 || start_of(m) >= now - request->retention * US_PER_SECOND;
}

int report_write_months(sqlite3 *db, const struct report_request *request, const char *folder, struct error *err)
{
	time_us now = time_now(), oldest;
	char name[PATH_MAX];

	if (report_oldest(db, &oldest, err) == -1)
		return -1;
	if (oldest == 0)
		return 0;
	if (mkdir(folder, 0750) == -1 && errno != EEXIST)
		return error_errno(err, errno, "cannot make folder %s", folder);
	for (struct month m = month_of(oldest); start_of(next_month(m)) <= now; m = next_month(m)) {
		name_of(name, folder, m, FORMATS - 1);
		if (access(name, F_OK) == 0 || !is_whole(request, m, now))
			continue;
		if (report_month(db, request, folder, m, err) == -1)
			return -1;
	}
	return 0;
}
