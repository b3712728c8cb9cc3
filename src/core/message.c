#include "core/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


struct header {
	uint32_t len;
	uint16_t type;
	uint16_t zero;
	uint64_t seq;
};

_Static_assert(sizeof(struct header) == MESSAGE_HEADER_SIZE, "no padding in the header");
_Static_assert(sizeof(struct range4) == 8 && sizeof(struct range6) == 32, "ranges travel as they are in memory");

/* How much is read at once: memory grows with what arrives, not with what a header claims. */
#define CHUNK (1u << 20)

/* --- writing */

static void put(struct message_writer *w, const void *data, size_t len)
{
	if (w->error == 0 && buffer_add(w->out, data, len) != 0)
		w->error = ENOMEM;
}

void message_begin(struct message_writer *w, struct buffer *out, enum message_type type, uint64_t seq)
{
	struct header h = { 0, (uint16_t)type, 0, seq };

	*w = (struct message_writer){ out, out->len, 0 };
	put(w, &h, sizeof(h));
}

void put_u8(struct message_writer *w, uint8_t v)
{
	put(w, &v, sizeof(v));
}

void put_u32(struct message_writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

void put_u64(struct message_writer *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

void put_i64(struct message_writer *w, int64_t v)
{
	put(w, &v, sizeof(v));
}

void put_count(struct message_writer *w, size_t count)
{
	if (count > UINT32_MAX && w->error == 0)
		w->error = EMSGSIZE;
	put_u32(w, (uint32_t)count);
}

void put_bytes(struct message_writer *w, const void *data, size_t len)
{
	put_count(w, len);
	put(w, data, len);
}

void put_string(struct message_writer *w, const char *s)
{
	put_bytes(w, s, s == NULL ? 0 : strlen(s));
}

void put_address(struct message_writer *w, const struct address *a)
{
	put_u8(w, a->family == AF_INET ? 4 : 6);
	put(w, a->bytes, a->family == AF_INET ? 4 : 16);
}

void put_prefix_set(struct message_writer *w, const struct prefix_set *s)
{
	put_count(w, s->v4_count);
	put_count(w, s->v6_count);
	put(w, s->v4, s->v4_count * sizeof(*s->v4));
	put(w, s->v6, s->v6_count * sizeof(*s->v6));
}

int message_end(struct message_writer *w)
{
	size_t payload = w->out->len - w->start - (w->error == 0 ? MESSAGE_HEADER_SIZE : 0);
	uint32_t len = (uint32_t)payload;

	if (w->error == 0 && payload > UINT32_MAX)
		w->error = EMSGSIZE;
	if (w->error != 0) {
		w->out->len = w->start;
		errno = w->error;
		return -1;
	}
	memcpy(w->out->data + w->start, &len, sizeof(len));
	return 0;
}

/* --- reading */

/* The next `len` bytes, or NULL and bad. */
static const unsigned char *take(struct message *m, size_t len)
{
	const unsigned char *at = m->at;

	if (m->bad || len > (size_t)(m->end - m->at)) {
		m->bad = true;
		return NULL;
	}
	m->at += len;
	return at;
}

static void get(struct message *m, void *to, size_t len)
{
	const unsigned char *at = take(m, len);

	if (at == NULL)
		memset(to, 0, len);
	else
		memcpy(to, at, len);
}

uint8_t get_u8(struct message *m)
{
	uint8_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint32_t get_u32(struct message *m)
{
	uint32_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint16_t get_port(struct message *m)
{
	uint32_t port = get_u32(m);

	if (port > UINT16_MAX)
		m->bad = true;
	return m->bad ? 0 : (uint16_t)port;
}

uint64_t get_u64(struct message *m)
{
	uint64_t v;

	get(m, &v, sizeof(v));
	return v;
}

int64_t get_i64(struct message *m)
{
	int64_t v;

	get(m, &v, sizeof(v));
	return v;
}

uint8_t get_choice(struct message *m, uint8_t last)
{
	uint8_t v = get_u8(m);

	if (v <= last)
		return v;
	m->bad = true;
	return 0;
}

size_t get_count(struct message *m, size_t least)
{
	uint32_t count = get_u32(m);

	if (!m->bad && count <= (size_t)(m->end - m->at) / least)
		return count;
	m->bad = true;
	return 0;
}

const unsigned char *get_bytes(struct message *m, size_t *len)
{
	const unsigned char *at;

	*len = get_count(m, 1);
	at = take(m, *len);
	return at == NULL ? (const unsigned char *)"" : at;
}

char *get_string(struct message *m)
{
	size_t len;
	const unsigned char *at = get_bytes(m, &len);
	char *s;

	if (memchr(at, '\0', len) != NULL) {
		m->bad = true;
		len = 0;
	}
	s = malloc(len + 1);
	if (s == NULL) {
		m->bad = true;
		return NULL;
	}
	memcpy(s, at, len);
	s[len] = '\0';
	return s;
}

void get_address(struct message *m, struct address *a)
{
	uint8_t version = get_u8(m);

	memset(a, 0, sizeof(*a));
	a->family = version == 4 ? AF_INET : AF_INET6;
	if (version != 4 && version != 6)
		m->bad = true;
	get(m, a->bytes, version == 4 ? 4 : 16);
}

static bool normalized4(const struct range4 *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (r[i].first > r[i].last)
			return false;
		if (i > 0 && (r[i - 1].last == UINT32_MAX || r[i].first <= r[i - 1].last + 1))
			return false;
	}
	return true;
}

static bool less128(struct u128 a, struct u128 b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/* Whether a range that begins at `first` is behind one that ends at `last`, with a gap between. */
static bool apart128(struct u128 last, struct u128 first)
{
	struct u128 next = { last.hi + (last.lo == UINT64_MAX), last.lo + 1 };

	return less128(last, next) && less128(next, first);
}

static bool normalized6(const struct range6 *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (less128(r[i].last, r[i].first))
			return false;
		if (i > 0 && !apart128(r[i - 1].last, r[i].first))
			return false;
	}
	return true;
}

/* A copy of the next `count` items; NULL where there are none, or bad. */
static void *copy_items(struct message *m, size_t count, size_t size)
{
	const unsigned char *at = take(m, count * size);
	void *copy;

	if (at == NULL || count == 0)
		return NULL;
	copy = malloc(count * size);
	if (copy == NULL)
		m->bad = true;
	else
		memcpy(copy, at, count * size);
	return copy;
}

int get_prefix_set(struct message *m, struct prefix_set *s)
{
	size_t count4, count6;

	prefix_set_free(s);
	count4 = get_count(m, sizeof(*s->v4));
	count6 = get_count(m, sizeof(*s->v6));
	s->v4 = copy_items(m, count4, sizeof(*s->v4));
	s->v6 = copy_items(m, count6, sizeof(*s->v6));
	if (!m->bad && normalized4(s->v4, count4) && normalized6(s->v6, count6)) {
		s->v4_count = s->v4_cap = count4;
		s->v6_count = s->v6_cap = count6;
		return 0;
	}
	m->bad = true;
	prefix_set_free(s);
	return -1;
}

bool message_done(const struct message *m)
{
	return !m->bad && m->at == m->end;
}

/* --- framing */

static int header_check(const struct header *h, size_t max)
{
	if (h->zero == 0 && h->type >= MSG_FETCH_REQUEST && h->type < MSG_TYPE_END && h->len <= max)
		return 0;
	errno = EBADMSG;
	return -1;
}

int message_next(struct buffer *in, size_t max, struct message *m, size_t *used)
{
	struct header h;

	if (in->len < sizeof(h))
		return 0;
	memcpy(&h, in->data, sizeof(h));
	if (header_check(&h, max) != 0)
		return -1;
	if (in->len - sizeof(h) < h.len)
		return 0;
	*used = sizeof(h) + h.len;
	*m = (struct message){ (enum message_type)h.type, h.seq, in->data + sizeof(h), in->data + *used, false };
	return 1;
}

/* 1 when `len` more bytes are in `in`, 0 at end of file before the first of them, -1 with *err. */
static int receive_bytes(int fd, size_t len, struct buffer *in, struct error *err)
{
	size_t start = in->len;

	while (in->len - start < len) {
		size_t left = len - (in->len - start);
		size_t want = left < CHUNK ? left : CHUNK;
		ssize_t n;

		if (buffer_reserve(in, want) != 0)
			return error_errno(err, errno, "cannot read a message of %zu bytes", len);
		n = read(fd, in->data + in->len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read a message");
		if (n == 0 && in->len == start)
			return 0;
		if (n == 0)
			return error_set(err, "the connection ended in the middle of a message");
		in->len += (size_t)n;
	}
	return 1;
}

int message_receive(int fd, size_t max, struct buffer *in, struct message *m, struct error *err)
{
	struct header h;
	size_t used;
	int result;

	in->len = 0;
	result = receive_bytes(fd, sizeof(h), in, err);
	if (result != 1)
		return result;
	memcpy(&h, in->data, sizeof(h));
	if (header_check(&h, max) != 0)
		return error_set(err, "what arrived is no message, or is longer than %zu bytes", max);
	result = h.len == 0 ? 1 : receive_bytes(fd, h.len, in, err);
	if (result == 0)
		return error_set(err, "the connection ended in the middle of a message");
	if (result < 0)
		return -1;
	return message_next(in, max, m, &used);
}

int message_send(int fd, const struct buffer *out, struct error *err)
{
	size_t sent = 0;

	while (sent < out->len) {
		ssize_t n = send(fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot send a message");
		sent += (size_t)n;
	}
	return 0;
}
