/* RFC 4180: a header, CRLF, quotes where they are needed.  Values are those of the view, to the letter: programs read
 * this, so nothing is put in front of them for the sake of spreadsheets.  They are addresses, numbers, fixed words and
 * names of the configuration, which begin with a letter; only the list of an endpoint's own addresses begins
 * with '@'. */
#include "export/export.h"

#include <string.h>

#define COLUMNS \
	"time,endpoint,verdict,reason,source,source_port,destination,destination_port,protocol,list,revision,packets," \
	"bytes_in,bytes_out,duration_ms,state,via\r\n"
static const char connections_header[] = "id," COLUMNS;
static const char ends_header[] = "id,end_time,connection," COLUMNS;
static const char aggregates_header[] =
	"id,from_time,to_time,endpoint,source,destination,destination_port,protocol,count\r\n";

static void add_quoted(struct sink *out, const char *text)
{
	const char *quote;

	sink_char(out, '"');
	for (; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
		sink_bytes(out, text, (size_t)(quote - text) + 1);
		sink_char(out, '"');
	}
	sink_text(out, text);
	sink_char(out, '"');
}

static void add_text(struct sink *out, const char *text)
{
	size_t len = strcspn(text, ",\"\r\n");

	if (text[len] == '\0')
		sink_bytes(out, text, len);
	else
		add_quoted(out, text);
	sink_char(out, ',');
}

/* Nothing where it is not known. */
static void add_number(struct sink *out, int64_t n, const char *end)
{
	if (n != EXPORT_UNKNOWN)
		sink_number(out, n);
	sink_text(out, end);
}

static void add_plain(struct sink *out, const char *text)
{
	sink_text(out, text);
	sink_char(out, ',');
}

static void add_time(struct sink *out, time_us t)
{
	sink_time(out, t);
	sink_char(out, ',');
}

static void begin(struct sink *out, enum export_stream stream)
{
	sink_text(out, stream == EXPORT_AGGREGATES ? aggregates_header :
	               stream == EXPORT_ENDS       ? ends_header : connections_header);
}

static void add_connection(struct sink *out, const struct export_row *r)
{
	add_number(out, r->id, ",");
	if (r->stream == EXPORT_ENDS) {
		add_time(out, r->until);
		add_number(out, r->connection, ",");
	}
	add_time(out, r->time);
	add_text(out, r->endpoint);
	add_plain(out, r->allowed ? "allow" : "deny");
	add_text(out, r->reason);
	add_plain(out, r->source_text);
	add_number(out, r->source_port, ",");
	add_plain(out, r->destination_text);
	add_number(out, r->destination_port, ",");
	add_plain(out, r->protocol_text);
	add_text(out, r->list);
	add_text(out, r->revision);
	add_number(out, r->packets, ",");
	add_number(out, r->bytes_in, ",");
	add_number(out, r->bytes_out, ",");
	add_number(out, r->duration_ms, ",");
	add_plain(out, r->state);
	sink_text(out, r->via);
	sink_text(out, "\r\n");
}

static void add_aggregate(struct sink *out, const struct export_row *r)
{
	add_number(out, r->id, ",");
	add_time(out, r->time);
	add_time(out, r->until);
	add_text(out, r->endpoint);
	add_plain(out, r->source_text);
	add_plain(out, r->destination_text);
	add_number(out, r->destination_port, ",");
	add_plain(out, r->protocol_text);
	add_number(out, r->count, "\r\n");
}

static int row(struct sink *out, const struct export_row *r)
{
	if (r->stream == EXPORT_AGGREGATES)
		add_aggregate(out, r);
	else
		add_connection(out, r);
	return 0;
}

const struct export_format export_csv = { .name = "csv", .begin = begin, .row = row };
