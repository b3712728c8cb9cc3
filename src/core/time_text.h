/* Times and durations as people write them, and as hallowd prints them: RFC 3339, UTC. */
#ifndef HALLOWD_CORE_TIME_TEXT_H
#define HALLOWD_CORE_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01T00:00:00Z. */
typedef int64_t time_us;

#define US_PER_SECOND INT64_C(1000000)
#define TIME_TEXT_MAX 32

time_us time_now(void);           /* CLOCK_REALTIME */
int64_t time_monotonic_ms(void);  /* CLOCK_MONOTONIC, milliseconds */
int64_t time_boot_ms(void);       /* CLOCK_BOOTTIME, milliseconds: goes on during a sleep, and nobody can set it */

/* "2026-11-24T02:32:21.123456Z" (micro != 0) or "2026-11-24T02:32:21Z"; returns out. */
const char *time_format(time_us t, int micro, char out[TIME_TEXT_MAX]);

/* RFC 3339 with zone, a date (its first moment in UTC), "now", "today", "yesterday", or relative ("-24h", "-90s").
 * `now` is what relative forms count from.  0, or -1 when it is none of these. */
int time_parse(time_us *t, const char *text, time_us now);

/* "90s", "10m", "6h", "3d", "2w", or "0".  Result in seconds.  0, or -1. */
int duration_parse(int64_t *seconds, const char *text);

/* Shortest exact form ("6h", "90s"); returns out. */
const char *duration_format(int64_t seconds, char out[TIME_TEXT_MAX]);

#endif
