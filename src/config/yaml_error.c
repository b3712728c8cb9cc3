#include "config/yaml_error.h"

#include <string.h>

/* What libyaml's words mean for somebody who writes a configuration.  A problem that is not here is told as it is. */
static const struct {
	const char *problem;
	const char *advice;
} advices[] = {
	{ "mapping values are not allowed", "check the indentation, and put a value that holds ': ' in quotes" },
	{ "could not find expected ':'", "a key is followed by ':' and a space" },
	{ "did not find expected key", "check the indentation, and that a quote ends where its value does" },
	{ "did not find expected ',' or ']'", "a sequence is written [a, b]" },
	{ "did not find expected ',' or '}'", "a mapping is written {a: 1, b: 2}" },
	{ "did not find expected '-' indicator", "check the indentation of the items" },
	{ "did not find expected node content", "put an IPv6 address in quotes" },
	{ "found unexpected ':'", "put an IPv6 address in quotes" },
	{ "found unexpected end of stream", "a quote that is opened is not closed" },
	{ "block sequence entries are not allowed", "check the indentation; items begin on a line of their own" },
	{ "found a tab character", "indent with spaces" },
};

static const char *advice_for(const char *problem)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strncmp(problem, advices[i].problem, strlen(advices[i].problem)) == 0)
			return advices[i].advice;
	return NULL;
}

static struct place place_of_byte(const char *text, size_t len, size_t offset)
{
	struct place at = { 1, 1 };

	for (size_t i = 0; i < offset && i < len; i++) {
		if (text[i] == '\n')
			at = (struct place){ at.line + 1, 1 };
		else if (((unsigned char)text[i] & 0xc0) != 0x80)
			at.column++;
	}
	return at;
}

/* The byte at which the character at this place begins; len where the text is shorter. */
static size_t byte_of_place(const char *text, size_t len, struct place at)
{
	struct place here = { 1, 1 };
	size_t i;

	for (i = 0; i < len && (here.line != at.line || here.column != at.column); i++) {
		if (text[i] == '\n')
			here = (struct place){ here.line + 1, 1 };
		else if (i + 1 == len || ((unsigned char)text[i + 1] & 0xc0) != 0x80)
			here.column++;
	}
	return i;
}

/* Where the character begins that libyaml could not read: it names the byte that does not continue it. */
static size_t broken_character(const yaml_parser_t *parser, const char *text)
{
	size_t offset = parser->problem_offset;

	if (strcmp(parser->problem, "invalid trailing UTF-8 octet") != 0)
		return offset;
	do
		offset--;
	while (offset > 0 && ((unsigned char)text[offset] & 0xc0) == 0x80);
	return offset;
}

static void complain_reader(const yaml_parser_t *parser, const char *text, size_t len, struct complaints *complaints)
{
	struct place at = place_of_byte(text, len, broken_character(parser, text));

	if (parser->problem_value >= 0 && strcmp(parser->problem, "control characters are not allowed") == 0)
		complain(complaints, at, "a control character (code %d) stands here; remove it", parser->problem_value);
	else
		complain(complaints, at, "the text is not UTF-8 here (%s); save the file as UTF-8", parser->problem);
}

static void complain_character(const char *text, size_t len, struct place at, struct complaints *complaints)
{
	size_t byte = byte_of_place(text, len, at);
	char found = byte < len ? text[byte] : '\0';

	if (found == '\t')
		complain(complaints, at, "a tab stands where YAML takes only spaces; indent with spaces");
	else if (found > ' ' && found < 0x7f)
		complain(complaints, at, "a value cannot begin with '%c'; put it in quotes", found);
	else
		complain(complaints, at, "a value cannot begin with this character; put it in quotes");
}

int yaml_error_complain(const yaml_parser_t *parser, const char *text, size_t len, struct complaints *complaints)
{
	struct place at = { (unsigned)parser->problem_mark.line + 1, (unsigned)parser->problem_mark.column + 1 };
	const char *context = parser->context, *advice;

	if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL)
		return -1;
	advice = advice_for(parser->problem);
	if (parser->error == YAML_READER_ERROR)
		complain_reader(parser, text, len, complaints);
	else if (strcmp(parser->problem, "found character that cannot start any token") == 0)
		complain_character(text, len, at, complaints);
	else
		complain(complaints, at, "this is no YAML: %s%s%s%s%s", parser->problem, context != NULL ? " " : "",
		         context != NULL ? context : "", advice != NULL ? "; " : "", advice != NULL ? advice : "");
	return 0;
}
