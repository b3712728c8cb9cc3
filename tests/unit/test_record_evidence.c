/* The first packets of denied attempts in a ring of files, and reading such files whatever is in them. */
#include "test_record.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/pcapng.h"

#define HEAD 48 /* what a file begins with */

/* --- the format */

static const unsigned char expected[] = {
	0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0,
	1, 0, 0, 0, 20, 0, 0, 0, 101, 0, 0, 0, 0xff, 0xff, 0, 0, 20, 0, 0, 0,
	6, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0,
	0x45, 1, 2, 3, 4, 0, 0, 0, 1, 0, 2, 0, 'h', 'i', 0, 0, 0, 0, 0, 0, 52, 0, 0, 0,
};

static const struct pcapng_packet small = {
	.time = (INT64_C(2) << 32) + 1, .data = (const unsigned char[]){ 0x45, 1, 2, 3, 4 }, .len = 5, .original = 9, .comment = "hi"
};

static void bytes_are_those_of_the_format(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	if (*(const uint16_t *)(const void *)(const unsigned char[]){ 1, 0 } != 1)
		skip();
	assert_int_equal(pcapng_begin(&b, 65535), 0);
	assert_int_equal(b.len, HEAD);
	assert_int_equal(pcapng_add(&b, &small), 0);
	assert_int_equal(b.len, HEAD + pcapng_size(&small));
	assert_int_equal(b.len, sizeof(expected));
	assert_memory_equal(b.data, expected, sizeof(expected));
	buffer_free(&b);
}

/* How many packets are read; *end is what the last call said. */
static unsigned read_bytes(const void *data, size_t len, int *end)
{
	FILE *f = len == 0 ? fopen("/dev/null", "r") : fmemopen((void *)(uintptr_t)data, len, "r");
	struct buffer block = BUFFER_INIT;
	struct pcapng_packet p;
	unsigned count = 0;

	assert_non_null(f);
	while ((*end = pcapng_next(f, &block, &p)) == 1) {
		count++;
		assert_true(p.len <= block.len);
	}
	fclose(f);
	buffer_free(&block);
	return count;
}

static void what_is_cut_off_or_hostile_is_refused(void **state)
{
	unsigned char bad[sizeof(expected)];
	int end;

	(void)state;
	for (size_t len = 0; len <= sizeof(expected); len++) {
		bool whole = len == 0 || len == 28 || len == HEAD || len == sizeof(expected);

		assert_int_equal(read_bytes(expected, len, &end), len == sizeof(expected));
		assert_int_equal(end, whole ? 0 : -1);
	}
	/* each byte, with the worst of values: nothing is read beyond what there is (a sanitizer would tell) */
	for (size_t i = 0; i < sizeof(expected); i++)
		for (unsigned value = 0; value < 256; value += 51) {
			memcpy(bad, expected, sizeof(bad));
			bad[i] = (unsigned char)value;
			read_bytes(bad, sizeof(bad), &end);
		}
	/* a packet that claims more than its block has */
	memcpy(bad, expected, sizeof(bad));
	bad[HEAD + 20] = 29;
	assert_int_equal(read_bytes(bad, sizeof(bad), &end), 0);
	assert_int_equal(end, -1);
}

/* --- the recorder */

static void configure(struct rig *g, uint32_t packets, uint64_t size)
{
	struct audit_policy p = { .time = DAY + packets, .epoch = (char[]){ "E" }, .continued = 1, .evidence_packets = packets,
		                      .evidence_size = size };
	struct buffer b = BUFFER_INIT;

	assert_int_equal(audit_policy_encode(&b, &p), 0);
	rig_take(g, &b);
}

struct ring {
	unsigned files, packets, damaged;
	uint64_t bytes, largest;
	int64_t newest; /* id */
};

static void read_ring(struct ring *ring)
{
	DIR *dir = opendir("evidence");
	const struct dirent *entry;

	*ring = (struct ring){ 0 };
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct buffer block = BUFFER_INIT;
		struct pcapng_packet p;
		char path[512];
		struct stat st;
		int64_t id;
		FILE *f;
		int got;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "evidence/%s", entry->d_name);
		f = fopen(path, "r");
		assert_non_null(f);
		assert_int_equal(fstat(fileno(f), &st), 0);
		ring->files++;
		ring->bytes += (uint64_t)st.st_size;
		if ((uint64_t)st.st_size > ring->largest)
			ring->largest = (uint64_t)st.st_size;
		while ((got = pcapng_next(f, &block, &p)) == 1) {
			ring->packets++;
			assert_int_equal(sscanf(p.comment, "connection %" SCNd64 " endpoint web", &id), 1);
			if (id > ring->newest)
				ring->newest = id;
		}
		ring->damaged += got == -1;
		fclose(f);
		buffer_free(&block);
	}
	if (dir != NULL)
		closedir(dir);
}

static void expect_packets(unsigned packets)
{
	struct ring ring;

	read_ring(&ring);
	assert_int_equal(ring.packets, packets);
	assert_int_equal(ring.damaged, 0);
}

static void nothing_is_kept_unless_it_is_asked_for(void **state)
{
	struct rig *g = *state;

	rig_policy(g, "E", DAY, true, 1, 0);
	rig_log(g, "h:d:web", DAY, 5);
	rig_commit(g);
	expect_packets(0);
	assert_int_equal(access("evidence", F_OK), -1);
	configure(g, 1, 1 << 20);
	rig_log(g, "h:a:web:a", DAY, 5);
	rig_log(g, "h:o:web", DAY, 5);
	rig_commit(g);
	expect_packets(0);
}

static void the_first_of_each_attempt_within_an_hour(void **state)
{
	struct rig *g = *state;
	struct ring ring;

	configure(g, 2, 1 << 20);
	for (unsigned i = 0; i < 5; i++)
		rig_log(g, "h:d:web", DAY + SECONDS(i), 3); /* three sources */
	rig_commit(g);
	expect_packets(6);
	rig_log(g, "h:d:web", DAY + HOURS(1) - SECONDS(1), 3);
	rig_commit(g);
	expect_packets(6);
	rig_log(g, "h:e:web", DAY + HOURS(1) + SECONDS(5), 3);
	rig_log(g, "h:u:web", DAY + HOURS(1) + SECONDS(6), 3);
	rig_log(g, "h:u:web", DAY + HOURS(1) + SECONDS(7), 3);
	rig_commit(g);
	expect_packets(12);
	read_ring(&ring);
	assert_int_equal(ring.newest, DAY + HOURS(1) + SECONDS(6) + 2000);
	rig_expect(g, "SELECT count(*) FROM connections", "27");
	configure(g, 0, 0);
	rig_log(g, "h:d:web", DAY + HOURS(5), 3);
	rig_commit(g);
	expect_packets(12);
}

static void the_ring_has_its_size_and_the_newest(void **state)
{
	struct rig *g = *state;
	struct ring ring;

	configure(g, 1000, 65536);
	for (unsigned i = 0; i < 30; i++) {
		rig_log(g, "h:d:web", DAY + SECONDS(i), 50);
		rig_commit(g);
		read_ring(&ring);
		assert_true(ring.bytes <= 65536 && ring.largest <= 8192);
		assert_int_equal(ring.newest, DAY + SECONDS(i) + 49000);
		assert_int_equal(ring.damaged, 0);
	}
	assert_true(ring.bytes > 65536 - 2 * 8192);
	rig_restart(g);
	configure(g, 1000, 65536);
	rig_log(g, "h:d:web", DAY + SECONDS(100), 50);
	rig_commit(g);
	read_ring(&ring);
	assert_true(ring.bytes <= 65536);
	assert_int_equal(ring.newest, DAY + SECONDS(100) + 49000);
}

/* A file that an earlier process left cut off is not written on. */
static void processes_begin_a_file_each(void **state)
{
	struct rig *g = *state;
	struct ring ring;

	for (unsigned i = 0; i < EVIDENCE_FILES_MOST + 10; i++) {
		configure(g, 1000, 1 << 20);
		rig_log(g, "h:d:web", DAY + SECONDS(i), 1);
		rig_commit(g);
		rig_restart(g);
	}
	read_ring(&ring);
	assert_int_equal(ring.files, EVIDENCE_FILES_MOST);
	assert_int_equal(ring.packets, EVIDENCE_FILES_MOST);
	assert_int_equal(ring.newest, DAY + SECONDS(EVIDENCE_FILES_MOST + 9));
}

/* What is in place of the folder cannot be written to: rows go on, and an event tells, once. */
static void rows_do_not_wait_for_evidence(void **state)
{
	struct rig *g = *state;

	assert_int_equal(symlink("/nowhere", "evidence"), 0);
	configure(g, 1000, 1 << 20);
	rig_log(g, "h:d:web", DAY, 50);
	rig_commit(g);
	rig_expect(g, "SELECT count(*) FROM connections", "50");
	assert_int_equal(g->r.evidence.lost, 50);
	g->now_ms += 10 * REPORT_INTERVAL_MS;
	rig_log(g, "h:d:web", DAY + SECONDS(1), 1);
	rig_settle(g);
	g->now_ms += 10 * REPORT_INTERVAL_MS;
	rig_log(g, "h:d:web", DAY + SECONDS(2), 1);
	rig_settle(g);
	rig_expect(g, "SELECT subject || ' ' || (json_extract(detail, '$.packets') > 0) FROM events WHERE kind = 'lost'", "evidence 1");
	assert_int_equal(unlink("evidence"), 0);
	rig_log(g, "h:d:web", DAY + SECONDS(3), 4);
	rig_commit(g);
	expect_packets(4);
}

/* No room: what was written stays whole, and a new file goes on later. */
static void a_failed_write_leaves_files_whole(void **state)
{
	struct rig *g = *state;
	struct ring ring;
	struct evidence *e = &g->r.evidence;
	int file;

	configure(g, 1000, 1 << 20);
	rig_log(g, "h:d:web", DAY, 10);
	rig_commit(g);
	file = e->file;
	e->file = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(e->file != -1);
	close(file);
	rig_log(g, "h:d:web", DAY + SECONDS(1), 10);
	rig_commit(g);
	assert_int_equal(e->lost, 10);
	assert_int_equal(e->file, -1);
	expect_packets(10);
	rig_log(g, "h:d:web", DAY + SECONDS(2), 10);
	rig_commit(g);
	expect_packets(20);
	read_ring(&ring);
	assert_int_equal(ring.files, 2);
	rig_expect(g, "SELECT count(*) FROM connections", "30");
}

int run_evidence_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_those_of_the_format),
		cmocka_unit_test(what_is_cut_off_or_hostile_is_refused),
		IN_RIG(nothing_is_kept_unless_it_is_asked_for),
		IN_RIG(the_first_of_each_attempt_within_an_hour),
		IN_RIG(the_ring_has_its_size_and_the_newest),
		IN_RIG(processes_begin_a_file_each),
		IN_RIG(rows_do_not_wait_for_evidence),
		IN_RIG(a_failed_write_leaves_files_whole),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
