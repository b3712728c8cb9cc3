#include "report/document.h"
int document_html(const struct document *d, FILE *out)
{
	return document_markdown(d, out);
}
