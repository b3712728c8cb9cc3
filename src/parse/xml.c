#include "parse/formats.h"

#include <limits.h>
#include <string.h>

#include <libxml/parser.h>

#include "core/buffer.h"
#include "parse/markup.h"

/* Nothing is loaded, no entity is put in place of its name, and libxml2's own bounds hold (no XML_PARSE_HUGE).  The
 * bytes are taken as UTF-8 whatever the declaration says: see read_page in html.c. */
#define XML_OPTIONS (XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET | XML_PARSE_IGNORE_ENC)

/* Why it cannot be read: the first error that libxml2 met. */
static int tell_error(xmlParserCtxtPtr parser, struct error *err)
{
	const xmlError *e = xmlCtxtGetLastError(parser);
	char clean[160];

	if (!e || !e->message)
		return error_set(err, "is not XML that can be read whole: nested too deep, or too large");
	clean_text(clean, sizeof(clean), e->message, strcspn(e->message, "\n"));
	return error_set(err, "is not XML: line %d: %s", e->line, clean);
}

/* An entity may stand for text that is written nowhere in the document, and for any amount of it. */
static bool declares_entities(const xmlDoc *doc)
{
	return doc->intSubset && (doc->intSubset->entities || doc->intSubset->pentities);
}

static xmlDocPtr read_tree(xmlParserCtxtPtr parser, struct buffer *copy, struct error *err)
{
	xmlDocPtr doc;

	clean_invalid((char *)copy->data, copy->len);
	doc = xmlCtxtReadMemory(parser, (char *)copy->data, (int)copy->len, NULL, "UTF-8", XML_OPTIONS);
	if (!doc) {
		tell_error(parser, err);
	} else if (declares_entities(doc)) {
		error_set(err, "is XML that declares entities; a document without them was expected");
		xmlFreeDoc(doc);
		doc = NULL;
	}
	return doc;
}

static xmlDocPtr read_document(const struct source *s, struct error *err)
{
	xmlParserCtxtPtr parser;
	struct buffer copy = BUFFER_INIT;
	xmlDocPtr doc = NULL;

	if (s->len > INT_MAX) {
		error_set(err, "is longer than the XML parser can take (%d bytes)", INT_MAX);
		return NULL;
	}
	parser = xmlNewParserCtxt();
	if (parser && buffer_add(&copy, s->text, s->len) == 0)
		doc = read_tree(parser, &copy, err);
	else
		error_set(err, "no memory for the document");
	xmlFreeParserCtxt(parser);
	buffer_free(&copy);
	return doc;
}

static int found_nothing(xmlDocPtr doc, struct error *err)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	char clean[CLEAN_ROW_MAX];
	const char *name = root ? (const char *)root->name : "";

	return error_set(err, "select found nothing in the document, of which the root is <%s>%s",
	                 clean_text(clean, sizeof(clean), name, strlen(name)),
	                 root && root->ns ? "; it has a namespace: match elements by *[local-name()='NAME']" : "");
}

int xml_read(const struct source *s, struct rows *rows, struct error *err)
{
	xmlDocPtr doc;
	size_t found = 0;
	int ret;

	if (s->select[0] == '\0')
		return error_set(err, "this is an XML document; where its prefixes are must be said with select, an "
		                 "XPath expression");
	doc = read_document(s, err);
	if (!doc)
		return -1;
	ret = markup_select(doc, s->select, rows, &found, err);
	if (ret == 0 && found == 0)
		ret = found_nothing(doc, err);
	xmlFreeDoc(doc);
	return ret;
}
