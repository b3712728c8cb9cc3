#include "record/leaves.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_START 80 /* of the bytes of a connection in front of its decision */

static int done(struct store *s, int rc)
{
	return rc == SQLITE_OK ? 0 : store_tree_failed(s, rc);
}

int leaves_append(struct store *s, enum leaf_kind kind, int64_t id)
{
	return done(s, tree_append(&s->tree, kind, id));
}

int leaves_hour(struct store *s, int64_t hour)
{
	return done(s, tree_turn_hour(&s->tree, hour));
}

int leaves_retire(struct store *s, enum leaf_kind kind, time_us before, unsigned most, int *deleted)
{
	const struct tree_retire q = { before, most, LEAVES_ANNOUNCED, time_now(), s->signed_size, !s->has_signer };
	uint64_t gone, announced;
	int rc = tree_retire(&s->tree, kind, &q, &gone, &announced);

	*deleted += (int)gone;
	s->announced = s->announced || announced > 0;
	return done(s, rc);
}

/* --- connections: very many, so their bytes are made of what is known, and not read back */

static const char *protocol_text(uint8_t protocol, char out[4])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		snprintf(out, 4, "%u", protocol);
		return out;
	}
}

/* The fields that a decision says, as bytes: those behind `protocol`. */
static int encode_decision(struct store *s, int64_t id, struct buffer *out)
{
	sqlite3_stmt *stmt = store_use(s, ST_DECISION_TEXTS);
	int got, result = 0;

	sqlite3_bind_int64(stmt, 1, id);
	got = store_step(s, stmt);
	if (got != 1)
		return got == -1 ? -1 : done(s, SQLITE_CORRUPT);
	for (int i = 0; i < sqlite3_column_count(stmt) && result == 0; i++) {
		const char *text = (const char *)sqlite3_column_text(stmt, i);
		size_t len = (size_t)sqlite3_column_bytes(stmt, i);

		if (text == NULL || buffer_reserve(out, len + 4) == -1)
			result = store_no_memory(s);
		else
			leaf_put_text(out, text, len);
	}
	store_reset(stmt);
	return result;
}

static int decision_bytes(struct store *s, int64_t id, const struct buffer **bytes)
{
	struct store_decision *d = &s->decisions[(uint64_t)id % STORE_DECISIONS];

	*bytes = &d->bytes;
	if (d->id == id)
		return 0;
	d->id = 0;
	d->bytes.len = 0;
	if (encode_decision(s, id, &d->bytes) == -1)
		return -1;
	d->id = id;
	return 0;
}

static void put_port(struct buffer *out, int32_t port)
{
	leaf_put_optional(out, port != PORT_UNKNOWN, port);
}

int leaves_connection(struct store *s, int64_t id, const struct row *row, int64_t decision)
{
	struct buffer *out = &s->tree.bytes;
	const struct buffer *rest;
	char number[4];
	const char *protocol = protocol_text(row->protocol, number);

	out->len = 0;
	if (decision_bytes(s, decision, &rest) == -1)
		return -1;
	if (buffer_reserve(out, LONGEST_START + rest->len) == -1)
		return store_no_memory(s);
	leaf_put_kind(out, LEAF_CONNECTION);
	leaf_put_number(out, id);
	leaf_put_number(out, row->time);
	leaf_put_address(out, &row->source);
	put_port(out, row->source_port);
	leaf_put_address(out, &row->destination);
	put_port(out, row->destination_port);
	leaf_put_text(out, protocol, strlen(protocol));
	memcpy(out->data + out->len, rest->data, rest->len);
	out->len += rest->len;
	return done(s, tree_append_bytes(&s->tree, LEAF_CONNECTION, id, out->data, out->len));
}
