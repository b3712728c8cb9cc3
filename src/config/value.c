#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "core/number.h"
#include "core/policy.h"
#include "core/time_text.h"

#define DURATION_EXPECTED "expected a number with s, m, h, d or w behind it, such as 90s, 10m, 6h or 3d"
#define PREFIX_EXAMPLES "such as 203.0.113.10, 203.0.113.0/24 or \"2001:db8::/48\""

bool value_scalar(struct reader *r, const struct node *n, const char *expected, const char **text)
{
	if (n->kind == NODE_REFUSED)
		return false;
	if (n->kind == NODE_SCALAR && !node_is_null(n) && n->text[0] != '\0') {
		*text = n->text;
		return true;
	}
	complain(r->complaints, n->at, "%s stands here; expected %s",
	         n->kind == NODE_SCALAR && !n->plain ? "an empty text" : node_kind_text(n), expected);
	return false;
}

bool value_text(struct reader *r, const struct node *n, char **text)
{
	const char *given;
	size_t len;

	if (!value_scalar(r, n, "one line of text", &given))
		return false;
	len = strlen(given);
	if (!n->plain && len > 1 && given[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < len; i++)
		if (text_control(given + i) != 0) {
			complain(r->complaints, n->at, "the text holds a line break or another control character; "
			         "expected one line (a block that begins with '>-' folds several into one)");
			return false;
		}
	*text = strndup(given, len);
	if (*text == NULL)
		r->complaints->out_of_memory = true;
	return *text != NULL;
}

bool value_name(struct reader *r, const struct node *n, const char **name)
{
	char text[SHOWN_MAX];

	if (!value_scalar(r, n, "a name", name))
		return false;
	if (name_valid(*name))
		return true;
	complain(r->complaints, n->at, "%s is no name; expected a letter, then letters, digits, '.', '_' or '-', "
	         "at most %d in all", shown(*name, text), NAME_MAX_LENGTH);
	return false;
}

static bool has_parent_step(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")) != NULL; at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return false;
}

bool value_path(struct reader *r, const struct node *n, const char **path)
{
	char text[SHOWN_MAX];

	if (!value_scalar(r, n, "an absolute path", path))
		return false;
	if ((*path)[0] != '/') {
		complain(r->complaints, n->at, "%s is no absolute path; expected one that begins with '/'",
		         shown(*path, text));
		return false;
	}
	for (const char *p = *path; *p != '\0'; p++)
		if (text_control(p) != 0) {
			complain(r->complaints, n->at, "the path holds a control character; remove it");
			return false;
		}
	if (has_parent_step(*path)) {
		complain(r->complaints, n->at, "%s goes up with '..'; expected the path without it",
		         shown(*path, text));
		return false;
	}
	return true;
}

bool value_truth(struct reader *r, const struct node *n, bool *truth)
{
	const char *given;
	char text[SHOWN_MAX];

	if (!value_scalar(r, n, "true or false", &given))
		return false;
	if (n->plain && (strcmp(given, "true") == 0 || strcmp(given, "false") == 0)) {
		*truth = given[0] == 't';
		return true;
	}
	complain(r->complaints, n->at, "%s%s is neither true nor false; expected one of these words, without quotes",
	         shown(given, text), n->plain ? "" : " in quotes");
	return false;
}

bool digits_parse(const char *text, size_t len, uint64_t max, uint64_t *number)
{
	return !(len > 1 && text[0] == '0') && number_parse_part(number, text, len, max) == 0;
}

bool value_number(struct reader *r, const struct node *n, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *given;
	char text[SHOWN_MAX];
	uint64_t value;

	if (!value_scalar(r, n, "a whole number", &given))
		return false;
	if (digits_parse(given, strlen(given), max, &value) && value >= min) {
		*number = value;
		return true;
	}
	complain(r->complaints, n->at, "%s does not fit here; expected a whole number from %llu to %llu",
	         shown(given, text), (unsigned long long)min, (unsigned long long)max);
	return false;
}

bool value_duration(struct reader *r, const struct node *n, uint64_t min, uint64_t max, int64_t *seconds)
{
	const char *given;
	char text[SHOWN_MAX], bound[TIME_TEXT_MAX];
	int64_t value;

	if (!value_scalar(r, n, "a duration such as 90s, 10m, 6h or 3d", &given))
		return false;
	if (duration_parse(&value, given) != 0 || value < 0)
		complain(r->complaints, n->at, "%s is no duration; " DURATION_EXPECTED, shown(given, text));
	else if ((uint64_t)value < min)
		complain(r->complaints, n->at, "%s is too short; the least is %s", shown(given, text),
		         duration_format((int64_t)min, bound));
	else if ((uint64_t)value > max)
		complain(r->complaints, n->at, "%s is too long; the most is %s", shown(given, text),
		         duration_format((int64_t)max, bound));
	else {
		*seconds = value;
		return true;
	}
	return false;
}

/* How far the unit shifts a number of bytes; *len is cut to the digits. */
static unsigned size_unit(const char *text, size_t *len)
{
	static const char units[] = "KMG";
	const char *unit = *len > 0 ? memchr(units, text[*len - 1], sizeof(units) - 1) : NULL;

	if (unit == NULL)
		return 0;
	--*len;
	return 10 * (unsigned)(unit - units + 1);
}

static void format_size(uint64_t bytes, char *out, size_t size)
{
	static const char units[] = "KMG";
	unsigned unit = 0;

	while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, size, "%llu%.1s", (unsigned long long)bytes, unit > 0 ? &units[unit - 1] : "");
}

bool value_size(struct reader *r, const struct node *n, uint64_t min, uint64_t max, uint64_t *bytes)
{
	const char *given;
	char text[SHOWN_MAX], least[32], most[32];
	uint64_t number;
	unsigned shift;
	size_t len;

	if (!value_scalar(r, n, "a size such as 512K, 8M or 1G", &given))
		return false;
	len = strlen(given);
	shift = size_unit(given, &len);
	if (digits_parse(given, len, max >> shift, &number) && number << shift >= min) {
		*bytes = number << shift;
		return true;
	}
	format_size(min, least, sizeof(least));
	format_size(max, most, sizeof(most));
	complain(r->complaints, n->at, "%s is no size that fits here; expected a number of bytes, or one with K, M or "
	         "G behind it, from %s to %s", shown(given, text), least, most);
	return false;
}

/* "25" or "12.5" of "12.5%": up to three decimals. */
static bool percent_parse(const char *text, size_t len, uint64_t max, double *percent)
{
	const char *point = memchr(text, '.', len);
	size_t whole_len = point != NULL ? (size_t)(point - text) : len;
	size_t decimals = point != NULL ? len - whole_len - 1 : 0;
	uint64_t whole, part = 0, scale = 1;

	if (!digits_parse(text, whole_len, max, &whole) || (point != NULL && (decimals < 1 || decimals > 3)))
		return false;
	for (size_t i = 0; i < decimals; i++) {
		if (point[1 + i] < '0' || point[1 + i] > '9')
			return false;
		part = part * 10 + (uint64_t)(point[1 + i] - '0');
		scale *= 10;
	}
	*percent = (double)whole + (double)part / (double)scale;
	return *percent <= (double)max;
}

bool value_amount(struct reader *r, const struct node *n, uint64_t max_percent, struct amount *amount)
{
	const char *given;
	char text[SHOWN_MAX];
	uint64_t number;
	double percent;
	size_t len;

	if (!value_scalar(r, n, "a number, or a share such as 25%", &given))
		return false;
	len = strlen(given);
	if (given[len - 1] == '%' && percent_parse(given, len - 1, max_percent, &percent)) {
		*amount = (struct amount){ .is_share = true, .value = percent };
		return true;
	}
	if (digits_parse(given, len, UINT32_MAX, &number)) {
		*amount = (struct amount){ .is_share = false, .value = (double)number };
		return true;
	}
	complain(r->complaints, n->at, "%s is neither a number of entries nor a share; expected such as 10, or a share "
	         "from 0%% to %llu%%", shown(given, text), (unsigned long long)max_percent);
	return false;
}

static const char *choices_text(const struct choice *choices, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; choices[i].word != NULL && len < size; i++) {
		const char *between = i == 0 ? "" : choices[i + 1].word == NULL ? " or " : ", ";

		len += (size_t)snprintf(out + len, size - len, "%s%s", between, choices[i].word);
	}
	return out;
}

bool value_choice(struct reader *r, const struct node *n, const struct choice *choices, unsigned *value)
{
	char words[256], text[SHOWN_MAX], hint[SUGGEST_TEXT_MAX];
	const char *given;
	struct suggestion s;

	choices_text(choices, words, sizeof(words));
	if (!value_scalar(r, n, words, &given))
		return false;
	suggest_begin(&s, given);
	for (; choices->word != NULL; choices++) {
		if (strcmp(choices->word, given) == 0) {
			*value = choices->value;
			return true;
		}
		suggest_consider(&s, choices->word);
	}
	complain(r->complaints, n->at, "%s is not known here; expected %s%s", shown(given, text), words,
	         suggest_text(&s, hint));
	return false;
}

static void complain_host_bits(struct reader *r, const struct node *n, const struct prefix *cleared)
{
	char right[PREFIX_TEXT_MAX], text[SHOWN_MAX];
	int address_len = (int)strcspn(n->text, "/");

	prefix_format(cleared, right);
	complain(r->complaints, n->at, "%s has bits set behind its prefix length; expected '%s' for the network, or "
	         "'%.*s' for the one address", shown(n->text, text), right, address_len, n->text);
}

bool value_prefix(struct reader *r, const struct node *n, struct prefix *p)
{
	char right[PREFIX_TEXT_MAX], text[SHOWN_MAX];
	const char *given;
	struct prefix parsed;
	enum prefix_parse result;

	if (!value_scalar(r, n, "an address or a prefix, " PREFIX_EXAMPLES, &given))
		return false;
	result = prefix_parse(&parsed, given, strlen(given));
	if (result == PREFIX_OK) {
		*p = parsed;
		return true;
	}
	if (result == PREFIX_HOST_BITS)
		complain_host_bits(r, n, &parsed);
	else if (result == PREFIX_MAPPED)
		complain(r->complaints, n->at, "%s is an IPv4 address in the form of IPv6; expected '%s'",
		         shown(given, text), prefix_format(&parsed, right));
	else
		complain(r->complaints, n->at, "%s is no address or prefix: %s; expected one " PREFIX_EXAMPLES,
		         shown(given, text), prefix_parse_text(result));
	return false;
}

bool value_each(struct reader *r, const struct node *n, const char *expected,
                void (*take)(struct reader *r, const struct node *item, void *ctx), void *ctx)
{
	if (n->kind == NODE_REFUSED)
		return false;
	if (n->kind != NODE_SEQUENCE) {
		take(r, n, ctx);
		return true;
	}
	if (n->count == 0) {
		complain(r->complaints, n->at, "an empty sequence stands here; expected %s", expected);
		return false;
	}
	for (size_t i = 0; i < n->count; i++)
		take(r, n->items[i], ctx);
	return true;
}
