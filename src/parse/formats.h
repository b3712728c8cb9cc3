/* The readers, one for each format.  Each walks the bytes and gives every row to `rows`.
 *
 * 0: it is this format, and the rows are told.  -1 with *err: it is not, or `select` does not fit it; *err says what is
 * wrong, where (line), and what was expected; whatever rows were told by then do not count. */
#ifndef HALLOWD_PARSE_FORMATS_H
#define HALLOWD_PARSE_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include <jv.h>

#include "core/error.h"
#include "parse/clean.h"
#include "parse/rows.h"

/* Borrowed; no byte order mark in front. */
struct source {
	const char *text; /* not NUL-terminated */
	size_t len;
	const char *select; /* "" for none */
};

typedef int format_reader(const struct source *s, struct rows *rows, struct error *err);

/* One entry a line.  '#' and ';' start a comment, also behind an entry.  Blank lines are passed over. */
format_reader text_read;

/* JSON (RFC 8259), one value; `select` is a jq program that must put out strings.
 * Without it the value must be an array, whose elements are the rows. */
format_reader json_read;

/* YAML 1.1 syntax as libyaml reads it, one document, plain scalars resolved by the core schema (YAML 1.2, 10.3);
 * `select` as for JSON. */
format_reader yaml_read;

/* CSV (RFC 4180) with comments as in RFC 8805; `select` is a column's number from 1 (every record is a row) or its name
 * (the first record names the columns).  Without it column 1. */
format_reader csv_read;

/* HTML as libxml2 reads it; `select` is an XPath 1.0 expression for the nodes, each of which is a row. */
format_reader html_read;

/* XML 1.0 as libxml2 reads it, well-formed, without entities of its own; `select` as for HTML. */
format_reader xml_read;

/* --- shared by JSON and YAML --- */

/* Runs the jq program `select` over `value` (taken over), or, where it is "", walks the array that `value` must be. */
int select_rows(jv value, const char *select, struct rows *rows, struct error *err);

/* --- for the message about a page where a list was expected --- */

/* The title of an HTML page as clean text; false where it has none. */
bool html_title(const char *text, size_t len, char out[CLEAN_ROW_MAX]);

#endif
