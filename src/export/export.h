/* Rows of the audit log for other systems: read in order, written one by one, in the same small memory whatever their
 * number.  One row model, and a file for each format. */
#ifndef HALLOWD_EXPORT_EXPORT_H
#define HALLOWD_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "core/address.h"
#include "core/error.h"
#include "core/time_text.h"
#include "export/sink.h"

/* What a row is of.  Each is a stream of its own, with ids and so with a cursor of its own. */
enum export_stream {
	EXPORT_CONNECTIONS, /* view `connections` */
	EXPORT_ENDS,        /* what became of connections: a row when one has ended */
	EXPORT_AGGREGATES,  /* view `aggregates`: denied attempts that were counted together */
};

#define EXPORT_UNKNOWN (-1)

/* A row; texts stay until the next one is read.  What the log does not know is "" or EXPORT_UNKNOWN. */
struct export_row {
	enum export_stream stream;
	int64_t id;
	int64_t connection;  /* the id of it; for aggregates EXPORT_UNKNOWN */
	time_us time, until; /* until: of ends, the end; of aggregates, when it was last counted; else the same as time */
	const char *endpoint;
	bool allowed;
	const char *reason;
	struct address source, destination;
	char source_text[ADDRESS_TEXT_MAX];
	const char *destination_text;
	int source_port, destination_port;
	int protocol; /* of IP, as IANA numbers them */
	const char *protocol_text;
	const char *list;     /* as in the view: of what was denied, all that the endpoint allows, joined by ',' */
	const char *revision; /* the number of one, or several numbers joined by ',' */
	bool one_revision;    /* it is a number */
	int64_t count;        /* 1 for connections */
	int64_t packets, bytes_in, bytes_out, duration_ms;
	const char *state; /* "open", "closed", "unknown"; "" for what has no end */
	bool seen_only;    /* on a mirror port: the verdict is what the policy says, and nothing was enforced */
	const char *via;   /* "kernel", "mirror"; "" for aggregates */
};

/* How a stream is called, "connections", and what its ids begin with where they stand beside those of others: "",
 * "end-". */
const char *export_stream_name(enum export_stream stream);
const char *export_stream_prefix(enum export_stream stream);

/* What is asked for. */
struct export_request {
	enum export_stream stream;
	time_us from, to; /* from <= time < to; INT64_MIN and INT64_MAX: no bound */
	int64_t since_id; /* only rows with a greater id; -1: all.  From 0 on it is a cursor: rows that still grow wait */
};

/* One run over the rows. */
struct export_reader;

/* Rows up to the newest at this moment.  Reads in short transactions, so that a long export keeps no writer from
 * tidying up.  0 with *reader (export_reader_close), or -1. */
int export_reader_open(struct export_reader **reader, sqlite3 *db, const struct export_request *request,
                       struct error *err);

/* The next row, in order of id.  1 with *row; 0: no more; -1 with *err. */
int export_reader_next(struct export_reader *reader, struct export_row *row, struct error *err);

/* Where the next run has to begin so that it brings each row that this one did not: of all that was there when this one
 * was opened, the highest id that is done. */
int64_t export_reader_cursor(const struct export_reader *reader);

void export_reader_close(struct export_reader *reader); /* NULL does nothing */

/* How rows are written: `begin` before the first, `end` behind the last; either may be NULL.  Failures stay in the sink
 * (sink_finish).  Only `row` can fail: -1 where memory ran out. */
struct export_format {
	const char *name; /* "csv" */
	void (*begin)(struct sink *out, enum export_stream stream);
	int (*row)(struct sink *out, const struct export_row *row);
	void (*end)(struct sink *out, enum export_stream stream);
};

extern const struct export_format export_csv, export_jsonl, export_ocsf, export_ecs;
extern const struct export_format export_json; /* the objects of jsonl, in one array */

/* The host that the rows are from, for ocsf and ecs: its name, "" for none.  The text must stay. */
void export_set_host(const char *name);

#endif
