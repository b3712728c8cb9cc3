/* What bringing a list into the kernel costs through kernel_apply: from the decision to the commit, with everything that
 * hallowd does for it.
 *
 *   kernel_load FILE PERCENT
 *
 * FILE has one IPv4 address a line.  Works in the network namespace that it runs in, where table inet hallowd must not be,
 * and removes the table again.  Prints "n=N load_s=S delete_s=S add_s=S again_s=S read_s=S rss_kib=N": loading all of it into
 * a list of one endpoint, taking PERCENT of them out, putting them in again, applying what is there already, and reading the
 * kernel from nothing and finding no difference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/policy.h"
#include "kernel/kernel.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "kernel_load: %s\n", what);
	exit(1);
}

/* Every address, or all but each `leave_out`th. */
static void read_list(struct prefix_set *set, const char *name, unsigned leave_out)
{
	FILE *f = fopen(name, "r");
	struct prefix p;
	char line[64];

	if (f == NULL)
		fail(name);
	for (unsigned i = 0; fgets(line, sizeof(line), f) != NULL; i++) {
		line[strcspn(line, "\n")] = '\0';
		if (leave_out != 0 && i % leave_out == 0)
			continue;
		if (prefix_parse(&p, line, strlen(line)) == PREFIX_OK && prefix_set_add(set, &p) != 0)
			fail("no memory");
	}
	fclose(f);
	prefix_set_normalize(set);
}

/* Seconds that it took. */
static double apply(struct kernel *k, const struct policy *p)
{
	struct kernel_change change;
	struct error err;
	double begin = seconds(), end;

	if (kernel_apply(k, p, &change, &err) != 0)
		fail(err.text);
	end = seconds();
	kernel_change_free(&change);
	return end - begin;
}

int main(int argc, char **argv)
{
	char list_name[] = "list", endpoint_name[] = "endpoint";
	struct policy_list list = { .name = list_name };
	struct port_range port = { 443, 443 };
	struct prefix address;
	size_t index = 0;
	struct policy_endpoint endpoint = { .name = endpoint_name, .addresses = &address, .address_count = 1, .ports = &port,
	                                    .port_count = 1, .protocol = 6, .lists = &index, .list_count = 1 };
	struct policy p = { .lists = &list, .list_count = 1, .endpoints = &endpoint, .endpoint_count = 1,
	                    .limits = { 5, 100, 65536, false } };
	double load, delete, add, again, read;
	struct kernel *k = NULL;
	struct rusage usage;
	struct error err;
	unsigned percent;

	if (argc != 3 || (percent = (unsigned)strtoul(argv[2], NULL, 10)) < 1 || percent > 100) {
		fprintf(stderr, "usage: kernel_load FILE PERCENT\n");
		return 2;
	}
	prefix_parse(&address, "203.0.113.10", strlen("203.0.113.10"));
	if (kernel_open(&k, -1, &err) != 0)
		fail(err.text);
	read_list(&list.set, argv[1], 0);
	load = apply(k, &p);
	getrusage(RUSAGE_SELF, &usage);
	prefix_set_free(&list.set);
	read_list(&list.set, argv[1], 100 / percent);
	delete = apply(k, &p);
	prefix_set_free(&list.set);
	read_list(&list.set, argv[1], 0);
	add = apply(k, &p);
	again = apply(k, &p);
	kernel_forget(k);
	read = apply(k, &p);
	printf("n=%zu load_s=%.4f delete_s=%.4f add_s=%.4f again_s=%.4f read_s=%.4f rss_kib=%ld\n", prefix_set_count(&list.set),
	       load, delete, add, again, read, usage.ru_maxrss);
	prefix_set_free(&list.set);
	if (kernel_teardown(k, &err) != 0)
		fail(err.text);
	kernel_close(k);
	return 0;
}
