#include "parse/yaml_scalar.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static const char *skip_digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, which holds the decimal integers as well. */
static bool is_decimal(const char *s)
{
	const char *digits, *end;

	if (*s == '-' || *s == '+')
		s++;
	digits = s;
	end = skip_digits(digits);
	if (*end == '.') {
		s = skip_digits(end + 1);
		if (end == digits && s == end + 1)
			return false;
	} else {
		if (end == digits)
			return false;
		s = end;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '-' || *s == '+')
			s++;
		end = skip_digits(s);
		if (end == s)
			return false;
		s = end;
	}
	return *s == '\0';
}

static bool is_based(const char *s, const char *mark, const char *digits)
{
	size_t skip = strlen(mark);

	return strncmp(s, mark, skip) == 0 && s[skip] != '\0' && s[skip + strspn(s + skip, digits)] == '\0';
}

static bool is_infinite(const char *s)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", NULL };

	return one_of(*s == '-' || *s == '+' ? s + 1 : s, words);
}

jv yaml_scalar_resolve(const char *text, size_t len)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };

	if (strlen(text) == len) {
		if (one_of(text, nulls))
			return jv_null();
		if (one_of(text, trues))
			return jv_true();
		if (one_of(text, falses))
			return jv_false();
		if (is_decimal(text))
			return jv_number(strtod(text, NULL));
		if (is_based(text, "0o", "01234567"))
			return jv_number((double)strtoull(text + 2, NULL, 8));
		if (is_based(text, "0x", "0123456789abcdefABCDEF"))
			return jv_number((double)strtoull(text + 2, NULL, 16));
		if (is_infinite(text))
			return jv_number(*text == '-' ? -INFINITY : INFINITY);
		if (one_of(text, nans))
			return jv_number(NAN);
	}
	return jv_string_sized(text, (int)len);
}
