#include "parse/formats.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>

#include "core/buffer.h"

/* libxml2 counts lines in 16 bits. */
#define HTML_LINE_MAX 65534

#define HTML_OPTIONS \
	(HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC)

/* A page says who it is near its start. */
#define HTML_TITLE_WITHIN 65536

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

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

/* White space for a reader of the page, which includes U+00A0 NO-BREAK SPACE. */
static void trim(const char **text, size_t *len)
{
	for (;;) {
		if (*len > 0 && is_space((*text)[0])) {
			(*text)++;
			(*len)--;
		} else if (*len > 1 && memcmp(*text, "\xc2\xa0", 2) == 0) {
			*text += 2;
			*len -= 2;
		} else if (*len > 0 && is_space((*text)[*len - 1])) {
			(*len)--;
		} else if (*len > 1 && memcmp(*text + *len - 2, "\xc2\xa0", 2) == 0) {
			*len -= 2;
		} else {
			return;
		}
	}
}

static bool has_text(const xmlNode *node)
{
	return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

/* Elements and attributes, of which the text stands in nodes below. */
static bool has_children(const xmlNode *node)
{
	return node->type == XML_ELEMENT_NODE || node->type == XML_ATTRIBUTE_NODE;
}

/* The next node of the tree under `top`, in the order of the document. */
static const xmlNode *next_under(const xmlNode *top, const xmlNode *node)
{
	if (has_children(node) && node->children)
		return node->children;
	while (node != top && !node->next)
		node = node->parent;
	return node == top ? NULL : node->next;
}

/* The text under a node.  Pieces are joined with a space between them, for "192.0.2.1<sup>2</sup>" is no 192.0.2.12. */
static int node_text(const xmlNode *top, struct buffer *out)
{
	const xmlNode *node;
	bool first = true;

	out->len = 0;
	for (node = top; node; node = next_under(top, node)) {
		if (!has_text(node) || !node->content)
			continue;
		if (!first && buffer_add(out, " ", 1) == -1)
			return -1;
		first = false;
		if (buffer_add(out, node->content, strlen((const char *)node->content)) == -1)
			return -1;
	}
	return 0;
}

static int add_node(struct rows *rows, const struct place *where, const xmlNode *node, struct buffer *scratch,
                    struct error *err)
{
	const char *text;
	size_t len;

	if (!has_text(node) && !has_children(node))
		return rows_add_bad(rows, where, "", 0, "neither an element, an attribute nor text", err);
	if (node_text(node, scratch) == -1 || !(text = buffer_str(scratch)))
		return error_set(err, "no memory for the text of a node");
	len = scratch->len;
	trim(&text, &len);
	return rows_add(rows, where, text, len, err);
}

static int add_nodes(struct rows *rows, const xmlNodeSet *nodes, struct error *err)
{
	struct buffer scratch = BUFFER_INIT;
	int i, ret = 0;

	for (i = 0; i < nodes->nodeNr && ret == 0; i++) {
		const xmlNode *node = nodes->nodeTab[i];
		long line = node->type == XML_NAMESPACE_DECL ? 0 : xmlGetLineNo(node);
		struct place where = { 0, "node", (uint64_t)i + 1 };

		if (line > 0 && line <= HTML_LINE_MAX)
			where.line = (uint32_t)line;
		ret = add_node(rows, &where, node, &scratch, err);
	}
	buffer_free(&scratch);
	return ret;
}

/* The first element named "title" of a tree. */
static const xmlNode *find_title(const xmlNode *root)
{
	const xmlNode *node;

	for (node = root; node; node = next_under(root, node))
		if (node->type == XML_ELEMENT_NODE && xmlStrcasecmp(node->name, (const xmlChar *)"title") == 0)
			return node;
	return NULL;
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
	title = page ? find_title(xmlDocGetRootElement(page)) : NULL;
	if (title && node_text(title, &scratch) == 0 && buffer_str(&scratch)) {
		const char *at = buffer_str(&scratch);
		size_t left = scratch.len;

		trim(&at, &left);
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

/* libxml2 would write to standard error. */
static void keep_quiet(void *ctx, xmlErrorPtr error)
{
	(void)ctx;
	(void)error;
}

static void print_nothing(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	(void)fmt;
}

/* What the expression chooses: nodes, at least one. */
static int add_chosen(struct rows *rows, const struct source *s, const xmlXPathObject *chosen, struct error *err)
{
	char title[CLEAN_ROW_MAX];

	if (chosen->type != XPATH_NODESET)
		return error_set(err, "select: the expression must choose nodes, but its value is a %s",
		                 chosen->type == XPATH_BOOLEAN ? "boolean" :
		                 chosen->type == XPATH_NUMBER ? "number" : "string");
	if (chosen->nodesetval && chosen->nodesetval->nodeNr > 0)
		return add_nodes(rows, chosen->nodesetval, err);
	if (html_title(s->text, s->len, title))
		return error_set(err, "select found nothing in the page titled “%s”", title);
	return error_set(err, "select found nothing in the page, which has no title");
}

static int evaluate(xmlXPathContext *context, const struct source *s, struct rows *rows, struct error *err)
{
	char shown[256];
	xmlXPathCompExpr *program;
	xmlXPathObject *chosen;
	int ret;

	context->error = keep_quiet;
	xmlSetGenericErrorFunc(NULL, print_nothing);
	clean_text(shown, sizeof(shown), s->select, strlen(s->select));
	program = xmlXPathCtxtCompile(context, (const xmlChar *)s->select);
	if (!program)
		return error_set(err, "select: not an XPath expression: %s", shown);
	chosen = xmlXPathCompiledEval(program, context);
	if (chosen)
		ret = add_chosen(rows, s, chosen, err);
	else
		ret = error_set(err, "select: the XPath expression cannot be evaluated: %s", shown);
	xmlXPathFreeObject(chosen);
	xmlXPathFreeCompExpr(program);
	return ret;
}

int html_read(const struct source *s, struct rows *rows, struct error *err)
{
	xmlXPathContext *context;
	htmlDocPtr page;
	int ret;

	if (s->select[0] == '\0')
		return no_select(s, err);
	page = read_page(s->text, s->len, err);
	if (!page)
		return -1;
	context = xmlXPathNewContext(page);
	ret = context ? evaluate(context, s, rows, err) : error_set(err, "no memory for select");
	xmlXPathFreeContext(context);
	xmlFreeDoc(page);
	return ret;
}
