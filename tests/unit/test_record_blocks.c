/* Blocks of rows: what is counted and found by them is what a plain scan of the rows counts and finds, whatever the clock
 * did, wherever a period begins and ends, and after rollbacks, restarts and retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/counts.h"
#include "audit/search.h"
#include "audit/verify.h"
#include "record/retention.h"
#include "test_record.h"

#define ROWS 60000
#define DECISIONS 6

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % n;
}

static const char *const endpoints[] = { "api", "db" };

static void names(struct store *s)
{
	static const char *const lists[] = { "humanitec", "office" };
	int64_t endpoint, id;

	for (int i = 0; i < DECISIONS; i++) {
		struct decision_text d = { .verdict = i % 2 == 0 ? VERDICT_ALLOW : VERDICT_DENY,
			                       .reason = i % 2 == 0 ? "listed" : "not-listed",
			                       .list = lists[i / 4],
			                       .revision = "1",
			                       .single = true };

		assert_int_equal(store_endpoint(s, endpoints[i / 2 % 2], &endpoint), 0);
		d.endpoint = endpoint;
		assert_int_equal(store_decision(s, &d, &id), 0);
		assert_int_equal(id, i + 1);
	}
}

/* Few sources of each family, and many. */
static struct address random_source(void)
{
	struct address a = address_from4((uint32_t)(0x0a000000 + random_below(200)));

	switch (random_below(10)) {
	case 0:
		return address_from4((uint32_t)random_below(UINT32_MAX));
	case 1:
		a = (struct address){ .family = AF_INET6, .bytes = { 0x20, 1, 0x0d, 0xb8 } };
		a.bytes[15] = (uint8_t)random_below(20);
		return a;
	default:
		return a;
	}
}

/* The clock goes on, by chance stands still, goes back a little, steps back by hours, or goes on by a day. */
static time_us next_time(time_us now)
{
	switch (random_below(10000)) {
	case 0:
		return now - HOURS(3);
	case 1:
		return now + HOURS(30);
	default:
		return random_below(4) == 0 ? now - (time_us)random_below(3) : now + (time_us)random_below(SECONDS(1));
	}
}

static int32_t random_port(void)
{
	return 1024 + (int32_t)random_below(60000);
}

/* As the recorder counts it, for the next tally. */
static void count(struct rig *g, int64_t decision)
{
	struct pool *pool;

	assert_int_equal(pools_get(&g->r.pools, &g->r.store, endpoints[(decision - 1) / 2 % 2],
	                           decision % 2 == 1 ? VERDICT_ALLOW : VERDICT_DENY, &pool), 0);
	pool->recorded++;
	pool->changed = true;
}

/* Adds rows in transactions of random length; now and then one is rolled back, or the recorder starts anew. */
static void fill(struct rig *g, unsigned rows)
{
	struct store *s = &g->r.store;
	struct address destination = address_from4(0xcb00710a);
	time_us now = DAY;
	int64_t target;

	for (unsigned done = 0; done < rows;) {
		unsigned batch = 1 + (unsigned)random_below(3000);
		bool undo = random_below(8) == 0;

		assert_int_equal(store_begin(s), 0);
		if (done == 0 && s->endpoint_count == 0)
			names(s);
		assert_int_equal(store_target(s, &destination, 443, 6, &target), 0);
		for (unsigned i = 0; i < batch; i++) {
			struct row row = { .source = random_source(), .source_port = random_port(), .destination = destination,
				               .destination_port = 443, .protocol = 6 };
			int64_t decision = 1 + (int64_t)random_below(DECISIONS);

			row.time = now = next_time(now);
			assert_int_equal(store_connection(s, &row, decision, target), 0);
			count(g, decision);
		}
		if (blocks_behind(&s->blocks, s->state.last_id))
			assert_int_equal(blocks_catch_up(&s->blocks, s, s->state.last_id), 0);
		assert_int_equal(pools_save(&g->r.pools, s), 0);
		if (undo)
			store_rollback(s);
		else
			assert_int_equal(store_commit(s), 0);
		done += undo ? 0 : batch;
		if (undo || random_below(8) == 0)
			assert_true(store_load(s) == 0 && pools_load(&g->r.pools, s) == 0);
	}
}

/* --- against a plain scan */

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static int compare_counts(const void *a, const void *b)
{
	const struct audit_source_count *x = a, *y = b;

	if (x->decision != y->decision)
		return x->decision < y->decision ? -1 : 1;
	return address_compare(&x->source, &y->source);
}

static void assert_sources(sqlite3 *db, const struct audit_counts *c, time_us from, time_us to)
{
	struct address a;
	sqlite3_stmt *stmt;
	size_t i = 0;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT decision, source, count(*), min(id + skew), max(id + skew)"
	                                        " FROM connection WHERE id + skew >= ?1 AND id + skew < ?2"
	                                        " GROUP BY decision, source ORDER BY decision, typeof(source) = 'blob', source",
	                                    -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	for (; sqlite3_step(stmt) == SQLITE_ROW; i++) {
		assert_true(i < c->source_count);
		assert_int_equal(audit_column_address(stmt, 1, &a), 0);
		assert_int_equal(c->sources[i].decision, sqlite3_column_int64(stmt, 0));
		assert_int_equal(address_compare(&c->sources[i].source, &a), 0);
		assert_int_equal(c->sources[i].rows, sqlite3_column_int64(stmt, 2));
		assert_int_equal(c->sources[i].first, sqlite3_column_int64(stmt, 3));
		assert_int_equal(c->sources[i].last, sqlite3_column_int64(stmt, 4));
	}
	assert_int_equal(i, c->source_count);
	sqlite3_finalize(stmt);
}

static void assert_days(sqlite3 *db, const struct audit_counts *c, time_us from, time_us to)
{
	sqlite3_stmt *stmt;
	size_t i = 0;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT (id + skew) / 86400000000 * 86400000000, decision, count(*)"
	                                        " FROM connection WHERE id + skew >= ?1 AND id + skew < ?2"
	                                        " GROUP BY 1, 2 ORDER BY 1, 2", -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	for (; sqlite3_step(stmt) == SQLITE_ROW; i++) {
		assert_true(i < c->day_count);
		assert_int_equal(c->days[i].day, sqlite3_column_int64(stmt, 0));
		assert_int_equal(c->days[i].decision, sqlite3_column_int64(stmt, 1));
		assert_int_equal(c->days[i].rows, sqlite3_column_int64(stmt, 2));
	}
	assert_int_equal(i, c->day_count);
	sqlite3_finalize(stmt);
}

static void assert_counted(sqlite3 *db, time_us from, time_us to)
{
	struct error err = { "" };
	struct audit_counts c;

	if (audit_counts_read(db, from, to, &c, &err) == -1)
		fail_msg("%s", err.text);
	if (c.source_count > 1)
		qsort(c.sources, c.source_count, sizeof(*c.sources), compare_counts);
	assert_sources(db, &c, from, to);
	assert_days(db, &c, from, to);
	audit_counts_free(&c);
	if (audit_days_read(db, from, to, &c, &err) == -1)
		fail_msg("%s", err.text);
	assert_int_equal(c.source_count, 0);
	assert_days(db, &c, from, to);
	audit_counts_free(&c);
}

static bool row_fits(sqlite3_stmt *row, const struct audit_filter *f)
{
	time_us time = sqlite3_column_int64(row, 1);
	struct address a;

	assert_int_equal(audit_column_address(row, 2, &a), 0);
	return time >= f->since && time < f->until && (!f->by_source || prefix_contains(&f->source, &a)) &&
	       (f->endpoint == NULL || strcmp(f->endpoint, (const char *)sqlite3_column_text(row, 3)) == 0) &&
	       (f->verdict == NULL || strcmp(f->verdict, (const char *)sqlite3_column_text(row, 4)) == 0);
}

static void assert_found(sqlite3 *db, const struct audit_filter *f, bool newest_first)
{
	char sql[512];
	struct error err = { "" };
	struct audit_search *search;
	sqlite3_stmt *row;
	int64_t id;

	snprintf(sql, sizeof(sql), "SELECT c.id, c.id + c.skew, c.source, e.name, iif(d.verdict, 'deny', 'allow')"
	                           " FROM connection c CROSS JOIN decision d ON d.id = c.decision"
	                           " CROSS JOIN endpoint e ON e.id = d.endpoint"
	                           " WHERE c.id > %lld AND c.id <= %lld ORDER BY c.id %s", (long long)f->after,
	         (long long)f->upto, newest_first ? "DESC" : "");
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	if (audit_search_open(&search, db, f, newest_first, &err) == -1)
		fail_msg("%s", err.text);
	while (sqlite3_step(row) == SQLITE_ROW) {
		if (!row_fits(row, f))
			continue;
		assert_int_equal(audit_search_next(search, &id, &err), 1);
		assert_int_equal(id, sqlite3_column_int64(row, 0));
	}
	assert_int_equal(audit_search_next(search, &id, &err), 0);
	audit_search_close(search);
	sqlite3_finalize(row);
}

/* A moment of the log, often just that of a row or one beside it. */
static time_us random_moment(sqlite3 *db)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT id + skew + %d FROM connection WHERE id >= %lld", (int)random_below(3) - 1,
	         (long long)(DAY + (time_us)random_below(HOURS(72))));
	return number(db, sql);
}

static struct audit_filter random_filter(sqlite3 *db)
{
	static const char *const prefixes[] = { "10.0.0.7", "10.0.0.64/28", "0.0.0.0/0", "2001:db8::/64",
		                                    "2001:db8::3", "77.0.0.0/8", "192.0.2.1" };
	struct audit_filter f = { .since = INT64_MIN, .until = INT64_MAX, .after = 0, .upto = INT64_MAX };
	const char *prefix = prefixes[random_below(7)];

	f.endpoint = random_below(2) == 0 ? NULL : random_below(2) == 0 ? "api" : "db";
	f.verdict = random_below(2) == 0 ? NULL : random_below(2) == 0 ? "allow" : "deny";
	f.by_source = random_below(2) == 0;
	assert_int_equal(prefix_parse(&f.source, prefix, strlen(prefix)), PREFIX_OK);
	if (random_below(2) == 0)
		f.since = random_moment(db);
	if (random_below(2) == 0)
		f.until = random_moment(db);
	if (random_below(4) == 0)
		f.after = random_moment(db);
	if (random_below(4) == 0)
		f.upto = random_moment(db);
	return f;
}

static void assert_same_as_a_scan(sqlite3 *db)
{
	assert_counted(db, 0, INT64_MAX);
	for (int i = 0; i < 16; i++)
		assert_counted(db, random_moment(db), random_moment(db));
	for (int i = 0; i < 25; i++) {
		struct audit_filter f = random_filter(db);

		assert_found(db, &f, random_below(2) == 0);
	}
}

/* --- tests */

static void blocks_say_what_a_scan_says(void **state)
{
	struct rig *g = *state;
	struct store *s = &g->r.store;

	seed = 20261124;
	fill(g, ROWS);
	assert_true(number(s->db, "SELECT count(*) > 3 AND count(*) = (SELECT count(*) FROM block_sources) FROM block"));
	/* Most rows are in blocks, and the blocks say how many of them. */
	assert_true(number(s->db, "SELECT sum(rows) > (SELECT count(*) FROM connection) - 16384 FROM block"));
	assert_true(number(s->db, "SELECT sum(rows) = (SELECT count(*) FROM connection WHERE id <= (SELECT max(id) FROM"
	                          " block)) FROM block"));
	assert_same_as_a_scan(s->db);
}

static void retention_cuts_through_blocks(void **state)
{
	struct rig *g = *state;
	struct store *s = &g->r.store;
	bool more = true;
	time_us cutoff;

	seed = 7;
	fill(g, ROWS / 2);
	cutoff = number(s->db, "SELECT id FROM connection ORDER BY id LIMIT 1 OFFSET 11111");
	while (more)
		assert_int_equal(retention_step(s, cutoff, 0, &more), 0);
	assert_int_equal(number(s->db, "SELECT min(id) FROM connection"), cutoff);
	assert_same_as_a_scan(s->db);
	/* As far as the block that is not whole yet. */
	cutoff = number(s->db, "SELECT id FROM connection ORDER BY id DESC LIMIT 1 OFFSET 11");
	for (more = true; more;)
		assert_int_equal(retention_step(s, cutoff, 0, &more), 0);
	assert_int_equal(number(s->db, "SELECT count(*) FROM connection"), 12);
	assert_int_equal(number(s->db, "SELECT count(*) + (SELECT count(*) FROM block_sources) FROM block"), 0);
	fill(g, ROWS / 2);
	assert_same_as_a_scan(s->db);
}

static int64_t pragma(sqlite3 *db, const char *name)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	return number(db, sql);
}

static void the_oldest_go_when_there_is_too_much(void **state)
{
	struct rig *g = *state;
	struct store *s = &g->r.store;
	const int64_t most = 400 * 4096;
	bool more = true;
	int64_t newest, steps = 0;

	g->tampered = true; /* retention of rows that no checkpoint covers */
	seed = 4;
	fill(g, ROWS);
	newest = number(s->db, "SELECT max(id) FROM connection");
	assert_true(pragma(s->db, "page_count") > 500);
	for (; more; steps++)
		assert_int_equal(retention_step(s, INT64_MIN, (uint64_t)most, &more), 0);
	/* In steps, no further than asked, and the file is smaller. */
	assert_true(steps >= 3);
	assert_true((pragma(s->db, "page_count") - pragma(s->db, "freelist_count")) * 4096 <= most);
	assert_true((pragma(s->db, "page_count") - pragma(s->db, "freelist_count")) * 4096 > most / 2);
	assert_true(pragma(s->db, "freelist_count") <= 256);
	assert_int_equal(number(s->db, "SELECT max(id) FROM connection"), newest);
	assert_same_as_a_scan(s->db);
	assert_int_equal(retention_step(s, INT64_MIN, 0, &more), 0);
	assert_false(more);
}

/* As in a log of version 1, whose rows never were in a block. */
static void rows_without_blocks_get_them(void **state)
{
	struct rig *g = *state;
	struct store *s = &g->r.store;
	bool more = true;

	seed = 99;
	fill(g, ROWS / 2);
	rig_run(g, "DELETE FROM block; DELETE FROM block_sources");
	assert_same_as_a_scan(s->db);
	rig_restart(g);
	while (more)
		assert_int_equal(recorder_retain(&g->r, &more), 0);
	s = &g->r.store;
	assert_true(number(s->db, "SELECT sum(rows) > (SELECT count(*) FROM connection) - 16384 FROM block"));
	assert_same_as_a_scan(s->db);
}

/* Two rows of one source are told apart where they should be, and sources of the same bytes are not mixed up. */
static void a_block_of_one_moment(void **state)
{
	struct block_row rows[5] = { { 10, 10, 1, address_from4(0x20010db8) } };
	struct block_decision d = { .decision = 0 };
	struct block_source source;
	struct block_sources sources;
	struct block_bytes decisions, bytes;
	struct block b;

	(void)state;
	for (int i = 1; i < 5; i++) {
		rows[i] = rows[0];
		rows[i].id += i;
	}
	rows[4].source.family = AF_INET6;
	assert_int_equal(block_make(&b, rows, 5), 0);
	decisions = (struct block_bytes){ b.decisions.data, b.decisions.data + b.decisions.len };
	bytes = (struct block_bytes){ b.sources.data, b.sources.data + b.sources.len };
	assert_int_equal(block_next_decision(&decisions, &d), 1);
	assert_int_equal(d.rows, 5);
	assert_int_equal(block_take_sources(&sources, &bytes, &d, b.min_time), 0);
	assert_int_equal(block_next_source(&sources, &source), 1);
	assert_int_equal(source.rows, 4);
	assert_int_equal(source.first_id, 10);
	assert_int_equal(source.last_id, 13);
	assert_int_equal(source.last, 10);
	assert_int_equal(block_next_source(&sources, &source), 1);
	assert_int_equal(source.source.family, AF_INET6);
	assert_int_equal(source.rows, 1);
	assert_int_equal(block_next_source(&sources, &source), 0);
	assert_int_equal(block_next_decision(&decisions, &d), 0);
	block_free(&b);
}

/* Bytes that are no block are told, and nothing beyond them is read (the sanitizers look). */
static void damaged_blocks_are_told(void **state)
{
	struct rig *g = *state;
	struct store *s = &g->r.store;
	struct error err = { "" };
	struct audit_counts c;

	seed = 5;
	fill(g, 20000);
	for (int i = 0; i < 200; i++) {
		rig_run(g, "SAVEPOINT damage");
		assert_int_equal(sqlite3_exec(s->db, random_below(2) == 0
		                                         ? "UPDATE block_sources SET sources = CAST(substr(sources, 1, abs(random()) % 9000)"
		                                           " || x'ff' || substr(sources, abs(random()) % 9000) AS BLOB)"
		                                         : "UPDATE block SET decisions = CAST(substr(decisions, 1, abs(random()) % 20)"
		                                           " || x'ffff' || substr(decisions, abs(random()) % 20) AS BLOB)",
		                              NULL, NULL, NULL), SQLITE_OK);
		if (audit_counts_read(s->db, 0, INT64_MAX, &c, &err) == 0)
			audit_counts_free(&c);
		rig_run(g, "ROLLBACK TO damage; RELEASE damage");
	}
	rig_run(g, "UPDATE block_sources SET sources = x'ffffffffffffffffffffffffff'");
	assert_int_equal(audit_counts_read(s->db, 0, INT64_MAX, &c, &err), -1);
	assert_non_null(strstr(err.text, "damaged"));
	rig_run(g, "DELETE FROM block_sources");
	assert_int_equal(audit_counts_read(s->db, 0, INT64_MAX, &c, &err), -1);
	assert_int_equal(audit_days_read(s->db, 0, INT64_MAX, &c, &err), 0);
	audit_counts_free(&c);
}

/* What verify says of the log after `sql`; "" where it is as it should be. */
static const char *verified_after(struct rig *g, const char *sql)
{
	static struct verify_result result;
	struct verify_request request = { .keys = NULL };
	struct error err = { "" };

	rig_run(g, sql);
	if (audit_verify(g->r.store.db, &request, &result, &err) == -1)
		fail_msg("%s", err.text);
	return result.ok ? "" : result.what;
}

#define SECOND_BLOCK "(SELECT id FROM block ORDER BY id LIMIT 1 OFFSET 1)"
#define NEWEST_BLOCK "(SELECT max(id) FROM block)"

/* Counts that are not those of the rows are named; where there are none, rows are read one by one and nothing is wrong. */
static void counts_are_verified(void **state)
{
	static const struct {
		const char *change, *what;
	} cases[] = {
		{ "UPDATE block SET rows = rows + 1 WHERE id = " SECOND_BLOCK, "are not those of the rows" },
		{ "UPDATE block SET min_time = min_time - 1 WHERE id = " SECOND_BLOCK, "are not those of the rows" },
		{ "UPDATE block SET max_time = max_time + 1 WHERE id = " NEWEST_BLOCK, "are not those of the rows" },
		{ "UPDATE block SET first_id = first_id + 1 WHERE id = " SECOND_BLOCK, "is missing in the counts" },
		{ "UPDATE block SET first_id = first_id - 1 WHERE id = " SECOND_BLOCK, "are not those of the rows" },
		{ "UPDATE block SET first_id = (SELECT min(id) FROM block) WHERE id = " SECOND_BLOCK, "are counted twice" },
		{ "UPDATE block SET first_id = id + 1 WHERE id = " SECOND_BLOCK, "are counted twice" },
		{ "UPDATE block SET id = id + 1 WHERE id = " NEWEST_BLOCK, "are not those of the rows" },
		{ "UPDATE block SET decisions = (SELECT decisions FROM block ORDER BY id LIMIT 1) WHERE id = " SECOND_BLOCK,
		  "are not those of the rows" },
		{ "UPDATE block_sources SET sources = CAST(sources || x'00' AS BLOB) WHERE id = " SECOND_BLOCK,
		  "are not those of the rows" },
		{ "UPDATE block_sources SET places = x'' WHERE id = " NEWEST_BLOCK, "are not those of the rows" },
		{ "DELETE FROM block_sources WHERE id = " SECOND_BLOCK, "are not those of the rows" },
		{ "DELETE FROM block_sources WHERE id = " NEWEST_BLOCK, "are not those of the rows" },
		{ "DELETE FROM block WHERE id = " NEWEST_BLOCK, "belongs to no row of table block" },
		{ "DELETE FROM block_sources WHERE id = " SECOND_BLOCK "; DELETE FROM block WHERE id = " SECOND_BLOCK,
		  "is missing in the counts" },
		{ "INSERT INTO block SELECT 9000000000000000000, 8999999999999999999, 1, 1, 1, decisions FROM block LIMIT 1",
		  "is missing in the counts" },
		{ "INSERT INTO block SELECT 1, 1, rows, min_time, max_time, decisions FROM block LIMIT 1",
		  "are not those of the rows" },
		{ "UPDATE block SET first_id = 1 WHERE id = (SELECT min(id) FROM block);"
		  "UPDATE block SET rows = 40000, id = (SELECT max(id) FROM connection) WHERE id = " NEWEST_BLOCK,
		  "are not those of the rows" },
		{ "DELETE FROM block_sources WHERE id = " NEWEST_BLOCK "; DELETE FROM block WHERE id = " NEWEST_BLOCK, "" },
		{ "DELETE FROM block; DELETE FROM block_sources", "" },
		/* The row itself is what is named, not what follows from it. */
		{ "UPDATE connection SET decision = 1 + decision % 2 WHERE id = " SECOND_BLOCK, "it was changed" },
		{ "", "" },
	};
	struct rig *g = *state;

	g->tampered = true;
	seed = 3;
	fill(g, ROWS);
	assert_true(number(g->r.store.db, "SELECT count(*) > 3 FROM block"));
	rig_run(g, "CREATE TEMP TABLE blocks AS SELECT * FROM block; CREATE TEMP TABLE sources AS SELECT * FROM block_sources;"
	           "CREATE TEMP TABLE row AS SELECT id, decision FROM connection WHERE id = " SECOND_BLOCK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *what = verified_after(g, cases[i].change);

		if (cases[i].what[0] == '\0' ? what[0] != '\0' : strstr(what, cases[i].what) == NULL)
			fail_msg("%s: %s", cases[i].change, what);
		rig_run(g, "DELETE FROM block; INSERT INTO block SELECT * FROM temp.blocks; DELETE FROM block_sources;"
		           "INSERT INTO block_sources SELECT * FROM temp.sources;"
		           "UPDATE connection SET decision = (SELECT decision FROM temp.row) WHERE id = (SELECT id FROM temp.row)");
	}
}

int run_blocks_tests(void)
{
	const struct CMUnitTest tests[] = {
		IN_RIG(blocks_say_what_a_scan_says),
		IN_RIG(retention_cuts_through_blocks),
		IN_RIG(the_oldest_go_when_there_is_too_much),
		IN_RIG(rows_without_blocks_get_them),
		IN_RIG(damaged_blocks_are_told),
		IN_RIG(counts_are_verified),
		cmocka_unit_test(a_block_of_one_moment),
	};

	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
