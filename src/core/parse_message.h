/* What hallowd asks of hallowd-parse, and the answer.  The bytes to parse are the file that the parser inherits as
 * standard input, from its start. */
#ifndef HALLOWD_CORE_PARSE_MESSAGE_H
#define HALLOWD_CORE_PARSE_MESSAGE_H

#include "core/message.h"

enum list_format { FORMAT_GUESS, FORMAT_TEXT, FORMAT_JSON, FORMAT_YAML, FORMAT_CSV, FORMAT_HTML, FORMAT_XML };

struct parse_request {
	uint8_t format;      /* enum list_format */
	char *select;        /* "" for none */
	char *content_type;  /* a hint for FORMAT_GUESS, "" for none */
	char *name;          /* a file's name, a hint likewise */
	uint64_t max_bytes;  /* longer input is an error */
	uint64_t max_entries; /* more rows is an error (a bound on memory, well above any guard) */
	char *signed_by;     /* minisign public keys with a space between, "" where the list needs no signature */
	char *signature;     /* the text of the minisign signature */
};

struct parse_bad_row {
	uint32_t line;  /* from 1; 0 where the format has no lines (then `text` says where) */
	char *text;     /* the row, cut to 80 bytes, control characters replaced */
	char *what;     /* prefix_parse_text() or the like */
};

#define PARSE_BAD_SHOWN 10

struct parse_result {
	uint8_t ok;         /* 0: not a list at all; `error` says why, and nothing below counts */
	char *error;
	uint8_t format;     /* the one that was used */
	uint64_t bytes;     /* read */
	char *sha256;       /* lower-case hex of the bytes; filled in also when ok is 0 */
	uint64_t rows;      /* good rows, before merging */
	uint64_t bad;       /* rows that are no prefix */
	uint64_t host_bits; /* good rows whose host bits were set, and cleared */
	uint8_t widest4;    /* shortest length among the IPv4 rows as written, 255 where there are none */
	uint8_t widest6;
	struct parse_bad_row bad_rows[PARSE_BAD_SHOWN]; /* the first of them */
	uint32_t bad_shown;
	struct prefix_set set;
};

/* encode: 0, or -1 with errno.  decode: 0 with everything owned by the struct; -1 where the message does not fit, then
 * nothing is owned.  A result of -1 covers also an unknown format, a sha256 that is none (nor ""), lengths out of range
 * and a set that is not normalized: the parser is not trusted. */
int parse_request_encode(struct buffer *out, const struct parse_request *r);
int parse_request_decode(struct message *m, struct parse_request *r);
void parse_request_free(struct parse_request *r);
int parse_result_encode(struct buffer *out, const struct parse_result *r);
int parse_result_decode(struct message *m, struct parse_result *r);
void parse_result_free(struct parse_result *r);

const char *list_format_name(enum list_format f); /* "guess", "text", "json", ...; f within the enum */
int list_format_parse(enum list_format *f, const char *name); /* 0, or -1 */

#endif
