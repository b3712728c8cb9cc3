/* Inside of the HTML renderer. */
#ifndef HALLOWD_REPORT_HTML_H
#define HALLOWD_REPORT_HTML_H

#include "report/document.h"

/* Writes text that came from outside so that it is text, within an element or a quoted attribute: plain.h, and the five
 * characters that HTML gives a meaning. */
void html_text(FILE *out, const char *text);

/* Inline SVG, whose widths are shares of the page's, so that its text stays readable on a narrow one.  Nothing where there
 * is nothing to draw.  0, or -1 where memory ran out. */
int html_chart(FILE *out, const struct report *r, enum doc_chart chart);

#endif
