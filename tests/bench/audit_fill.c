/* audit_fill FOLDER ROWS DAYS SOURCES
 *
 * Makes FOLDER/audit.db with that many connections, spread over the last DAYS days, written as hallowd-record writes them:
 * leaves, blocks, counts for the next tally, batches of 10,000.  From SOURCES addresses out of 10.0.0.0/8, the first of them the most frequent; nine in
 * ten are let in to endpoint "api", the others are denied; one in a million is denied at "rare", from 192.0.2.1.  Prints the CPU
 * time that a million took: cpu_s=SECONDS bytes=SIZE-OF-THE-DATABASE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/store.h"
#include "record/tally.h"

#define BATCH 10000
#define DAY (86400 * US_PER_SECOND)

enum { ALLOWED, DENIED, RARE, DECISIONS };

static _Noreturn void die(const struct store *s, const char *what)
{
	fprintf(stderr, "audit_fill: %s %s\n", what, s == NULL ? "" : s->err.text);
	exit(EXIT_FAILURE);
}

static void make_decisions(struct store *s, int64_t *ids)
{
	struct decision_text texts[DECISIONS] = {
		[ALLOWED] = { 0, VERDICT_ALLOW, "listed", "humanitec", "1", true, VIA_KERNEL },
		[DENIED] = { 0, VERDICT_DENY, "not-listed", "humanitec", "1", true, VIA_KERNEL },
		[RARE] = { 0, VERDICT_DENY, "not-listed", "humanitec", "1", true, VIA_KERNEL },
	};

	for (int i = 0; i < DECISIONS; i++)
		if (store_endpoint(s, i == RARE ? "rare" : "api", &texts[i].endpoint) == -1 ||
		    store_decision(s, &texts[i], &ids[i]) == -1)
			die(s, "no names:");
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x7fb5d329728ea185);
	x = (x ^ x >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

static struct row make_row(uint64_t i, time_us time, uint32_t sources)
{
	/* The product of two: small numbers are frequent. */
	uint64_t which = (mix(i) % sources) * (mix(i + 77) % sources) / sources;
	struct row row = { .time = time, .protocol = 6, .destination_port = 6443 };

	row.source = i % 1000000 == 999999 ? address_from4(0xc0000201) :
	                                     address_from4(0x0a000000 + (uint32_t)(which * (16777216 / sources)));
	row.destination = address_from4(0xcb00710a);
	row.source_port = 32768 + (int32_t)(mix(i + 5) % 28000);
	return row;
}

/* As the recorder counts it. */
static void count(struct store *s, struct pools *pools, size_t decision)
{
	struct pool *pool;

	if (pools_get(pools, s, decision == RARE ? "rare" : "api", decision == ALLOWED ? VERDICT_ALLOW : VERDICT_DENY, &pool) == -1)
		die(s, "no pool:");
	pool->recorded++;
	pool->changed = true;
}

static void fill(struct store *s, struct pools *pools, uint64_t rows, time_us from, time_us to, uint32_t sources)
{
	int64_t ids[DECISIONS] = { 0 }, target;

	for (uint64_t i = 0; i < rows; i++) {
		struct row row = make_row(i, from + (time_us)((double)(to - from) * (double)i / (double)rows), sources);
		size_t decision = i % 1000000 == 999999 ? RARE : i % 10 == 3 ? DENIED : ALLOWED;

		if (i % BATCH == 0 && store_begin(s) == -1)
			die(s, "no transaction:");
		if (i == 0)
			make_decisions(s, ids);
		if (store_target(s, &row.destination, row.destination_port, row.protocol, &target) == -1 ||
		    store_connection(s, &row, ids[decision], target) == -1)
			die(s, "no row:");
		count(s, pools, decision);
		if ((i % BATCH == BATCH - 1 || i + 1 == rows) && (pools_save(pools, s) == -1 || store_commit(s) == -1))
			die(s, "no commit:");
	}
}

int main(int argc, char **argv)
{
	static struct store s;
	struct pools pools = { NULL, 0, 0 };
	struct rusage used;
	struct stat st;
	uint64_t rows;
	time_us now = time_now();

	if (argc != 5)
		die(NULL, "usage: audit_fill FOLDER ROWS DAYS SOURCES");
	rows = strtoull(argv[2], NULL, 10);
	if (chdir(argv[1]) == -1 || store_open(&s) == -1 || store_load(&s) == -1)
		die(&s, argv[1]);
	fill(&s, &pools, rows, now - (time_us)atoi(argv[3]) * DAY, now, (uint32_t)atoi(argv[4]));
	pools_free(&pools);
	store_close(&s);
	getrusage(RUSAGE_SELF, &used);
	if (stat(AUDIT_FILE, &st) == -1)
		die(NULL, AUDIT_FILE);
	printf("cpu_s=%.3f bytes=%lld\n",
	       ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	        (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6) * 1e6 / (double)rows,
	       (long long)st.st_size);
	return EXIT_SUCCESS;
}
