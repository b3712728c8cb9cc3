/* What the formats of one JSON object for each row share. */
#ifndef HALLOWD_EXPORT_JSON_H
#define HALLOWD_EXPORT_JSON_H

#include <jansson.h>

#include "export/export.h"

/* Each adds `name` to `object`.  What is not known ("", EXPORT_UNKNOWN, an object or array without anything in it) is
 * left out.  Where memory runs out, the json_line that follows fails. */
void json_add_text(json_t *object, const char *name, const char *text);
void json_add_number(json_t *object, const char *name, int64_t n);
void json_add_time(json_t *object, const char *name, time_us t); /* RFC 3339 with microseconds */
void json_add_value(json_t *object, const char *name, json_t *value); /* takes value over */

/* The same, but with null for what is not known. */
void json_add_text_or_null(json_t *object, const char *name, const char *text);
void json_add_number_or_null(json_t *object, const char *name, int64_t n);

/* The id of the row, which no row of another stream has: "end-17". */
void json_add_id(json_t *object, const char *name, const struct export_row *row);

/* Appends to an array. */
void json_append_text(json_t *array, const char *text);

/* Writes the object, which it takes over, without a line end.  0, or -1 with errno ENOMEM. */
int json_line(struct sink *out, json_t *object);

/* Name of the host that the rows are from, "" for none. */
const char *export_host(void);

#endif
