/* A real audit.db in a folder of its own, filled row by row: for tests of what reads it. */
#ifndef HALLOWD_TESTS_AUDIT_FIXTURE_H
#define HALLOWD_TESTS_AUDIT_FIXTURE_H

#include <stdint.h>

#include <sqlite3.h>

#include "core/time_text.h"

#define SECOND US_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON INT64_C(1793534400000000) /* 2026-11-01T12:00:00Z */

struct fixture {
	char folder[64];
	sqlite3 *db; /* the writer's */
};

/* cmocka setup and teardown; *state is a struct fixture. */
int fixture_open(void **state);
int fixture_close(void **state);

/* Another connection, as hallowctl opens it. */
sqlite3 *fixture_reader(const struct fixture *f);

void fixture_sql(const struct fixture *f, const char *sql);

/* Endpoints 1 api (kubernetes-api, enforce), 2 orders (database, observe), 3 old (https, enforce, no longer there);
 * targets 1 203.0.113.10:6443/tcp, 2 [2001:db8::10]:6443/tcp; decisions as below. */
void fixture_names(const struct fixture *f);
enum { LISTED = 1, NOT_LISTED, OBSERVED, OLD_LISTED, BY_OFFICE };

/* A row of `connection`; `late` is how much later its id is than its time. */
void fixture_connection(const struct fixture *f, time_us time, time_us late, const char *source, int decision,
                        int target);
void fixture_aggregate(const struct fixture *f, time_us from, time_us to, int endpoint, const char *source, int target,
                       uint64_t count);
/* verdict: 0 allow, 1 deny; counted is the sum. */
void fixture_tally(const struct fixture *f, time_us from, time_us to, int endpoint, int verdict, uint64_t recorded,
                   uint64_t aggregated, uint64_t lost);
void fixture_segment(const struct fixture *f, int endpoint, time_us from, time_us to, int state);
void fixture_revision(const struct fixture *f, const char *list, int revision, time_us time, const char *added,
                      const char *removed, const char *decided_by, const char *reason);
void fixture_event(const struct fixture *f, time_us time, const char *kind, const char *subject, const char *detail);

#endif
