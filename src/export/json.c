#include "export/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char *host = "";
static bool failed; /* something could not be added since the last json_line */

static const struct {
	const char *name, *prefix;
} streams[] = {
	[EXPORT_CONNECTIONS] = { "connections", "" },
	[EXPORT_ENDS] = { "ends", "end-" },
	[EXPORT_AGGREGATES] = { "aggregates", "aggregate-" },
};

const char *export_stream_name(enum export_stream stream)
{
	return streams[stream].name;
}

const char *export_stream_prefix(enum export_stream stream)
{
	return streams[stream].prefix;
}

void export_set_host(const char *name)
{
	host = name;
}

const char *export_host(void)
{
	return host;
}

/* What the log holds is UTF-8, unless somebody else wrote into it. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);

	return value != NULL ? value : json_string("(not UTF-8)");
}

static void add(json_t *object, const char *name, json_t *value)
{
	failed |= json_object_set_new(object, name, value) == -1;
}

void json_add_text(json_t *object, const char *name, const char *text)
{
	if (*text != '\0')
		add(object, name, text_value(text));
}

void json_add_text_or_null(json_t *object, const char *name, const char *text)
{
	add(object, name, *text != '\0' ? text_value(text) : json_null());
}

void json_add_number(json_t *object, const char *name, int64_t n)
{
	if (n != EXPORT_UNKNOWN)
		add(object, name, json_integer(n));
}

void json_add_number_or_null(json_t *object, const char *name, int64_t n)
{
	add(object, name, n != EXPORT_UNKNOWN ? json_integer(n) : json_null());
}

void json_add_time(json_t *object, const char *name, time_us t)
{
	char text[TIME_TEXT_MAX];

	json_add_text(object, name, time_format(t, 1, text));
}

void json_add_value(json_t *object, const char *name, json_t *value)
{
	if (json_object_size(value) > 0 || json_array_size(value) > 0)
		add(object, name, value);
	else
		json_decref(value);
}

void json_add_id(json_t *object, const char *name, const struct export_row *row)
{
	char text[40];

	snprintf(text, sizeof(text), "%s%" PRId64, export_stream_prefix(row->stream), row->id);
	json_add_text(object, name, text);
}

void json_append_text(json_t *array, const char *text)
{
	failed |= json_array_append_new(array, text_value(text)) == -1;
}

static int gather(const char *data, size_t len, void *out)
{
	sink_bytes(out, data, len);
	return 0;
}

int json_line(struct sink *out, json_t *object)
{
	int status = object == NULL || failed ? -1 : json_dump_callback(object, gather, out, JSON_COMPACT);

	failed = false;
	json_decref(object);
	if (status == -1)
		errno = ENOMEM;
	return status;
}
