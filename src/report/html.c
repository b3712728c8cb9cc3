/* A document as one HTML file that loads nothing: style and script stand in it, and a Content-Security-Policy
 * (W3C CSP 3) names them by their hash, so that nothing else in it could run or load even where a text got out of its
 * place.  It can be read without script; the script sorts and filters long tables. */
#include "report/html.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "report/plain.h"
#include "src/report/report_assets.h"

#define FEW 3   /* so few sections need no list beside them */
#define LONG 30 /* a table with more rows scrolls within the page */
#define HASH_TEXT_MAX sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)

void html_text(FILE *out, const char *text)
{
	struct buffer b = BUFFER_INIT;
	const char *plain = plain_add(&b, text) == 0 ? buffer_str(&b) : NULL;

	for (plain = plain != NULL ? plain : "(out of memory)"; *plain != '\0'; plain++) {
		switch (*plain) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*plain, out);
		}
	}
	buffer_free(&b);
}

static const char *hash_of(const char *content, char text[HASH_TEXT_MAX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)content, strlen(content));
	return sodium_bin2base64(text, HASH_TEXT_MAX, hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
}

static void write_head(FILE *out, const struct document *d)
{
	char style[HASH_TEXT_MAX], script[HASH_TEXT_MAX];

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
	fprintf(out,
	        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
	        "script-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
	        hash_of(report_css, style), hash_of(report_js, script));
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
	      out);
	html_text(out, d->title);
	fputs(", ", out);
	html_text(out, d->subtitle);
	fprintf(out, "</title>\n<style>%s</style>\n</head>\n", report_css);
}

static const char *tone_class(enum doc_tone tone)
{
	switch (tone) {
	case TONE_GOOD:
		return "good";
	case TONE_BAD:
		return "bad";
	case TONE_UNKNOWN:
		return "unknown";
	case TONE_PLAIN:
		break;
	}
	return "";
}

static void write_header(FILE *out, const struct document *d)
{
	fputs("<header>\n<p class=\"eyebrow\">hallowd compliance report</p>\n<h1>", out);
	html_text(out, d->title);
	fputs("</h1>\n<p class=\"period\">", out);
	html_text(out, d->subtitle);
	fputs("</p>\n", out);
	if (d->verdict != NULL) {
		fprintf(out, "<p class=\"verdict %s\">", tone_class(d->tone));
		html_text(out, d->verdict);
		fputs("</p>\n", out);
	}
	fputs("</header>\n", out);
}

static void write_contents(FILE *out, const struct document *d)
{
	fputs("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n", out);
	for (size_t i = 0; i < d->section_count; i++)
		fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", d->sections[i].id, d->sections[i].title);
	fputs("</ol>\n</nav>\n", out);
}

/* --- tables */

/* A time, a number, a word or two are not broken. */
static bool is_short(const char *text)
{
	return strlen(text) <= (strchr(text, ' ') == NULL ? 22 : 14);
}

static const char *cell_class(const struct doc_column *c, const char *text)
{
	switch (c->align) {
	case ALIGN_RIGHT:
		return " class=\"r\"";
	case ALIGN_PROSE:
		return " class=\"prose\"";
	case ALIGN_BLANK:
		return " class=\"blank\"";
	case ALIGN_LEFT:
		break;
	}
	return is_short(text) ? " class=\"nowrap\"" : " class=\"wide\"";
}

static void write_cell(FILE *out, const struct doc_table *t, size_t row, size_t column)
{
	const struct doc_cell *cell = &t->cells[row * t->column_count + column];
	const char *element = column == 0 ? "th" : "td";

	fprintf(out, "<%s%s%s>", element, column == 0 ? " scope=\"row\"" : "", cell_class(&t->columns[column], cell->text));
	if (cell->tone != TONE_PLAIN && *cell->text != '\0')
		fprintf(out, "<span class=\"%s\">", tone_class(cell->tone));
	html_text(out, cell->text);
	if (cell->tone != TONE_PLAIN && *cell->text != '\0')
		fputs("</span>", out);
	fprintf(out, "</%s>", element);
}

/* `number` tells tables of the same name apart. */
static void write_table(FILE *out, const struct doc_table *t, size_t number)
{
	char id[64] = "";

	snprintf(id, sizeof(id), number == 0 ? "%s" : "%s-%zu", t->id, number + 1);
	fprintf(out, "<div class=\"scroll%s\" role=\"group\" tabindex=\"0\" aria-labelledby=\"caption-%s\">\n",
	        doc_rows(t) > LONG ? " long" : "", id);
	fprintf(out, "<table id=\"table-%s\"%s>\n<caption><div class=\"caption\"><span id=\"caption-%s\">", id,
	        t->sortable ? " data-sortable" : "", id);
	html_text(out, t->caption);
	fputs("</span></div></caption>\n<thead><tr>", out);
	for (size_t i = 0; i < t->column_count; i++)
		fprintf(out, "<th scope=\"col\"%s>%s</th>", t->columns[i].align == ALIGN_RIGHT ? " class=\"r\"" : "", t->columns[i].title);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t row = 0; row < doc_rows(t); row++) {
		fputs("<tr>", out);
		for (size_t i = 0; i < t->column_count; i++)
			write_cell(out, t, row, i);
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n</table>\n</div>\n", out);
}

/* --- blocks */

static void write_figures(FILE *out, const struct doc_block *b)
{
	fputs("<dl class=\"figures\">\n", out);
	for (size_t i = 0; i < b->figure_count; i++) {
		fputs("<div><dt>", out);
		html_text(out, b->figures[i].label);
		fprintf(out, "</dt><dd class=\"%s\">", tone_class(b->figures[i].tone));
		html_text(out, b->figures[i].value);
		fputs("</dd></div>\n", out);
	}
	fputs("</dl>\n", out);
}

static void write_text(FILE *out, const char *element, const char *class, const char *text)
{
	fprintf(out, *class != '\0' ? "<%s class=\"%s\">" : "<%s>", element, class);
	html_text(out, text);
	fprintf(out, "</%s>\n", element);
}

/* Lines stay lines. */
static void write_command(FILE *out, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;

	fputs("<pre>", out);
	while ((line = strsep(&rest, "\n")) != NULL) {
		html_text(out, line);
		if (rest != NULL)
			fputc('\n', out);
	}
	fputs("</pre>\n", out);
	free(copy);
}

static int write_block(FILE *out, const struct document *d, const struct doc_block *b, size_t number)
{
	switch (b->kind) {
	case DOC_TEXT:
		write_text(out, "p", tone_class(b->tone), b->text);
		return 0;
	case DOC_NOTE:
		write_text(out, "p", "note", b->text);
		return 0;
	case DOC_COMMAND:
		write_command(out, b->text);
		return 0;
	case DOC_TABLE:
		write_table(out, &b->table, number);
		return 0;
	case DOC_FIGURES:
		write_figures(out, b);
		return 0;
	case DOC_CHART:
		break;
	}
	return html_chart(out, d->report, b->chart);
}

/* How many tables of the same name stand before it. */
static size_t number_of(const struct doc_section *s, size_t block)
{
	size_t n = 0;

	for (size_t i = 0; i < block; i++)
		n += s->blocks[i].kind == DOC_TABLE && s->blocks[block].kind == DOC_TABLE &&
		     strcmp(s->blocks[i].table.id, s->blocks[block].table.id) == 0;
	return n;
}

static int write_section(FILE *out, const struct document *d, const struct doc_section *s)
{
	fprintf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s</h2>\n", s->id, s->id, s->id, s->title);
	for (size_t i = 0; i < s->block_count; i++)
		if (write_block(out, d, &s->blocks[i], number_of(s, i)) == -1)
			return -1;
	fputs("</section>\n", out);
	return 0;
}

int document_html(const struct document *d, FILE *out)
{
	char made[TIME_TEXT_MAX];

	write_head(out, d);
	fputs("<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<div class=\"page\">\n", out);
	write_header(out, d);
	fprintf(out, "<div class=\"%s\">\n", d->section_count > FEW ? "columns" : "columns few");
	write_contents(out, d);
	fputs("<main id=\"main\">\n", out);
	for (size_t i = 0; i < d->section_count; i++) {
		if (write_section(out, d, &d->sections[i]) == -1) {
			errno = ENOMEM;
			return -1;
		}
	}
	fputs("</main>\n</div>\n", out);
	fprintf(out, "<footer>Made at %s by hallowd " PACKAGE_VERSION ". All times are UTC.</footer>\n</div>\n",
	        time_format(d->report->made_at, 0, made));
	fprintf(out, "<script>%s</script>\n</body>\n</html>\n", report_js);
	return 0;
}
