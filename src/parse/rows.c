#include "parse/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/clean.h"

static int ones(unsigned __int128 n)
{
	return __builtin_popcountll((unsigned long long)n) + __builtin_popcountll((unsigned long long)(n >> 64));
}

/* The length of the shortest prefix in the run first..last of `bits`-bit numbers, cut into prefixes. */
static uint8_t widest_length(unsigned __int128 first, unsigned __int128 last, uint8_t bits)
{
	unsigned __int128 differ = first ^ last;
	uint8_t widest = bits;

	/* Most rows are one prefix: all that follows its length is 0 in `first` and 1 in `last`. */
	if ((differ & (differ + 1)) == 0 && (first & differ) == 0)
		return (uint8_t)(bits - ones(differ));
	for (;;) {
		unsigned __int128 low = 0;
		uint8_t length = bits;

		/* The widest prefix that starts at `first` and does not reach behind `last`. */
		while (length > 0) {
			unsigned __int128 more = low << 1 | 1;

			if ((first & more) != 0 || last - first < more)
				break;
			low = more;
			length--;
		}
		if (length < widest)
			widest = length;
		if (last - first == low)
			return widest;
		first += low + 1;
	}
}

static unsigned __int128 address_number(const struct address *a)
{
	unsigned __int128 n = 0;
	unsigned i;

	for (i = 0; i < address_size(a->family); i++)
		n = n << 8 | a->bytes[i];
	return n;
}

static void note_widest(struct parse_result *r, const struct range *range)
{
	bool v4 = range->first.family == AF_INET;
	uint8_t *widest = v4 ? &r->widest4 : &r->widest6;
	uint8_t length = widest_length(address_number(&range->first), address_number(&range->last), v4 ? 32 : 128);

	if (length < *widest)
		*widest = length;
}

static int room_for_one(const struct rows *rows, struct error *err)
{
	if (rows->result->rows + rows->result->bad < rows->max_entries)
		return 0;
	return error_set(err, "holds more than %" PRIu64 " rows, which is the limit", rows->max_entries);
}

static char *shown_text(const struct place *where, const char *text, size_t len)
{
	char clean[CLEAN_ROW_MAX];
	char *shown = NULL;

	clean_text(clean, sizeof(clean), text, len);
	if (where->line > 0 || !where->noun)
		return strdup(clean);
	if (asprintf(&shown, "%s %" PRIu64 ": %s", where->noun, where->number, clean) == -1)
		return NULL;
	return shown;
}

int rows_add_bad(struct rows *rows, const struct place *where, const char *text, size_t len, const char *what,
                 struct error *err)
{
	struct parse_result *r = rows->result;
	struct parse_bad_row *bad = &r->bad_rows[r->bad_shown];

	if (room_for_one(rows, err) == -1)
		return -1;
	r->bad++;
	if (r->bad_shown == PARSE_BAD_SHOWN)
		return 0;
	bad->line = where->line;
	bad->text = shown_text(where, text, len);
	bad->what = strdup(what);
	if (!bad->text || !bad->what) {
		free(bad->text);
		free(bad->what);
		*bad = (struct parse_bad_row) { 0, NULL, NULL };
		return error_set(err, "no memory for a bad row");
	}
	r->bad_shown++;
	return 0;
}

/* Says it better than "no address" where an address may well be in it. */
static const char *reason(enum prefix_parse result, const char *text, size_t len)
{
	size_t i;

	if (len == 0)
		return "empty; an address or a prefix was expected";
	if (result != PREFIX_BAD_ADDRESS)
		return prefix_parse_text(result);
	for (i = 0; i < len; i++)
		if (text[i] == ' ' || text[i] == '\t' || text[i] == ',')
			return "more than one word; one address or prefix alone was expected";
	return prefix_parse_text(result);
}

int rows_add(struct rows *rows, const struct place *where, const char *text, size_t len, struct error *err)
{
	struct parse_result *r = rows->result;
	enum prefix_parse result;
	struct range range;

	result = range_parse(&range, text, len);
	if (result != PREFIX_OK && result != PREFIX_HOST_BITS && result != PREFIX_MAPPED)
		return rows_add_bad(rows, where, text, len, reason(result, text, len), err);
	if (room_for_one(rows, err) == -1)
		return -1;
	if (prefix_set_add_range(&r->set, &range) == -1)
		return error_set(err, "no memory for another prefix");
	note_widest(r, &range);
	r->rows++;
	if (result == PREFIX_HOST_BITS)
		r->host_bits++;
	return 0;
}
