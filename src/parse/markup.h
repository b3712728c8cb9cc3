/* What HTML and XML share once libxml2 has made a tree of them. */
#ifndef HALLOWD_PARSE_MARKUP_H
#define HALLOWD_PARSE_MARKUP_H

#include <stddef.h>

#include <libxml/tree.h>

#include "core/buffer.h"
#include "core/error.h"
#include "parse/rows.h"

/* Tells each node that the XPath 1.0 expression chooses to `rows`, and sets *found to how many there were. */
int markup_select(xmlDocPtr doc, const char *select, struct rows *rows, size_t *found, struct error *err);

/* The text under a node, into `out`, which is emptied first.  Pieces are joined with a space between them, for
 * "192.0.2.1<sup>2</sup>" is no 192.0.2.12.  0, or -1 without memory. */
int markup_text(const xmlNode *top, struct buffer *out);

/* Cuts white space at both ends, as a reader of the page sees it: U+00A0 NO-BREAK SPACE is some too. */
void markup_trim(const char **text, size_t *len);

/* The first element named "title" under `root`, or NULL. */
const xmlNode *markup_title(const xmlNode *root);

#endif
