#include "parse/markup.h"

#include <stdarg.h>
#include <string.h>

#include <libxml/xpath.h>

#include "parse/clean.h"

/* libxml2 counts lines in 16 bits. */
#define LINE_MAX_KNOWN 65534

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void markup_trim(const char **text, size_t *len)
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

int markup_text(const xmlNode *top, struct buffer *out)
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
	if (markup_text(node, scratch) == -1 || !(text = buffer_str(scratch)))
		return error_set(err, "no memory for the text of a node");
	len = scratch->len;
	markup_trim(&text, &len);
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

		if (line > 0 && line <= LINE_MAX_KNOWN)
			where.line = (uint32_t)line;
		ret = add_node(rows, &where, node, &scratch, err);
	}
	buffer_free(&scratch);
	return ret;
}

const xmlNode *markup_title(const xmlNode *root)
{
	const xmlNode *node;

	for (node = root; node; node = next_under(root, node))
		if (node->type == XML_ELEMENT_NODE && xmlStrcasecmp(node->name, (const xmlChar *)"title") == 0)
			return node;
	return NULL;
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

/* What the expression chooses must be nodes. */
static int add_chosen(struct rows *rows, const xmlXPathObject *chosen, size_t *found, struct error *err)
{
	if (chosen->type != XPATH_NODESET)
		return error_set(err, "select: the expression must choose nodes, but its value is a %s",
		                 chosen->type == XPATH_BOOLEAN ? "boolean" :
		                 chosen->type == XPATH_NUMBER ? "number" : "string");
	*found = chosen->nodesetval ? (size_t)chosen->nodesetval->nodeNr : 0;
	return *found > 0 ? add_nodes(rows, chosen->nodesetval, err) : 0;
}

static int evaluate(xmlXPathContext *context, const char *select, struct rows *rows, size_t *found, struct error *err)
{
	char shown[256];
	xmlXPathCompExpr *program;
	xmlXPathObject *chosen;
	int ret;

	context->error = keep_quiet;
	xmlSetGenericErrorFunc(NULL, print_nothing);
	clean_text(shown, sizeof(shown), select, strlen(select));
	program = xmlXPathCtxtCompile(context, (const xmlChar *)select);
	if (!program)
		return error_set(err, "select: not an XPath expression: %s", shown);
	chosen = xmlXPathCompiledEval(program, context);
	if (chosen)
		ret = add_chosen(rows, chosen, found, err);
	else
		ret = error_set(err, "select: the XPath expression cannot be evaluated: %s", shown);
	xmlXPathFreeObject(chosen);
	xmlXPathFreeCompExpr(program);
	return ret;
}

int markup_select(xmlDocPtr doc, const char *select, struct rows *rows, size_t *found, struct error *err)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);
	int ret = context ? evaluate(context, select, rows, found, err) : error_set(err, "no memory for select");

	xmlXPathFreeContext(context);
	return ret;
}
