#include "audit/block.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 10 /* bytes of a LEB128 number of 64 bits */

/* --- order: decision, family, address; of equals the earlier row first */

#define KEY_BYTES 25 /* decision 8, family 1, address 16: the most significant first */

static uint8_t key_byte(const struct block_row *row, unsigned i)
{
	if (i < 8)
		return (uint8_t)((uint64_t)row->decision >> (56 - 8 * i));
	if (i == 8)
		return row->source.family == AF_INET6;
	return row->source.bytes[i - 9];
}

/* Which bytes of the key are not the same in all rows. */
static void find_varying(bool varying[KEY_BYTES], const struct block_row *rows, size_t count)
{
	struct block_row differences = { 0, 0, 0, { 0, { 0 } } };

	for (size_t i = 1; i < count; i++) {
		differences.decision |= rows[i].decision ^ rows[0].decision;
		differences.source.family |= rows[i].source.family ^ rows[0].source.family;
		for (size_t j = 0; j < sizeof(rows[0].source.bytes); j++)
			differences.source.bytes[j] |= rows[i].source.bytes[j] ^ rows[0].source.bytes[j];
	}
	for (unsigned i = 0; i < KEY_BYTES; i++)
		varying[i] = i == 8 ? differences.source.family != 0 : key_byte(&differences, i) != 0;
}

/* One pass of a radix sort: stable. */
static void sort_by_byte(unsigned key, const struct block_row *rows, const uint16_t *from, uint16_t *to, size_t count)
{
	size_t starts[257] = { 0 };

	for (size_t i = 0; i < count; i++)
		starts[key_byte(&rows[i], key) + 1]++;
	for (size_t i = 1; i < 256; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < count; i++)
		to[starts[key_byte(&rows[from[i]], key)]++] = from[i];
}

/* Fills order[0] to order[count - 1]; uses as much again behind it. */
static void sort_rows(uint16_t *order, const struct block_row *rows, size_t count)
{
	uint16_t *from = order, *to = order + count, *other;
	bool varying[KEY_BYTES];

	for (size_t i = 0; i < count; i++)
		order[i] = (uint16_t)i;
	find_varying(varying, rows, count);
	for (unsigned key = KEY_BYTES; key-- > 0;) {
		if (!varying[key])
			continue;
		sort_by_byte(key, rows, from, to, count);
		other = from;
		from = to;
		to = other;
	}
	if (from != order)
		memcpy(order, from, count * sizeof(*order));
}

/* --- writing */

static unsigned char *put(unsigned char *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (unsigned char)(number | 0x80);
	*at++ = (unsigned char)number;
	return at;
}

static uint64_t difference(int64_t a, int64_t b)
{
	return (uint64_t)a - (uint64_t)b;
}

static bool same_source(const struct block_row *a, const struct block_row *b)
{
	return a->decision == b->decision && memcmp(a->source.bytes, b->source.bytes, sizeof(a->source.bytes)) == 0 &&
	       a->source.family == b->source.family;
}

/* The rows of one source: those of the earliest and the latest time, and whether some time is not the row's id. */
struct run {
	const struct block_row *rows;
	const uint16_t *order;
	size_t count, earliest, latest; /* the latter two: index in `order` */
	bool lags;
};

static void look_at(struct run *r)
{
	r->earliest = r->latest = 0;
	for (size_t i = 1; i < r->count; i++) {
		if (r->rows[r->order[i]].time < r->rows[r->order[r->earliest]].time)
			r->earliest = i;
		if (r->rows[r->order[i]].time >= r->rows[r->order[r->latest]].time)
			r->latest = i;
	}
	/* Where all times are the same, the first is the earliest and the last the latest, so these are two rows. */
	r->lags = r->rows[r->order[r->earliest]].id != r->rows[r->order[r->earliest]].time ||
	          r->rows[r->order[r->latest]].id != r->rows[r->order[r->latest]].time;
}

static unsigned char *put_source(unsigned char *at, const struct run *r, uint32_t previous, time_us min_time)
{
	const struct block_row *first = &r->rows[r->order[r->earliest]], *last = &r->rows[r->order[r->latest]];

	if (first->source.family == AF_INET6) {
		memcpy(at, first->source.bytes, 16);
		at += 16;
	} else {
		at = put(at, address_to4(&first->source) - previous);
	}
	at = put(at, (uint64_t)r->count << 1 | r->lags);
	at = put(at, difference(first->time, min_time));
	if (r->count > 1)
		at = put(at, difference(last->time, first->time));
	if (r->lags)
		at = put(at, difference(first->id, first->time));
	if (r->lags && r->count > 1)
		at = put(at, difference(last->id, last->time));
	return at;
}

static unsigned char *put_places(unsigned char *at, const struct run *r, int64_t previous)
{
	for (size_t i = 0; i < r->count && r->count > 2; i++) {
		if (i == r->earliest || i == r->latest)
			continue;
		at = put(at, difference(r->rows[r->order[i]].id, previous));
		previous = r->rows[r->order[i]].id;
	}
	return at;
}

/* The rows of one decision: `count` of them, in order. */
static int add_decision(struct block *b, const struct block_row *rows, const uint16_t *order, size_t count,
                        int64_t previous_decision)
{
	size_t sources = b->sources.len, places = b->places.len;
	uint64_t sources4 = 0, sources6 = 0;
	uint32_t previous = 0;
	unsigned char head[6 * NUMBER_MAX], *at = head;

	for (size_t i = 0; i < count;) {
		struct run r = { rows, order + i, 1, 0, 0, false };

		while (i + r.count < count && same_source(&rows[order[i]], &rows[order[i + r.count]]))
			r.count++;
		if (buffer_reserve(&b->sources, 16 + 5 * NUMBER_MAX) == -1 ||
		    buffer_reserve(&b->places, r.count * NUMBER_MAX) == -1)
			return -1;
		look_at(&r);
		b->sources.len = (size_t)(put_source(b->sources.data + b->sources.len, &r, previous, b->min_time) -
		                          b->sources.data);
		b->places.len = (size_t)(put_places(b->places.data + b->places.len, &r, b->first_id) - b->places.data);
		if (rows[order[i]].source.family == AF_INET6) {
			sources6++;
		} else {
			sources4++;
			previous = address_to4(&rows[order[i]].source);
		}
		i += r.count;
	}
	at = put(at, difference(rows[order[0]].decision, previous_decision));
	at = put(at, count);
	at = put(at, sources4);
	at = put(at, sources6);
	at = put(at, b->sources.len - sources);
	at = put(at, b->places.len - places);
	return buffer_add(&b->decisions, head, (size_t)(at - head));
}

static int add_decisions(struct block *b, const struct block_row *rows, const uint16_t *order, size_t count)
{
	int64_t previous = 0;

	for (size_t i = 0, n; i < count; i += n) {
		int64_t decision = rows[order[i]].decision;

		for (n = 1; i + n < count && rows[order[i + n]].decision == decision; n++)
			;
		if (add_decision(b, rows, order + i, n, previous) == -1)
			return -1;
		previous = decision;
	}
	return 0;
}

void block_free(struct block *b)
{
	buffer_free(&b->decisions);
	buffer_free(&b->sources);
	buffer_free(&b->places);
	memset(b, 0, sizeof(*b));
}

int block_make(struct block *b, const struct block_row *rows, size_t count)
{
	uint16_t *order = calloc(count * 2, sizeof(*order));
	int result = -1;

	*b = (struct block){ .first_id = rows[0].id,
		                 .last_id = rows[count - 1].id,
		                 .rows = count,
		                 .min_time = rows[0].time,
		                 .max_time = rows[0].time };
	for (size_t i = 1; i < count; i++) {
		b->min_time = rows[i].time < b->min_time ? rows[i].time : b->min_time;
		b->max_time = rows[i].time > b->max_time ? rows[i].time : b->max_time;
	}
	if (order != NULL) {
		sort_rows(order, rows, count);
		result = add_decisions(b, rows, order, count);
	}
	free(order);
	if (result == -1)
		block_free(b);
	return result;
}

/* --- reading */

static int take(struct block_bytes *b, uint64_t *number)
{
	unsigned shift = 0;

	*number = 0;
	while (b->at < b->end && shift < 64) {
		unsigned char byte = *b->at++;

		*number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
		shift += 7;
	}
	return -1;
}

int block_next_decision(struct block_bytes *decisions, struct block_decision *d)
{
	uint64_t step, bytes, place_bytes;

	if (decisions->at == decisions->end)
		return 0;
	if (take(decisions, &step) == -1 || take(decisions, &d->rows) == -1 || take(decisions, &d->sources4) == -1 ||
	    take(decisions, &d->sources6) == -1 || take(decisions, &bytes) == -1 || take(decisions, &place_bytes) == -1)
		return -1;
	d->decision = (int64_t)((uint64_t)d->decision + step);
	d->bytes = (size_t)bytes;
	d->place_bytes = (size_t)place_bytes;
	return 1;
}

int block_take_sources(struct block_sources *s, struct block_bytes *sources, const struct block_decision *d,
                       time_us min_time)
{
	if (d->bytes > (size_t)(sources->end - sources->at))
		return -1;
	*s = (struct block_sources){ { sources->at, sources->at + d->bytes }, d->sources4, d->sources6, min_time, 0 };
	sources->at += d->bytes;
	return 0;
}

static int take_address(struct block_sources *s, struct address *a)
{
	uint64_t step;

	if (s->left4 > 0) {
		if (take(&s->bytes, &step) == -1)
			return -1;
		s->left4--;
		s->previous += (uint32_t)step;
		*a = address_from4(s->previous);
		return 0;
	}
	if (s->bytes.end - s->bytes.at < 16)
		return -1;
	s->left6--;
	a->family = AF_INET6;
	memcpy(a->bytes, s->bytes.at, 16);
	s->bytes.at += 16;
	return 0;
}

static int64_t sum(int64_t a, uint64_t b)
{
	return (int64_t)((uint64_t)a + b);
}

int block_next_source(struct block_sources *s, struct block_source *source)
{
	uint64_t rows, first, span = 0, first_lag = 0, last_lag = 0;

	if (s->left4 == 0 && s->left6 == 0)
		return s->bytes.at == s->bytes.end ? 0 : -1;
	if (take_address(s, &source->source) == -1 || take(&s->bytes, &rows) == -1 || take(&s->bytes, &first) == -1)
		return -1;
	source->rows = rows >> 1;
	if (source->rows > 1 && take(&s->bytes, &span) == -1)
		return -1;
	if ((rows & 1) != 0 && take(&s->bytes, &first_lag) == -1)
		return -1;
	if ((rows & 1) != 0 && source->rows > 1 && take(&s->bytes, &last_lag) == -1)
		return -1;
	source->first = sum(s->min_time, first);
	source->last = sum(source->first, span);
	source->first_id = sum(source->first, first_lag);
	source->last_id = source->rows > 1 ? sum(source->last, last_lag) : source->first_id;
	return 1;
}

int block_next_place(struct block_bytes *places, int64_t *previous)
{
	uint64_t step;

	if (take(places, &step) == -1)
		return -1;
	*previous = sum(*previous, step);
	return 0;
}
