#include "record/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/view_sql.h"
#include "record/leaves.h"

/* STORE_FRESH rows of `connection`. */
#define ROW "(?, ?, ?, ?, ?, ?)"
#define ROWS_4 ROW ", " ROW ", " ROW ", " ROW
#define ROWS_16 ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4
#define ROWS_64 ROWS_16 ", " ROWS_16 ", " ROWS_16 ", " ROWS_16

static const char *const sql[ST_COUNT] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_CONNECTION_ADD] = "INSERT INTO connection VALUES " ROW,
	[ST_CONNECTIONS_ADD] = "INSERT INTO connection VALUES " ROWS_64,
	[ST_EVENT_ADD] = "INSERT INTO event (time, kind, subject, detail) VALUES (?1, ?2, ?3, ?4)",
	[ST_STALL_ADD] = "INSERT INTO event (time, kind, subject, detail)"
	                 " VALUES (?1, 'stalled', ?2, json_object('seconds', ?3, 'reason', ?4))",
	[ST_REVISION_ADD] = "INSERT INTO revision"
	                    " (list, revision, time, entries, added, removed, origins, decided_by, reason)"
	                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ST_REVISION_AT] = "SELECT revision FROM revision WHERE list = ?1 AND time <= ?2"
	                   " ORDER BY time DESC, id DESC LIMIT 1",
	[ST_ENDPOINT_ADD] = "INSERT INTO endpoint (name, kind, mode, place, owner, reason, lists, present)"
	                    " VALUES (?1, '', '', '', '', '', '', 0)",
	[ST_ENDPOINT_DESCRIBE] = "UPDATE endpoint SET kind = ?2, mode = ?3, place = ?4, owner = ?5, reason = ?6,"
	                         " lists = ?7, present = 1 WHERE id = ?1",
	[ST_ENDPOINT_LISTS] = "SELECT lists FROM endpoint WHERE id = ?1",
	[ST_ENDPOINTS_ABSENT] = "UPDATE endpoint SET present = 0 WHERE present = 1",
	[ST_TARGET_FIND] = "SELECT id FROM target WHERE destination = ?1 AND port = ?2 AND protocol = ?3",
	[ST_TARGET_ADD] = "INSERT INTO target (destination, port, protocol) VALUES (?1, ?2, ?3)",
	[ST_DECISION_FIND] = "SELECT id FROM decision WHERE endpoint = ?1 AND verdict = ?2 AND reason = ?3 AND list = ?4"
	                     " AND revision = ?5 AND via = ?6",
	[ST_DECISION_ADD] = "INSERT INTO decision (endpoint, verdict, reason, list, revision, via)"
	                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ST_DECISION_TEXTS] = "SELECT e.name, " VERDICT("d.verdict") ", d.reason, d.list, d.revision, " VIA("d.via")
	                      " FROM decision d"
	                      " CROSS JOIN endpoint e ON e.id = d.endpoint WHERE d.id = ?1",
	[ST_POOL_SAVE] = "INSERT OR REPLACE INTO pool"
	                 " (endpoint, verdict, handle, kernel, recorded, aggregated, next, late, carried)"
	                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ST_POOL_DELETE] = "DELETE FROM pool WHERE endpoint = ?1 AND verdict = ?2",
	[ST_TALLY_ADD] = "INSERT INTO tally"
	                 " (hour, endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost, part)"
	                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	                 " ON CONFLICT (hour, part, endpoint, verdict) DO UPDATE SET"
	                 " from_time = min(from_time, excluded.from_time), to_time = max(to_time, excluded.to_time),"
	                 " counted = counted + excluded.counted, recorded = recorded + excluded.recorded,"
	                 " aggregated = aggregated + excluded.aggregated, lost = lost + excluded.lost",
	[ST_AGGREGATE_ADD] = "INSERT INTO aggregate (from_time, to_time, endpoint, source, target, count, kernel, live)"
	                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)",
	[ST_AGGREGATE_GROW] = "UPDATE aggregate SET to_time = ?2, count = count + ?3, kernel = ?4 WHERE id = ?1",
	[ST_AGGREGATE_CLOSE] = "UPDATE aggregate SET live = NULL WHERE id = ?1",
	[ST_SEGMENT_ADD] = "INSERT INTO segment (endpoint, from_time, to_time, state) VALUES (?1, ?2, ?3, ?4)",
	[ST_SEGMENT_EXTEND] = "UPDATE segment SET to_time = ?2 WHERE id = ?1",
	[ST_SEGMENT_STATE] = "UPDATE segment SET state = ?2 WHERE id = ?1",
	[ST_STATE_SAVE] = "UPDATE state SET seq = ?1, nflog_socket = ?2, nflog_seq = ?3, unreported = ?4, epoch = ?5,"
	                  " reading_time = ?6, drained_time = ?7, baseline = ?8, last_id = ?9",
	[ST_RETENTION_DUE] = "SELECT EXISTS (SELECT 1 FROM connection WHERE id < ?1)"
	                     " OR EXISTS (SELECT 1 FROM tally WHERE hour < ?1 / 3600000000)"
	                     " OR EXISTS (SELECT 1 FROM (SELECT to_time, live FROM aggregate ORDER BY id LIMIT 1)"
	                     " WHERE to_time < ?1 AND live IS NULL)",
	[ST_CONNECTIONS_OLDEST] = "SELECT max(id) FROM (SELECT id FROM connection ORDER BY id LIMIT ?1)",
	[ST_OPEN_ADD] = "INSERT INTO open_connection VALUES (?1)",
	[ST_OPEN_REMOVE] = "DELETE FROM open_connection WHERE id = ?1",
	[ST_ENDING_ADD] = "INSERT INTO ending (connection, time, packets, bytes_in, bytes_out, duration_ms)"
	                  " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM connection WHERE id = ?1)",
	[ST_OPEN_DELETE] = "DELETE FROM open_connection WHERE id IN"
	                   " (SELECT id FROM open_connection WHERE id < ?1 ORDER BY id LIMIT ?2)",
	[ST_BLOCK_ADD] = "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ST_BLOCK_SOURCES_ADD] = "INSERT INTO block_sources VALUES (?1, ?2, ?3)",
	[ST_BLOCK_ROWS] = "SELECT id, skew, source, decision FROM connection WHERE id > ?1 AND id <= ?2 ORDER BY id",
	[ST_BLOCK_OLDEST] = "SELECT id, first_id FROM block ORDER BY id LIMIT 1",
	[ST_BLOCK_DELETE] = "DELETE FROM block WHERE id = ?1",
	[ST_BLOCK_SOURCES_DELETE] = "DELETE FROM block_sources WHERE id = ?1",
};

/* Which rows that may still change a statement changes; those that are closed become leaves. */
static const unsigned touches[ST_COUNT] = {
	[ST_ENDPOINT_ADD] = OPEN_BIT(OPEN_ENDPOINT),
	[ST_ENDPOINT_DESCRIBE] = OPEN_BIT(OPEN_ENDPOINT),
	[ST_ENDPOINTS_ABSENT] = OPEN_BIT(OPEN_ENDPOINT),
	[ST_TARGET_ADD] = OPEN_BIT(OPEN_TARGET),
	[ST_DECISION_ADD] = OPEN_BIT(OPEN_DECISION),
	[ST_POOL_SAVE] = OPEN_BIT(OPEN_POOL),
	[ST_POOL_DELETE] = OPEN_BIT(OPEN_POOL),
	[ST_TALLY_ADD] = OPEN_BIT(OPEN_TALLY),
	[ST_AGGREGATE_ADD] = OPEN_BIT(OPEN_AGGREGATE),
	[ST_AGGREGATE_GROW] = OPEN_BIT(OPEN_AGGREGATE),
	[ST_AGGREGATE_CLOSE] = OPEN_BIT(OPEN_AGGREGATE),
	[ST_SEGMENT_ADD] = OPEN_BIT(OPEN_SEGMENT),
	[ST_SEGMENT_EXTEND] = OPEN_BIT(OPEN_SEGMENT),
	[ST_SEGMENT_STATE] = OPEN_BIT(OPEN_SEGMENT),
	[ST_STATE_SAVE] = OPEN_BIT(OPEN_STATE),
};

static int failed(struct store *s)
{
	s->code = sqlite3_errcode(s->db) & 0xff;
	return error_set(&s->err, "%s: %s", AUDIT_FILE, sqlite3_errmsg(s->db));
}

int store_tree_failed(struct store *s, int code)
{
	const char *why = (sqlite3_errcode(s->db) & 0xff) == (code & 0xff) ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);

	s->code = code & 0xff;
	return error_set(&s->err, "%s: the tree over the rows: %s", AUDIT_FILE, why);
}

int store_no_memory(struct store *s)
{
	s->code = SQLITE_NOMEM;
	return error_set(&s->err, "no memory");
}

bool store_damaged(const struct store *s)
{
	return s->code == SQLITE_CORRUPT || s->code == SQLITE_NOTADB;
}

bool store_gone(struct store *s)
{
	int gone = 0;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &gone) != SQLITE_OK || !gone)
		return false;
	s->code = SQLITE_CORRUPT;
	error_set(&s->err, AUDIT_FILE " was removed, or another file put in its place, while hallowd wrote it");
	return true;
}

/* --- open and close */

static void forget(struct store *s)
{
	for (size_t i = 0; i < s->endpoint_count; i++)
		free(s->endpoints[i].name);
	s->endpoint_count = 0;
	s->fresh_count = 0;
	memset(s->targets, 0, sizeof(s->targets));
	for (size_t i = 0; i < STORE_DECISIONS; i++)
		s->decisions[i].id = 0;
	free(s->state.epoch);
	s->state.epoch = NULL;
}

static void finalize(struct store *s)
{
	for (size_t i = 0; i < ST_COUNT; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	tree_close(&s->tree);
}

static int prepare_all(struct store *s)
{
	int rc;

	for (size_t i = 0; i < ST_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL) != SQLITE_OK) {
			failed(s);
			store_close(s);
			return -1;
		}
	rc = tree_init(&s->tree, s->db);
	if (rc == SQLITE_OK)
		return 0;
	store_tree_failed(s, rc);
	store_close(s);
	return -1;
}

int store_open(struct store *s)
{
	memset(s, 0, sizeof(*s));
	if (audit_open_writer(&s->db, &s->err) == -1)
		return -1;
	return prepare_all(s);
}

int store_begin_anew(struct store *s)
{
	struct error why = s->err;

	finalize(s);
	if (audit_begin_anew(&s->db, why.text, &s->err) == -1) {
		s->code = SQLITE_CANTOPEN;
		return -1;
	}
	return prepare_all(s);
}

void store_close(struct store *s)
{
	finalize(s);
	sqlite3_close(s->db);
	s->db = NULL;
	forget(s);
	for (size_t i = 0; i < STORE_DECISIONS; i++)
		buffer_free(&s->decisions[i].bytes);
	free(s->endpoints);
	s->endpoints = NULL;
	s->endpoint_cap = 0;
	blocks_free(&s->blocks);
}

/* --- statements */

sqlite3_stmt *store_use(struct store *s, enum store_statement which)
{
	sqlite3_stmt *stmt = s->statements[which];

	s->tree.touched |= touches[which];
	sqlite3_clear_bindings(stmt);
	return stmt;
}

int store_step(struct store *s, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		failed(s);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

void store_reset(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
}

int store_run(struct store *s, sqlite3_stmt *stmt)
{
	if (store_step(s, stmt) == -1)
		return -1;
	sqlite3_reset(stmt);
	return 0;
}

int store_prepare(struct store *s, const char *text, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v2(s->db, text, -1, stmt, NULL) == SQLITE_OK ? 0 : failed(s);
}

int store_begin(struct store *s)
{
	if (store_gone(s))
		return -1;
	return store_run(s, store_use(s, ST_BEGIN));
}

static int save_state(struct store *s)
{
	sqlite3_stmt *stmt = store_use(s, ST_STATE_SAVE);

	sqlite3_bind_int64(stmt, 1, (int64_t)s->state.seq);
	sqlite3_bind_int64(stmt, 2, (int64_t)s->state.nflog_socket);
	sqlite3_bind_int64(stmt, 3, s->state.nflog_seq);
	sqlite3_bind_int64(stmt, 4, (int64_t)s->state.unreported);
	sqlite3_bind_text(stmt, 5, s->state.epoch, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 6, s->state.reading_time);
	sqlite3_bind_int64(stmt, 7, s->state.drained_time);
	sqlite3_bind_int(stmt, 8, s->state.baseline);
	sqlite3_bind_int64(stmt, 9, s->state.last_id);
	return store_run(s, stmt);
}

int store_commit(struct store *s)
{
	int rc;

	if (store_write_fresh(s) == -1 || save_state(s) == -1)
		return -1;
	rc = tree_flush(&s->tree);
	if (rc == SQLITE_OK)
		return store_run(s, store_use(s, ST_COMMIT));
	return store_tree_failed(s, rc);
}

void store_rollback(struct store *s)
{
	if (s->db != NULL && sqlite3_get_autocommit(s->db) == 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	forget(s);
}

/* --- loading */

static int load_state(struct store *s)
{
	struct store_state *state = &s->state;
	sqlite3_stmt *stmt;
	const char *epoch;
	int got = store_prepare(s, "SELECT seq, nflog_socket, nflog_seq, unreported, epoch, reading_time, drained_time,"
	                           " baseline, last_id FROM state", &stmt);

	if (got == -1)
		return -1;
	got = store_step(s, stmt);
	if (got == 1) {
		epoch = (const char *)sqlite3_column_text(stmt, 4);
		*state = (struct store_state){
			.seq = (uint64_t)sqlite3_column_int64(stmt, 0),
			.nflog_socket = (uint64_t)sqlite3_column_int64(stmt, 1),
			.nflog_seq = (uint32_t)sqlite3_column_int64(stmt, 2),
			.unreported = (uint64_t)sqlite3_column_int64(stmt, 3),
			.epoch = epoch == NULL ? NULL : strdup(epoch),
			.reading_time = sqlite3_column_int64(stmt, 5),
			.drained_time = sqlite3_column_int64(stmt, 6),
			.baseline = sqlite3_column_int(stmt, 7) != 0,
			.last_id = sqlite3_column_int64(stmt, 8),
		};
	}
	sqlite3_finalize(stmt);
	if (got == 0) {
		s->code = SQLITE_CORRUPT;
		return error_set(&s->err, "%s: table state is empty", AUDIT_FILE);
	}
	if (got == 1 && state->epoch == NULL)
		return store_no_memory(s);
	return got == 1 ? 0 : -1;
}

static int add_endpoint(struct store *s, size_t at, const char *name, int64_t id)
{
	struct store_endpoint *endpoints = s->endpoints;
	size_t cap = s->endpoint_cap == 0 ? 16 : s->endpoint_cap * 2;
	char *copy;

	if (s->endpoint_count == s->endpoint_cap) {
		endpoints = realloc(endpoints, cap * sizeof(*endpoints));
		if (endpoints == NULL)
			return store_no_memory(s);
		s->endpoints = endpoints;
		s->endpoint_cap = cap;
	}
	copy = strdup(name);
	if (copy == NULL)
		return store_no_memory(s);
	memmove(&endpoints[at + 1], &endpoints[at], (s->endpoint_count - at) * sizeof(*endpoints));
	endpoints[at] = (struct store_endpoint){ copy, id };
	s->endpoint_count++;
	return 0;
}

static int load_endpoints(struct store *s)
{
	sqlite3_stmt *stmt;
	int got;

	if (store_prepare(s, "SELECT name, id FROM endpoint ORDER BY name", &stmt) == -1)
		return -1;
	while ((got = store_step(s, stmt)) == 1)
		if (add_endpoint(s, s->endpoint_count, (const char *)sqlite3_column_text(stmt, 0),
		                 sqlite3_column_int64(stmt, 1)) == -1) {
			got = -1;
			break;
		}
	sqlite3_finalize(stmt);
	return got;
}

int store_load(struct store *s)
{
	int rc;

	forget(s);
	rc = tree_load(&s->tree);
	if (rc != SQLITE_OK)
		return store_tree_failed(s, rc);
	return load_state(s) == -1 || load_endpoints(s) == -1 ? -1 : blocks_load(&s->blocks, s);
}

/* --- numbers */

/* Where `name` is, or belongs. */
static size_t endpoint_place(const struct store *s, const char *name, bool *found)
{
	size_t low = 0, high = s->endpoint_count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(s->endpoints[middle].name, name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int store_endpoint(struct store *s, const char *name, int64_t *id)
{
	sqlite3_stmt *stmt;
	bool found;
	size_t at = endpoint_place(s, name, &found);

	if (found) {
		*id = s->endpoints[at].id;
		return 0;
	}
	stmt = store_use(s, ST_ENDPOINT_ADD);
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	if (store_run(s, stmt) == -1)
		return -1;
	*id = sqlite3_last_insert_rowid(s->db);
	return add_endpoint(s, at, name, *id);
}

const char *store_endpoint_name(const struct store *s, int64_t id)
{
	for (size_t i = 0; i < s->endpoint_count; i++)
		if (s->endpoints[i].id == id)
			return s->endpoints[i].name;
	return "";
}

/* Runs `find` with the parameters that `bind` sets, and `add` where it has no row. */
static int find_or_add(struct store *s, enum store_statement find, enum store_statement add,
                       void (*bind)(sqlite3_stmt *stmt, const void *what), const void *what, int64_t *id)
{
	sqlite3_stmt *stmt = store_use(s, find);
	int got;

	bind(stmt, what);
	got = store_step(s, stmt);
	if (got == 1) {
		*id = sqlite3_column_int64(stmt, 0);
		store_reset(stmt);
		return 0;
	}
	if (got == -1)
		return -1;
	stmt = store_use(s, add);
	bind(stmt, what);
	if (store_run(s, stmt) == -1)
		return -1;
	*id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static void bind_target(sqlite3_stmt *stmt, const void *what)
{
	const struct store_target *t = what;

	audit_bind_address(stmt, 1, &t->destination);
	sqlite3_bind_int(stmt, 2, t->port);
	sqlite3_bind_int(stmt, 3, t->protocol);
}

static size_t target_slot(const struct address *destination, int32_t port, uint8_t protocol)
{
	uint32_t h = (uint32_t)port * 2654435761u ^ protocol;

	for (unsigned i = 0; i < address_size(destination->family); i++)
		h = (h ^ destination->bytes[i]) * 16777619u;
	return h % STORE_TARGETS;
}

int store_target(struct store *s, const struct address *destination, int32_t port, uint8_t protocol, int64_t *id)
{
	struct store_target *slot = &s->targets[target_slot(destination, port, protocol)];
	struct store_target wanted = { *destination, port, protocol, 0 };

	if (slot->id == 0 || slot->port != port || slot->protocol != protocol ||
	    address_compare(&slot->destination, destination) != 0) {
		if (find_or_add(s, ST_TARGET_FIND, ST_TARGET_ADD, bind_target, &wanted, &wanted.id) == -1)
			return -1;
		*slot = wanted;
	}
	*id = slot->id;
	return 0;
}

static void bind_decision(sqlite3_stmt *stmt, const void *what)
{
	const struct decision_text *d = what;

	sqlite3_bind_int64(stmt, 1, d->endpoint);
	sqlite3_bind_int(stmt, 2, (int)d->verdict);
	sqlite3_bind_text(stmt, 3, d->reason, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, d->list, -1, SQLITE_STATIC);
	if (d->single)
		sqlite3_bind_int64(stmt, 5, (int64_t)strtoull(d->revision, NULL, 10));
	else
		sqlite3_bind_text(stmt, 5, d->revision, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 6, (int)d->via);
}

int store_decision(struct store *s, const struct decision_text *d, int64_t *id)
{
	return find_or_add(s, ST_DECISION_FIND, ST_DECISION_ADD, bind_decision, d, id);
}

/* --- rows */

static int run_and_append(struct store *s, sqlite3_stmt *stmt, enum leaf_kind kind)
{
	return store_run(s, stmt) == -1 ? -1 : leaves_append(s, kind, sqlite3_last_insert_rowid(s->db));
}

int store_event(struct store *s, time_us time, const char *kind, const char *subject, const char *detail)
{
	sqlite3_stmt *stmt = store_use(s, ST_EVENT_ADD);

	sqlite3_bind_int64(stmt, 1, time);
	sqlite3_bind_text(stmt, 2, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, subject, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, detail, -1, SQLITE_STATIC);
	return run_and_append(s, stmt, LEAF_EVENT);
}

int store_stall(struct store *s, time_us time, int64_t seconds, const char *reason)
{
	sqlite3_stmt *stmt = store_use(s, ST_STALL_ADD);

	sqlite3_bind_int64(stmt, 1, time);
	sqlite3_bind_text(stmt, 2, AUDIT_FILE, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, seconds);
	sqlite3_bind_text(stmt, 4, reason, -1, SQLITE_STATIC);
	return run_and_append(s, stmt, LEAF_EVENT);
}

int store_revision(struct store *s, const struct audit_revision *r)
{
	sqlite3_stmt *stmt = store_use(s, ST_REVISION_ADD);

	sqlite3_bind_text(stmt, 1, r->list, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->revision);
	sqlite3_bind_int64(stmt, 3, r->time);
	sqlite3_bind_int64(stmt, 4, (int64_t)r->entries);
	sqlite3_bind_text(stmt, 5, r->added, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, r->removed, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 7, r->origins, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 8, r->decided_by, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 9, r->reason, -1, SQLITE_STATIC);
	return run_and_append(s, stmt, LEAF_REVISION);
}
