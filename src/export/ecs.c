/* The Elastic Common Schema, version 8.11.0.
 * Source: https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html.
 * Fields of the schema only, labels among them, so that an index template for it takes all of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export/json.h"

#define ECS_VERSION "8.11.0"
#define NANOSECONDS_OF_US 1000

static json_t *one_text(const char *text)
{
	json_t *array = json_array();

	json_append_text(array, text);
	return array;
}

/* What the schema has words for: start and end, allowed and denied; of what was only seen, none of these. */
static json_t *types(const struct export_row *r)
{
	json_t *array = one_text("connection");

	if (r->seen_only) {
		json_append_text(array, "info");
		return array;
	}
	json_append_text(array, r->allowed ? "allowed" : "denied");
	if (r->allowed)
		json_append_text(array, r->stream == EXPORT_ENDS ? "end" : "start");
	return array;
}

static const char *action(const struct export_row *r)
{
	if (r->seen_only)
		return "connection-seen";
	if (r->stream == EXPORT_ENDS)
		return "connection-ended";
	return r->allowed ? "connection-allowed" : "connection-denied";
}

static const char *outcome(const struct export_row *r)
{
	if (r->seen_only)
		return "unknown";
	return r->allowed ? "success" : "failure";
}

static void add_span(json_t *event, time_us start, time_us end)
{
	json_add_time(event, "start", start);
	json_add_time(event, "end", end);
	json_add_number(event, "duration", (end - start) * NANOSECONDS_OF_US);
}

/* Of an aggregate, from the first that was counted to the last; of a connection that has ended, its own. */
static void add_times(json_t *event, const struct export_row *r)
{
	if (r->stream == EXPORT_AGGREGATES)
		add_span(event, r->time, r->until);
	else if (r->duration_ms != EXPORT_UNKNOWN)
		add_span(event, r->time, r->time + r->duration_ms * 1000);
}

static json_t *event(const struct export_row *r)
{
	json_t *o = json_object();
	char dataset[32];

	snprintf(dataset, sizeof(dataset), "hallowd.%s", export_stream_name(r->stream));
	json_add_text(o, "kind", "event");
	json_add_value(o, "category", one_text("network"));
	json_add_value(o, "type", types(r));
	json_add_text(o, "action", action(r));
	json_add_text(o, "outcome", outcome(r));
	json_add_text(o, "reason", r->reason);
	json_add_text(o, "module", "hallowd");
	json_add_text(o, "dataset", dataset);
	json_add_id(o, "id", r);
	json_add_number(o, "sequence", r->id);
	add_times(o, r);
	return o;
}

/* Names of our own have their place here: the connection that an end is of, and what the policy says of what was only
 * seen. */
static json_t *labels(const struct export_row *r)
{
	json_t *o = json_object();
	char connection[32];

	if (r->stream == EXPORT_ENDS) {
		snprintf(connection, sizeof(connection), "%" PRId64, r->connection);
		json_add_text(o, "connection", connection);
	}
	if (r->seen_only)
		json_add_text(o, "verdict", r->allowed ? "allow" : "deny");
	return o;
}

static json_t *host(const char *ip, int port, int64_t bytes)
{
	json_t *o = json_object();

	json_add_text(o, "address", ip);
	json_add_text(o, "ip", ip);
	json_add_number(o, "port", port);
	json_add_number(o, "bytes", bytes);
	return o;
}

/* What was counted of denied attempts are packets. */
static json_t *network(const struct export_row *r)
{
	json_t *o = json_object();
	char protocol[16];

	snprintf(protocol, sizeof(protocol), "%d", r->protocol);
	json_add_text(o, "type", r->source.family == AF_INET ? "ipv4" : "ipv6");
	json_add_text(o, "transport", r->protocol_text);
	json_add_text(o, "iana_number", protocol);
	json_add_text(o, "direction", strcmp(r->reason, "egress-denied") == 0 ? "outbound" : "inbound");
	json_add_number(o, "packets", r->stream == EXPORT_AGGREGATES ? r->count : r->packets);
	if (r->bytes_in != EXPORT_UNKNOWN && r->bytes_out != EXPORT_UNKNOWN)
		json_add_number(o, "bytes", r->bytes_in + r->bytes_out);
	return o;
}

static json_t *rule(const struct export_row *r)
{
	json_t *o = json_object();

	json_add_text(o, "name", r->list);
	json_add_text(o, "version", r->revision);
	json_add_text(o, "ruleset", r->endpoint);
	json_add_text(o, "category", r->reason);
	return o;
}

static json_t *observer(void)
{
	json_t *o = json_object();

	json_add_text(o, "vendor", "hallowd");
	json_add_text(o, "product", "hallowd");
	json_add_text(o, "type", "firewall");
	json_add_text(o, "version", PACKAGE_VERSION);
	json_add_text(o, "hostname", export_host());
	return o;
}

static json_t *related(const struct export_row *r)
{
	json_t *o = json_object(), *ip = one_text(r->source_text);

	if (strcmp(r->source_text, r->destination_text) != 0)
		json_append_text(ip, r->destination_text);
	json_add_value(o, "ip", ip);
	return o;
}

static int row(struct sink *out, const struct export_row *r)
{
	json_t *o = json_object(), *ecs = json_object(), *service = json_object();
	int status;

	json_add_time(o, "@timestamp", r->stream == EXPORT_ENDS ? r->until : r->time);
	json_add_text(ecs, "version", ECS_VERSION);
	json_add_value(o, "ecs", ecs);
	json_add_value(o, "event", event(r));
	json_add_value(o, "source", host(r->source_text, r->source_port, r->bytes_in));
	json_add_value(o, "destination", host(r->destination_text, r->destination_port, r->bytes_out));
	json_add_value(o, "network", network(r));
	json_add_value(o, "rule", rule(r));
	json_add_text(service, "name", r->endpoint);
	json_add_value(o, "service", service);
	json_add_value(o, "observer", observer());
	json_add_value(o, "related", related(r));
	json_add_value(o, "labels", labels(r));
	status = json_line(out, o);
	sink_char(out, '\n');
	return status;
}

const struct export_format export_ecs = { .name = "ecs", .row = row };
