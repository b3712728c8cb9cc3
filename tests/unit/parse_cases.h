/* Bytes in, a result in words out: how the tests of hallowd-parse are written. */
#ifndef HALLOWD_TESTS_PARSE_CASES_H
#define HALLOWD_TESTS_PARSE_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "core/parse_message.h"

struct parse_case {
	const char *input;
	/* Of an answer that is a list:
	 *   "PREFIX… ; N rows, N bad, N host bits, widest 4/6", for each bad row shown " ; LINE 'TEXT' WHAT",
	 * where a count of 0 and an absent family are left out.  Of any other: "error: TEXT".
	 * Where a library words the rest, it ends in "*". */
	const char *expected;
};

/* Parses each input, and fails with both texts where the result is not the expected one. */
void check_parse(enum list_format format, const char *select, const struct parse_case *cases, size_t count);

/* One such parse of bytes that may hold NUL. */
void check_parse_bytes(enum list_format format, const char *select, const char *input, size_t len,
                       const char *expected);

#define CHECK(format, select, cases) check_parse(format, select, cases, sizeof(cases) / sizeof((cases)[0]))

int test_text(void);
int test_json(void);
int test_yaml(void);
int test_csv(void);
int test_html(void);
int test_xml(void);
int test_guess(void);
int test_minisign(void);

#endif
