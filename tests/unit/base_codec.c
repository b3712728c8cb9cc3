/* Each struct that travels: there and back, empty and large; cut off, damaged and without memory at every place. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "core/audit_message.h"
#include "core/fetch_message.h"
#include "core/observe_message.h"
#include "core/parse_message.h"

#define SEQ 77

union any {
	struct fetch_request fetch_request;
	struct fetch_result fetch_result;
	struct parse_request parse_request;
	struct parse_result parse_result;
	struct audit_event event;
	struct audit_revision revision;
	struct audit_policy policy;
	struct audit_reading reading;
	struct audit_mirrored_batch mirrored;
	struct observed_batch observed;
	uint64_t number;
	struct audit_ack ack;
};

/* One struct: how it is filled, sent, read, compared and freed. */
struct codec {
	const char *name;
	enum message_type type;
	int (*encode)(struct buffer *out, const union any *v);
	int (*decode)(struct message *m, union any *v);
	void (*release)(union any *v);
	void (*same)(const union any *a, const union any *b);
	const union any *values; /* empty, ordinary, large */
	size_t count;
};

/* --- how each is compared */

#define SAME(a, b, field) assert_true((a)->field == (b)->field)
#define SAME_TEXT(a, b, field) assert_string_equal((a)->field, (b)->field == NULL ? "" : (b)->field)

static void same_fetch_request(const union any *x, const union any *y)
{
	const struct fetch_request *a = &x->fetch_request, *b = &y->fetch_request;

	SAME_TEXT(a, b, url);
	SAME(a, b, connect_timeout_ms);
	SAME(a, b, first_byte_timeout_ms);
	SAME(a, b, total_timeout_ms);
	SAME(a, b, max_redirects);
	SAME(a, b, max_bytes);
	SAME_TEXT(a, b, proxy);
	SAME_TEXT(a, b, ca);
	SAME_TEXT(a, b, pinned_key);
	SAME_TEXT(a, b, certificate);
	SAME_TEXT(a, b, key);
	SAME_TEXT(a, b, token);
	SAME(a, b, header_count);
	for (size_t i = 0; i < a->header_count; i++) {
		SAME_TEXT(a, b, headers[i].name);
		SAME_TEXT(a, b, headers[i].value);
	}
	SAME_TEXT(a, b, etag);
	SAME_TEXT(a, b, last_modified);
	SAME_TEXT(a, b, user_agent);
}

static void same_fetch_result(const union any *x, const union any *y)
{
	const struct fetch_result *a = &x->fetch_result, *b = &y->fetch_result;

	SAME(a, b, outcome);
	SAME(a, b, passing);
	SAME(a, b, http_status);
	SAME(a, b, bytes);
	SAME_TEXT(a, b, content_type);
	SAME_TEXT(a, b, etag);
	SAME_TEXT(a, b, last_modified);
	SAME_TEXT(a, b, error);
}

static void same_parse_request(const union any *x, const union any *y)
{
	const struct parse_request *a = &x->parse_request, *b = &y->parse_request;

	SAME(a, b, format);
	SAME_TEXT(a, b, select);
	SAME_TEXT(a, b, content_type);
	SAME_TEXT(a, b, name);
	SAME(a, b, max_bytes);
	SAME(a, b, max_entries);
	SAME_TEXT(a, b, signed_by);
	SAME_TEXT(a, b, signature);
}

static void same_parse_result(const union any *x, const union any *y)
{
	const struct parse_result *a = &x->parse_result, *b = &y->parse_result;

	SAME(a, b, ok);
	SAME_TEXT(a, b, error);
	SAME(a, b, format);
	SAME(a, b, bytes);
	SAME_TEXT(a, b, sha256);
	SAME(a, b, rows);
	SAME(a, b, bad);
	SAME(a, b, host_bits);
	SAME(a, b, widest4);
	SAME(a, b, widest6);
	SAME(a, b, bad_shown);
	for (size_t i = 0; i < a->bad_shown; i++) {
		SAME(a, b, bad_rows[i].line);
		SAME_TEXT(a, b, bad_rows[i].text);
		SAME_TEXT(a, b, bad_rows[i].what);
	}
	assert_true(prefix_set_equal(&a->set, &b->set));
}

static void same_event(const union any *x, const union any *y)
{
	const struct audit_event *a = &x->event, *b = &y->event;

	SAME(a, b, time);
	SAME_TEXT(a, b, kind);
	SAME_TEXT(a, b, subject);
	SAME_TEXT(a, b, detail);
}

static void same_revision(const union any *x, const union any *y)
{
	const struct audit_revision *a = &x->revision, *b = &y->revision;

	SAME_TEXT(a, b, list);
	SAME(a, b, revision);
	SAME(a, b, time);
	SAME(a, b, entries);
	SAME_TEXT(a, b, added);
	SAME_TEXT(a, b, removed);
	SAME_TEXT(a, b, origins);
	SAME_TEXT(a, b, decided_by);
	SAME_TEXT(a, b, reason);
}

static void same_endpoint(const struct audit_policy_endpoint *a, const struct audit_policy_endpoint *b)
{
	SAME_TEXT(a, b, name);
	SAME_TEXT(a, b, kind);
	SAME_TEXT(a, b, mode);
	SAME_TEXT(a, b, where);
	SAME_TEXT(a, b, owner);
	SAME_TEXT(a, b, reason);
	SAME(a, b, state);
	SAME(a, b, list_count);
	for (size_t i = 0; i < a->list_count; i++) {
		SAME_TEXT(a, b, lists[i].name);
		SAME(a, b, lists[i].revision);
	}
}

static void same_policy(const union any *x, const union any *y)
{
	const struct audit_policy *a = &x->policy, *b = &y->policy;

	SAME(a, b, time);
	SAME_TEXT(a, b, epoch);
	SAME(a, b, continued);
	SAME(a, b, retention_seconds);
	SAME(a, b, evidence_packets);
	SAME(a, b, evidence_size);
	SAME(a, b, max_bytes);
	SAME(a, b, endpoint_count);
	for (size_t i = 0; i < a->endpoint_count; i++)
		same_endpoint(&a->endpoints[i], &b->endpoints[i]);
}

static void same_reading(const union any *x, const union any *y)
{
	const struct audit_reading *a = &x->reading, *b = &y->reading;

	SAME(a, b, time);
	SAME_TEXT(a, b, epoch);
	SAME(a, b, counter_count);
	for (size_t i = 0; i < a->counter_count; i++) {
		SAME_TEXT(a, b, counters[i].endpoint);
		SAME(a, b, counters[i].kind);
		SAME(a, b, counters[i].packets);
		SAME(a, b, counters[i].handle);
	}
	SAME(a, b, denied_count);
	for (size_t i = 0; i < a->denied_count; i++) {
		SAME_TEXT(a, b, denied[i].endpoint);
		assert_int_equal(address_compare(&a->denied[i].source, &b->denied[i].source), 0);
		assert_int_equal(address_compare(&a->denied[i].destination, &b->denied[i].destination), 0);
		SAME(a, b, denied[i].protocol);
		SAME(a, b, denied[i].port);
		SAME(a, b, denied[i].packets);
	}
}

static void same_mirrored(const union any *x, const union any *y)
{
	const struct audit_mirrored_batch *a = &x->mirrored, *b = &y->mirrored;

	SAME(a, b, count);
	for (size_t i = 0; i < a->count; i++) {
		SAME(a, b, rows[i].time);
		assert_int_equal(address_compare(&a->rows[i].source, &b->rows[i].source), 0);
		assert_int_equal(address_compare(&a->rows[i].destination, &b->rows[i].destination), 0);
		SAME(a, b, rows[i].source_port);
		SAME(a, b, rows[i].destination_port);
		SAME(a, b, rows[i].protocol);
		SAME(a, b, rows[i].denied);
		SAME_TEXT(a, b, rows[i].endpoint);
		SAME_TEXT(a, b, rows[i].reason);
		SAME_TEXT(a, b, rows[i].list);
		SAME_TEXT(a, b, rows[i].revision);
	}
}

static void same_observed(const union any *x, const union any *y)
{
	const struct observed_batch *a = &x->observed, *b = &y->observed;

	SAME(a, b, down);
	SAME(a, b, lost);
	SAME(a, b, count);
	for (size_t i = 0; i < a->count; i++) {
		SAME(a, b, rows[i].time);
		assert_int_equal(address_compare(&a->rows[i].source, &b->rows[i].source), 0);
		assert_int_equal(address_compare(&a->rows[i].destination, &b->rows[i].destination), 0);
		SAME(a, b, rows[i].source_port);
		SAME(a, b, rows[i].destination_port);
		SAME(a, b, rows[i].protocol);
	}
}

static void same_number(const union any *x, const union any *y)
{
	SAME(x, y, number);
}

static void same_ack(const union any *x, const union any *y)
{
	SAME(x, y, ack.seq);
	SAME(x, y, ack.recorded);
	SAME(x, y, ack.lost);
	SAME(x, y, ack.behind_ms);
}

/* --- how each is sent, read and freed */

#define CODEC_FUNCTIONS(name, member) \
	static int encode_##member(struct buffer *out, const union any *v) \
	{ \
		return name##_encode(out, &v->member); \
	} \
	DECODE_FUNCTIONS(name, member)
#define SEQ_CODEC_FUNCTIONS(name, member) \
	static int encode_##member(struct buffer *out, const union any *v) \
	{ \
		return name##_encode(out, SEQ, &v->member); \
	} \
	DECODE_FUNCTIONS(name, member)
#define DECODE_FUNCTIONS(name, member) \
	static int decode_##member(struct message *m, union any *v) \
	{ \
		return name##_decode(m, &v->member); \
	} \
	static void release_##member(union any *v) \
	{ \
		name##_free(&v->member); \
		name##_free(&v->member); \
		name##_free(NULL); \
	}

CODEC_FUNCTIONS(fetch_request, fetch_request)
CODEC_FUNCTIONS(fetch_result, fetch_result)
CODEC_FUNCTIONS(parse_request, parse_request)
CODEC_FUNCTIONS(parse_result, parse_result)
SEQ_CODEC_FUNCTIONS(audit_event, event)
SEQ_CODEC_FUNCTIONS(audit_revision, revision)
CODEC_FUNCTIONS(audit_policy, policy)
CODEC_FUNCTIONS(audit_reading, reading)
SEQ_CODEC_FUNCTIONS(audit_mirrored, mirrored)

static int encode_observed(struct buffer *out, const union any *v)
{
	return observed_encode(out, &v->observed);
}

static int decode_observed(struct message *m, union any *v)
{
	return observed_decode(m, &v->observed);
}

static int encode_number(struct buffer *out, const union any *v)
{
	return audit_number_encode(out, MSG_READY, v->number);
}

static int decode_number(struct message *m, union any *v)
{
	return audit_number_decode(m, &v->number);
}

static int encode_ack(struct buffer *out, const union any *v)
{
	return audit_ack_encode(out, &v->ack);
}

static int decode_ack(struct message *m, union any *v)
{
	return audit_ack_decode(m, &v->ack);
}

static void release_nothing(union any *v)
{
	(void)v;
}

/* --- what travels */

static char long_text[70001]; /* 70,000 characters */
static char hex[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
#define TEXT(s) ((char[]){ s })

static struct range4 ranges4[] = { { 0, 0 }, { 0x0a000000, 0x0affffff }, { UINT32_MAX, UINT32_MAX } };
static struct range6 ranges6[] = { { { 0, 0 }, { 0, 0 } }, { { 1, 0 }, { UINT64_MAX, UINT64_MAX } } };
static struct audit_policy_list policy_lists[] = { { TEXT("humanitec"), 3 }, { TEXT("office"), UINT64_MAX } };
static struct audit_policy_endpoint endpoints[] = {
	{ TEXT("prod-api"), TEXT("kubernetes-api"), TEXT("enforce"), TEXT("203.0.113.10 port 6443 tcp"), TEXT("platform"),
	  TEXT("deployments"), COVERAGE_UNPROTECTED, policy_lists, 2 },
	{ TEXT("db"), TEXT("database"), TEXT("observe"), TEXT("2001:db8::1 port 5432 tcp"), NULL, NULL, COVERAGE_OBSERVED,
	  NULL, 0 },
};
static struct audit_counter counters[] = {
	{ TEXT("prod-api"), COUNTER_ALLOW, 5, 8 }, { TEXT("prod-api"), COUNTER_OVER, UINT64_MAX, UINT64_MAX },
};
static struct audit_denied denied[] = {
	{ TEXT("prod-api"), { AF_INET, { 192, 0, 2, 1 } }, { AF_INET, { 203, 0, 113, 10 } }, IPPROTO_TCP, 6443, 12 },
	{ NULL, { AF_INET6, { 0x20, 1 } }, { AF_INET6, { 0x20, 2, [15] = 1 } }, IPPROTO_UDP, 65535, UINT64_MAX },
};

static struct fetch_header fetch_headers[] = {
	{ TEXT("X-Key"), TEXT("value") }, { TEXT("X-Other"), NULL }, { long_text, long_text },
};
static const union any fetch_requests[] = {
	{ .fetch_request = { 0 } },
	{ .fetch_request = { .url = TEXT("https://example.org/list"), .connect_timeout_ms = 1, .first_byte_timeout_ms = 2,
	                     .total_timeout_ms = 3, .max_redirects = 4, .max_bytes = 5, .proxy = TEXT("http://proxy:1"),
	                     .ca = TEXT("ca"), .pinned_key = TEXT("sha256//"), .certificate = TEXT("c"), .key = TEXT("k"),
	                     .token = TEXT("t"), .headers = fetch_headers, .header_count = 2, .etag = TEXT("\"e\""),
	                     .last_modified = TEXT("Tue, 24 Nov 2026 00:00:00 GMT"), .user_agent = TEXT("hallowd") } },
	{ .fetch_request = { .url = long_text, .connect_timeout_ms = UINT32_MAX, .first_byte_timeout_ms = UINT32_MAX,
	                     .total_timeout_ms = UINT32_MAX, .max_redirects = UINT32_MAX, .max_bytes = UINT64_MAX,
	                     .proxy = long_text, .ca = long_text, .pinned_key = long_text, .certificate = long_text,
	                     .key = long_text, .token = long_text, .headers = fetch_headers, .header_count = 3,
	                     .etag = long_text, .last_modified = long_text, .user_agent = long_text } },
};
static const union any fetch_results[] = {
	{ .fetch_result = { 0 } },
	{ .fetch_result = { FETCH_FAILED, true, 404, 12, TEXT("text/plain"), TEXT("e"), TEXT("l"), TEXT("not found") } },
	{ .fetch_result = { FETCH_NOT_MODIFIED, false, UINT32_MAX, UINT64_MAX, long_text, long_text, long_text,
	                    long_text } },
};
static const union any parse_requests[] = {
	{ .parse_request = { 0 } },
	{ .parse_request = { FORMAT_JSON, TEXT(".[]"), TEXT("application/json"), TEXT("a.json"), 8, 9, TEXT("k"), TEXT("s") } },
	{ .parse_request = { FORMAT_HTML, long_text, long_text, long_text, UINT64_MAX, UINT64_MAX, long_text,
	                     long_text } },
};
#define BAD_ROW { 7, TEXT("None"), TEXT("no address") }
static const union any parse_results[] = {
	{ .parse_result = { 0 } },
	{ .parse_result = { 1, TEXT(""), FORMAT_CSV, 100, hex, 5, 1, 2, 32, 255, { BAD_ROW }, 1,
	                    { ranges4, 3, 3, ranges6, 2, 2 } } },
	{ .parse_result = { 0, long_text, FORMAT_HTML, UINT64_MAX, hex, UINT64_MAX, UINT64_MAX, UINT64_MAX, 255, 128,
	                    { BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW, BAD_ROW,
	                      { UINT32_MAX, long_text, long_text } },
	                    PARSE_BAD_SHOWN, { ranges4, 3, 3, NULL, 0, 0 } } },
};
static const union any events[] = {
	{ .event = { 0 } },
	{ .event = { 1795487541123456, TEXT("refresh"), TEXT("humanitec"), TEXT("{\"outcome\":\"applied\"}") } },
	{ .event = { INT64_MIN, long_text, long_text, long_text } },
};
static const union any revisions[] = {
	{ .revision = { 0 } },
	{ .revision = { TEXT("humanitec"), 2, 9, 12, TEXT("[\"192.0.2.0/24\"]"), TEXT("[]"), TEXT("[{}]"), TEXT("guards"),
	                TEXT("") } },
	{ .revision = { long_text, UINT64_MAX, INT64_MAX, UINT64_MAX, long_text, long_text, long_text, long_text,
	                long_text } },
};
static union any policies[] = {
	{ .policy = { 0 } },
	{ .policy = { 3, TEXT("boot:net:7"), 1, 34560000, 1 << 30, 1000, UINT64_MAX, endpoints, 2 } },
	{ .policy = { INT64_MAX, long_text, 0, INT64_MIN, UINT64_MAX, UINT32_MAX, UINT64_MAX, NULL, 0 } }, /* filled in by large_values */
};
static union any readings[] = {
	{ .reading = { 0 } },
	{ .reading = { 4, TEXT("boot:net:7"), counters, 2, denied, 2 } },
	{ .reading = { INT64_MAX, long_text, NULL, 0, NULL, 0 } }, /* likewise */
};
#define ANY4 { AF_INET, { 192, 0, 2, 1 } }, { AF_INET, { 203, 0, 113, 10 } }
#define ANY6 { AF_INET6, { 0x20, 1 } }, { AF_INET6, { 0x20, 2, [15] = 1 } }
static struct audit_mirrored mirrored_rows[] = {
	{ 5, ANY4, 40000, 6443, IPPROTO_TCP, false, TEXT("prod-api"), TEXT("listed"), TEXT("office"), TEXT("3") },
	{ INT64_MAX, ANY6, 65535, 65535, IPPROTO_UDP, true, NULL, TEXT("not-listed"), TEXT("a,b"), TEXT("3,4") },
};
static struct audit_mirrored many_mirrored[MIRRORED_MAX];
static const union any mirrored[] = {
	{ .mirrored = { NULL, 0 } }, { .mirrored = { mirrored_rows, 2 } }, { .mirrored = { many_mirrored, MIRRORED_MAX } },
};
static const union any observed[] = {
	{ .observed = { .count = 0 } },
	{ .observed = { true, 7, { { 5, ANY4, 40000, 6443, IPPROTO_TCP }, { INT64_MAX, ANY6, 65535, 65535, IPPROTO_UDP } }, 2 } },
	{ .observed = { false, UINT64_MAX, { [0 ... OBSERVED_MAX - 1] = { 5, ANY6, 1, 2, IPPROTO_SCTP } }, OBSERVED_MAX } },
};
static const union any numbers[] = { { .number = 0 }, { .number = 9 }, { .number = UINT64_MAX } };
static const union any acks[] = {
	{ .ack = { 0, 0, 0, 0 } }, { .ack = { 1, 2, 3, 4 } }, { .ack = { UINT64_MAX, 1, UINT64_MAX, UINT64_MAX } }
};

#define CODEC(member, message, values) \
	{ #member, message, encode_##member, decode_##member, release_##member, same_##member, values, 3 }
static const struct codec codecs[] = {
	CODEC(fetch_request, MSG_FETCH_REQUEST, fetch_requests),
	CODEC(fetch_result, MSG_FETCH_RESULT, fetch_results),
	CODEC(parse_request, MSG_PARSE_REQUEST, parse_requests),
	CODEC(parse_result, MSG_PARSE_RESULT, parse_results),
	CODEC(event, MSG_EVENT, events),
	CODEC(revision, MSG_REVISION, revisions),
	CODEC(policy, MSG_POLICY, policies),
	CODEC(reading, MSG_READING, readings),
	CODEC(mirrored, MSG_MIRRORED, mirrored),
	{ "observed", MSG_OBSERVED, encode_observed, decode_observed, release_nothing, same_observed, observed, 3 },
	{ "number", MSG_READY, encode_number, decode_number, release_nothing, same_number, numbers, 3 },
	{ "ack", MSG_ACK, encode_ack, decode_ack, release_nothing, same_ack, acks, 3 },
};
#define CODEC_COUNT (sizeof(codecs) / sizeof(codecs[0]))
#define ORDINARY 1 /* the value that the expensive tests use */

#define MANY 3000
static struct audit_policy_endpoint many_endpoints[MANY];
static struct audit_counter many_counters[MANY];
static struct audit_denied many_denied[MANY];

static int large_values(void **state)
{
	(void)state;
	memset(long_text, 'z', sizeof(long_text) - 1);
	for (size_t i = 0; i < MANY; i++) {
		many_endpoints[i] = endpoints[i % 2];
		many_counters[i] = counters[i % 2];
		many_denied[i] = denied[i % 2];
	}
	for (size_t i = 0; i < MIRRORED_MAX; i++)
		many_mirrored[i] = mirrored_rows[i % 2];
	policies[2].policy.endpoints = many_endpoints;
	policies[2].policy.endpoint_count = MANY;
	readings[2].reading.counters = many_counters;
	readings[2].reading.counter_count = MANY;
	readings[2].reading.denied = many_denied;
	readings[2].reading.denied_count = MANY;
	return 0;
}

/* Decodes the bytes as a payload of `type`, from a block of just their size. */
static int decode_bytes(const struct codec *c, enum message_type type, const unsigned char *data, size_t len,
                        union any *v)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	struct message m = { type, SEQ, copy, copy + len, false };
	int result;

	memcpy(copy, data, len);
	memset(v, 0xa5, sizeof(*v)); /* decode may not rely on what was there */
	result = c->decode(&m, v);
	free(copy);
	return result;
}

/* The payload of a value. */
static struct buffer payload_of(const struct codec *c, const union any *v)
{
	struct buffer b = BUFFER_INIT;

	assert_int_equal(c->encode(&b, v), 0);
	buffer_consume(&b, MESSAGE_HEADER_SIZE);
	return b;
}

/* --- the tests */

static void all_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		for (size_t j = 0; j < codecs[i].count; j++) {
			const struct codec *c = &codecs[i];
			struct buffer b = BUFFER_INIT;
			struct message m;
			union any back;
			size_t used;

			assert_int_equal(c->encode(&b, &c->values[j]), 0);
			assert_int_equal(message_next(&b, MESSAGE_MAX_DEFAULT, &m, &used), 1);
			assert_int_equal(used, b.len);
			assert_int_equal(m.type, c->type);
			assert_int_equal(m.seq, c->type == MSG_EVENT || c->type == MSG_REVISION || c->type == MSG_MIRRORED ? SEQ : 0);
			if (decode_bytes(c, m.type, m.at, (size_t)(m.end - m.at), &back) != 0)
				fail_msg("%s %zu does not come back", c->name, j);
			c->same(&back, &c->values[j]);
			c->release(&back);
			buffer_free(&b);
		}
	}
}

static void what_is_cut_off_or_too_long_is_refused(void **state)
{
	long before = allocations();

	(void)state;
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		for (size_t j = 0; j <= ORDINARY; j++) {
			struct buffer b = payload_of(&codecs[i], &codecs[i].values[j]);
			union any v;

			for (size_t len = 0; len < b.len; len++)
				if (decode_bytes(&codecs[i], codecs[i].type, b.data, len, &v) != -1)
					fail_msg("%s, %zu bytes of %zu", codecs[i].name, len, b.len);
			buffer_add(&b, "", 1);
			assert_int_equal(decode_bytes(&codecs[i], codecs[i].type, b.data, b.len, &v), -1);
			buffer_free(&b);
		}
	}
	assert_int_equal(allocations(), before);
}

static void another_type_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		struct buffer b = payload_of(&codecs[i], &codecs[i].values[ORDINARY]);
		union any v;

		for (int type = 0; type <= MSG_TYPE_END; type++) {
			if (type == (int)codecs[i].type || codecs[i].type == MSG_READY)
				continue;
			assert_int_equal(decode_bytes(&codecs[i], (enum message_type)type, b.data, b.len, &v), -1);
		}
		buffer_free(&b);
	}
}

/* Every bit flipped: either refused, with nothing left, or a value that can be sent again. */
static void what_is_damaged_does_no_harm(void **state)
{
	long before = allocations();

	(void)state;
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		struct buffer b = payload_of(&codecs[i], &codecs[i].values[ORDINARY]);

		for (size_t bit = 0; bit < b.len * 8; bit++) {
			union any v;

			b.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
			if (decode_bytes(&codecs[i], codecs[i].type, b.data, b.len, &v) == 0) {
				struct buffer again = payload_of(&codecs[i], &v);

				assert_int_equal(again.len, b.len);
				assert_memory_equal(again.data, b.data, b.len);
				buffer_free(&again);
				codecs[i].release(&v);
			}
			b.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
		buffer_free(&b);
	}
	assert_int_equal(allocations(), before);
}

static void without_memory_nothing_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODEC_COUNT; i++) {
		const struct codec *c = &codecs[i];
		struct buffer b = payload_of(c, &c->values[ORDINARY]);
		int result = -1;

		for (long n = 0; result != 0; n++) {
			struct message m = { c->type, SEQ, b.data, b.data + b.len, false };
			long before = allocations();
			union any v;

			fail_allocation(n);
			result = c->decode(&m, &v);
			fail_allocation(-1);
			assert_true(n < 200);
			if (result == 0) {
				c->same(&v, &c->values[ORDINARY]);
				c->release(&v);
			}
			assert_int_equal(allocations(), before);
		}
		buffer_free(&b);
	}
}

/* Decodes a value after one byte of its payload was set. */
static int with_byte(const struct codec *c, size_t at, unsigned char value)
{
	struct buffer b = payload_of(c, &c->values[0]);
	union any v;
	int result;

	b.data[at] = value;
	result = decode_bytes(c, c->type, b.data, b.len, &v);
	if (result == 0)
		c->release(&v);
	buffer_free(&b);
	return result;
}

static void values_out_of_range_are_refused(void **state)
{
	enum { FETCH_RESULT = 1, PARSE_REQUEST = 2, PARSE_RESULT = 3, POLICY = 6 };
	/* Where these fields stand in an empty parse result: ok, error, format, bytes, sha256, three counts. */
	const size_t widest4 = 1 + 4 + 1 + 8 + 4 + 3 * 8;

	(void)state;
	assert_int_equal(with_byte(&codecs[FETCH_RESULT], 0, FETCH_FAILED), 0);
	assert_int_equal(with_byte(&codecs[FETCH_RESULT], 0, FETCH_FAILED + 1), -1);
	assert_int_equal(with_byte(&codecs[PARSE_REQUEST], 0, FORMAT_XML), 0);
	assert_int_equal(with_byte(&codecs[PARSE_REQUEST], 0, FORMAT_XML + 1), -1);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], 0, 1), 0);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], 0, 2), -1);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], 5, FORMAT_XML), 0);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], 5, FORMAT_XML + 1), -1);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4, 32), 0);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4, 33), -1);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4, 255), 0);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4 + 1, 128), 0);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4 + 1, 129), -1);
	assert_int_equal(with_byte(&codecs[PARSE_RESULT], widest4 + 2, PARSE_BAD_SHOWN + 1), -1);
	assert_int_equal(with_byte(&codecs[POLICY], 8 + 4, 1), 0);
	assert_int_equal(with_byte(&codecs[POLICY], 8 + 4, 2), -1);
}

static void a_digest_is_hex_or_nothing(void **state)
{
	const struct codec *c = &codecs[3];
	const char *const bad[] = { "0", "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		                    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		union any v = c->values[ORDINARY], back;
		struct buffer b;
		char text[80];

		snprintf(text, sizeof(text), "%s", bad[i]);
		v.parse_result.sha256 = text;
		b = payload_of(c, &v);
		assert_int_equal(decode_bytes(c, c->type, b.data, b.len, &back), -1);
		buffer_free(&b);
	}
}

static void a_denied_connection_is_of_one_family(void **state)
{
	struct audit_denied one = denied[0];
	union any v = { .reading = { 0, NULL, NULL, 0, &one, 1 } }, back;
	struct buffer b;

	(void)state;
	one.source.family = AF_INET6;
	b = payload_of(&codecs[7], &v);
	assert_int_equal(decode_bytes(&codecs[7], MSG_READING, b.data, b.len, &back), -1);
	buffer_free(&b);
}

static void formats_have_names(void **state)
{
	const char *const names[] = { "guess", "text", "json", "yaml", "csv", "html" };
	enum list_format f;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(list_format_parse(&f, names[i]), 0);
		assert_int_equal(f, i);
		assert_string_equal(list_format_name(f), names[i]);
	}
	assert_int_equal(list_format_parse(&f, "JSON"), -1);
	assert_int_equal(list_format_parse(&f, ""), -1);
}

int run_codec_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_come_back),
		cmocka_unit_test(what_is_cut_off_or_too_long_is_refused),
		cmocka_unit_test(another_type_is_refused),
		cmocka_unit_test(what_is_damaged_does_no_harm),
		cmocka_unit_test(without_memory_nothing_is_left),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(a_digest_is_hex_or_nothing),
		cmocka_unit_test(a_denied_connection_is_of_one_family),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests_name("codec", tests, large_values, NULL);
}
