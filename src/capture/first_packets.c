#include "capture/first_packets.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "core/seeded_hash.h"

#define FIRST_CAP 1024
#define TCP_FLAGS 13 /* where they stand in the header */
#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define SCTP_CHUNK 12 /* the first one's type, behind the common header */
#define SCTP_INIT 1

struct first_key {
	struct address a, b;
	uint16_t a_port, b_port;
	uint8_t protocol; /* 0: empty */
	uint32_t number;  /* of a SYN or an INIT: one that is sent again has the same */
};

void first_packets_free(struct first_packets *f)
{
	free(f->keys);
	*f = (struct first_packets){ 0 };
}

static bool same(const struct first_key *x, const struct first_key *y)
{
	return x->protocol == y->protocol && x->number == y->number && x->a_port == y->a_port && x->b_port == y->b_port &&
	       address_compare(&x->a, &y->a) == 0 && address_compare(&x->b, &y->b) == 0;
}

/* The key's place, or the empty one where it belongs.  Seeded, since a capture may be made by anybody. */
static struct first_key *place(const struct first_packets *f, const struct first_key *k)
{
	uint64_t h = seeded_hash_address(seeded_hash_address(f->seed, &k->a), &k->b);

	h = seeded_hash_add(seeded_hash_add(h, (uint64_t)k->a_port << 24 | (uint64_t)k->b_port << 8 | k->protocol), k->number);
	for (;; h++) {
		struct first_key *at = &f->keys[h & (f->cap - 1)];

		if (at->protocol == 0 || same(at, k))
			return at;
	}
}

static int grow(struct first_packets *f)
{
	struct first_packets bigger = { .cap = f->cap == 0 ? FIRST_CAP : f->cap * 2, .count = f->count, .seed = f->seed };

	if (f->cap == 0)
		bigger.seed = seeded_hash_seed();
	bigger.keys = calloc(bigger.cap, sizeof(*bigger.keys));
	if (bigger.keys == NULL)
		return -1;
	for (size_t i = 0; i < f->cap; i++)
		if (f->keys[i].protocol != 0)
			*place(&bigger, &f->keys[i]) = f->keys[i];
	free(f->keys);
	*f = bigger;
	return 0;
}

static uint32_t four_bytes(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether it may begin a connection, and the number by which one that is sent again is known. */
static bool may_begin(const struct ip_header *h, uint32_t *number)
{
	const uint8_t *at = h->transport;

	*number = 0;
	if (h->source_port == PORT_UNKNOWN || h->destination_port == PORT_UNKNOWN || at == NULL)
		return false;
	switch (h->protocol) {
	case IPPROTO_UDP:
		return true;
	case IPPROTO_TCP:
		if (h->transport_len <= TCP_FLAGS || (at[TCP_FLAGS] & (TCP_SYN | TCP_ACK)) != TCP_SYN)
			return false;
		*number = four_bytes(at + 4);
		return true;
	case IPPROTO_SCTP:
		if (h->transport_len < SCTP_CHUNK + 8 || at[SCTP_CHUNK] != SCTP_INIT)
			return false;
		*number = four_bytes(at + SCTP_CHUNK + 4);
		return true;
	default:
		return false;
	}
}

/* An answer of UDP has the same key as what it answers. */
static struct first_key key_of(const struct ip_header *h, uint32_t number)
{
	struct first_key k = { h->source, h->destination, (uint16_t)h->source_port, (uint16_t)h->destination_port,
		                   h->protocol, number };
	int order = address_compare(&h->source, &h->destination);

	if (h->protocol == IPPROTO_UDP && (order > 0 || (order == 0 && h->source_port > h->destination_port)))
		k = (struct first_key){ h->destination, h->source, (uint16_t)h->destination_port, (uint16_t)h->source_port,
			                    h->protocol, number };
	return k;
}

int first_packets_see(struct first_packets *f, const struct ip_header *h)
{
	struct first_key k, *at;
	uint32_t number;

	if (!may_begin(h, &number))
		return 0;
	if (f->count * 2 >= f->cap && grow(f) == -1)
		return -1;
	k = key_of(h, number);
	at = place(f, &k);
	if (at->protocol != 0)
		return 0;
	*at = k;
	f->count++;
	return 1;
}

bool first_packets_saw(const struct first_packets *f, const struct ip_header *h)
{
	struct first_key k;
	uint32_t number;

	if (f->count == 0 || !may_begin(h, &number))
		return false;
	k = key_of(h, number);
	return place(f, &k)->protocol != 0;
}
