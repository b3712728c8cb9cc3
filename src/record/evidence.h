/* Evidence: the first packets of denied attempts, in a ring of pcapng files (audit/pcapng.h) in folder EVIDENCE_FOLDER.
 *
 * What a batch brings is kept in memory and written once the rows are committed, so that a packet in a file always has a row,
 * which its comment names: "connection ID endpoint NAME".  A packet that cannot be written is counted and given up: rows never
 * wait for it.  Each process begins a file of its own, so nothing is ever written behind a block that was cut off. */
#ifndef HALLOWD_RECORD_EVIDENCE_H
#define HALLOWD_RECORD_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "record/log_prefix.h"

#define EVIDENCE_FOLDER "evidence"
#define EVIDENCE_FILES_MOST 256 /* processes that end soon leave small files */
#define EVIDENCE_BATCH (16u << 20) /* bytes of packets that one batch keeps in memory */
#define EVIDENCE_WHY_MAX 96

struct row;

struct evidence_packet {
	size_t row;    /* its index in the batch */
	size_t offset; /* in `bytes` */
	uint32_t len;
	int64_t id;    /* the row's, once it is written */
};

struct evidence_file {
	uint64_t number; /* grows; the order in which they were begun, whatever the clock did */
	uint64_t size;
	char name[64];
};

/* A zeroed struct but for the descriptors keeps nothing: evidence_init. */
struct evidence {
	uint32_t packets;         /* the most for each attempt; 0: nothing is kept */
	uint64_t size;            /* bytes of all files together */
	struct attempt *attempts; /* owned; NULL until something is kept */
	uint64_t seed;
	struct evidence_packet *kept; /* of this batch; owned */
	size_t count, cap;
	size_t named;             /* of these: have their row's id */
	struct buffer bytes;      /* of all of these */
	int folder, file;         /* -1: not open */
	struct evidence_file *files; /* oldest first; `file` is the last; owned */
	size_t file_count, file_cap;
	struct buffer out;        /* blocks that are not written yet */
	uint64_t waiting;         /* packets in it */
	uint64_t lost;            /* packets that could not be kept and are in no event yet */
	char why[EVIDENCE_WHY_MAX]; /* the last of them */
};

void evidence_init(struct evidence *e);
void evidence_free(struct evidence *e); /* and makes it empty; the files stay */

/* From now on so many packets of each attempt (0: none), and so many bytes of all files. */
void evidence_configure(struct evidence *e, uint32_t packets, uint64_t size);

/* Row number `index` of the batch is of a denied packet: keeps its bytes where it is among the first of its attempt (source,
 * destination, protocol and port, within an hour). */
void evidence_offer(struct evidence *e, size_t index, const struct row *row, const void *data, size_t len);

/* The rows are written, from the first one on; and each has this id, in order. */
void evidence_rows_begin(struct evidence *e);
void evidence_row(struct evidence *e, size_t index, int64_t id);

/* They are committed: writes what was kept of them. */
void evidence_committed(struct evidence *e, const struct row *rows, const struct log_prefixes *prefixes);

#endif
