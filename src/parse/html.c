#include "parse/formats.h"

#include <limits.h>
#include <string.h>

#include <libxml/HTMLparser.h>

#include "core/buffer.h"
#include "parse/markup.h"

#define HTML_OPTIONS \
	(HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC)

/* A page says who it is near its start. */
#define HTML_TITLE_WITHIN 65536

/* A page as a tree.  libxml2 drops what follows a byte that is wrong in the character set that a page names, and says
 * nothing, so no page is converted: tags and addresses are ASCII in every set without NUL bytes.  It drops what follows
 * where it gives up as well (nested too deep, no memory), and that it does say. */
static htmlDocPtr read_page(const char *text, size_t len, struct error *err)
{
	htmlParserCtxtPtr parser = htmlNewParserCtxt();
	struct buffer copy = BUFFER_INIT;
	htmlDocPtr page = NULL;

	if (len > INT_MAX) {
		error_set(err, "is longer than the HTML parser can take (%d bytes)", INT_MAX);
	} else if (parser && buffer_add(&copy, text, len) == 0) {
		clean_invalid((char *)copy.data, len);
		page = htmlCtxtReadMemory(parser, (char *)copy.data, (int)len, NULL, "UTF-8", HTML_OPTIONS);
		if (!page || parser->disableSAX) {
			error_set(err, "is not HTML that can be read whole: nested too deep, or too large");
			xmlFreeDoc(page);
			page = NULL;
		}
	} else {
		error_set(err, "no memory for the page");
	}
	if (parser)
		htmlFreeParserCtxt(parser);
	buffer_free(&copy);
	return page;
}

bool html_title(const char *text, size_t len, char out[CLEAN_ROW_MAX])
{
	struct buffer scratch = BUFFER_INIT;
	const xmlNode *title;
	htmlDocPtr page;
	bool found = false;

	if (len > HTML_TITLE_WITHIN)
		len = HTML_TITLE_WITHIN;
	page = read_page(text, len, NULL);
	title = page ? markup_title(xmlDocGetRootElement(page)) : NULL;
	if (title && markup_text(title, &scratch) == 0 && buffer_str(&scratch)) {
		const char *at = buffer_str(&scratch);
		size_t left = scratch.len;

		markup_trim(&at, &left);
		found = left > 0;
		clean_text(out, CLEAN_ROW_MAX, at, left);
	}
	buffer_free(&scratch);
	xmlFreeDoc(page);
	return found;
}

/* An HTML page has no rows of its own; most often it is an error page where a list was expected. */
static int no_select(const struct source *s, struct error *err)
{
	char title[CLEAN_ROW_MAX];

	if (html_title(s->text, s->len, title))
		return error_set(err, "this is an HTML page titled “%s”; where its prefixes are must be said with "
		                 "select, an XPath expression", title);
	return error_set(err, "this is an HTML page without a title; where its prefixes are must be said with "
	                 "select, an XPath expression");
}

static int found_nothing(const struct source *s, struct error *err)
{
	char title[CLEAN_ROW_MAX];

	if (html_title(s->text, s->len, title))
		return error_set(err, "select found nothing in the page titled “%s”", title);
	return error_set(err, "select found nothing in the page, which has no title");
}

int html_read(const struct source *s, struct rows *rows, struct error *err)
{
	htmlDocPtr page;
	size_t found = 0;
	int ret;

	if (s->select[0] == '\0')
		return no_select(s, err);
	page = read_page(s->text, s->len, err);
	if (!page)
		return -1;
	ret = markup_select(page, s->select, rows, &found, err);
	xmlFreeDoc(page);
	return ret == 0 && found == 0 ? found_nothing(s, err) : ret;
}
