#include "resolve/resolve.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/time_text.h"

#define TRY_MS 2000 /* of one server; the next try has twice as long */
#define TRIES 3

/* One family's question. */
struct question {
	struct resolve_family *answer;
	struct prefix_set *addresses;
	int family;
	size_t count;
	bool done;
};

static void set_error(struct question *q, enum resolve_outcome outcome, const char *why)
{
	q->answer->outcome = (uint8_t)outcome;
	free(q->answer->error);
	q->answer->error = strdup(why);
}

/* The servers' own word that there is nothing; the rest is no answer. */
static enum resolve_outcome outcome_of(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND ? RESOLVE_NONE : RESOLVE_FAILED;
}

static const char *why(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
		return "the DNS does not know the name";
	case ARES_ENODATA:
		return "the name has no address of this family";
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED:
		return "no DNS server answered in time";
	case ARES_ECONNREFUSED: /* what c-ares makes of a SERVFAIL or a REFUSED of the last server, too */
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
		return "no DNS server gave an answer: none can be reached, or they fail or refuse";
	default:
		return ares_strerror(status);
	}
}

static void take_ttl(struct question *q, int ttl)
{
	uint32_t seconds = ttl < 0 ? 0 : (uint32_t)ttl;

	if (seconds < q->answer->ttl)
		q->answer->ttl = seconds;
}

static int take_address(struct question *q, const struct sockaddr *sa)
{
	struct prefix p = { .length = q->family == AF_INET ? 32 : 128 };

	p.addr.family = (sa_family_t)q->family;
	if (q->family == AF_INET)
		memcpy(p.addr.bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else
		memcpy(p.addr.bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	return prefix_set_add(q->addresses, &p);
}

static void take_nodes(struct question *q, const struct ares_addrinfo *found)
{
	q->answer->ttl = UINT32_MAX;
	for (const struct ares_addrinfo_cname *c = found->cnames; c != NULL; c = c->next)
		take_ttl(q, c->ttl);
	for (const struct ares_addrinfo_node *n = found->nodes; n != NULL; n = n->ai_next) {
		if (n->ai_family != q->family)
			continue;
		if (++q->count > RESOLVE_MOST) {
			set_error(q, RESOLVE_FAILED, "the answer has more addresses than any name needs");
			return;
		}
		take_ttl(q, n->ai_ttl);
		if (take_address(q, n->ai_addr) != 0) {
			set_error(q, RESOLVE_FAILED, "no memory for the answer");
			return;
		}
	}
	if (q->count == 0)
		set_error(q, RESOLVE_NONE, why(ARES_ENODATA));
	else
		set_error(q, RESOLVE_ADDRESSES, "");
}

static void answered(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
	struct question *q = ctx;

	(void)timeouts;
	q->done = true;
	if (status == ARES_SUCCESS && found != NULL)
		take_nodes(q, found);
	else
		set_error(q, outcome_of(status), why(status));
	ares_freeaddrinfo(found);
}

static void ask(ares_channel channel, const char *name, struct question *q)
{
	const struct ares_addrinfo_hints hints = { .ai_family = q->family, .ai_socktype = SOCK_STREAM,
		                                       .ai_flags = ARES_AI_NOSORT };

	set_error(q, RESOLVE_FAILED, why(ARES_ETIMEOUT));
	ares_getaddrinfo(channel, name, NULL, &hints, answered, q);
}

/* Sockets that c-ares waits for.  Their number; 0 where it waits for none. */
static nfds_t sockets_of(ares_channel channel, struct pollfd fds[ARES_GETSOCK_MAXNUM])
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	nfds_t count = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		if (ARES_GETSOCK_READABLE(bits, i))
			events |= POLLIN;
		if (ARES_GETSOCK_WRITABLE(bits, i))
			events |= POLLOUT;
		if (events != 0)
			fds[count++] = (struct pollfd){ .fd = sockets[i], .events = events };
	}
	return count;
}

static void process(ares_channel channel, const struct pollfd *fds, nfds_t count, int ready)
{
	if (ready <= 0) {
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what has timed out */
		return;
	}
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].revents != 0)
			ares_process_fd(channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
			                fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
}

static void wait_for(ares_channel channel, const struct question *a, const struct question *b, uint32_t timeout_ms)
{
	int64_t end = time_monotonic_ms() + timeout_ms;
	struct pollfd fds[ARES_GETSOCK_MAXNUM];

	while (!a->done || !b->done) {
		int64_t left = end - time_monotonic_ms();
		struct timeval most = { left / 1000, left % 1000 * 1000 }, tv;
		const struct timeval *next;
		nfds_t count;
		int ready;

		if (left <= 0)
			break;
		next = ares_timeout(channel, &most, &tv);
		count = sockets_of(channel, fds);
		ready = poll(fds, count, (int)(next->tv_sec * 1000 + next->tv_usec / 1000 + 1));
		if (ready == -1 && errno != EINTR)
			break;
		process(channel, fds, count, ready);
	}
	ares_cancel(channel); /* calls back whatever is still open */
}

/* Where one part of an answer failed, no part of it counts. */
static void forget_failed(struct resolve_result *r)
{
	if (r->v4.outcome != RESOLVE_ADDRESSES)
		r->addresses.v4_count = 0;
	if (r->v6.outcome != RESOLVE_ADDRESSES)
		r->addresses.v6_count = 0;
	prefix_set_normalize(&r->addresses);
}

static int open_channel(ares_channel *channel, struct error *err)
{
	static char files_then_dns[] = "fb";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TRY_MS,
		.tries = TRIES,
		.lookups = files_then_dns,
	};
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status == ARES_SUCCESS)
		status = ares_init_options(channel, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		                           ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS);
	return status == ARES_SUCCESS ? 0 : error_set(err, "the resolver cannot start: %s", ares_strerror(status));
}

int resolve_name(const struct resolve_request *q, struct resolve_result *r, struct error *err)
{
	struct question v4 = { .answer = &r->v4, .addresses = &r->addresses, .family = AF_INET };
	struct question v6 = { .answer = &r->v6, .addresses = &r->addresses, .family = AF_INET6 };
	ares_channel channel;

	*r = (struct resolve_result){ .addresses = PREFIX_SET_INIT };
	if (open_channel(&channel, err) == -1)
		return -1;
	ask(channel, q->name, &v4);
	ask(channel, q->name, &v6);
	wait_for(channel, &v4, &v6, q->timeout_ms);
	ares_destroy(channel);
	ares_library_cleanup();
	forget_failed(r);
	return 0;
}
