#include "core/audit_message.h"

#include <stdlib.h>
#include <string.h>

/* The fewest bytes that an item of an array takes on the wire: a string is at least its length. */
#define STRING_LEAST 4
#define LIST_LEAST (STRING_LEAST + 8)
#define ENDPOINT_LEAST (6 * STRING_LEAST + 1 + 4)
#define COUNTER_LEAST (STRING_LEAST + 1 + 8 + 8)
#define MIRRORED_LEAST (8 + 5 + 5 + 4 + 4 + 1 + 1 + 4 * STRING_LEAST)
#define DENIED_LEAST (STRING_LEAST + 5 + 5 + 1 + 4 + 8)

/* An array for the `*count` items of at least `least` bytes that follow; NULL where there are none, or bad. */
static void *get_array(struct message *m, size_t least, size_t size, size_t *count)
{
	size_t n = get_count(m, least);
	void *array;

	*count = 0;
	if (n == 0)
		return NULL;
	array = calloc(n, size);
	if (array == NULL)
		m->bad = true;
	else
		*count = n;
	return array;
}

/* --- event */

int audit_event_encode(struct buffer *out, uint64_t seq, const struct audit_event *e)
{
	struct message_writer w;

	message_begin(&w, out, MSG_EVENT, seq);
	put_i64(&w, e->time);
	put_string(&w, e->kind);
	put_string(&w, e->subject);
	put_string(&w, e->detail);
	return message_end(&w);
}

int audit_event_decode(struct message *m, struct audit_event *e)
{
	memset(e, 0, sizeof(*e));
	if (m->type != MSG_EVENT)
		return -1;
	e->time = get_i64(m);
	e->kind = get_string(m);
	e->subject = get_string(m);
	e->detail = get_string(m);
	if (message_done(m))
		return 0;
	audit_event_free(e);
	return -1;
}

void audit_event_free(struct audit_event *e)
{
	if (e == NULL)
		return;
	free(e->kind);
	free(e->subject);
	free(e->detail);
	memset(e, 0, sizeof(*e));
}

/* --- revision */

int audit_revision_encode(struct buffer *out, uint64_t seq, const struct audit_revision *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_REVISION, seq);
	put_string(&w, r->list);
	put_u64(&w, r->revision);
	put_i64(&w, r->time);
	put_u64(&w, r->entries);
	put_string(&w, r->added);
	put_string(&w, r->removed);
	put_string(&w, r->origins);
	put_string(&w, r->decided_by);
	put_string(&w, r->reason);
	return message_end(&w);
}

int audit_revision_decode(struct message *m, struct audit_revision *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_REVISION)
		return -1;
	r->list = get_string(m);
	r->revision = get_u64(m);
	r->time = get_i64(m);
	r->entries = get_u64(m);
	r->added = get_string(m);
	r->removed = get_string(m);
	r->origins = get_string(m);
	r->decided_by = get_string(m);
	r->reason = get_string(m);
	if (message_done(m))
		return 0;
	audit_revision_free(r);
	return -1;
}

void audit_revision_free(struct audit_revision *r)
{
	if (r == NULL)
		return;
	free(r->list);
	free(r->added);
	free(r->removed);
	free(r->origins);
	free(r->decided_by);
	free(r->reason);
	memset(r, 0, sizeof(*r));
}

/* --- connections that were only seen */

int audit_mirrored_encode(struct buffer *out, uint64_t seq, const struct audit_mirrored_batch *b)
{
	struct message_writer w;

	message_begin(&w, out, MSG_MIRRORED, seq);
	put_count(&w, b->count);
	for (size_t i = 0; i < b->count; i++) {
		const struct audit_mirrored *row = &b->rows[i];

		put_i64(&w, row->time);
		put_address(&w, &row->source);
		put_address(&w, &row->destination);
		put_u32(&w, row->source_port);
		put_u32(&w, row->destination_port);
		put_u8(&w, row->protocol);
		put_u8(&w, row->denied);
		put_string(&w, row->endpoint);
		put_string(&w, row->reason);
		put_string(&w, row->list);
		put_string(&w, row->revision);
	}
	return message_end(&w);
}

int audit_mirrored_decode(struct message *m, struct audit_mirrored_batch *b)
{
	memset(b, 0, sizeof(*b));
	if (m->type != MSG_MIRRORED)
		return -1;
	b->rows = get_array(m, MIRRORED_LEAST, sizeof(*b->rows), &b->count);
	for (size_t i = 0; i < b->count; i++) {
		struct audit_mirrored *row = &b->rows[i];

		row->time = get_i64(m);
		get_address(m, &row->source);
		get_address(m, &row->destination);
		row->source_port = get_port(m);
		row->destination_port = get_port(m);
		row->protocol = get_u8(m);
		row->denied = get_choice(m, 1) == 1;
		row->endpoint = get_string(m);
		row->reason = get_string(m);
		row->list = get_string(m);
		row->revision = get_string(m);
	}
	if (message_done(m))
		return 0;
	audit_mirrored_free(b);
	return -1;
}

void audit_mirrored_free(struct audit_mirrored_batch *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->count; i++) {
		free(b->rows[i].endpoint);
		free(b->rows[i].reason);
		free(b->rows[i].list);
		free(b->rows[i].revision);
	}
	free(b->rows);
	memset(b, 0, sizeof(*b));
}

/* --- policy */

static void put_endpoint(struct message_writer *w, const struct audit_policy_endpoint *e)
{
	put_string(w, e->name);
	put_string(w, e->kind);
	put_string(w, e->mode);
	put_string(w, e->where);
	put_string(w, e->owner);
	put_string(w, e->reason);
	put_u8(w, e->state);
	put_count(w, e->list_count);
	for (size_t i = 0; i < e->list_count; i++) {
		put_string(w, e->lists[i].name);
		put_u64(w, e->lists[i].revision);
	}
}

static void get_endpoint(struct message *m, struct audit_policy_endpoint *e)
{
	e->name = get_string(m);
	e->kind = get_string(m);
	e->mode = get_string(m);
	e->where = get_string(m);
	e->owner = get_string(m);
	e->reason = get_string(m);
	e->state = get_choice(m, COVERAGE_UNPROTECTED);
	e->lists = get_array(m, LIST_LEAST, sizeof(*e->lists), &e->list_count);
	for (size_t i = 0; i < e->list_count && !m->bad; i++) {
		e->lists[i].name = get_string(m);
		e->lists[i].revision = get_u64(m);
	}
}

static void endpoint_free(struct audit_policy_endpoint *e)
{
	free(e->name);
	free(e->kind);
	free(e->mode);
	free(e->where);
	free(e->owner);
	free(e->reason);
	for (size_t i = 0; i < e->list_count; i++)
		free(e->lists[i].name);
	free(e->lists);
}

int audit_policy_encode(struct buffer *out, const struct audit_policy *p)
{
	struct message_writer w;

	message_begin(&w, out, MSG_POLICY, 0);
	put_i64(&w, p->time);
	put_string(&w, p->epoch);
	put_u8(&w, p->continued);
	put_i64(&w, p->retention_seconds);
	put_u64(&w, p->max_bytes);
	put_u32(&w, p->evidence_packets);
	put_u64(&w, p->evidence_size);
	put_count(&w, p->endpoint_count);
	for (size_t i = 0; i < p->endpoint_count; i++)
		put_endpoint(&w, &p->endpoints[i]);
	return message_end(&w);
}

int audit_policy_decode(struct message *m, struct audit_policy *p)
{
	memset(p, 0, sizeof(*p));
	if (m->type != MSG_POLICY)
		return -1;
	p->time = get_i64(m);
	p->epoch = get_string(m);
	p->continued = get_choice(m, 1);
	p->retention_seconds = get_i64(m);
	p->max_bytes = get_u64(m);
	p->evidence_packets = get_u32(m);
	p->evidence_size = get_u64(m);
	p->endpoints = get_array(m, ENDPOINT_LEAST, sizeof(*p->endpoints), &p->endpoint_count);
	for (size_t i = 0; i < p->endpoint_count && !m->bad; i++)
		get_endpoint(m, &p->endpoints[i]);
	if (message_done(m))
		return 0;
	audit_policy_free(p);
	return -1;
}

void audit_policy_free(struct audit_policy *p)
{
	if (p == NULL)
		return;
	free(p->epoch);
	for (size_t i = 0; i < p->endpoint_count; i++)
		endpoint_free(&p->endpoints[i]);
	free(p->endpoints);
	memset(p, 0, sizeof(*p));
}

/* --- reading */

static void put_denied(struct message_writer *w, const struct audit_denied *d)
{
	put_string(w, d->endpoint);
	put_address(w, &d->source);
	put_address(w, &d->destination);
	put_u8(w, d->protocol);
	put_u32(w, d->port);
	put_u64(w, d->packets);
}

static void get_denied(struct message *m, struct audit_denied *d)
{
	uint32_t port;

	d->endpoint = get_string(m);
	get_address(m, &d->source);
	get_address(m, &d->destination);
	d->protocol = get_u8(m);
	port = get_u32(m);
	d->packets = get_u64(m);
	if (port > UINT16_MAX || d->source.family != d->destination.family)
		m->bad = true;
	d->port = (uint16_t)port;
}

int audit_reading_encode(struct buffer *out, const struct audit_reading *r)
{
	struct message_writer w;

	message_begin(&w, out, MSG_READING, 0);
	put_i64(&w, r->time);
	put_string(&w, r->epoch);
	put_count(&w, r->counter_count);
	for (size_t i = 0; i < r->counter_count; i++) {
		put_string(&w, r->counters[i].endpoint);
		put_u8(&w, r->counters[i].kind);
		put_u64(&w, r->counters[i].packets);
		put_u64(&w, r->counters[i].handle);
	}
	put_count(&w, r->denied_count);
	for (size_t i = 0; i < r->denied_count; i++)
		put_denied(&w, &r->denied[i]);
	return message_end(&w);
}

int audit_reading_decode(struct message *m, struct audit_reading *r)
{
	memset(r, 0, sizeof(*r));
	if (m->type != MSG_READING)
		return -1;
	r->time = get_i64(m);
	r->epoch = get_string(m);
	r->counters = get_array(m, COUNTER_LEAST, sizeof(*r->counters), &r->counter_count);
	for (size_t i = 0; i < r->counter_count && !m->bad; i++) {
		r->counters[i].endpoint = get_string(m);
		r->counters[i].kind = get_choice(m, COUNTER_OVER);
		r->counters[i].packets = get_u64(m);
		r->counters[i].handle = get_u64(m);
	}
	r->denied = get_array(m, DENIED_LEAST, sizeof(*r->denied), &r->denied_count);
	for (size_t i = 0; i < r->denied_count && !m->bad; i++)
		get_denied(m, &r->denied[i]);
	if (message_done(m))
		return 0;
	audit_reading_free(r);
	return -1;
}

void audit_reading_free(struct audit_reading *r)
{
	if (r == NULL)
		return;
	free(r->epoch);
	for (size_t i = 0; i < r->counter_count; i++)
		free(r->counters[i].endpoint);
	free(r->counters);
	for (size_t i = 0; i < r->denied_count; i++)
		free(r->denied[i].endpoint);
	free(r->denied);
	memset(r, 0, sizeof(*r));
}

/* --- numbers */

int audit_number_encode(struct buffer *out, enum message_type type, uint64_t number)
{
	struct message_writer w;

	message_begin(&w, out, type, 0);
	put_u64(&w, number);
	return message_end(&w);
}

int audit_number_decode(struct message *m, uint64_t *number)
{
	*number = 0;
	if (m->type != MSG_SYNC && m->type != MSG_SYNCED && m->type != MSG_READY && m->type != MSG_STOP &&
	    m->type != MSG_STALLED && m->type != MSG_DUMP)
		return -1;
	*number = get_u64(m);
	return message_done(m) ? 0 : -1;
}

int audit_ack_encode(struct buffer *out, const struct audit_ack *a)
{
	struct message_writer w;

	message_begin(&w, out, MSG_ACK, 0);
	put_u64(&w, a->seq);
	put_u64(&w, a->recorded);
	put_u64(&w, a->lost);
	put_u64(&w, a->behind_ms);
	return message_end(&w);
}

int audit_ack_decode(struct message *m, struct audit_ack *a)
{
	memset(a, 0, sizeof(*a));
	if (m->type != MSG_ACK)
		return -1;
	a->seq = get_u64(m);
	a->recorded = get_u64(m);
	a->lost = get_u64(m);
	a->behind_ms = get_u64(m);
	return message_done(m) ? 0 : -1;
}
