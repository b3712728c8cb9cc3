/* What a change of one endpoint costs among many, through kernel_apply: messages and bytes sent, and the time from the
 * decision to the commit.
 *
 *   kernel_reload ENDPOINTS
 *
 * All endpoints share one list of 1,000 entries.  Works in the network namespace that it runs in, where table inet hallowd
 * must not be, and removes the table again.  Prints "n=N load_s=S again_s=S change_s=S floor_s=S messages=N bytes=N":
 * putting all of it in force, applying what is there already, one endpoint that denies in another way, and of that what is
 * the kernel's own work, the same bytes sent when they are ready (medians). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/policy.h"
#include "kernel/batch.h"
#include "kernel/diff.h"
#include "kernel/kernel.h"
#include "kernel/model.h"
#include "kernel/netlink.h"

#define TIMES 15

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "kernel_reload: %s\n", what);
	exit(1);
}

static void *must(void *memory)
{
	if (memory == NULL)
		fail("no memory");
	return memory;
}

/* Endpoint i is at 10.x.y.z, port 443. */
static void make_endpoint(struct policy_endpoint *e, unsigned i)
{
	char name[24], address[24];

	snprintf(name, sizeof(name), "endpoint-%u", i);
	snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	*e = (struct policy_endpoint){ .name = must(strdup(name)), .address_count = 1, .port_count = 1, .protocol = 6, .list_count = 1 };
	e->addresses = must(calloc(1, sizeof(*e->addresses)));
	e->ports = must(calloc(1, sizeof(*e->ports)));
	e->lists = must(calloc(1, sizeof(*e->lists)));
	prefix_parse(e->addresses, address, strlen(address));
	e->ports[0] = (struct port_range){ 443, 443 };
}

static void make_policy(struct policy *p, unsigned endpoints)
{
	*p = (struct policy){ .list_count = 1, .endpoint_count = endpoints, .limits = { 5, 100, 65536, false } };
	p->lists = must(calloc(1, sizeof(*p->lists)));
	p->lists[0].name = must(strdup("list"));
	for (uint32_t i = 0; i < 1000; i++)
		if (prefix_set_add_range4(&p->lists[0].set, 0x0b000000 + i * 4, 0x0b000000 + i * 4) != 0)
			fail("no memory");
	prefix_set_normalize(&p->lists[0].set);
	p->endpoints = must(calloc(endpoints, sizeof(*p->endpoints)));
	for (unsigned i = 0; i < endpoints; i++)
		make_endpoint(&p->endpoints[i], i);
}

/* Seconds that it took; what it sent in *messages and *bytes. */
static double apply(struct kernel *k, const struct policy *p, size_t *messages, size_t *bytes)
{
	struct kernel_change change;
	struct error err;
	double begin = seconds(), end;

	if (kernel_apply(k, p, &change, &err) != 0)
		fail(err.text);
	end = seconds();
	*messages = change.messages;
	*bytes = change.bytes;
	kernel_change_free(&change);
	return end - begin;
}

static int compare_times(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double times[TIMES])
{
	qsort(times, TIMES, sizeof(*times), compare_times);
	return times[TIMES / 2];
}

/* Seconds that the kernel takes for the change from `from` to `to`. */
static double commit(struct netlink *nl, const struct policy *from, const struct policy *to)
{
	struct model have = { 0 }, want = { 0 };
	struct batch b = { .bytes = BUFFER_INIT };
	struct kernel_change change = { 0 };
	struct error err;
	double begin, end;

	if (model_want(&have, from, &err) != 0 || model_want(&want, to, &err) != 0)
		fail(err.text);
	if (batch_begin(&b, nl->seq, NULL) != 0 || diff_models(&have, &want, &b, &change) != 0 || batch_end(&b, 1) != 0)
		fail("no memory");
	begin = seconds();
	if (netlink_commit(nl, &b, &err) != 0)
		fail(err.text);
	end = seconds();
	kernel_change_free(&change);
	batch_free(&b);
	model_free(&have);
	model_free(&want);
	return end - begin;
}

static void change_one(struct policy *p, size_t round)
{
	p->endpoints[p->endpoint_count / 2].deny_with = round % 2 == 0 ? DENY_REJECT : DENY_DROP;
}

static double measure_floor(struct policy *p, unsigned n)
{
	double times[TIMES];
	struct netlink nl = { 0 };
	struct policy before;
	struct error err;

	if (netlink_open(&nl, -1, &err) != 0)
		fail(err.text);
	make_policy(&before, n);
	for (size_t i = 0; i < TIMES; i++) {
		change_one(&before, i + 1);
		change_one(p, i);
		times[i] = commit(&nl, &before, p);
	}
	policy_free(&before);
	netlink_close(&nl);
	return median(times);
}

int main(int argc, char **argv)
{
	double load, again, change[TIMES];
	size_t messages, bytes;
	struct kernel *k = NULL;
	struct policy p;
	struct error err;
	unsigned n;

	if (argc != 2 || (n = (unsigned)strtoul(argv[1], NULL, 10)) < 1 || n > 1u << 20) {
		fprintf(stderr, "usage: kernel_reload ENDPOINTS\n");
		return 2;
	}
	if (kernel_open(&k, -1, &err) != 0)
		fail(err.text);
	kernel_without_owner(k); /* so that the second socket may change the table too */
	make_policy(&p, n);
	load = apply(k, &p, &messages, &bytes);
	again = apply(k, &p, &messages, &bytes);
	for (size_t i = 0; i < 2 * TIMES; i++) {
		change_one(&p, i);
		change[i % TIMES] = apply(k, &p, &messages, &bytes);
	}
	printf("n=%u load_s=%.4f again_s=%.4f change_s=%.5f floor_s=%.5f messages=%zu bytes=%zu\n", n, load, again, median(change),
	       measure_floor(&p, n), messages, bytes);
	policy_free(&p);
	if (kernel_teardown(k, &err) != 0)
		fail(err.text);
	kernel_close(k);
	return 0;
}
