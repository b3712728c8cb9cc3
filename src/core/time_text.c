#include "core/time_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400

time_us time_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (time_us)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

int64_t time_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t time_boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Rounds down, also before 1970, where C's division rounds up. */
static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

const char *time_format(time_us t, int micro, char out[TIME_TEXT_MAX])
{
	time_t seconds = (time_t)floor_divide(t, US_PER_SECOND);
	int fraction = (int)(((t % US_PER_SECOND) + US_PER_SECOND) % US_PER_SECOND);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	snprintf(out, TIME_TEXT_MAX, "%04ld", tm.tm_year + 1900L);
	len = strlen(out);
	len += strftime(out + len, TIME_TEXT_MAX - len, "-%m-%dT%H:%M:%S", &tm);
	if (micro != 0)
		snprintf(out + len, TIME_TEXT_MAX - len, ".%06dZ", fraction);
	else
		snprintf(out + len, TIME_TEXT_MAX - len, "Z");
	return out;
}

/* Exactly `digits` decimal digits at *at, which moves on.  0, or -1. */
static int scan_number(int *value, const char **at, int digits)
{
	int v = 0;

	for (int i = 0; i < digits; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	*at += digits;
	*value = v;
	return 0;
}

static bool scan_char(const char **at, const char *any_of)
{
	if (**at == '\0' || strchr(any_of, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

static int scan_date(struct tm *tm, const char **at)
{
	int year, month;
	struct tm check;
	time_t t;

	memset(tm, 0, sizeof(*tm));
	if (scan_number(&year, at, 4) < 0 || !scan_char(at, "-") || scan_number(&month, at, 2) < 0 ||
	    !scan_char(at, "-") || scan_number(&tm->tm_mday, at, 2) < 0)
		return -1;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	/* timegm() takes a 30 February for a day in March; what comes back the same is a day of the calendar. */
	check = *tm;
	t = timegm(&check);
	gmtime_r(&t, &check);
	if (check.tm_year != tm->tm_year || check.tm_mon != tm->tm_mon || check.tm_mday != tm->tm_mday)
		return -1;
	return 0;
}

/* ".123456789": what is finer than a microsecond is cut off.  0 with *micro, also where there is no fraction; or -1. */
static int scan_fraction(int64_t *micro, const char **at)
{
	int64_t unit = US_PER_SECOND / 10;
	int digit;

	*micro = 0;
	if (!scan_char(at, "."))
		return 0;
	if (scan_number(&digit, at, 1) < 0)
		return -1;
	do {
		*micro += digit * unit;
		unit /= 10;
	} while (scan_number(&digit, at, 1) == 0);
	return 0;
}

/* "Z" or "+HH:MM", in seconds east of Greenwich. */
static int scan_zone(int *offset, const char **at)
{
	int sign, hours, minutes;

	if (scan_char(at, "Zz")) {
		*offset = 0;
		return 0;
	}
	sign = **at == '-' ? -1 : 1;
	if (!scan_char(at, "+-") || scan_number(&hours, at, 2) < 0 || !scan_char(at, ":") ||
	    scan_number(&minutes, at, 2) < 0 || hours > 23 || minutes > 59)
		return -1;
	*offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

/* "HH:MM:SS" with its fraction and zone, all that is left of the text: what is to be added to the date.  0, or -1. */
static int scan_time(time_us *t, const struct tm *date, const char *at)
{
	struct tm tm = *date;
	int64_t seconds, micro;
	int offset;
	bool leap;

	if (scan_number(&tm.tm_hour, &at, 2) < 0 || !scan_char(&at, ":") || scan_number(&tm.tm_min, &at, 2) < 0 ||
	    !scan_char(&at, ":") || scan_number(&tm.tm_sec, &at, 2) < 0 || scan_fraction(&micro, &at) < 0 ||
	    scan_zone(&offset, &at) < 0 || *at != '\0')
		return -1;
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -1;
	leap = tm.tm_sec == 60;
	seconds = timegm(&tm) - offset;
	if (leap && seconds % DAY_SECONDS != 0)
		return -1; /* RFC 3339, 5.7: a leap second comes only at the end of a day in UTC */
	*t = seconds * US_PER_SECOND + micro;
	return 0;
}

static int parse_absolute(time_us *t, const char *text)
{
	struct tm tm;

	if (scan_date(&tm, &text) < 0)
		return -1;
	if (*text == '\0') {
		*t = timegm(&tm) * US_PER_SECOND;
		return 0;
	}
	if (!scan_char(&text, "Tt "))
		return -1;
	return scan_time(t, &tm, text);
}

int time_parse(time_us *t, const char *text, time_us now)
{
	time_us today = floor_divide(now, DAY_SECONDS * US_PER_SECOND) * DAY_SECONDS * US_PER_SECOND;
	int64_t seconds, before;

	if (strcmp(text, "now") == 0) {
		*t = now;
	} else if (strcmp(text, "today") == 0) {
		*t = today;
	} else if (strcmp(text, "yesterday") == 0) {
		*t = today - DAY_SECONDS * US_PER_SECOND;
	} else if (text[0] == '-') {
		if (duration_parse(&seconds, text + 1) < 0 || __builtin_mul_overflow(seconds, US_PER_SECOND, &before) ||
		    __builtin_sub_overflow(now, before, &before))
			return -1;
		*t = before;
	} else {
		return parse_absolute(t, text);
	}
	return 0;
}

/* The largest first: what it divides is written shortest with it. */
static const struct {
	char letter;
	int64_t seconds;
} units[] = {
	{ 'w', 7 * DAY_SECONDS },
	{ 'd', DAY_SECONDS },
	{ 'h', 3600 },
	{ 'm', 60 },
	{ 's', 1 },
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

int duration_parse(int64_t *seconds, const char *text)
{
	int64_t v = 0;
	const char *at = text;

	if (strcmp(text, "0") == 0) {
		*seconds = 0;
		return 0;
	}
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *at - '0', &v))
			return -1;
	if (at == text || at[0] == '\0' || at[1] != '\0')
		return -1;
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (units[i].letter != *at)
			continue;
		if (__builtin_mul_overflow(v, units[i].seconds, &v))
			return -1;
		*seconds = v;
		return 0;
	}
	return -1;
}

const char *duration_format(int64_t seconds, char out[TIME_TEXT_MAX])
{
	size_t i = 0;

	if (seconds == 0) {
		snprintf(out, TIME_TEXT_MAX, "0");
		return out;
	}
	while (seconds % units[i].seconds != 0)
		i++;
	snprintf(out, TIME_TEXT_MAX, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
	return out;
}
