/* A JSON object for each row, with the columns of the view: one a line (jsonl), or all in one array (json). */
#include <stdlib.h>

#include "export/json.h"

static json_t *connection(const struct export_row *r)
{
	json_t *o = json_object();

	json_add_number(o, "id", r->id);
	if (r->stream == EXPORT_ENDS) {
		json_add_time(o, "end_time", r->until);
		json_add_number(o, "connection", r->connection);
	}
	json_add_time(o, "time", r->time);
	json_add_text_or_null(o, "endpoint", r->endpoint);
	json_add_text(o, "verdict", r->allowed ? "allow" : "deny");
	json_add_text_or_null(o, "reason", r->reason);
	json_add_text(o, "source", r->source_text);
	json_add_number_or_null(o, "source_port", r->source_port);
	json_add_text(o, "destination", r->destination_text);
	json_add_number_or_null(o, "destination_port", r->destination_port);
	json_add_text(o, "protocol", r->protocol_text);
	json_add_text_or_null(o, "list", r->list);
	if (r->one_revision)
		json_add_number(o, "revision", strtoll(r->revision, NULL, 10));
	else
		json_add_text_or_null(o, "revision", r->revision);
	json_add_number_or_null(o, "packets", r->packets);
	json_add_number_or_null(o, "bytes_in", r->bytes_in);
	json_add_number_or_null(o, "bytes_out", r->bytes_out);
	json_add_number_or_null(o, "duration_ms", r->duration_ms);
	json_add_text_or_null(o, "state", r->state);
	json_add_text_or_null(o, "via", r->via);
	return o;
}

static json_t *aggregate(const struct export_row *r)
{
	json_t *o = json_object();

	json_add_number(o, "id", r->id);
	json_add_time(o, "from_time", r->time);
	json_add_time(o, "to_time", r->until);
	json_add_text_or_null(o, "endpoint", r->endpoint);
	json_add_text(o, "source", r->source_text);
	json_add_text(o, "destination", r->destination_text);
	json_add_number_or_null(o, "destination_port", r->destination_port);
	json_add_text(o, "protocol", r->protocol_text);
	json_add_number(o, "count", r->count);
	return o;
}

static int write_row(struct sink *out, const struct export_row *r)
{
	return json_line(out, r->stream == EXPORT_AGGREGATES ? aggregate(r) : connection(r));
}

static int row(struct sink *out, const struct export_row *r)
{
	int status = write_row(out, r);

	sink_char(out, '\n');
	return status;
}

const struct export_format export_jsonl = { .name = "jsonl", .row = row };

/* The comma stands before each element but the first. */
static bool first;

static void begin_array(struct sink *out, enum export_stream stream)
{
	(void)stream;
	sink_char(out, '[');
	first = true;
}

static int element(struct sink *out, const struct export_row *r)
{
	sink_text(out, first ? "\n" : ",\n");
	first = false;
	return write_row(out, r);
}

static void end_array(struct sink *out, enum export_stream stream)
{
	(void)stream;
	sink_text(out, first ? "]\n" : "\n]\n");
}

const struct export_format export_json = {
	.name = "json", .begin = begin_array, .row = element, .end = end_array,
};
