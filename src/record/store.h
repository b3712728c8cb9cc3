/* The database as the recorder uses it: one transaction at a time, prepared statements, small numbers for what repeats.
 * What is kept in memory of it is dropped with a transaction that fails, and loaded anew. */
#ifndef HALLOWD_RECORD_STORE_H
#define HALLOWD_RECORD_STORE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "audit/audit.h"
#include "audit/tree.h"
#include "core/audit_message.h"
#include "record/blocks.h"
#include "record/nflog.h"

enum verdict { VERDICT_ALLOW, VERDICT_DENY };

/* Where a row is from: the kernel's own verdict, or traffic that was only seen. */
enum via { VIA_KERNEL, VIA_MIRROR };

enum store_statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_CONNECTION_ADD,
	ST_CONNECTIONS_ADD,
	ST_EVENT_ADD,
	ST_STALL_ADD,
	ST_REVISION_ADD,
	ST_REVISION_AT,
	ST_ENDPOINT_ADD,
	ST_ENDPOINT_DESCRIBE,
	ST_ENDPOINT_LISTS,
	ST_ENDPOINTS_ABSENT,
	ST_TARGET_FIND,
	ST_TARGET_ADD,
	ST_DECISION_FIND,
	ST_DECISION_ADD,
	ST_DECISION_TEXTS,
	ST_POOL_SAVE,
	ST_POOL_DELETE,
	ST_TALLY_ADD,
	ST_AGGREGATE_ADD,
	ST_AGGREGATE_GROW,
	ST_AGGREGATE_CLOSE,
	ST_SEGMENT_ADD,
	ST_SEGMENT_EXTEND,
	ST_SEGMENT_STATE,
	ST_STATE_SAVE,
	ST_RETENTION_DUE,
	ST_CONNECTIONS_OLDEST,
	ST_OPEN_ADD,
	ST_OPEN_REMOVE,
	ST_ENDING_ADD,
	ST_OPEN_DELETE,
	ST_BLOCK_ADD,
	ST_BLOCK_SOURCES_ADD,
	ST_BLOCK_ROWS,
	ST_BLOCK_OLDEST,
	ST_BLOCK_DELETE,
	ST_BLOCK_SOURCES_DELETE,
	ST_COUNT
};

/* The row of table `state`. */
struct store_state {
	uint64_t seq;            /* of hallowd's messages: all up to it are committed */
	uint64_t nflog_socket;
	uint32_t nflog_seq;
	uint64_t unreported;
	char *epoch;             /* that the pools count in; owned */
	time_us reading_time;    /* of the last reading that was settled; 0: none */
	time_us drained_time;    /* when the socket had been drained for it */
	bool baseline;           /* the first reading says where counting begins */
	int64_t last_id;         /* of connection */
};

struct store_endpoint {
	char *name;
	int64_t id;
};

struct store_target {
	struct address destination;
	int32_t port;
	uint8_t protocol;
	int64_t id; /* 0: empty */
};

#define STORE_TARGETS 512

/* What a leaf says of a decision. */
struct store_decision {
	int64_t id; /* 0: empty */
	struct buffer bytes;
};

#define STORE_DECISIONS 64

/* A row of `connection` that is not written yet. */
struct store_fresh {
	int64_t id, skew, decision, target;
	struct address source;
	int32_t source_port;
};

#define STORE_FRESH 64 /* are written at once */

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[ST_COUNT];
	struct error err; /* of the last call that failed */
	int code;         /* SQLite's primary result code of it */
	struct tree tree;
	bool has_signer;      /* somebody signs checkpoints */
	bool announced;       /* rows are to be deleted once a checkpoint covers that */
	uint64_t signed_size; /* leaves that the newest checkpoint covers */
	int64_t pruned_day;   /* when old checkpoints were last looked through */
	struct store_state state;
	struct store_endpoint *endpoints; /* sorted by name */
	size_t endpoint_count, endpoint_cap;
	struct store_target targets[STORE_TARGETS]; /* a cache by hash: the newest of each slot */
	struct store_decision decisions[STORE_DECISIONS]; /* likewise */
	struct store_fresh fresh[STORE_FRESH]; /* of this transaction, in order of id */
	size_t fresh_count;
	struct blocks blocks;
};

/* Each returns 0, or -1 with s->err and s->code. */
int store_open(struct store *s);
int store_begin_anew(struct store *s); /* the file is damaged, as s->err says: see audit_begin_anew */
void store_close(struct store *s);
bool store_damaged(const struct store *s); /* whether s->code says so */

/* Whether the file was removed, or another put in its place, so that nobody would ever read what is written: it is damaged
 * then, and s->err and s->code say so. */
bool store_gone(struct store *s);

int store_load(struct store *s); /* state and endpoints, after store_open and after a rollback */
int store_begin(struct store *s);
int store_commit(struct store *s); /* with the state */
void store_rollback(struct store *s);

/* A prepared statement, its parameters unset.  store_run steps one that gives no rows; store_step one that may: 1
 * with a row (then store_reset), 0 without. */
sqlite3_stmt *store_use(struct store *s, enum store_statement which);
int store_run(struct store *s, sqlite3_stmt *stmt);
int store_step(struct store *s, sqlite3_stmt *stmt);
void store_reset(sqlite3_stmt *stmt);
int store_prepare(struct store *s, const char *sql, sqlite3_stmt **stmt); /* the caller finalizes it */
int store_no_memory(struct store *s); /* always -1 */
int store_tree_failed(struct store *s, int code); /* SQLite's, from src/audit/tree.c; always -1 */

/* Numbers, given out where there is none yet. */
int store_endpoint(struct store *s, const char *name, int64_t *id);
const char *store_endpoint_name(const struct store *s, int64_t id); /* "" where there is none */
int store_target(struct store *s, const struct address *destination, int32_t port, uint8_t protocol, int64_t *id);

struct decision_text {
	int64_t endpoint;
	enum verdict verdict;
	const char *reason;
	const char *list;     /* one name, or several joined by ',', or "" */
	const char *revision; /* likewise, numbers */
	bool single;          /* `revision` is one number */
	enum via via;
};

int store_decision(struct store *s, const struct decision_text *d, int64_t *id);

/* The row is written with those that follow it, by store_commit at the latest.  Who reads `connection` in the same
 * transaction calls store_write_fresh first. */
int store_connection(struct store *s, const struct row *row, int64_t decision, int64_t target);
int store_write_fresh(struct store *s);

int store_event(struct store *s, time_us time, const char *kind, const char *subject, const char *detail);
int store_stall(struct store *s, time_us time, int64_t seconds, const char *reason); /* the event `stalled` */
int store_revision(struct store *s, const struct audit_revision *r);

/* An allowed connection whose end is waited for, and not any more. */
int store_open_add(struct store *s, int64_t connection);
int store_open_remove(struct store *s, int64_t connection);

/* What became of a connection. */
struct ending {
	int64_t connection;
	time_us time;         /* of the end, or when it was found to be over */
	bool watched;         /* else nothing below is known */
	bool counted;         /* packets and bytes are */
	uint64_t packets;     /* both ways */
	uint64_t bytes_in, bytes_out; /* bytes_in: from the source */
	time_us duration;     /* microseconds */
};

/* Nothing is written where the connection is no more in the database. */
int store_ending(struct store *s, const struct ending *e);

#endif
