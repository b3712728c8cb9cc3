#include "daemon/name_answer.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#define RETRY_FIRST_MS 10000
#define RETRY_MOST_MS 300000
#define NAMED_MOST (2 * RESOLVE_MOST)

static bool is_named(const struct answer *a, const struct address *address)
{
	for (size_t i = 0; i < a->named_count; i++)
		if (address_compare(&a->named[i].address, address) == 0)
			return true;
	return false;
}

static int add_named(struct answer *a, const struct address *address, time_us at)
{
	struct named_address *more;

	if (is_named(a, address))
		return 0;
	more = reallocarray(a->named, a->named_count + 1, sizeof(*more));
	if (more == NULL)
		return -1;
	a->named = more;
	more[a->named_count++] = (struct named_address){ *address, at };
	return 0;
}

/* Each address of the set.  A file that was damaged may name more than any answer has; what is beyond is passed by. */
static int add_set(struct answer *a, const struct prefix_set *s, time_us at)
{
	struct address address = { .family = AF_INET6 };

	for (size_t i = 0; i < s->v4_count; i++)
		for (uint64_t n = s->v4[i].first; n <= s->v4[i].last && a->named_count < NAMED_MOST; n++) {
			struct address v4 = address_from4((uint32_t)n);

			if (add_named(a, &v4, at) == -1)
				return -1;
		}
	for (size_t i = 0; i < s->v6_count; i++)
		for (struct u128 n = s->v6[i].first; u128_compare(n, s->v6[i].last) <= 0 && a->named_count < NAMED_MOST;) {
			u128_to_bytes(n, address.bytes);
			if (add_named(a, &address, at) == -1)
				return -1;
			n.hi += ++n.lo == 0;
		}
	return 0;
}

/* When each was named last; what was read from the disk has one time for all of it. */
static int times_of(const struct answer *known, struct answer *times)
{
	for (size_t i = 0; i < known->named_count; i++)
		if (add_named(times, &known->named[i].address, known->named[i].at) == -1)
			return -1;
	return known->named_count > 0 ? 0 : add_set(times, &known->set, known->fetched_at);
}

static int add_kept(struct answer *a, const struct answer *known, const struct resolve_result *r, time_us now)
{
	struct answer times = { .named = NULL };
	int result = times_of(known, &times);

	for (size_t i = 0; result == 0 && i < times.named_count; i++) {
		const struct named_address *n = &times.named[i];
		const struct resolve_family *f = n->address.family == AF_INET ? &r->v4 : &r->v6;
		bool young = now - n->at < NAME_KEEP * US_PER_SECOND && n->at - now < NAME_KEEP * US_PER_SECOND;

		if (f->outcome == RESOLVE_FAILED || young)
			result = add_named(a, &n->address, n->at);
	}
	answer_free(&times);
	return result;
}

static int set_from_named(struct answer *a)
{
	for (size_t i = 0; i < a->named_count; i++) {
		struct prefix p = { .addr = a->named[i].address };

		p.length = (uint8_t)(address_size(p.addr.family) * 8);
		if (prefix_set_add(&a->set, &p) != 0)
			return -1;
	}
	prefix_set_normalize(&a->set);
	return 0;
}

static int hash_prefix(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(p, text);
	return crypto_hash_sha256_update(ctx, (const unsigned char *)text, strlen(text) + 1);
}

/* Of what the DNS said now: what a person approves is just that. */
static void set_hash(struct answer *a, const struct resolve_result *r)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	prefix_set_each(&r->addresses, hash_prefix, &state);
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(a->sha256, sizeof(a->sha256), hash, sizeof(hash));
}

static void set_ttl(struct answer *a, const struct resolve_result *r)
{
	a->ttl = UINT32_MAX;
	if (r->v4.outcome == RESOLVE_ADDRESSES && r->v4.ttl < a->ttl)
		a->ttl = r->v4.ttl;
	if (r->v6.outcome == RESOLVE_ADDRESSES && r->v6.ttl < a->ttl)
		a->ttl = r->v6.ttl;
}

static int say_nothing_there(const struct resolve_result *r, char *why, size_t size)
{
	const struct resolve_family *f = r->v4.outcome == RESOLVE_FAILED ? &r->v4 : r->v6.outcome == RESOLVE_FAILED ? &r->v6
	                                                                                                             : &r->v4;

	if (strcmp(r->v4.error, r->v6.error) == 0 || r->v4.outcome != r->v6.outcome)
		snprintf(why, size, "%s", f->error);
	else
		snprintf(why, size, "A: %s; AAAA: %s", r->v4.error, r->v6.error);
	return 1;
}

static void tell_half(const struct resolve_result *r)
{
	if (r->v4.outcome == RESOLVE_FAILED)
		log_info("a name's IPv4 addresses stay as they were: %s", r->v4.error);
	if (r->v6.outcome == RESOLVE_FAILED)
		log_info("a name's IPv6 addresses stay as they were: %s", r->v6.error);
}

int name_answer(struct answer *a, const struct answer *known, const struct resolve_result *r, time_us now, char *why,
                size_t size)
{
	if (prefix_set_empty(&r->addresses))
		return say_nothing_there(r, why, size);
	tell_half(r);
	if (add_set(a, &r->addresses, now) == -1 || (known != NULL && add_kept(a, known, r, now) == -1) ||
	    set_from_named(a) == -1) {
		answer_free(a);
		errno = ENOMEM;
		return -1;
	}
	a->fetched_at = now;
	a->shape = (struct answer_shape){ a->named_count, 0, a->set.v4_count > 0 ? 32 : 255, a->set.v6_count > 0 ? 128 : 255,
		                              a->bad_example };
	set_hash(a, r);
	set_ttl(a, r);
	return 0;
}

int64_t name_refresh_ms(const struct answer *good, unsigned failures)
{
	int64_t retry = RETRY_FIRST_MS;
	uint32_t ttl = good->ttl < NAME_TTL_LEAST ? NAME_TTL_LEAST : good->ttl > NAME_TTL_MOST ? NAME_TTL_MOST : good->ttl;

	for (unsigned i = 1; i < failures && retry < RETRY_MOST_MS; i++)
		retry *= 2;
	if (failures > 0)
		return retry < RETRY_MOST_MS ? retry : RETRY_MOST_MS;
	return (int64_t)ttl * 1000;
}
