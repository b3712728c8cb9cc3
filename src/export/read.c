#include "export/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "export/lookup.h"
#include "report/query.h"

#define ROWS_AT_ONCE 50000        /* of one read transaction */
#define ID_MAX "9223372036854775807"
#define SKEWED (-US_PER_SECOND)   /* the clock was set back: audit.h */

/* What is read in order, one after the other.  Rows of `connection` are in order of time but for those that were
 * recorded after the clock was set back, which an index finds. */
enum stage { IN_PERIOD, SET_BACK, DONE };

struct export_reader {
	struct export_request request;
	sqlite3 *db;
	struct lookup *lookup;
	sqlite3_stmt *stmt; /* of this stage; NULL between two */
	enum stage stage;
	int64_t after, upto;  /* ids of this stage that are to come: after < id <= upto */
	int64_t newest;       /* the highest id that is looked at at all */
	size_t left;          /* rows before the transaction is ended */
};

/* Of a connection and its end; both statements below put them behind an id of their own. */
#define COLUMNS \
	"c.id, c.skew, c.source, c.source_port, c.decision, c.target, x.packets, x.bytes_in, x.bytes_out, x.duration_ms"
enum {
	C_KEY, C_ID, C_SKEW, C_SOURCE, C_SOURCE_PORT, C_DECISION, C_TARGET, C_PACKETS, C_BYTES_IN, C_BYTES_OUT, C_DURATION,
	C_OPEN, C_END = C_OPEN
};

#define CONNECTIONS_SQL \
	"SELECT c.id, " COLUMNS ", o.id IS NOT NULL FROM connection c LEFT JOIN ending x ON x.connection = c.id" \
	" LEFT JOIN open_connection o ON o.id = c.id WHERE c.id > ?1 AND c.id <= ?2"
static const char in_period_sql[] = CONNECTIONS_SQL " ORDER BY c.id";
static const char set_back_sql[] = CONNECTIONS_SQL " AND c.skew < -1000000 ORDER BY c.id";
static const char ends_sql[] =
	"SELECT x.id, " COLUMNS ", x.time FROM ending x CROSS JOIN connection c ON c.id = x.connection"
	" WHERE x.id > ?1 AND x.id <= ?2 ORDER BY x.id";

enum { A_ID, A_FROM, A_TO, A_ENDPOINT, A_SOURCE, A_TARGET, A_COUNT };
static const char aggregates_sql[] =
	"SELECT a.id, a.from_time, a.to_time, e.name, a.source, a.target, a.count"
	" FROM aggregate a CROSS JOIN endpoint e ON e.id = a.endpoint WHERE a.id > ?1 AND a.id <= ?2 ORDER BY a.id";

/* The one number that `sql` asks for. */
static int number(sqlite3 *db, const char *sql, int64_t *n, struct error *err)
{
	sqlite3_stmt *stmt;
	int got;

	if (query_start(db, &stmt, sql, NULL, 0, err) == -1)
		return -1;
	got = query_next(stmt, err);
	*n = got == 1 ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return got == -1 ? -1 : 0;
}

/* The highest id that there is to read.  Ids grow with each commit, so none comes later below it.  A row of `aggregate`
 * grows for a while: a cursor never passes one that may. */
static int find_newest(struct export_reader *r, struct error *err)
{
	if (r->request.stream == EXPORT_CONNECTIONS)
		return number(r->db, "SELECT max((SELECT coalesce(max(id), 0) FROM connection), last_id) FROM state",
		              &r->newest, err);
	if (r->request.stream == EXPORT_ENDS)
		return number(r->db, "SELECT coalesce(max(id), 0) FROM ending", &r->newest, err);
	if (r->request.since_id == -1)
		return number(r->db, "SELECT coalesce(max(id), 0) FROM aggregate", &r->newest, err);
	return number(r->db,
	              "SELECT coalesce((SELECT min(id) - 1 FROM aggregate WHERE live = 1), max(id), 0) FROM aggregate",
	              &r->newest, err);
}

/* A cursor that is ahead of all there is would leave out what comes.  Where all rows of ends or aggregates were deleted
 * for their age, their ids begin anew; those of connections never do. */
static int check_cursor(struct export_reader *r, struct error *err)
{
	const char *sql = r->request.stream == EXPORT_ENDS ? "SELECT coalesce(max(id), " ID_MAX ") FROM ending" :
	                                                     "SELECT coalesce(max(id), " ID_MAX ") FROM aggregate";
	int64_t highest = r->newest;

	if (r->request.since_id <= 0)
		return 0;
	if (r->request.stream != EXPORT_CONNECTIONS) {
		if (number(r->db, sql, &highest, err) == -1)
			return -1;
		if (r->request.since_id > highest)
			r->request.since_id = 0;
	} else if (r->request.since_id > highest) {
		return error_set(err, "id %lld is later than all that the audit log has ever held, which ends with %lld: it is of "
		                 "another log, or the clock was set back and the log begun anew; begin again from 0, or from "
		                 "the time at which the other ends", (long long)r->request.since_id, (long long)highest);
	}
	return 0;
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The ids that can be in the period at all: a row's time is never later than its id, and, where the clock was not
 * set back, at most a second earlier. */
static void begin_stage(struct export_reader *r, enum stage stage)
{
	const struct export_request *q = &r->request;
	bool bounded = q->stream == EXPORT_CONNECTIONS && q->to != INT64_MAX;

	r->stage = stage;
	r->upto = r->newest;
	if (stage == SET_BACK)
		return;
	r->after = q->since_id;
	if (q->stream == EXPORT_CONNECTIONS && q->from != INT64_MIN && q->from - 1 > r->after)
		r->after = q->from - 1;
	if (bounded)
		r->upto = lesser(r->newest, q->to - SKEWED);
}

/* What follows a stage that is at its end. */
static void end_stage(struct export_reader *r)
{
	bool more = r->stage == IN_PERIOD && r->upto < r->newest;

	r->after = r->after > r->upto ? r->after : r->upto;
	begin_stage(r, more ? SET_BACK : DONE);
}

int export_reader_open(struct export_reader **reader, sqlite3 *db, const struct export_request *request,
                       struct error *err)
{
	struct export_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return error_errno(err, ENOMEM, "the audit log cannot be read");
	r->request = *request;
	r->db = db;
	if (lookup_open(&r->lookup, db, err) == -1 || find_newest(r, err) == -1 || check_cursor(r, err) == -1) {
		export_reader_close(r);
		return -1;
	}
	begin_stage(r, IN_PERIOD);
	*reader = r;
	return 0;
}

void export_reader_close(struct export_reader *reader)
{
	if (reader == NULL)
		return;
	sqlite3_finalize(reader->stmt);
	lookup_free(reader->lookup);
	free(reader);
}

int64_t export_reader_cursor(const struct export_reader *reader)
{
	return reader->newest > reader->request.since_id ? reader->newest : reader->request.since_id;
}

static int prepare(struct export_reader *r, struct error *err)
{
	const char *sql = r->request.stream == EXPORT_AGGREGATES ? aggregates_sql :
	                  r->request.stream == EXPORT_ENDS       ? ends_sql :
	                  r->stage == SET_BACK                   ? set_back_sql : in_period_sql;

	if (query_start(r->db, &r->stmt, sql, NULL, 0, err) == -1)
		return -1;
	sqlite3_bind_int64(r->stmt, 1, r->after);
	sqlite3_bind_int64(r->stmt, 2, r->upto);
	r->left = ROWS_AT_ONCE;
	return 0;
}

static void end_statement(struct export_reader *r)
{
	sqlite3_finalize(r->stmt);
	r->stmt = NULL;
}

/* Steps to the next row of whatever stage has one: 1, 0 or -1. */
static int step(struct export_reader *r, struct error *err)
{
	while (r->stage != DONE) {
		int got;

		if (r->stmt == NULL && prepare(r, err) == -1)
			return -1;
		got = query_next(r->stmt, err);
		if (got == -1)
			return -1;
		if (got == 1) {
			r->after = sqlite3_column_int64(r->stmt, 0);
			return 1;
		}
		end_statement(r);
		end_stage(r);
	}
	return 0;
}

static int take_source(struct export_row *row, sqlite3_stmt *stmt, int column, struct error *err)
{
	if (audit_column_address(stmt, column, &row->source) == -1)
		return error_set(err, "the audit log is damaged: row %lld holds no source address", (long long)row->id);
	address_format(&row->source, row->source_text);
	return 0;
}

static int take_target(struct export_reader *r, struct export_row *row, int64_t id, struct error *err)
{
	const struct target *t = lookup_target(r->lookup, id, err);

	if (t == NULL)
		return -1;
	row->destination = t->address;
	row->destination_text = t->text;
	row->destination_port = t->port;
	row->protocol = t->protocol;
	row->protocol_text = t->protocol_text;
	return 0;
}

static int take_decision(struct export_reader *r, struct export_row *row, int64_t id, struct error *err)
{
	const struct decision *d = lookup_decision(r->lookup, id, err);

	if (d == NULL)
		return -1;
	row->endpoint = d->endpoint;
	row->allowed = d->allowed;
	row->reason = d->reason;
	row->list = d->list;
	row->revision = d->revision;
	row->one_revision = d->one_revision;
	row->seen_only = d->seen_only;
	row->via = d->seen_only ? "mirror" : "kernel";
	return 0;
}

static void take_port(struct export_row *row, sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_type(stmt, column) != SQLITE_NULL)
		row->source_port = sqlite3_column_int(stmt, column) + 32768;
}

/* A number that may be unknown. */
static int64_t column(sqlite3_stmt *stmt, int at)
{
	return sqlite3_column_type(stmt, at) == SQLITE_NULL ? EXPORT_UNKNOWN : sqlite3_column_int64(stmt, at);
}

/* As the view has it.  Of an end, it is not open any more. */
static const char *state_of(const struct export_row *row, bool open)
{
	if (!row->allowed || row->seen_only)
		return "";
	if (open)
		return "open";
	return row->duration_ms != EXPORT_UNKNOWN ? "closed" : "unknown";
}

static void take_end(struct export_row *row, sqlite3_stmt *s)
{
	row->packets = column(s, C_PACKETS);
	row->bytes_in = column(s, C_BYTES_IN);
	row->bytes_out = column(s, C_BYTES_OUT);
	row->duration_ms = column(s, C_DURATION);
}

static int take_connection(struct export_reader *r, struct export_row *row, struct error *err)
{
	bool is_end = row->stream == EXPORT_ENDS;
	sqlite3_stmt *s = r->stmt;

	row->connection = sqlite3_column_int64(s, C_ID);
	row->time = row->connection + sqlite3_column_int64(s, C_SKEW);
	row->until = is_end ? sqlite3_column_int64(s, C_END) : row->time;
	take_port(row, s, C_SOURCE_PORT);
	take_end(row, s);
	if (take_source(row, s, C_SOURCE, err) == -1 ||
	    take_decision(r, row, sqlite3_column_int64(s, C_DECISION), err) == -1)
		return -1;
	row->state = state_of(row, !is_end && sqlite3_column_int(s, C_OPEN) != 0);
	return take_target(r, row, sqlite3_column_int64(s, C_TARGET), err);
}

static int take_aggregate(struct export_reader *r, struct export_row *row, struct error *err)
{
	sqlite3_stmt *s = r->stmt;

	row->time = sqlite3_column_int64(s, A_FROM);
	row->until = sqlite3_column_int64(s, A_TO);
	row->endpoint = query_text(s, A_ENDPOINT);
	row->reason = row->list = row->revision = row->state = row->via = "";
	row->count = sqlite3_column_int64(s, A_COUNT);
	if (take_source(row, s, A_SOURCE, err) == -1)
		return -1;
	return take_target(r, row, sqlite3_column_int64(s, A_TARGET), err);
}

/* An aggregate is in a period that it overlaps, and only where it counted something; an end, when it came. */
static bool is_asked_for(const struct export_reader *r, const struct export_row *row)
{
	time_us first = row->stream == EXPORT_ENDS ? row->until : row->time;

	return row->count > 0 && row->until >= r->request.from && first < r->request.to;
}

static int take(struct export_reader *r, struct export_row *row, struct error *err)
{
	*row = (struct export_row){
		.stream = r->request.stream, .id = r->after, .connection = EXPORT_UNKNOWN, .count = 1, .source_port = EXPORT_UNKNOWN,
		.packets = EXPORT_UNKNOWN, .bytes_in = EXPORT_UNKNOWN, .bytes_out = EXPORT_UNKNOWN,
		.duration_ms = EXPORT_UNKNOWN,
	};
	return r->request.stream == EXPORT_AGGREGATES ? take_aggregate(r, row, err) : take_connection(r, row, err);
}

int export_reader_next(struct export_reader *reader, struct export_row *row, struct error *err)
{
	int got;

	do {
		/* Not before the next row is wanted: texts of the last may be the statement's. */
		if (reader->stmt != NULL && reader->left-- == 0)
			end_statement(reader);
		got = step(reader, err);
		if (got == 1 && take(reader, row, err) == -1)
			got = -1;
	} while (got == 1 && !is_asked_for(reader, row));
	return got;
}
