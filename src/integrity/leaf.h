/* What a leaf of the tree is: one row of the audit log, as bytes.  doc/INTEGRITY.md describes them for those who write
 * a program of their own.
 *
 * The bytes are the kind (one byte) and its fields in a fixed order, each by its type:
 *   number, time   8 bytes, the most significant first, two's complement; a time is microseconds since 1970
 *   optional       one byte 0; or one byte 1 and a number
 *   text           4 bytes, its length in bytes, the most significant first; and the bytes
 *   address        one byte 4 and 4 bytes; or one byte 6 and 16 bytes
 * Two rows that differ have bytes that differ: each field says where it ends. */
#ifndef HALLOWD_INTEGRITY_LEAF_H
#define HALLOWD_INTEGRITY_LEAF_H

#include "core/address.h"
#include "core/buffer.h"
#include "integrity/hash.h"

/* The numbers are part of the format: never one twice. */
enum leaf_kind {
	LEAF_CONNECTION = 1,
	LEAF_ENDING = 2,
	LEAF_AGGREGATE = 3,
	LEAF_TALLY = 4,
	LEAF_SEGMENT = 5,
	LEAF_REVISION = 6,
	LEAF_EVENT = 7,
	LEAF_RETIREMENT = 8
};

#define LEAF_KINDS 9 /* one more than the highest */

enum leaf_type { LEAF_NUMBER, LEAF_TIME, LEAF_OPTIONAL, LEAF_TEXT, LEAF_ADDRESS };

struct leaf_field {
	const char *name;
	enum leaf_type type;
};

#define LEAF_FIELDS_MAX 16

/* The fields of a kind; NULL for a number that is no kind.  `name` is the word for it in proofs and messages. */
struct leaf_shape {
	const char *name;
	size_t count;
	struct leaf_field fields[LEAF_FIELDS_MAX];
};

const struct leaf_shape *leaf_shape(unsigned kind); /* NULL where no kind has that number */
unsigned leaf_kind_named(const char *name); /* 0: none */

/* The value of one field; which member counts is said by its type. */
struct leaf_value {
	bool set;          /* of an optional one */
	int64_t number;
	const char *text;  /* borrowed; need not end in a zero byte */
	size_t len;
	struct address address;
};

/* Appends the bytes of a row; values are in the order of the fields.  0, or -1 with errno ENOMEM. */
int leaf_encode(unsigned kind, const struct leaf_value *values, struct buffer *out);

/* Single fields, for those who know the order and are in a hurry; room was reserved before. */
void leaf_put_kind(struct buffer *out, unsigned kind);
void leaf_put_number(struct buffer *out, int64_t n);
void leaf_put_optional(struct buffer *out, bool set, int64_t n);
void leaf_put_text(struct buffer *out, const char *text, size_t len);
void leaf_put_address(struct buffer *out, const struct address *a);

#endif
