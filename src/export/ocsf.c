/* The Open Cybersecurity Schema Framework, version 1.3.0, class 4001 Network Activity with the profiles
 * security_control and host (the device is the one that hallowd runs on).
 * Source: https://schema.ocsf.io/1.3.0/classes/network_activity.  Numbers are those of its enumerations. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export/json.h"

#define OCSF_VERSION "1.3.0"
#define CATEGORY_NETWORK 4
#define CLASS_NETWORK_ACTIVITY 4001
#define TYPE_IP_ADDRESS 2 /* of an observable */
#define TYPE_FIREWALL 9   /* of a device */

struct meaning {
	int id;
	const char *caption;
};

static const struct meaning opened = { 1, "Open" }, closed = { 2, "Close" };
static const struct meaning refused = { 5, "Refuse" }, seen = { 6, "Traffic" };
static const struct meaning allowed = { 1, "Allowed" }, denied = { 2, "Denied" }, observed = { 99, "Observed" };
static const struct meaning let_in = { 1, "Allowed" }, blocked = { 2, "Blocked" }, logged = { 17, "Logged" };
static const struct meaning success = { 1, "Success" }, failure = { 2, "Failure" }, unknown = { 0, "Unknown" };
static const struct meaning informational = { 1, "Informational" }, low = { 2, "Low" };
static const struct meaning inbound = { 1, "Inbound" }, outbound = { 2, "Outbound" };

static void add_meaning(json_t *o, const char *id, const char *caption, struct meaning m)
{
	json_add_number(o, id, m.id);
	json_add_text(o, caption, m.caption);
}

static bool is(const struct export_row *r, const char *reason)
{
	return strcmp(r->reason, reason) == 0;
}

static time_us milliseconds(time_us t)
{
	return t / 1000;
}

static struct meaning activity_of(const struct export_row *r)
{
	if (r->seen_only)
		return seen;
	if (r->stream == EXPORT_ENDS)
		return closed;
	return r->allowed ? opened : refused;
}

static void add_class(json_t *o, const struct export_row *r)
{
	struct meaning activity = activity_of(r);
	char type[64];

	add_meaning(o, "activity_id", "activity_name", activity);
	json_add_number(o, "category_uid", CATEGORY_NETWORK);
	json_add_text(o, "category_name", "Network Activity");
	json_add_number(o, "class_uid", CLASS_NETWORK_ACTIVITY);
	json_add_text(o, "class_name", "Network Activity");
	json_add_number(o, "type_uid", CLASS_NETWORK_ACTIVITY * 100 + activity.id);
	snprintf(type, sizeof(type), "Network Activity: %s", activity.caption);
	json_add_text(o, "type_name", type);
	add_meaning(o, "severity_id", "severity", r->allowed ? informational : low);
}

/* Nothing became of what was only seen: the verdict is what the policy says of it. */
static void add_outcome_seen(json_t *o, const struct export_row *r)
{
	add_meaning(o, "status_id", "status", unknown);
	json_add_text(o, "status_code", r->reason);
	json_add_text(o, "status_detail", r->allowed ? "the policy allows it" : "the policy denies it");
	add_meaning(o, "action_id", "action", observed);
	add_meaning(o, "disposition_id", "disposition", logged);
}

/* What was not denied because the endpoint is only observed was logged. */
static void add_outcome(json_t *o, const struct export_row *r)
{
	add_meaning(o, "status_id", "status", r->allowed ? success : failure);
	json_add_text(o, "status_code", r->reason);
	add_meaning(o, "action_id", "action", r->allowed ? allowed : denied);
	add_meaning(o, "disposition_id", "disposition", is(r, "observed") ? logged : r->allowed ? let_in : blocked);
}

static void add_span(json_t *o, int64_t start, int64_t duration)
{
	json_add_number(o, "start_time", start);
	json_add_number(o, "end_time", start + duration);
	json_add_number(o, "duration", duration);
}

/* Of an aggregate, from the first that was counted to the last; of a connection that has ended, its own. */
static void add_times(json_t *o, const struct export_row *r)
{
	int64_t start = milliseconds(r->time), end = milliseconds(r->until);

	json_add_number(o, "time", r->stream == EXPORT_ENDS ? end : start);
	json_add_number(o, "timezone_offset", 0);
	if (r->stream == EXPORT_AGGREGATES) {
		json_add_number(o, "count", r->count);
		add_span(o, start, end - start);
	} else if (r->duration_ms != EXPORT_UNKNOWN) {
		add_span(o, start, r->duration_ms);
	}
}

static json_t *host(const char *ip, int port, const char *service)
{
	json_t *o = json_object();

	json_add_text(o, "ip", ip);
	json_add_number(o, "port", port);
	json_add_text(o, "svc_name", service);
	return o;
}

static json_t *connection_info(const struct export_row *r)
{
	json_t *o = json_object();

	add_meaning(o, "direction_id", "direction", is(r, "egress-denied") ? outbound : inbound);
	json_add_number(o, "protocol_num", r->protocol);
	json_add_text(o, "protocol_name", r->protocol_text);
	json_add_number(o, "protocol_ver_id", r->source.family == AF_INET ? 4 : 6);
	return o;
}

/* As the destination counts: in is what it got. */
static json_t *traffic(const struct export_row *r)
{
	json_t *o = json_object();

	json_add_number(o, "packets", r->packets);
	json_add_number(o, "bytes_in", r->bytes_in);
	json_add_number(o, "bytes_out", r->bytes_out);
	if (r->bytes_in != EXPORT_UNKNOWN && r->bytes_out != EXPORT_UNKNOWN)
		json_add_number(o, "bytes", r->bytes_in + r->bytes_out);
	return o;
}

static json_t *firewall_rule(const struct export_row *r)
{
	json_t *o = json_object();

	json_add_text(o, "name", r->list);
	json_add_text(o, "version", r->revision);
	json_add_text(o, "category", r->reason);
	return o;
}

static json_t *metadata(const struct export_row *r)
{
	json_t *o = json_object(), *product = json_object(), *profiles = json_array();
	char connection[32] = "";

	if (r->connection != EXPORT_UNKNOWN)
		snprintf(connection, sizeof(connection), "%" PRId64, r->connection);
	json_add_text(o, "version", OCSF_VERSION);
	json_add_text(product, "name", "hallowd");
	json_add_text(product, "vendor_name", "hallowd");
	json_add_text(product, "version", PACKAGE_VERSION);
	json_add_value(o, "product", product);
	json_append_text(profiles, "security_control");
	if (*export_host() != '\0')
		json_append_text(profiles, "host");
	json_add_value(o, "profiles", profiles);
	json_add_id(o, "uid", r);
	json_add_text(o, "correlation_uid", connection);
	json_add_text(o, "log_name", export_stream_name(r->stream));
	json_add_text(o, "log_provider", "hallowd");
	json_add_time(o, "original_time", r->stream == EXPORT_ENDS ? r->until : r->time);
	return o;
}

static json_t *device(void)
{
	json_t *o = json_object();

	if (*export_host() == '\0')
		return o;
	json_add_text(o, "hostname", export_host());
	add_meaning(o, "type_id", "type", (struct meaning){ TYPE_FIREWALL, "Firewall" });
	return o;
}

static json_t *observable(const char *name, const char *ip)
{
	json_t *o = json_object();

	json_add_text(o, "name", name);
	add_meaning(o, "type_id", "type", (struct meaning){ TYPE_IP_ADDRESS, "IP Address" });
	json_add_text(o, "value", ip);
	return o;
}

static json_t *observables(const struct export_row *r)
{
	json_t *array = json_array();

	json_array_append_new(array, observable("src_endpoint.ip", r->source_text));
	json_array_append_new(array, observable("dst_endpoint.ip", r->destination_text));
	return array;
}

static int row(struct sink *out, const struct export_row *r)
{
	json_t *o = json_object();
	int status;

	add_class(o, r);
	add_times(o, r);
	(r->seen_only ? add_outcome_seen : add_outcome)(o, r);
	json_add_value(o, "src_endpoint", host(r->source_text, r->source_port, ""));
	json_add_value(o, "dst_endpoint", host(r->destination_text, r->destination_port, r->endpoint));
	json_add_value(o, "connection_info", connection_info(r));
	json_add_value(o, "traffic", traffic(r));
	json_add_value(o, "firewall_rule", firewall_rule(r));
	json_add_value(o, "device", device());
	json_add_value(o, "observables", observables(r));
	json_add_value(o, "metadata", metadata(r));
	status = json_line(out, o);
	sink_char(out, '\n');
	return status;
}

const struct export_format export_ocsf = { .name = "ocsf", .row = row };
