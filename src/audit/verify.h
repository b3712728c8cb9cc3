/* The whole audit log against its tree and its checkpoints. */
#ifndef HALLOWD_AUDIT_VERIFY_H
#define HALLOWD_AUDIT_VERIFY_H

#include <sqlite3.h>

#include "core/error.h"
#include "integrity/note.h"

#define VERIFY_ROW_MAX 64

struct verify_request {
	const struct note_key *keys; /* any of them may have signed; none: no signature is good */
	size_t key_count;
	/* Checkpoints from elsewhere, as notes; the tree must have them in it. */
	struct verify_note {
		const char *note;
		size_t len;
		const char *name; /* for people: a file */
	} notes[2];
	size_t note_count;
	/* Called now and then with the leaves read so far, and all; may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t all);
	void *ctx;
};

struct verify_result {
	bool ok;
	uint64_t rows;        /* that were reread and are in the tree */
	uint64_t retired;     /* that were deleted because they were old */
	uint64_t leaves;
	uint64_t checkpoints; /* in the log, all of them good */
	struct checkpoint newest; /* of these */
	/* Where not ok: */
	char row[VERIFY_ROW_MAX]; /* as `prove` takes it: a number, or KIND:NUMBER; "" where it is none of a row */
	bool is_connection;       /* it is the number of a connection */
	char what[512];
};

/* Reads everything in one read transaction.  0 with *result, also where it is not ok; -1 with *err where it cannot be
 * told: the database is busy, there is no memory, it cannot be read.  A file that SQLite finds damaged is not ok. */
int audit_verify(sqlite3 *db, const struct verify_request *request, struct verify_result *result, struct error *err);

/* The same for what needs no row: the checkpoints' signatures, and that the newest fits the hashes that are kept. */
int audit_verify_quick(sqlite3 *db, const struct verify_request *request, struct verify_result *result,
                       struct error *err);

#endif
