/* Makes a state_dir with an audit log to report on, and a configuration for it: for the tests of the report's formats.
 *
 *   sample KIND FOLDER     KIND: quiet    one endpoint, no traffic
 *                                month    a month with something of everything, at three endpoints
 *                                hostile  the same; names, reasons, origins and details try to break out of the page
 *                                crowd    500 endpoints and thousands of sources
 *
 * The month is October 2026, so that what is printed of it stays the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/audit_fixture.h"
#include "audit/audit.h"

#define OCTOBER INT64_C(1790812800000000) /* 2026-10-01T00:00:00Z */
#define DAYS 31

static struct fixture f;

/* A sequence that is the same each time. */
static uint32_t next_random(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static uint32_t below(uint32_t n)
{
	return next_random() % n;
}

/* --- names: plain, or those that try something */

static bool hostile;

static const char *text(const char *plain, const char *nasty)
{
	return hostile ? nasty : plain;
}

#define SCRIPT "</title></script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
#define ATTRIBUTE "\" onmouseover=\"document.title='broken'\" style=\"background:url(//example.invalid/x)"
#define LINK "[x](javascript:document.title='broken') | <a href=\"http://example.invalid/\">\x1b[31m\xe2\x80\xae"

static void endpoint(int id, const char *name, const char *kind, const char *mode, const char *place, const char *owner,
                     const char *reason, const char *lists)
{
	char *sql = sqlite3_mprintf("INSERT INTO endpoint VALUES (%d, %Q, %Q, %Q, %Q, %Q, %Q, %Q, 1)", id, name, kind, mode,
	                            place, owner, reason, lists);

	fixture_sql(&f, sql);
	sqlite3_free(sql);
}

static void decision(int id, int endpoint_id, int verdict, const char *reason, const char *list, const char *revision)
{
	char *sql = sqlite3_mprintf("INSERT INTO decision (id, endpoint, verdict, reason, list, revision)"
	                            " VALUES (%d, %d, %d, %Q, %Q, %Q)",
	                            id, endpoint_id, verdict, reason, list, revision);

	fixture_sql(&f, sql);
	sqlite3_free(sql);
}

static void target(int id, const char *address, int port)
{
	sqlite3_stmt *s;
	struct address a;

	assert_int_equal(address_parse(&a, address), 0);
	assert_int_equal(sqlite3_prepare_v2(f.db, "INSERT INTO target VALUES (?, ?, ?, 6)", -1, &s, NULL), SQLITE_OK);
	sqlite3_bind_int(s, 1, id);
	audit_bind_address(s, 2, &a);
	sqlite3_bind_int(s, 3, port);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
}

/* A connection, counted in the tally of its hour by hour_end. */
struct hour_count {
	uint64_t recorded, aggregated, lost;
};

static struct hour_count counts[512][2];

static void connection(time_us t, const char *source, int which, int endpoint_id, int verdict, int to)
{
	fixture_connection(&f, t, 0, source, which, to);
	counts[endpoint_id][verdict].recorded++;
}

static void hour_end(time_us start, int endpoints)
{
	for (int i = 1; i <= endpoints; i++) {
		for (int v = 0; v < 2; v++) {
			struct hour_count *c = &counts[i][v];

			if (c->recorded + c->aggregated + c->lost > 0)
				fixture_tally(&f, start, start + HOUR, i, v, c->recorded, c->aggregated, c->lost);
			*c = (struct hour_count){ 0, 0, 0 };
		}
	}
}

static void configure(const char *folder, const char *more)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/hallowd.yaml", folder);
	out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out, "version: 1\nstate_dir: %s\nrun_dir: %s/run\n%s", folder, folder, more);
	fclose(out);
}

/* --- quiet */

static void make_quiet(const char *folder)
{
	endpoint(1, "prod-api", "kubernetes-api", "enforce", "203.0.113.10 port 6443 tcp", "platform team",
	         "cluster deployments", "humanitec");
	fixture_segment(&f, 1, OCTOBER, OCTOBER + DAYS * DAY, 0);
	configure(folder, "");
}

/* --- month */

static const char *const published[] = { "34.159.97.57", "35.198.74.96", "34.141.77.162", "34.89.188.214",
	                                 "34.159.140.35", "34.89.165.141" };

static void month_names(void)
{
	endpoint(1, "prod-api", "kubernetes-api", "enforce", "203.0.113.10, 2001:db8::10 port 6443 tcp",
	         text("platform team", "<b>team</b>" ATTRIBUTE), text("cluster deployments", SCRIPT), "humanitec,office");
	endpoint(2, "orders-db", "database", "observe", "203.0.113.20 port 5432 tcp", text("orders team", LINK), "",
	         "humanitec");
	endpoint(3, "vault", "secret-store", "enforce", "203.0.113.30 port 8200 tcp", "", text("secrets of workloads", "=1+1"),
	         "operator");
	endpoint(4, "legacy-git", "git", "enforce", "203.0.113.40 port 22 tcp", "", "", "office");
	decision(1, 1, 0, "listed", "humanitec", "3");
	decision(2, 1, 1, "not-listed", "humanitec,office", "3,1");
	decision(3, 2, 0, "observed", "humanitec", "3");
	decision(4, 2, 0, "listed", "humanitec", "3");
	decision(5, 3, 0, "listed", "operator", "1");
	decision(6, 3, 1, "not-listed", "operator", "1");
	decision(7, 1, 0, "granted", "grant:7", "");
	target(1, "203.0.113.10", 6443);
	target(2, "2001:db8::10", 6443);
	target(3, "203.0.113.20", 5432);
	target(4, "203.0.113.30", 8200);
}

static void month_hour(int day, int hour)
{
	time_us start = OCTOBER + day * DAY + hour * HOUR;
	bool work = day % 7 < 5 && hour >= 7 && hour < 19;
	uint32_t allowed = work ? 6 + below(6) : below(3), denied = below(3) + (day == 20 ? 30 : 0);
	char source[32];
	time_us t = start;

	for (uint32_t i = 0; i < allowed; i++)
		connection(t += SECOND * (1 + below(40)), published[below(6)], 1, 1, 0, 1);
	for (uint32_t i = 0; i < denied; i++) {
		snprintf(source, sizeof(source), "192.0.2.%u", 1 + below(day == 20 ? 200 : 12));
		connection(t += SECOND * (1 + below(40)), source, 2, 1, 1, 1);
	}
	if (work)
		connection(t += SECOND, published[below(6)], 4, 2, 0, 3);
	if (day > 24 && hour == 9)
		connection(t += SECOND, "198.51.100.99", 3, 2, 0, 3);
	if (hour % 4 == 0)
		connection(t += SECOND, "10.20.0.9", 5, 3, 0, 4);
	if (day == 12 && hour == 3)
		connection(t += SECOND, published[0], 6, 3, 1, 4);
	if (day == 8 && hour == 14)
		connection(t += MINUTE, "198.51.100.7", 7, 1, 0, 1);
	if (day == 20 && (hour == 2 || hour == 3)) {
		for (int i = 1; i <= 150; i++) {
			snprintf(source, sizeof(source), "198.18.%d.%d", hour, i);
			fixture_aggregate(&f, start, start + HOUR - 1, 1, source, 1, 100 + (uint64_t)i);
			counts[1][1].aggregated += 100 + (uint64_t)i;
		}
	}
	if (day == 20 && hour == 3)
		counts[1][1].lost = 12;
}

static void month_coverage(void)
{
	time_us end = OCTOBER + DAYS * DAY, down = OCTOBER + 5 * DAY + 2 * HOUR;

	for (int i = 1; i <= 3; i++) {
		fixture_segment(&f, i, OCTOBER, down, i == 2);
		fixture_segment(&f, i, down, down + 7 * MINUTE, 2);
		fixture_segment(&f, i, down + 7 * MINUTE, end, i == 2);
	}
	fixture_segment(&f, 4, OCTOBER + 9 * DAY, end, 0);
	fixture_event(&f, down + 7 * MINUTE, "start", "hallowd", "{\"pid\": 411, \"version\": \"0.1.0\"}");
}

static void month_lists(void)
{
	fixture_revision(&f, "humanitec", 2, OCTOBER + 2 * DAY,
	                 "[\"34.159.97.57/32\",\"35.198.74.96/32\",\"34.141.77.162/32\",\"34.89.188.214/32\"]", "[]", "guards",
	                 "");
	fixture_revision(&f, text("humanitec", "humanitec" ATTRIBUTE), 3, OCTOBER + 9 * DAY,
	                 "[\"34.159.140.35/32\",\"34.89.165.141/32\"]", "[\"198.51.100.200/32\"]",
	                 text("user anna", "user <script>document.title='broken'</script>"),
	                 text("CHG-211, seen on the publisher's page", SCRIPT));
	for (int i = 0; i < 4 * DAYS; i++)
		fixture_event(&f, OCTOBER + i * 6 * HOUR + MINUTE, "refresh", "humanitec",
		              i > 40 && i < 60 ?
		                  "{\"outcome\":\"unchanged\",\"origins\":[{\"name\":\"docs\",\"state\":\"ok\",\"entries\":6},"
		                  "{\"name\":\"provider\",\"state\":\"ok\",\"entries\":12}]}" :
		                  "{\"outcome\":\"unchanged\",\"origins\":[{\"name\":\"docs\",\"state\":\"ok\",\"entries\":6},"
		                  "{\"name\":\"provider\",\"state\":\"ok\",\"entries\":6}]}");
	fixture_event(&f, OCTOBER + 9 * DAY - HOUR, "held", "humanitec",
	              "{\"reasons\":[\"2 of 4 addresses are new: more than the 25% that max_added allows\"]}");
	fixture_event(&f, OCTOBER + 9 * DAY, "approved", "humanitec",
	              "{\"by\":\"anna\",\"reason\":\"CHG-211, seen on the publisher's page\",\"revision\":3}");
}

static void month_people(void)
{
	time_us from = OCTOBER + 8 * DAY + 14 * HOUR;
	const char *reason = text("INC-1042 rebuild of the cluster", "INC <svg onload=document.title='broken'>");
	char *detail = sqlite3_mprintf("{\"id\":7,\"source\":\"198.51.100.7/32\",\"until\":\"2026-10-09T16:00:00Z\","
	                               "\"by\":\"ben\",\"reason\":\"%s\"}",
	                               reason);

	fixture_event(&f, from, "granted", "prod-api", detail);
	fixture_event(&f, from + 2 * HOUR, "expired", "prod-api", detail);
	sqlite3_free(detail);
	fixture_event(&f, OCTOBER + 15 * DAY, "drift", "table inet hallowd",
	              "{\"what\":\"a rule was removed from chain endpoint/prod-api\",\"process\":\"nft\",\"pid\":991}");
	fixture_event(&f, OCTOBER + 15 * DAY + SECOND / 5, "repaired", "table inet hallowd", "{\"made_anew\":false}");
	fixture_event(&f, OCTOBER + 16 * DAY, text("reload", "<i>reload"), "/etc/hallowd/hallowd.yaml",
	              text("{\"by\":\"anna\",\"ok\":true}", "{\"by\":\"</td></table><script>1</script>\"}"));
}

static void make_month(const char *folder)
{
	month_names();
	for (int day = 0; day < DAYS; day++) {
		for (int hour = 0; hour < 24; hour++) {
			if (day == 5 && hour == 2)
				continue;
			month_hour(day, hour);
			hour_end(OCTOBER + day * DAY + hour * HOUR, 4);
		}
	}
	month_coverage();
	month_lists();
	month_people();
	configure(folder, "secrets: {mode: own}\n");
}

/* --- crowd */

#define CROWD 500

static void make_crowd(const char *folder)
{
	char name[64], place[64], source[32];

	target(1, "203.0.113.10", 443);
	for (int i = 1; i <= CROWD; i++) {
		snprintf(name, sizeof(name), "service-%03d", i);
		snprintf(place, sizeof(place), "203.0.%d.%d port 443 tcp", 113 + i / 250, 1 + i % 250);
		endpoint(i, name, i % 3 == 0 ? "database" : "https", "enforce", place, "team", "", "humanitec");
		decision(2 * i, i, 0, "listed", "humanitec", "1");
		decision(2 * i + 1, i, 1, "not-listed", "humanitec", "1");
		fixture_segment(&f, i, OCTOBER, OCTOBER + DAYS * DAY, 0);
	}
	for (int day = 0; day < DAYS; day++) {
		for (int n = 0; n < 300; n++) {
			int i = 1 + (int)below(CROWD);
			bool deny = below(4) == 0;
			time_us t = OCTOBER + day * DAY + n * MINUTE;

			snprintf(source, sizeof(source), deny ? "198.%u.%u.%u" : "34.%u.%u.%u", 18 + below(2), below(40), 1 + below(250));
			connection(t, source, 2 * i + deny, i, deny, 1);
		}
		hour_end(OCTOBER + day * DAY + 12 * HOUR, CROWD);
	}
	configure(folder, "");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *kind;
		void (*make)(const char *folder);
	} kinds[] = { { "quiet", make_quiet }, { "month", make_month }, { "hostile", make_month }, { "crowd", make_crowd } };
	struct error err = { "" };

	if (argc != 3 || chdir(argv[2]) == -1) {
		fprintf(stderr, "usage: sample quiet|month|hostile|crowd FOLDER\n");
		return 2;
	}
	hostile = strcmp(argv[1], "hostile") == 0;
	if (audit_open_writer(&f.db, &err) == -1) {
		fprintf(stderr, "sample: %s\n", err.text);
		return 1;
	}
	fixture_sql(&f, "BEGIN");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].kind, argv[1]) == 0)
			kinds[i].make(argv[2]);
	fixture_sql(&f, "COMMIT");
	sqlite3_close(f.db);
	return 0;
}
