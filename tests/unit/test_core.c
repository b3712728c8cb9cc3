#include "test_core.h"

#include <stdio.h>
#include <string.h>

struct address must_address(const char *text)
{
	struct address a;

	if (address_parse(&a, text) < 0)
		fail_msg("\"%s\" is no address", text);
	return a;
}

struct prefix must_prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(&p, text, strlen(text)) != PREFIX_OK)
		fail_msg("\"%s\" is no prefix", text);
	return p;
}

struct prefix_set must_set(const char *text)
{
	struct prefix_set set = PREFIX_SET_INIT;

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, " ");
		struct range r;

		if (range_parse(&r, at, len) != PREFIX_OK)
			fail_msg("\"%s\" does not begin with a prefix", at);
		assert_int_equal(prefix_set_add_range(&set, &r), 0);
		at += len;
		at += strspn(at, " ");
	}
	prefix_set_normalize(&set);
	return set;
}

static int append(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX], *out = ctx;

	prefix_format(p, text);
	if (out[0] != '\0')
		strcat(out, " ");
	strcat(out, text);
	return strlen(out) > 8000;
}

const char *set_text(const struct prefix_set *s)
{
	static char text[8192];

	text[0] = '\0';
	prefix_set_each(s, append, text);
	return text;
}

int main(void)
{
	int failed = 0;

	failed += test_u128();
	failed += test_address();
	failed += test_prefix();
	failed += test_prefix_set();
	failed += test_prefix_model();
	failed += test_special();
	failed += test_policy();
	failed += test_time_text();
	failed += test_list_file();
	return failed != 0;
}
