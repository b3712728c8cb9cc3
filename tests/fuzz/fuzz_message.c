/* Feeds bytes to everything that reads what another process sent: framing, each message type, control lines.
 *
 * Input: one byte that says what the rest is: 0 a stream of messages; a message type: its payload; anything else: a
 * control line.  What is accepted must come back byte for byte when it is sent again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/audit_message.h"
#include "core/checkpoint_message.h"
#include "core/control.h"
#include "core/fetch_message.h"
#include "core/notify_message.h"
#include "core/observe_message.h"
#include "core/parse_message.h"
#include "core/resolve_message.h"

#define SEQ 5
#define CONTROL_WORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts unless `out` is a message of just this payload. */
static void must_match(struct buffer *out, int encoded, const uint8_t *payload, size_t size)
{
	if (encoded != 0 || out->len != MESSAGE_HEADER_SIZE + size ||
	    memcmp(out->data + MESSAGE_HEADER_SIZE, payload, size) != 0)
		abort();
	buffer_free(out);
}

#define ROUND_TRIP(name, encode_call) \
	{ \
		struct name v; \
		if (name##_decode(m, &v) == 0) { \
			must_match(&out, encode_call, payload, size); \
			name##_free(&v); \
		} \
		break; \
	}

static void try_message(struct message *m)
{
	const uint8_t *payload = m->at;
	size_t size = (size_t)(m->end - m->at);
	struct buffer out = BUFFER_INIT;
	const unsigned char *note;
	static struct observed_batch batch;
	struct audit_mirrored_batch mirrored;
	struct audit_ack ack;
	uint64_t number;
	size_t len;
	char *text;

	switch (m->type) {
	case MSG_FETCH_REQUEST:
		ROUND_TRIP(fetch_request, fetch_request_encode(&out, &v))
	case MSG_FETCH_RESULT:
		ROUND_TRIP(fetch_result, fetch_result_encode(&out, &v))
	case MSG_PARSE_REQUEST:
		ROUND_TRIP(parse_request, parse_request_encode(&out, &v))
	case MSG_PARSE_RESULT:
		ROUND_TRIP(parse_result, parse_result_encode(&out, &v))
	case MSG_EVENT:
		ROUND_TRIP(audit_event, audit_event_encode(&out, SEQ, &v))
	case MSG_REVISION:
		ROUND_TRIP(audit_revision, audit_revision_encode(&out, SEQ, &v))
	case MSG_POLICY:
		ROUND_TRIP(audit_policy, audit_policy_encode(&out, &v))
	case MSG_READING:
		ROUND_TRIP(audit_reading, audit_reading_encode(&out, &v))
	case MSG_MIRRORED:
		if (audit_mirrored_decode(m, &mirrored) == 0) {
			must_match(&out, audit_mirrored_encode(&out, SEQ, &mirrored), payload, size);
			audit_mirrored_free(&mirrored);
		}
		break;
	case MSG_OBSERVED:
		if (observed_decode(m, &batch) == 0)
			must_match(&out, observed_encode(&out, &batch), payload, size);
		break;
	case MSG_OBSERVE_REQUEST:
		if (observe_request_decode(m, &text) == 0) {
			must_match(&out, observe_request_encode(&out, text), payload, size);
			free(text);
		}
		break;
	case MSG_OBSERVE_REFUSED:
		if (observe_refused_decode(m, &text) == 0) {
			must_match(&out, observe_refused_encode(&out, text), payload, size);
			free(text);
		}
		break;
	case MSG_ACK:
		if (audit_ack_decode(m, &ack) == 0)
			must_match(&out, audit_ack_encode(&out, &ack), payload, size);
		break;
	case MSG_SYNC:
	case MSG_STOP:
	case MSG_READY:
	case MSG_SYNCED:
	case MSG_STALLED:
	case MSG_DUMP:
		if (audit_number_decode(m, &number) == 0)
			must_match(&out, audit_number_encode(&out, m->type, number), payload, size);
		break;
	case MSG_NOTIFY_REQUEST:
		ROUND_TRIP(notify_request, notify_request_encode(&out, &v))
	case MSG_NOTIFY_RESULT:
		if (notify_result_decode(m, &text) == 0) {
			must_match(&out, notify_result_encode(&out, text), payload, size);
			free(text);
		}
		break;
	case MSG_RESOLVE_REQUEST:
		ROUND_TRIP(resolve_request, resolve_request_encode(&out, &v))
	case MSG_RESOLVE_RESULT:
		ROUND_TRIP(resolve_result, resolve_result_encode(&out, &v))
	case MSG_WITNESS:
		if (witness_decode(m, &text, &number) == 0) {
			must_match(&out, witness_encode(&out, text, number), payload, size);
			free(text);
		}
		break;
	case MSG_CHECKPOINT:
		if (checkpoint_ask_decode(m, &number) == 0)
			must_match(&out, checkpoint_ask_encode(&out, number), payload, size);
		break;
	case MSG_SIGN:
		ROUND_TRIP(checkpoint_request, checkpoint_request_encode(&out, &v))
	case MSG_SIGNED:
		if (signed_decode(m, &note, &len) == 0)
			must_match(&out, signed_encode(&out, note, len), payload, size);
		break;
	case MSG_REFUSED:
		if (refused_decode(m, &text) == 0) {
			must_match(&out, refused_encode(&out, text), payload, size);
			free(text);
		}
		break;
	default: /* read where they are handled, with nothing of their own to decode */
		break;
	}
}

static void try_stream(const uint8_t *data, size_t size)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	size_t used;

	if (buffer_add(&in, data, size) != 0)
		abort();
	while (message_next(&in, MESSAGE_MAX_DEFAULT, &m, &used) == 1) {
		if (used > in.len)
			abort();
		try_message(&m);
		buffer_consume(&in, used);
	}
	buffer_free(&in);
}

static void try_control(const uint8_t *data, size_t size)
{
	struct buffer in = BUFFER_INIT, out = BUFFER_INIT;
	char *words[CONTROL_WORDS], *again[CONTROL_WORDS];
	size_t count, count_again;

	if (buffer_add(&in, data, size) != 0 || buffer_str(&in) == NULL)
		abort();
	if (control_line_decode((char *)in.data, words, CONTROL_WORDS, &count) == 0 &&
	    control_line_encode(&out, (const char *const *)words, count) == 0) {
		out.data[out.len - 1] = '\0';
		if (control_line_decode((char *)out.data, again, CONTROL_WORDS, &count_again) != 0 || count_again != count)
			abort();
		for (size_t i = 0; i < count; i++)
			if (strcmp(words[i], again[i]) != 0)
				abort();
	}
	buffer_free(&in);
	buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;

	if (size == 0)
		return 0;
	if (data[0] == 0) {
		try_stream(data + 1, size - 1);
	} else if (data[0] < MSG_TYPE_END) {
		m = (struct message){ (enum message_type)data[0], SEQ, data + 1, data + size, false };
		try_message(&m);
	} else {
		try_control(data + 1, size - 1);
	}
	return 0;
}
