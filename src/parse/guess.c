#include "parse/guess.h"

#include <string.h>
#include <strings.h>

#include "parse/formats.h"

struct format_name {
	const char *text;
	enum list_format format;
};

static enum list_format look_up(const struct format_name *names, size_t count, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(names[i].text) == len && strncasecmp(names[i].text, text, len) == 0)
			return names[i].format;
	return FORMAT_GUESS;
}

/* By "TYPE/SUBTYPE" in front of any parameter, or by its structured suffix ("+json", RFC 6839). */
static enum list_format by_content_type(const char *type)
{
	static const struct format_name types[] = {
		{ "application/json", FORMAT_JSON }, { "text/json", FORMAT_JSON },
		{ "application/yaml", FORMAT_YAML }, { "application/x-yaml", FORMAT_YAML },
		{ "text/yaml", FORMAT_YAML },        { "text/x-yaml", FORMAT_YAML },
		{ "text/csv", FORMAT_CSV },          { "application/csv", FORMAT_CSV },
		{ "text/html", FORMAT_HTML },        { "application/xhtml+xml", FORMAT_HTML },
		{ "application/xml", FORMAT_XML },   { "text/xml", FORMAT_XML },
	};
	static const struct format_name suffixes[] = { { "+json", FORMAT_JSON }, { "+yaml", FORMAT_YAML } };
	static const struct format_name short_suffixes[] = { { "+xml", FORMAT_XML } };
	size_t len = strcspn(type, "; \t");
	enum list_format format = look_up(types, sizeof(types) / sizeof(types[0]), type, len);

	if (format == FORMAT_GUESS && len > 5)
		format = look_up(suffixes, 2, type + len - 5, 5);
	if (format == FORMAT_GUESS && len > 4)
		format = look_up(short_suffixes, 1, type + len - 4, 4);
	return format;
}

static enum list_format by_name(const char *name)
{
	static const struct format_name endings[] = {
		{ "json", FORMAT_JSON }, { "tfstate", FORMAT_JSON }, { "yaml", FORMAT_YAML }, { "yml", FORMAT_YAML },
		{ "csv", FORMAT_CSV },   { "html", FORMAT_HTML },    { "htm", FORMAT_HTML },  { "txt", FORMAT_TEXT },
		{ "list", FORMAT_TEXT }, { "xml", FORMAT_XML },
	};
	size_t len = strstr(name, "://") ? strcspn(name, "?#") : strlen(name);
	size_t start = len;

	while (start > 0 && name[start - 1] != '.' && name[start - 1] != '/')
		start--;
	if (start == 0 || name[start - 1] != '.')
		return FORMAT_GUESS;
	return look_up(endings, sizeof(endings) / sizeof(endings[0]), name + start, len - start);
}

enum list_format guess_format(const char *content_type, const char *name)
{
	enum list_format type = by_content_type(content_type), ending = by_name(name);

	if ((type == FORMAT_HTML || type == FORMAT_XML) && ending != FORMAT_GUESS)
		return ending;
	if (type != FORMAT_GUESS)
		return type;
	return ending != FORMAT_GUESS ? ending : FORMAT_TEXT;
}

static const char *skip_space(const char *text, const char *end)
{
	while (text < end && strchr(" \t\r\n", *text) && *text != '\0')
		text++;
	return text;
}

/* No list in text, JSON, YAML or CSV starts with a tag, a comment or a declaration of markup. */
static bool starts_markup(const char *at, const char *end)
{
	if (end - at < 2 || at[0] != '<')
		return false;
	return at[1] == '!' || at[1] == '?' || at[1] == '/' || (at[1] >= 'a' && at[1] <= 'z') ||
	       (at[1] >= 'A' && at[1] <= 'Z');
}

static int tell_markup(const char *at, const char *end, struct error *err)
{
	const char *kind = end - at >= 5 && strncasecmp(at, "<?xml", 5) == 0 ? "XML document" : "HTML page";
	char title[CLEAN_ROW_MAX];

	if (html_title(at, (size_t)(end - at), title))
		return error_set(err, "this is an %s titled “%s”, not a list of prefixes", kind, title);
	return error_set(err, "this is an %s without a title, not a list of prefixes", kind);
}

/* A page of HTML is no XML document, though it may look like one for a while. */
static bool starts_page(const char *at, const char *end)
{
	static const char *const starts[] = { "<!doctype html", "<html" };

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(starts[i]);

		if ((size_t)(end - at) > len && strncasecmp(at, starts[i], len) == 0 && strchr("> \t\r\n", at[len]))
			return true;
	}
	return false;
}

static bool has_no_place(enum list_format format, const char *at, const char *end)
{
	if (format == FORMAT_HTML)
		return false;
	return format == FORMAT_XML ? starts_page(at, end) : starts_markup(at, end);
}

/* Control characters other than tab and the ends of lines stand in no list.  In a page only NUL tells anything. */
static int check_controls(enum list_format format, const char *text, size_t len, struct error *err)
{
	unsigned char below = format == FORMAT_HTML ? 1 : 0x20;
	size_t line = 1, i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			line++;
		else if (c < below && c != '\t' && c != '\r')
			return error_set(err, "line %zu holds the control character 0x%02x; text in UTF-8 was expected",
			                 line, c);
	}
	return 0;
}

int guess_check(enum list_format format, const char *text, size_t len, struct error *err)
{
	const char *end = text + len, *at = skip_space(text, end);

	if (at == end)
		return error_set(err, "the answer is empty");
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return error_set(err, "this is text in UTF-16; UTF-8 was expected");
	if (has_no_place(format, at, end))
		return tell_markup(at, end, err);
	return check_controls(format, text, len, err);
}
