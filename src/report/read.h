/* Inside of src/report: the parts of report_read. */
#ifndef HALLOWD_REPORT_READ_H
#define HALLOWD_REPORT_READ_H

#include "report/model.h"

/* The period as the views write times: such texts sort as the times do. */
struct report_period {
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
};

/* Each adds what one view says of the period.  0, or -1 with *err. */
int report_read_coverage(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err);
int report_read_kinds(sqlite3 *db, struct report *r, struct error *err); /* of the endpoints that are there already */
int report_read_tallies(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err);
int report_read_sources(sqlite3 *db, struct report *r, struct error *err);
int report_read_orchestrator(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err); /* last */
int report_read_changes(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err);
int report_read_events(sqlite3 *db, struct report *r, const struct report_period *p, struct error *err);
int report_read_timeline(sqlite3 *db, struct report *r, struct error *err);
int report_read_floods(sqlite3 *db, struct report *r, struct error *err);
int report_read_reach(sqlite3 *db, struct report *r, struct error *err); /* clock_steps, oldest and complete_from */

/* Each works out what others have read: coverage and events come first. */
int report_read_grants(sqlite3 *db, struct report *r, struct error *err);
int report_find_gaps(struct report *r, struct error *err);
int report_find_disagreements(struct report *r, struct error *err);
int report_find_ways(struct report *r, struct error *err);

/* The endpoint of that name, made where it is new; valid until the next call.  NULL when memory ran out. */
struct report_endpoint *report_endpoint(struct report *r, const char *name, struct error *err);

/* Room for one more, zeroed, and *count one higher.  NULL, and nothing changed, when memory ran out. */
void *report_grow(void *array, size_t *count, size_t size, struct error *err);

/* 0, or -1 with *err.  *to is owned by the caller. */
int report_copy(char **to, const char *text, struct error *err);
int report_replace(char **to, const char *text, struct error *err); /* frees what was there */
int report_time(time_us *t, const char *text, struct error *err);   /* of a view */
int report_no_memory(struct error *err); /* always -1 */

#endif
